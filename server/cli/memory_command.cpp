// remit memory: the documents of Agent_Memory for a person, through an Access with a person's
// rights.
#include <unistd.h>

#include <array>
#include <charconv>
#include <optional>
#include <set>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/doc_path.h"
#include "memory/handoff_projection.h"
#include "policy/operator_acts.h"
#include "server/cli/commands.h"
#include "server/cli/export.h"
#include "server/cli/memory_transfer.h"
#include "server/cli/operator_house.h"
#include "server/cli/terminal.h"

namespace remit::cli {
namespace {

constexpr const char* kMemoryUsage =
    "remit memory ls [PREFIX] | cat PATH [VERSION] | history PATH | diff PATH [OLD [NEW]] | put "
    "PATH FILE | "
    "revert PATH VERSION | purge PATH [VERSION] | verify [PREFIX] | export FILE | import FILE | "
    "archive ID | retention";

Result<std::int64_t> version_number(const std::string& text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 1) {
    return fail(ErrorKind::invalid_argument, "not a version: " + escape_ascii(text) +
                                                 "; `remit memory history PATH` lists them");
  }
  return out;
}

int list_memory(OperatorHouse& house, const std::string& prefix, bool json) {
  const auto documents = house.access().list_documents(house.call(), prefix);
  if (!documents) return report(documents.error());
  OrderedJson out = OrderedJson::array();
  std::string text;
  for (const memory::DocumentEntry& one : *documents) {
    out.push_back({{"path", one.path},
                   {"etag", one.etag},
                   {"bytes", one.bytes},
                   {"modified", rfc3339(one.modified_unix_ms)}});
    text += printable(one.path) + "  " + std::to_string(one.bytes) + " bytes  " +
            rfc3339(one.modified_unix_ms) + "\n";
  }
  if (json) {
    print(dump(OrderedJson{{"format", "remit.memory/1"}, {"documents", std::move(out)}}) + "\n");
  } else {
    print(text.empty() ? "no document\n" : text);
  }
  return kDone;
}

// A document or a version of it. On a terminal a person reads it; in a pipe the bytes are wanted.
int cat_document(OperatorHouse& house, const std::string& path, const std::string& version,
                 bool json) {
  std::string body;
  OrderedJson out{{"format", "remit.memory.document/1"}, {"path", path}};
  if (version.empty()) {
    auto document = house.access().open_document(house.call(), path);
    if (!document) return report(document.error());
    out["etag"] = document->etag;
    out["sha256"] = document->sha256;
    out["author"] = document->author;
    out["modified"] = rfc3339(document->modified_unix_ms);
    body = std::move(document->body);
  } else {
    const auto number = version_number(version);
    if (!number) return report_usage(number.error(), "memory");
    auto old = house.access().document_version(house.call(), path, *number);
    if (!old) return report(old.error());
    out["version"] = *number;
    body = std::move(*old);
  }
  if (json) {
    out["content"] = to_utf8(body);
    print(dump(out) + "\n");
  } else {
    print(::isatty(STDOUT_FILENO) == 1 ? printable(body) : body);
  }
  return kDone;
}

int show_history(OperatorHouse& house, const std::string& path, bool json) {
  const auto versions = house.access().document_history(house.call(), path);
  if (!versions) return report(versions.error());
  OrderedJson out = OrderedJson::array();
  std::string text;
  for (const memory::VersionRow& one : *versions) {
    out.push_back({{"version", one.version},
                   {"etag", one.etag},
                   {"sha256", one.sha256},
                   {"bytes", one.bytes},
                   {"at", rfc3339(one.at_unix_ms)},
                   {"op", one.op},
                   {"persona", one.author.persona},
                   {"user", one.author.principal},
                   {"instruction_id", one.author.instruction},
                   {"call_id", one.author.call_id}});
    text += std::to_string(one.version) + "  " + rfc3339(one.at_unix_ms) + "  " + one.op + "  " +
            printable(one.author.persona) + " (" + printable(one.author.principal) + ")  " +
            std::to_string(one.bytes) + " bytes\n";
  }
  if (json) {
    print(dump(OrderedJson{
              {"format", "remit.memory.history/1"}, {"path", path}, {"versions", std::move(out)}}) +
          "\n");
  } else {
    print(text.empty() ? "no version was written through Remit\n" : text);
  }
  return kDone;
}

// From OLD (default: the last version but one) to NEW (default: what is there now).
int show_diff(OperatorHouse& house, const std::vector<std::string>& words, bool json) {
  std::array<std::optional<std::int64_t>, 2> versions;  // OLD, NEW
  for (std::size_t i = 2; i < words.size(); ++i) {
    const auto named = version_number(words[i]);
    if (!named) return report_usage(named.error(), "memory");
    versions[i - 2] = *named;
  }
  const auto found =
      policy::document_difference(house.access(), house.call(), words[1], versions[0], versions[1]);
  if (!found) return report(found.error());
  print(json ? dump(OrderedJson{{"format", "remit.memory.diff/1"},
                                {"path", words[1]},
                                {"from", found->from},
                                {"complete", found->whole},
                                {"diff", found->text}}) +
                   "\n"
        : found->text.empty() ? "no difference\n"
                              : found->text);
  return found->whole ? kDone : kPartial;
}

// Does what was planned, after its difference was shown and the PIN typed.
int write_document(OperatorHouse& house, const Result<policy::PlannedWrite>& plan, bool json) {
  if (!plan) return report(plan.error());
  print_error(plan->difference);
  if (const auto proven = prove_presence(house.state()); !proven) return report(proven.error());
  const auto done = policy::write_planned(house.ledger(), house.access(), house.call(), *plan,
                                          policy::kAtTerminal);
  if (!done) return report(done.error());
  print(json ? dump(OrderedJson{
                   {"path", plan->path}, {"etag", done->version}, {"created", done->created}}) +
                   "\n"
             : std::string(done->created ? "created " : "wrote ") + printable(plan->path) + "\n");
  return kDone;
}

int put_document(OperatorHouse& house, const std::string& path, const std::string& file,
                 bool json) {
  auto body = fs::read_file(file, limits::kDocumentBytes);
  if (!body) return report(body.error());
  return write_document(
      house, policy::plan_write(house.access(), house.call(), path, std::move(*body)), json);
}

int revert_document(OperatorHouse& house, const std::string& path, const std::string& version,
                    bool json) {
  const auto number = version_number(version);
  if (!number) return report_usage(number.error(), "memory");
  return write_document(house, policy::plan_revert(house.access(), house.call(), path, *number),
                        json);
}

// For what should never have been written: the rows stay, the texts go.
int purge_document(OperatorHouse& house, const std::string& path, const std::string& version,
                   bool json) {
  std::optional<std::int64_t> number;
  if (!version.empty()) {
    const auto named = version_number(version);
    if (!named) return report_usage(named.error(), "memory");
    number = *named;
  }
  print_error("The text of " +
              (number ? "version " + version : std::string("every version but what is there now")) +
              " of " + printable(path) + " goes for good; who wrote it and when stays.\n");
  if (const auto proven = prove_presence(house.state()); !proven) return report(proven.error());
  const auto done = policy::purge_versions(house.ledger(), house.hands(), house.call(), path,
                                           number, policy::kAtTerminal);
  if (!done) return report(done.error());
  print(json ? dump(OrderedJson{
                   {"format", "remit.memory.purge/1"}, {"path", path}, {"purged", *done}}) +
                   "\n"
             : "purged " + std::to_string(*done) + (*done == 1 ? " version of " : " versions of ") +
                   printable(path) + "\n");
  return kDone;
}

// An instruction that is over: its folder goes where no agent's lines lead.
int archive_folder(OperatorHouse& house, const std::string& instruction, bool json) {
  print_error("The folder " + printable(instruction) + "/ goes to _archive/ with its versions.\n");
  if (const auto proven = prove_presence(house.state()); !proven) return report(proven.error());
  const auto done = policy::archive_instruction(house.ledger(), house.hands(), house.call(),
                                                instruction, policy::kAtTerminal);
  if (!done) return report(done.error());
  print(json ? dump(OrderedJson{
                   {"format", "remit.memory.archive/1"}, {"from", instruction}, {"to", *done}}) +
                   "\n"
             : printable(instruction) + "/ is now " + printable(*done) + "/\n");
  return kDone;
}

// What the site policy says is kept no longer; the same that servers do once an hour.
int run_retention(OperatorHouse& house, bool json) {
  const auto done = house.store().retain(memory::RetainWhen::now);
  if (!done) return report(done.error());
  std::string text = "dropped " + std::to_string(done->versions) +
                     (done->versions == 1 ? " version\n" : " versions\n");
  for (const std::string& one : done->archived) text += "archived " + printable(one) + "/\n";
  print(json ? dump(OrderedJson{{"format", "remit.memory.retention/1"},
                                {"versions", done->versions},
                                {"archived", done->archived}}) +
                   "\n"
             : text);
  return kDone;
}

// What became of a document, as far as its versions do not tell.
struct Finding {
  std::string what;          // empty: it is as last written
  std::int64_t version = 0;  // the one that could be brought back; 0: none
  std::string command;       // that does it, or shows what is kept
};

// A document that has versions and no file. Their newest is no removal, or it would not be looked
// for; removed by Remit meanwhile, it is as it should be.
Finding finding_of_missing(const std::string& path, const std::vector<memory::VersionRow>& all) {
  Finding out;
  for (const memory::VersionRow& one : all) {
    if (one.op == "remove") return out;
    if (one.sha256.empty()) continue;  // an outsider's removal, noticed by a later write
    out.version = one.version;
    break;
  }
  out.what = "deleted without Remit";
  // Nobody writes into an inbox by hand, and the record of a handoff is not the file.
  if (path.starts_with("_communication/inbox/")) {
    const std::string id = memory::id_in_path(path);
    if (!id.empty()) out.command = "remit handoffs show " + id;
    out.version = 0;
  } else if (out.version > 0) {
    out.what += "; its version " + std::to_string(out.version) + " is kept";
    out.command =
        "remit memory revert " + server::shell_word(path) + " " + std::to_string(out.version);
  }
  return out;
}

// What is wrong with a document; nullopt: it was never written through Remit.
std::optional<Finding> verify_document(OperatorHouse& house, const std::string& path) {
  const auto document = house.access().open_document(house.call(), path);
  const auto versions = house.access().document_history(house.call(), path);
  Finding out;
  if (!versions) {
    out.what = "unreadable: " + versions.error().message;
  } else if (!document && document.error().kind == ErrorKind::not_found) {
    out = finding_of_missing(path, *versions);
  } else if (!document) {
    out.what = "unreadable: " + document.error().message;
  } else if (versions->empty()) {
    return std::nullopt;
  } else if (versions->front().sha256 != document->sha256) {
    out.what = "changed without Remit since version " + std::to_string(versions->front().version);
  }
  return out;
}

// Which documents are what their last version says, and which somebody changed or deleted without
// Remit.
int verify_memory(OperatorHouse& house, const std::string& prefix, bool json) {
  const auto documents = house.access().list_documents(house.call(), prefix);
  if (!documents) return report(documents.error());
  const auto recorded = house.store().recorded(prefix);
  if (!recorded) return report(recorded.error());
  std::set<std::string> paths(recorded->begin(), recorded->end());
  for (const memory::DocumentEntry& one : *documents) paths.insert(one.path);
  OrderedJson out = OrderedJson::array();
  std::string text;
  std::size_t same = 0, untracked = 0;
  for (const std::string& path : paths) {
    const std::optional<Finding> found = verify_document(house, path);
    if (!found) {
      ++untracked;
    } else if (found->what.empty()) {
      ++same;
    } else {
      OrderedJson row{{"path", path}, {"finding", found->what}};
      if (found->version > 0) row["version"] = found->version;
      if (!found->command.empty()) row["command"] = found->command;
      out.push_back(std::move(row));
      text += printable(path) + "  " + printable(found->what) +
              (found->command.empty() ? "" : ": " + printable(found->command)) + "\n";
    }
  }
  const bool ok = text.empty();
  if (json) {
    print(dump(OrderedJson{{"format", "remit.memory.verify/1"},
                           {"ok", ok},
                           {"same", same},
                           {"never_written_here", untracked},
                           {"findings", std::move(out)}}) +
          "\n");
  } else {
    print(text + std::to_string(same) + " as last written, " + std::to_string(untracked) +
          " never written through Remit\n");
  }
  return ok ? kDone : kFindings;
}

// How many words a verb takes, itself included; 0: no such verb.
std::pair<std::size_t, std::size_t> words_of_memory(const std::string& verb) {
  if (verb == "ls" || verb == "verify") return {1, 2};
  if (verb == "retention") return {1, 1};
  if (verb == "history" || verb == "export" || verb == "import" || verb == "archive") return {2, 2};
  if (verb == "cat" || verb == "purge") return {2, 3};
  if (verb == "diff") return {2, 4};
  if (verb == "put" || verb == "revert") return {3, 3};
  return {0, 0};
}

}  // namespace

