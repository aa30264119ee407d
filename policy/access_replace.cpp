// The verb replace: files by atomic replacement beneath a held directory, documents of Agent_Memory
// through the Store. A change of Bash arrives here like a call of Write.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/agent_access.h"

namespace remit::policy {
namespace {

// The target of a symlink stays in the workspace if it is relative and, read from the link's own
// directory, never climbs above the workspace.
bool leaves_workspace(std::string_view link_path, std::string_view target) {
  if (target.empty() || target.front() == '/') return true;
  int depth = 0;
  const auto walk = [&](std::string_view path) {
    for (const std::string_view part : split(path, '/')) {
      if (part.empty() || part == ".") continue;
      depth += part == ".." ? -1 : 1;
      if (depth < 0) return false;
    }
    return true;
  };
  return !walk(fs::parent_of(link_path)) || !walk(target);
}

bool writes_content(ReplaceOp op) {
  return op == ReplaceOp::create || op == ReplaceOp::replace || op == ReplaceOp::append ||
         op == ReplaceOp::entry || op == ReplaceOp::set;
}

// By descriptor: a name that became a symlink meanwhile is not followed. Set-id bits never pass.
// The lock of the server takes chmod by name away, so the descriptor must be one that fchmod(2)
// takes.
Result<void> set_mode(const Fd& directory, const std::string& name, std::uint32_t mode,
                      const std::string& shown) {
  TRY(const Fd file, fs::open_child(directory, name, O_RDONLY));
  TRY(const struct stat status, fs::stat_of(file));
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    return fail(ErrorKind::invalid_argument, shown + " is neither a file nor a directory");
  }
  // The other names may lie where this persona may not write.
  if (S_ISREG(status.st_mode) && status.st_nlink > 1) {
    return fail(ErrorKind::conflict, shown + " has several hard links; its mode is theirs too", {},
                "hard_link");
  }
  if (::fchmod(file.get(), mode & 0777) != 0) return fail_errno(errno, "set the mode of " + shown);
  return {};
}

bool for_documents_only(ReplaceOp op) {
  return op == ReplaceOp::append || op == ReplaceOp::rename || op == ReplaceOp::entry ||
         op == ReplaceOp::set;
}

constexpr const char* kInstead = "replace it by a description, or let redact: true mask it";

// Does the file have the version that the caller names? A command's changes name every file by its
// SHA-256, also those whose version is an identity.
Result<bool> has_version(const Fd& file, const struct stat& status, const std::string& version,
                         const std::string& wanted) {
  if (version == wanted) return true;
  if (!is_sha256_hex(wanted) || is_sha256_hex(version)) return false;
  Sha256 hash;
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  for (std::uint64_t at = 0; at < size;) {
    TRY(const std::string piece, fs::read_at(file, at, kPiece));
    if (piece.empty()) return false;
    hash.update(piece);
    at += piece.size();
  }
  return hash.finish_hex() == wanted;
}

std::string field(const char* key, const std::string& value) {
  return value.empty() ? std::string() : ",\"" + std::string(key) + "\":\"" + value + "\"";
}

}  // namespace

Result<Replaced> AgentAccess::replace(const CallScope& call, const ReplaceRequest& request) {
  if (request.document) {
    TRY(const memory::DocPath path, memory::DocPath::parse(request.path));
    return replace_document(call, request, path);
  }
  TRY(Slot slot, look_for_write(request.path));
  if (slot.where.space == Space::memory) {
    if (request.op == ReplaceOp::mkdir) {
      // Directories of Agent_Memory come and go with their documents: decided, and nothing to do.
      Action action = action_of(call, Verb::replace, slot.where);
      action.op = request.op;
      const Decision decision = decide(*parts_.remit, parts_.principal, action);
      TRY_DO(record(call, action, decision, memory::Durability::read));
      return Replaced{slot.where, false, {}, 0, {}};
    }
    TRY(const memory::DocPath path, memory::DocPath::parse(slot.where.path));
    return replace_document(call, request, path);
  }
  return replace_file(call, request, std::move(slot));
}

