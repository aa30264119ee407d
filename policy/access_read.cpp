// The verbs open and list.
#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "base/crypto.h"
#include "base/datagram.h"
#include "base/json.h"
#include "base/text.h"
#include "policy/agent_access.h"

namespace remit::policy {
namespace {

Error missing(std::string_view path) {
  return Error{
      ErrorKind::not_found, "no such file: " + escape_ascii(path), {}, "not_found", nullptr};
}

// What a file is, for "cannot read a ...".
const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "directory";
  if (S_ISFIFO(mode)) return "named pipe";
  if (S_ISSOCK(mode)) return "socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "device";
  return "special file";
}

// A second name of a document would be a way round its ownership.
Result<void> refuse_linked_document(const Location& where, const struct stat& status) {
  if (where.space != Space::memory || status.st_nlink <= 1) return {};
  return fail(ErrorKind::denied,
              "a document with several hard links is not served: " + escape_ascii(where.shown), {},
              "not_a_document");
}

}  // namespace

Result<struct stat> Walk::status_of(const WalkDirectory& directory, std::string_view name) {
  struct stat out{};
  const std::string entry(name);
  if (::fstatat(directory.fd.get(), entry.c_str(), &out, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(errno, "look at " + escape_ascii(name));
  return out;
}

Action AgentAccess::action_of(const CallScope& call, Verb verb, const Location& where) const {
  Action action;
  action.verb = verb;
  action.tool = call.tool;
  action.space = where.space;
  action.path = where.path;
  return action;
}

Result<std::optional<OpenFile>> AgentAccess::open_plain(const CallScope& call,
                                                        std::string_view path) {
  TRY(const Start start, start_of(path));
  if (start.root == nullptr || !fs::is_plain(start.relative)) return std::nullopt;
  OpenFile out;
  out.where = place(fs::join(start.root_path, start.relative));
  if (is_row(out.where)) return std::nullopt;
  const Action action = action_of(call, Verb::open, out.where);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  if (!decision.allowed()) return std::nullopt;
  auto file = fs::open_regular(*start.root, start.relative);
  if (!file) return std::nullopt;
  TRY_DO(record(call, action, decision, memory::Durability::read));
  TRY_DO(refuse_linked_document(out.where, file->status));
  out.fd = std::move(file->fd);
  out.status = file->status;
  return out;
}

Result<OpenFile> AgentAccess::open(const CallScope& call, std::string_view path) {
  if (path.starts_with("remit://")) return open_output(call, path);
  TRY(std::optional<OpenFile> plain, open_plain(call, path));
  if (plain) return std::move(*plain);
  TRY(Seen seen, look(path));
  const Action action = action_of(call, Verb::open, seen.where);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  TRY_DO(record(call, action, decision, memory::Durability::read));
  if (is_row(seen.where)) return open_stored(seen.where);
  if (!seen.exists) return tl::unexpected<Error>(missing(path));
  if (!S_ISREG(seen.status.st_mode)) {
    const bool directory = S_ISDIR(seen.status.st_mode);
    return fail(
        ErrorKind::invalid_argument,
        escape_ascii(seen.where.shown) + " is a " + kind_of(seen.status.st_mode) +
            (directory ? ", not a file; use Glob to see what is in it" : ", not a regular file"));
  }
  TRY_DO(refuse_linked_document(seen.where, seen.status));
  OpenFile out;
  TRY(out.fd, fs::reopen(seen.fd, O_RDONLY));
  out.where = std::move(seen.where);
  out.status = seen.status;
  return out;
}

Result<OpenFile> AgentAccess::open_stored(const Location& where) const {
  TRY(const memory::DocPath path, memory::DocPath::parse(where.path));
  TRY(const memory::Document document, parts_.store->read(path));
  OpenFile out;
  TRY(out.fd, sealed_memory(document.body));
  TRY(out.status, fs::stat_of(out.fd));
  out.status.st_mtim = {static_cast<time_t>(document.modified_unix_ms / 1000),
                        static_cast<long>(document.modified_unix_ms % 1000 * 1'000'000)};
  out.where = where;
  return out;
}

// One traversal. Decisions are counted per rule and verdict, and written by finish().
class AgentWalk : public Walk {
 public:
  AgentWalk(AgentAccess& access, CallScope call, WalkDirectory root)
      : access_(access), call_(std::move(call)), root_(std::move(root)) {}

  const WalkDirectory& root() const override { return root_; }

  Result<void> entries(const WalkDirectory& directory,
                       const std::function<bool(std::string_view, unsigned char)>& visit) override {
    if (access_.is_row(directory.where)) return stored_entries(directory, visit);
    bool named = !holds_stored(directory.where);
    TRY_DO(fs::list_directory(directory.fd, [&](std::string_view name, unsigned char type) {
      if (name.starts_with(fs::kTemporaryPrefix)) return true;
      if (type == DT_UNKNOWN) type = type_of(directory, name);
      if (granted(directory.where.space, fs::join(directory.where.path, name)) == nullptr &&
          !judge(Verb::list, child(directory, name), type == DT_DIR).allowed()) {
        return true;
      }
      named = named || name == fs::base_name(access_.remit().memory_root);
      return visit(name, type);
    }));
    if (!named) visit(fs::base_name(access_.remit().memory_root), DT_DIR);
    return {};
  }

  Result<struct stat> status_of(const WalkDirectory& directory, std::string_view name) override {
    if (!access_.is_row(directory.where)) return Walk::status_of(directory, name);
    const std::string path = fs::join(directory.where.path, name);
    TRY(const std::vector<memory::DocumentEntry>* all, documents());
    struct stat out{};
    out.st_mode = S_IFDIR;
    for (const memory::DocumentEntry& one : *all) {
      if (one.path != path) continue;
      out.st_mode = S_IFREG;
      out.st_size = static_cast<off_t>(one.bytes);
      out.st_mtim = {static_cast<time_t>(one.modified_unix_ms / 1000),
                     static_cast<long>(one.modified_unix_ms % 1000 * 1'000'000)};
    }
    return out;
  }

  Result<WalkDirectory> enter(const WalkDirectory& parent, std::string_view name) override {
    WalkDirectory out;
    out.where = child(parent, name);
    const Decision decision = judge(Verb::list, out.where, true);
    if (!decision.allowed()) return tl::unexpected<Error>(denial(decision));
    if (access_.is_row(out.where)) return out;
    TRY(out.fd, fs::open_child(parent.fd, name, O_RDONLY | O_DIRECTORY));
    return out;
  }

  Result<WalkedFile> open(const WalkDirectory& parent, std::string_view name) override {
    const std::string path = fs::join(parent.where.path, name);
    bool document = false;
    if (const RootRule* rule = granted(parent.where.space, path)) {
      note(Verdict::allow, "root.read", rule->origin, path);
    } else {
      const Location where = child(parent, name);
      const Decision decision = judge(Verb::open, where, false);
      if (!decision.allowed()) return tl::unexpected<Error>(denial(decision));
      document = where.space == Space::memory;
      if (access_.is_row(where)) {
        TRY(OpenFile file, access_.open_stored(where));
        return WalkedFile{std::move(file.fd), file.status};
      }
    }
    // open_child() never waits, so that a pipe put where the file was delays nobody.
    WalkedFile out;
    TRY(out.fd, fs::open_child(parent.fd, name, O_RDONLY));
    TRY(out.status, fs::stat_of(out.fd));
    if (!S_ISREG(out.status.st_mode)) {
      return fail(ErrorKind::invalid_argument,
                  "not a regular file: " + escape_ascii(child(parent, name).shown));
    }
    if (document && out.status.st_nlink > 1) {
      return fail(ErrorKind::denied, "a document with several hard links", {}, "not_a_document");
    }
    return out;
  }

  bool filtered() const override {
    const Remit& remit = access_.remit();
    return !remit.read_denied.empty() || !remit.memory_root.empty();
  }

  Result<void> finish() override {
    const std::lock_guard lock(mutex_);
    for (Tally& tally : tallies_) {
      memory::LedgerRecord row;
      row.kind = "walk";
      row.call_id = call_.call_id;
      row.principal = access_.principal_text();
      row.verdict = to_string(tally.verdict);
      row.rule = row.verdict + ":" + tally.rule;
      row.origin = tally.origin;
      row.fields = dump(Json{{"tool", call_.tool},
                             {"root", access_.parts_.redactor->redact(root_.where.shown).text},
                             {"count", tally.count},
                             {"paths_sha256", tally.paths.finish_hex()}});
      TRY_DO(access_.parts_.ledger->append(std::move(row), memory::Durability::read));
    }
    tallies_.clear();
    return {};
  }

 private:
  struct Tally {
    Verdict verdict = Verdict::deny;
    std::string rule, origin;
    std::uint64_t count = 0;
    Sha256 paths;
  };

  // True for the folder in which Agent_Memory would lie.
  bool holds_stored(const Location& where) const {
    const Remit& remit = access_.remit();
    return access_.documents_are_rows() && where.space == Space::workspace &&
           fs::parent_of(remit.memory_root) ==
               (where.path.empty() ? remit.roots.front().path
                                   : fs::join(remit.roots.front().path, where.path));
  }
  // All that a listing may enter, looked up once for a walk.
  Result<const std::vector<memory::DocumentEntry>*> documents() {
    const std::lock_guard lock(documents_mutex_);
    if (!documents_) {
      const auto enter = [&](std::string_view below) {
        return access_.may_lead_to_documents(below);
      };
      TRY(documents_, access_.parts_.store->list("", enter, [](std::string_view) { return true; }));
    }
    return &*documents_;
  }
  Result<void> stored_entries(const WalkDirectory& directory,
                              const std::function<bool(std::string_view, unsigned char)>& visit) {
    TRY(const std::vector<memory::DocumentEntry>* all, documents());
    const std::string above = directory.where.path.empty() ? "" : directory.where.path + "/";
    std::string last;  // names of folders come one after the other
    for (const memory::DocumentEntry& one : *all) {
      if (!one.path.starts_with(above)) continue;
      const std::string_view rest = std::string_view(one.path).substr(above.size());
      const std::string name(rest.substr(0, rest.find('/')));
      const bool folder = name.size() < rest.size();
      if (folder && name == last) continue;
      if (folder) last = name;
      if (!judge(Verb::list, child(directory, name), folder).allowed()) continue;
      if (!visit(name, folder ? DT_DIR : DT_REG)) break;
    }
    return {};
  }

  // Directories of Agent_Memory have no rule of their own: they may be seen if something below may.
  Decision judge(Verb verb, const Location& where, bool directory) {
    Decision decision;
    if (directory && where.space == Space::memory) {
      decision.rule = "memory.list";
      decision.origin = access_.remit().memory_heading;
      if (where.path.empty()) decision.verdict = Verdict::allow;
      for (const MemoryRule& rule : access_.remit().memory) {
        if (rule.pattern.may_match_below(where.path)) decision.verdict = Verdict::allow;
      }
    } else {
      decision =
          decide(access_.remit(), access_.principal(), access_.action_of(call_, verb, where));
    }
    // A name is recorded when it is opened or kept back, not each time it is merely listed.
    if (verb == Verb::open || !decision.allowed()) {
      note(decision.verdict, decision.rule, decision.origin, where.path);
    }
    return decision;
  }

  // The rule that grants what lies at `path`, a name of a directory in `space`; nullptr: judge()
  // knows why not, or the name begins another space.
  const RootRule* granted(Space space, std::string_view path) const {
    return changes_space(space, path) ? nullptr : readable_root(access_.remit(), space, path);
  }

  // Every file of a walk passes here: nothing is built under the lock but a rule's first tally.
  void note(Verdict verdict, std::string_view rule, const Origin& origin, std::string_view path) {
    const std::lock_guard lock(mutex_);
    auto tally = std::find_if(tallies_.begin(), tallies_.end(), [&](const Tally& one) {
      return one.verdict == verdict && one.rule == rule;
    });
    if (tally == tallies_.end()) {
      tallies_.emplace_back();
      tally = std::prev(tallies_.end());
      tally->verdict = verdict;
      tally->rule = rule;
      tally->origin = origin.text();
    }
    ++tally->count;
    tally->paths.field(path);
  }

  // A log root may hold the workspace or Agent_Memory, the workspace Agent_Memory: their own rules
  // begin there.
  bool changes_space(Space space, std::string_view path) const {
    const Remit& remit = access_.remit();
    if (remit.roots.empty()) return false;
    const std::string_view workspace = remit.roots.front().path, memory = remit.memory_root;
    if (space == Space::root) return path == memory || path == workspace;
    return space == Space::workspace && memory.size() > path.size() && memory.ends_with(path) &&
           fs::join(workspace, path) == memory;
  }

  Location child(const WalkDirectory& directory, std::string_view name) const {
    Location out = directory.where;
    out.path = fs::join(out.path, name);
    out.shown = out.shown == "." ? std::string(name) : fs::join(out.shown, name);
    if (changes_space(out.space, out.path)) {
      if (out.space == Space::root) return access_.place(out.path);
      out.space = Space::memory;
      out.path.clear();
    }
    return out;
  }

  static unsigned char type_of(const WalkDirectory& directory, std::string_view name) {
    const auto fd = fs::open_child(directory.fd, name, O_PATH);
    if (!fd) return DT_LNK;
    const auto status = fs::stat_of(*fd);
    if (!status) return DT_UNKNOWN;
    return S_ISDIR(status->st_mode) ? DT_DIR : S_ISREG(status->st_mode) ? DT_REG : DT_FIFO;
  }

  AgentAccess& access_;
  CallScope call_;
  WalkDirectory root_;
  std::mutex documents_mutex_;
  std::optional<std::vector<memory::DocumentEntry>> documents_;
  std::mutex mutex_;
  std::vector<Tally> tallies_;  // one per verdict and rule: a handful
};

// Agent_Memory itself is there always; a folder of it while a document lies below.
Result<bool> AgentAccess::is_stored_folder(const std::string& path) const {
  if (path.empty()) return true;
  bool found = false;
  TRY_DO(parts_.store->list(
      path, [&](std::string_view) { return !found; },
      [&](std::string_view) { return found = true, false; }));
  if (found) return true;
  TRY(const memory::DocPath document, memory::DocPath::parse(path));
  if (!parts_.store->read(document)) return false;
  return fail(ErrorKind::invalid_argument, escape_ascii(path) + " is not a directory", {},
              "not_a_directory");
}

Result<std::unique_ptr<Walk>> AgentAccess::list(const CallScope& call, std::string_view path) {
  TRY(Seen seen, look(path));
  const Action action = action_of(call, Verb::list, seen.where);
  Decision decision = decide(*parts_.remit, parts_.principal, action);
  if (seen.where.space == Space::memory &&
      (call.tool.empty() || parts_.remit->tool(call.tool) != nullptr)) {
    for (const MemoryRule& rule : parts_.remit->memory) {
      if (seen.where.path.empty() || rule.pattern.may_match_below(seen.where.path)) {
        decision = {Verdict::allow, "memory.list", rule.origin, {}, {}, {}, Risk::low};
      }
    }
  }
  TRY_DO(record(call, action, decision, memory::Durability::read));
  if (is_row(seen.where)) {
    TRY(const bool folder, is_stored_folder(seen.where.path));
    if (!folder) return tl::unexpected<Error>(missing(path));
    WalkDirectory top;
    top.where = std::move(seen.where);
    return std::unique_ptr<Walk>(std::make_unique<AgentWalk>(*this, call, std::move(top)));
  }
  if (!seen.exists) return tl::unexpected<Error>(missing(path));
  if (!S_ISDIR(seen.status.st_mode)) {
    return fail(ErrorKind::invalid_argument, escape_ascii(seen.where.shown) + " is not a directory",
                {}, "not_a_directory");
  }
  WalkDirectory root;
  TRY(root.fd, fs::reopen(seen.fd, O_RDONLY | O_DIRECTORY));
  root.where = std::move(seen.where);
  return std::unique_ptr<Walk>(std::make_unique<AgentWalk>(*this, call, std::move(root)));
}

}  // namespace remit::policy
