// FileStore: what is let go after a while. Old versions are rows that are deleted; a closed
// instruction is a folder that is renamed into _archive/, its versions following it.
//
// A move is: a row that says so, on the disk; the rename; then, in one transaction, the versions'
// new paths, the ledger's row and the end of the first row. A round finds what a killed process
// left between these and ends it by where the folder is.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "base/yaml.h"
#include "memory/document_rows.h"
#include "memory/file_store.h"
#include "memory/ledger.h"
#include "memory/retention_rows.h"
#include "memory/server_rows.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

constexpr std::string_view kArchive = "_archive";
constexpr int kSameNames = 1000;  // archived instructions of one id, one after the other

std::int64_t days_ms(int days) {
  return std::chrono::milliseconds(std::chrono::hours{24}).count() * days;
}

// What a status.yaml says of an instruction on which nobody works any more.
bool is_closed(std::string_view body) {
  constexpr std::array<std::string_view, 6> kEnds = {"closed",   "completed", "resolved",
                                                     "canceled", "cancelled", "archived"};
  const yaml::Parsed parsed =
      yaml::parse(body, {limits::kDocumentBytes, limits::kDocumentNodes, limits::kYamlDepth});
  if (!parsed.ok()) return false;
  const yaml::Node* status = parsed.root.find("status");
  return status != nullptr && status->kind == yaml::Kind::scalar &&
         std::ranges::find(kEnds, lower_ascii(trim(status->text))) != kEnds.end();
}

bool is_instruction_folder(std::string_view name) {
  return !name.empty() && name.front() != '_' && name.front() != '.' &&
         name.find('/') == std::string_view::npos && DocPath::parse(name).has_value();
}

Result<bool> is_directory(const Fd& root, const std::string& path) {
  const Result<Fd> fd = fs::resolve(root, path, fs::Links::none);
  if (!fd && fd.error().kind == ErrorKind::not_found) return false;
  if (!fd) return tl::unexpected<Error>(fd.error());
  TRY(const struct stat st, fs::stat_of(*fd));
  return S_ISDIR(st.st_mode);
}

Error busy(const std::string& instruction, const std::string& why) {
  return Error{ErrorKind::conflict,
               escape_ascii(instruction) + " is not archived: " + why,
               {},
               "conflict",
               nullptr};
}

Error not_offered(const std::string& what) {
  return Error{ErrorKind::unavailable,
               "this Agent_Memory is no folder of files: it has no " + what +
                   "; its database keeps what its operator says",
               {},
               "not_offered",
               nullptr};
}

}  // namespace

Result<Retained> Store::retain(RetainWhen) {
  return tl::unexpected<Error>(not_offered("retention"));
}

Result<std::string> Store::archive(const std::string&) {
  return tl::unexpected<Error>(not_offered("archive"));
}

Result<Retained> FileStore::retain(RetainWhen when) {
  const std::int64_t now = state_.clock().unix_ms();
  Retained out;
  {
    std::int64_t due = 0;
    {
      TRY(Snapshot snapshot, state_.database().read());
      TRY(due, RetentionRows::due_ms(snapshot, root_id_));
    }
    if (when == RetainWhen::if_due && due > now) return out;
    TRY(Transaction transaction, state_.database().write());
    TRY(out.due,
        RetentionRows::take(transaction, root_id_, due,
                            now + std::chrono::milliseconds(limits::kRetentionEvery).count()));
    TRY_DO(transaction.commit(Sync::cached));
    if (!out.due) return out;  // another process was faster
  }
  TRY_DO(finish_moves());
  for (bool more = true; more;) {
    TRY(const std::int64_t dropped, drop_old_versions(now));
    out.versions += dropped;
    more = dropped == static_cast<std::int64_t>(limits::kRetentionVersions);
  }
  if (allowed_.archive_days > 0) {
    TRY(out.archived, archive_closed(now - days_ms(allowed_.archive_days)));
  }
  return out;
}

Result<std::int64_t> FileStore::drop_old_versions(std::int64_t now_ms) {
  const std::int64_t before =
      allowed_.version_days > 0 ? now_ms - days_ms(allowed_.version_days) : 0;
  TRY(Transaction transaction, state_.database().write());
  TRY(const RetentionRows::Dropped dropped,
      RetentionRows::drop_old(transaction, root_id_, before, allowed_.keep_versions,
                              limits::kRetentionVersions));
  if (dropped.versions == 0) return 0;
  LedgerRecord row;
  row.kind = "retention";
  row.principal = "system";
  row.verdict = "allow";
  row.rule = "memory.versions";
  row.fields = dump(Json{{"versions", dropped.versions},
                         {"bytes", dropped.bytes},
                         {"keep_versions", allowed_.keep_versions},
                         {"version_days", allowed_.version_days},
                         {"versions_sha256", dropped.paths_sha256}});
  TRY_DO(append_in(transaction, state_.clock(), row));
  TRY_DO(transaction.commit(Sync::durable));
  return dropped.versions;
}