Result<Replaced> AgentAccess::replace_document(const CallScope& call, const ReplaceRequest& request,
                                               const memory::DocPath& path) {
  if (parts_.store == nullptr) {
    return fail(ErrorKind::unavailable,
                "Agent_Memory is kept in a database, which this command does not reach; use "
                "`remit memory` with --memory",
                {}, "unavailable");
  }
  if (request.op == ReplaceOp::rename) return rename_document(call, request, path);
  const memory::Author who = author(call);
  const auto current = parts_.store->read(path);
  if (!current && current.error().kind != ErrorKind::not_found) {
    // Decide before telling what stands there.
    Action blind = action_of(call, Verb::replace, {Space::memory, 0, path.text(), {}});
    blind.op = request.op;
    const Decision decision = decide(*parts_.remit, parts_.principal, blind);
    TRY_DO(record(call, blind, decision, memory::Durability::read));
    return tl::unexpected<Error>(current.error());
  }
  TRY(const Action action, action_on_document(call, request.op, path, current.has_value()));
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  if (!decision.allowed()) TRY_DO(record(call, action, decision, memory::Durability::read));
  if (writes_content(request.op)) TRY_DO(refuse_secrets(request.bytes, kInstead));
  const std::string before = current ? current->sha256 : std::string();
  TRY_DO(record(
      call, action, decision, memory::Durability::effect,
      field("before", before) + field("sha256", request.edit ? "" : sha256_hex(request.bytes))));
  memory::DocumentChange change;
  change.path = path;
  change.body = request.bytes;
  change.if_match = request.if_match;
  change.if_none_match = request.if_absent;
  change.edit = request.edit;
  change.check = [&](std::string_view body) {
    return check_document(path.text(), request.op, body);
  };
  // What the caller sent, so that an idempotency key repeats only the same edit.
  if (request.edit)
    change.edit_digest = sha256_hex(std::string(to_string(request.op)) + "\n" + request.bytes);
  switch (request.op) {
    case ReplaceOp::append:
      change.op = memory::DocumentChange::Op::append;
      break;
    case ReplaceOp::remove:
      change.op = memory::DocumentChange::Op::remove;
      break;
    case ReplaceOp::create:
    case ReplaceOp::replace:
    case ReplaceOp::entry:
    case ReplaceOp::set:
      change.op =
          action.exists ? memory::DocumentChange::Op::replace : memory::DocumentChange::Op::create;
      break;
    case ReplaceOp::rename:
    case ReplaceOp::mkdir:
    case ReplaceOp::mode:
    case ReplaceOp::symlink:
      return fail(ErrorKind::invalid_argument, "this operation is not offered for documents");
  }
  // A generic Write or an applied change names the content it saw; in terms of the Store: its etag.
  if (request.if_version && change.if_match.empty()) {
    if (request.if_version->empty()) {
      change.if_none_match = true;
    } else {
      change.if_match = parts_.store->etag_of(path, *request.if_version);
    }
  }
  TRY(const std::vector<memory::Committed> done,
      parts_.store->commit(std::span(&change, 1), who, request.idempotency_key));
  return replaced_document(path, done.front());
}

Result<Replaced> AgentAccess::replace_file(const CallScope& call, const ReplaceRequest& request,
                                           Slot slot) {
  const Action action = action_of_change(call, request, slot);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  bool answered = decision.verdict == Verdict::ask && request.approved_by_person;
  if (decision.verdict == Verdict::ask && !answered) {
    TRY(answered, take_change(call, request, slot, decision.risk));
  }
  TRY_DO(record(
      call, action, decision, memory::Durability::effect,
      field("sha256", writes_content(request.op) ? sha256_hex(request.bytes) : std::string()) +
          (answered ? ",\"approved\":\"person\"" : "")));
  if (decision.verdict == Verdict::ask && !answered) {
    return fail(ErrorKind::needs_approval, decision.reason, {}, "needs_approval");
  }
  // Past this point the agent may know what stands there.
  if (for_documents_only(request.op)) {
    return fail(ErrorKind::invalid_argument, "this operation is offered for documents only");
  }
  if (slot.blocked) {
    return fail(
        ErrorKind::invalid_argument,
        escape_ascii(slot.where.shown) + " leads through something that is not a directory");
  }
  if (request.op == ReplaceOp::remove && !slot.exists)
    return Replaced{slot.where, false, {}, 0, {}};
  const bool content = writes_content(request.op);
  if (slot.exists && content && !S_ISREG(slot.status.st_mode)) {
    return fail(ErrorKind::invalid_argument,
                escape_ascii(slot.where.shown) + " is not a regular file" +
                    (S_ISLNK(slot.status.st_mode) ? " (a symlink is not written through)" : ""));
  }
  if (slot.exists && content && slot.status.st_nlink > 1) {
    return fail(
        ErrorKind::conflict,
        escape_ascii(slot.where.shown) + " has several hard links; replacing it would split them",
        {}, "hard_link");
  }
  Replaced out;
  out.where = slot.where;
  out.created = !slot.exists;
  out.bytes = request.bytes.size();
  if (request.op == ReplaceOp::mode && !slot.exists) {
    return fail(ErrorKind::conflict, escape_ascii(slot.where.shown) + " is no longer there", {},
                "conflict");
  }
  // A mode or a deletion without a condition needs no right to read.
  if (slot.exists && S_ISREG(slot.status.st_mode) && (content || request.if_version)) {
    TRY(const Fd old, fs::open_child(slot.directory, slot.name, O_RDONLY));
    TRY(const struct stat now, fs::stat_of(old));
    TRY(out.previous_version, file_version(old, now));
    slot.status = now;
    bool same = true;
    if (request.if_version) {
      TRY(same, has_version(old, now, out.previous_version, *request.if_version));
    }
    if (!same) {
      return fail(ErrorKind::conflict,
                  escape_ascii(slot.where.shown) + " changed since it was read", {}, "conflict");
    }
  } else if (request.if_version && !request.if_version->empty()) {
    return fail(ErrorKind::conflict, escape_ascii(slot.where.shown) + " is no longer there", {},
                "conflict");
  }
  if (request.if_absent && slot.exists) {
    return fail(ErrorKind::conflict, escape_ascii(slot.where.shown) + " exists already", {},
                "exists");
  }
  TRY(const Fd directory, fs::make_directories(slot.directory, slot.missing));
  TRY_DO(act_on_file(request, slot, directory));
  if (content) out.version = sha256_hex(request.bytes);
  if (content && request.bytes.size() > limits::kVersionHashBytes) {
    TRY(const Fd written, fs::open_child(directory, slot.name, O_RDONLY));
    TRY(const struct stat now, fs::stat_of(written));
    TRY(out.version, file_version(written, now));
  }
  return out;
}