int memory_command(std::span<const std::string> args) {
  OperatorFlags given;
  Flags flags(kMemoryUsage);
  add_operator_flags(flags, given);
  auto words = flags.parse(args, 1, 4);
  if (flags.helped()) return print(flags.help()), kDone;
  if (!words) return report_usage(words.error(), "memory");
  const std::string verb = (*words)[0];
  const auto [least, most] = words_of_memory(verb);
  if (words->size() < least || words->size() > most) {
    return report_usage(
        {ErrorKind::invalid_argument, std::string("expected ") + kMemoryUsage, {}, {}, nullptr},
        "memory");
  }
  const bool transfers = verb == "export" || verb == "import";
  if (words->size() > 1 && !transfers) {
    const auto path = memory::DocPath::parse((*words)[1]);
    if (!path) return report_usage(path.error(), "memory");
    (*words)[1] = path->text();
  }
  const std::string path = words->size() > 1 ? (*words)[1] : "";
  const std::string last = words->size() > 2 ? (*words)[2] : "";
  if (verb == "put" || verb == "revert" || verb == "purge" || verb == "import" ||
      verb == "archive") {
    if (const auto terminal = need_terminal(); !terminal) return report(terminal.error());
  }
  const auto house = OperatorHouse::open(given, transfers ? std::string() : path);
  if (!house) return report(house.error());
  if (verb == "export") return export_memory(**house, path, given.json);
  if (verb == "import") return import_memory(**house, path, given.json);
  if (verb == "ls") return list_memory(**house, path, given.json);
  if (verb == "cat") return cat_document(**house, path, last, given.json);
  if (verb == "history") return show_history(**house, path, given.json);
  if (verb == "diff") return show_diff(**house, *words, given.json);
  if (verb == "put") return put_document(**house, path, last, given.json);
  if (verb == "revert") return revert_document(**house, path, last, given.json);
  if (verb == "purge") return purge_document(**house, path, last, given.json);
  if (verb == "archive") return archive_folder(**house, path, given.json);
  if (verb == "retention") return run_retention(**house, given.json);
  return verify_memory(**house, path, given.json);
}

}  // namespace remit::cli