Result<std::vector<std::string>> FileStore::archive_closed(std::int64_t unchanged_since_ms) {
  std::vector<std::string> names, out;
  TRY(const Fd top, fs::reopen(root_, O_RDONLY | O_DIRECTORY));
  TRY_DO(fs::list_directory(top, [&](std::string_view name, unsigned char) {
    if (is_instruction_folder(name)) names.emplace_back(name);
    return names.size() < limits::kListedDocuments;
  }));
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (out.size() >= limits::kArchivedAtOnce) break;
    const auto status = read_document_file(root_, name + "/status.yaml");
    if (!status || !*status || !is_closed((*status)->body)) continue;
    TRY(const std::vector<DocumentEntry> documents, below(name));
    const bool rests = std::ranges::all_of(documents, [&](const DocumentEntry& one) {
      return one.modified_unix_ms < unchanged_since_ms;
    });
    if (!rests) continue;
    const auto done = archive(name);
    if (done) {
      out.push_back(name);
    } else if (done.error().kind != ErrorKind::conflict) {
      log::warning("documents: an instruction cannot be archived",
                   {{"instruction", name}, {"error", done.error().message}});
    }
  }
  return out;
}

Result<std::vector<DocumentEntry>> FileStore::below(const std::string& folder) {
  const auto all = [](std::string_view) { return true; };
  return list(folder, all, all);
}

// Where the folder of an instruction goes: the first name that nothing in the archive has.
Result<std::string> FileStore::place_in_archive(const std::string& instruction) {
  for (int n = 1; n <= kSameNames; ++n) {
    std::string to = fs::join(kArchive, instruction);
    if (n > 1) to += "." + std::to_string(n);
    TRY(const bool there, is_directory(root_, to));
    TRY(Snapshot snapshot, state_.database().read());
    TRY(const bool had, RetentionRows::any_below(snapshot, root_id_, to));
    if (!there && !had) return to;
  }
  return tl::unexpected<Error>(
      busy(instruction, "the archive holds it " + std::to_string(kSameNames) + " times"));
}

Result<std::string> FileStore::archive(const std::string& instruction) {
  if (!is_instruction_folder(instruction)) {
    return fail(ErrorKind::invalid_argument,
                "not the folder of an instruction: " + escape_ascii(instruction), {}, "bad_path");
  }
  TRY(const bool there, is_directory(root_, instruction));
  if (!there) {
    return fail(ErrorKind::not_found, "no folder " + escape_ascii(instruction) + " in Agent_Memory",
                {}, "not_found");
  }
  TRY_DO(ServerRows(state_).reap());
  TRY(const std::vector<ServerRow> servers, ServerRows(state_).list());
  for (const ServerRow& one : servers) {
    if (one.instruction == instruction)
      return tl::unexpected<Error>(busy(instruction, one.agent + " is working on it"));
  }
  // Nobody writes these meanwhile. A document that an operator adds in this very moment begins a
  // new folder of that name, or moves along.
  TRY(const std::vector<DocumentEntry> documents, below(instruction));
  std::vector<std::string> paths;
  for (const DocumentEntry& one : documents) paths.push_back(one.path);
  TRY(const NameLocks locks, lock_and_recover(paths));
  {
    TRY(Snapshot snapshot, state_.database().read());
    TRY(const bool handed, RetentionRows::open_handoffs(snapshot, root_id_, instruction));
    if (handed) return tl::unexpected<Error>(busy(instruction, "a handoff of it is open"));
    TRY(const bool pending, RetentionRows::pending_below(snapshot, root_id_, instruction));
    if (pending) return tl::unexpected<Error>(busy(instruction, "it is being written"));
  }
  Moving move{instruction, {}};
  TRY(move.to, place_in_archive(instruction));
  {
    TRY(Transaction transaction, state_.database().write());
    TRY_DO(RetentionRows::begin_move(transaction, root_id_, move));
    TRY_DO(transaction.commit(Sync::durable));
  }
  const Result<void> moved = move_folder(root_, move.from, move.to);
  if (!moved) {
    TRY(Transaction transaction, state_.database().write());
    TRY_DO(RetentionRows::forget_move(transaction, root_id_, move));
    TRY_DO(transaction.commit(Sync::cached));
    return tl::unexpected<Error>(moved.error());
  }
  TRY_DO(finish_move(move));
  return move.to;
}

Result<void> FileStore::finish_move(const Moving& move) {
  TRY(Transaction transaction, state_.database().write());
  TRY(const std::int64_t versions, RetentionRows::follow(transaction, root_id_, move));
  TRY_DO(RetentionRows::forget_move(transaction, root_id_, move));
  LedgerRecord row;
  row.kind = "retention";
  row.principal = "system";
  row.verdict = "allow";
  row.rule = "memory.archive";
  row.fields = dump(Json{{"from", move.from}, {"to", move.to}, {"versions", versions}});
  TRY_DO(append_in(transaction, state_.clock(), row));
  return transaction.commit(Sync::durable);
}

Result<void> FileStore::finish_moves() {
  std::vector<Moving> moves;
  {
    TRY(Snapshot snapshot, state_.database().read());
    TRY(moves, RetentionRows::moves(snapshot, root_id_));
  }
  for (const Moving& move : moves) {
    TRY(const bool moved, is_directory(root_, move.to));
    if (moved) {
      TRY_DO(finish_move(move));
      continue;
    }
    TRY(Transaction transaction, state_.database().write());
    TRY_DO(RetentionRows::forget_move(transaction, root_id_, move));
    TRY_DO(transaction.commit(Sync::cached));
  }
  return {};
}

}  // namespace remit::memory