Action AgentAccess::action_of_change(const CallScope& call, const ReplaceRequest& request,
                                     const Slot& slot) const {
  Action action = action_of(call, Verb::replace, slot.where);
  action.op = request.op;
  action.exists = slot.exists;
  action.symlink_leaves =
      request.op == ReplaceOp::symlink && leaves_workspace(slot.where.path, request.bytes);
  return action;
}

Result<void> AgentAccess::act_on_file(const ReplaceRequest& request, const Slot& slot,
                                      const Fd& directory) {
  const std::string shown = escape_ascii(slot.where.shown);
  const char* const name = slot.name.c_str();
  switch (request.op) {
    case ReplaceOp::create:
    case ReplaceOp::replace: {
      const fs::Expect expect = slot.exists ? fs::Expect::of(slot.status) : fs::Expect::absent();
      TRY_DO(fs::replace_file(directory, slot.name, request.bytes, request.mode, expect,
                              &parts_.state->unfinished()));
      // A change of Bash carries the mode its file had in the slot; set-id bits never pass.
      if (!slot.exists || request.keep_mode) return {};  // a new file has its mode already
      return set_mode(directory, slot.name, request.mode, shown);
    }
    case ReplaceOp::remove:
      if (!slot.exists) return {};
      if (::unlinkat(directory.get(), name, S_ISDIR(slot.status.st_mode) ? AT_REMOVEDIR : 0) != 0) {
        return fail_errno(errno, "delete " + shown);
      }
      return {};
    case ReplaceOp::mkdir:
      if (slot.exists && !S_ISDIR(slot.status.st_mode)) {
        return fail(ErrorKind::conflict, shown + " exists and is not a directory", {}, "exists");
      }
      if (::mkdirat(directory.get(), name, request.mode & 0777) != 0 && errno != EEXIST) {
        return fail_errno(errno, "make directory " + shown);
      }
      return {};
    case ReplaceOp::mode:
      return set_mode(directory, slot.name, request.mode, shown);
    case ReplaceOp::symlink: {
      if (slot.exists) {
        return fail(ErrorKind::conflict, shown + " exists already", {}, "exists");
      }
      if (request.bytes.find('\0') != std::string::npos) {
        return fail(ErrorKind::invalid_argument, "the target of " + shown + " holds a NUL byte");
      }
      if (::symlinkat(request.bytes.c_str(), directory.get(), name) != 0) {
        return fail_errno(errno, "link " + shown);
      }
      return {};
    }
    case ReplaceOp::append:
    case ReplaceOp::rename:
    case ReplaceOp::entry:
    case ReplaceOp::set:
      break;
  }
  return fail(ErrorKind::invalid_argument, "this operation is offered for documents only");
}

}  // namespace remit::policy
