#include "tests/tools/fake_access.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/limits.h"

namespace remit::test {

namespace {

tl::unexpected<Error> denied(std::string_view path) {
  return fail(ErrorKind::denied,
              "denied: " + std::string(path) + "; persona.md:1 grants only the scratch directory");
}
tl::unexpected<Error> unused() {
  return fail(ErrorKind::unavailable, "not part of this double");
}

class FakeWalk : public policy::Walk {
 public:
  FakeWalk(policy::WalkDirectory root, FakeAccess& access)
      : root_(std::move(root)), access_(access) {}
  const policy::WalkDirectory& root() const override { return root_; }
  Result<void> entries(const policy::WalkDirectory& directory,
                       const std::function<bool(std::string_view, unsigned char)>& visit) override {
    Fd readable(::openat(directory.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!readable) return fail_errno(errno, "list the directory");
    return fs::list_directory(readable, [&](std::string_view name, unsigned char type) {
      if (access_.hidden.contains(std::string(name))) return true;
      if (type == DT_UNKNOWN) {
        struct stat status{};
        const std::string copy(name);
        if (fstatat(directory.fd.get(), copy.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
          type = static_cast<unsigned char>(IFTODT(status.st_mode));
        }
      }
      return visit(name, type);
    });
  }
  Result<policy::WalkDirectory> enter(const policy::WalkDirectory& parent,
                                      std::string_view name) override {
    policy::WalkDirectory child;
    child.fd = Fd(::openat(parent.fd.get(), std::string(name).c_str(),
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!child.fd) return fail_errno(errno, "open the directory");
    child.where = parent.where;
    child.where.path = fs::join(parent.where.path, name);
    child.where.shown = fs::join(parent.where.shown, name);
    return child;
  }
  Result<policy::WalkedFile> open(const policy::WalkDirectory& parent,
                                  std::string_view name) override {
    Fd fd(::openat(parent.fd.get(), std::string(name).c_str(),
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return fail_errno(errno, "open the file");
    policy::WalkedFile out;
    TRY(out.status, fs::stat_of(fd));
    out.fd = std::move(fd);
    return out;
  }
  bool filtered() const override { return !access_.hidden.empty(); }
  Result<void> finish() override {
    if (access_.refuse_finish) return fail(ErrorKind::unavailable, "cannot write the ledger");
    ++access_.finished;
    return {};
  }

 private:
  policy::WalkDirectory root_;
  FakeAccess& access_;
};

}  // namespace

Scratch::Scratch() {
  const char* base = std::getenv("TMPDIR");
  std::string name = std::string(base != nullptr ? base : "/tmp") + "/remit-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) std::abort();
  path_ = std::filesystem::canonical(name).string();
}
Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
void Scratch::write(const std::string& name, const std::string& bytes, std::int64_t mtime_s) const {
  const std::filesystem::path path = std::filesystem::path(path_) / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  if (mtime_s != 0) {
    const struct timespec times[2] = {{mtime_s, 0}, {mtime_s, 0}};
    utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
}
std::string Scratch::read(const std::string& name) const {
  std::ifstream in(std::filesystem::path(path_) / name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
bool Scratch::exists(const std::string& name) const {
  return std::filesystem::exists(std::filesystem::path(path_) / name);
}

FakeAccess::FakeAccess(std::string root) : root_path_(std::move(root)) {
  root_ = std::move(*fs::open_root(root_path_));
  policy::RootRule rule;
  rule.path = root_path_;
  rule.write = true;
  remit_.roots.push_back(rule);
  principal_ = {"uid:0", "tester", "case-1", "session-1"};
}

Result<std::string> FakeAccess::relative(std::string_view path) const {
  TRY_DO(fs::check_path(path.empty() ? "." : path));
  if (!path.starts_with('/')) return std::string(path.empty() ? "." : path);
  if (path == root_path_) return std::string(".");
  if (!path.starts_with(root_path_ + "/")) return denied(path);
  return std::string(path.substr(root_path_.size() + 1));
}

bool FakeAccess::is_hidden(const std::string& relative_path) const {
  std::stringstream parts(relative_path);
  for (std::string part; std::getline(parts, part, '/');) {
    if (hidden.contains(part)) return true;
  }
  return false;
}

policy::Location FakeAccess::location(const std::string& relative_path) const {
  const std::string path = relative_path == "." ? "" : relative_path;
  return {policy::Space::workspace, 0, path, path};
}

Result<policy::Action> FakeAccess::describe(policy::Verb, std::string_view, std::string_view,
                                            policy::ReplaceOp) {
  return unused();
}
Result<policy::Action> FakeAccess::describe_handoff(std::string_view, const std::string&,
                                                    std::string_view) {
  return unused();
}
Result<void> FakeAccess::walk_documents(const policy::CallScope&, std::string_view,
                                        const policy::DocumentVisit&) {
  return unused();
}
Result<std::vector<memory::VersionRow>> FakeAccess::document_history(const policy::CallScope&,
                                                                     std::string_view) {
  return unused();
}
Result<std::string> FakeAccess::document_version(const policy::CallScope&, std::string_view,
                                                 std::int64_t) {
  return unused();
}
Result<policy::Inbox> FakeAccess::list_inbox(const policy::CallScope&, const policy::InboxQuery&) {
  return unused();
}
Result<policy::HandoffRecord> FakeAccess::open_handoff(const policy::CallScope&,
                                                       const std::string&) {
  return unused();
}
Result<memory::Document> FakeAccess::open_inbox_file(const policy::CallScope&, const std::string&) {
  return unused();
}
Result<memory::Handoff> FakeAccess::respond(const policy::CallScope&, const policy::HandoffReply&) {
  return unused();
}
Result<policy::HandoffRecord> FakeAccess::await_handoff(const policy::CallScope&,
                                                        const std::string&, const std::string&,
                                                        std::chrono::steady_clock::time_point,
                                                        std::stop_token) {
  return unused();
}
Result<policy::KeptResult> FakeAccess::keep_result(const policy::CallScope&, std::string_view) {
  return unused();
}
policy::Approvals& FakeAccess::approvals() {
  std::abort();  // nothing that a file tool does asks a person through this
}

Result<policy::OpenFile> FakeAccess::open(const policy::CallScope&, std::string_view path) {
  TRY(const std::string name, relative(path));
  if (is_hidden(name)) return denied(path);
  TRY(const Fd found, fs::resolve(root_, name));
  policy::OpenFile file;
  TRY(file.status, fs::stat_of(found));
  if (S_ISDIR(file.status.st_mode)) {
    return fail(ErrorKind::invalid_argument, name + " is a directory; use Glob to list it");
  }
  if (!S_ISREG(file.status.st_mode))
    return fail(ErrorKind::invalid_argument, name + " is not a regular file");
  TRY(file.fd, fs::reopen(found, O_RDONLY));
  file.where = location(name);
  return file;
}

Result<std::unique_ptr<policy::Walk>> FakeAccess::list(const policy::CallScope&,
                                                       std::string_view path) {
  TRY(std::string name, relative(path));
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  if (is_hidden(name)) return denied(path);
  TRY(const Fd found, fs::resolve(root_, name));
  TRY(const struct stat status, fs::stat_of(found));
  if (!S_ISDIR(status.st_mode))
    return fail(ErrorKind::invalid_argument, name + " is not a directory");
  policy::WalkDirectory root;
  TRY(root.fd, fs::reopen(found, O_RDONLY | O_DIRECTORY));
  root.where = location(name);
  return std::unique_ptr<policy::Walk>(std::make_unique<FakeWalk>(std::move(root), *this));
}

Result<policy::Replaced> FakeAccess::replace(const policy::CallScope&,
                                             const policy::ReplaceRequest& request) {
  TRY(const std::string name, relative(request.path));
  if (is_hidden(name)) return denied(request.path);
  policy::Replaced out;
  out.where = location(name);
  const std::string file(fs::base_name(name));
  TRY(const Fd parent, fs::make_directories(root_, fs::parent_of(name)));
  struct stat status{};
  const bool exists = fstatat(parent.get(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && S_ISLNK(status.st_mode))
    return fail(ErrorKind::invalid_argument, name + " is a symlink");
  if (exists && request.if_absent) return fail(ErrorKind::conflict, name + " exists");
  fs::Expect expect = exists ? fs::Expect::of(status) : fs::Expect::absent();
  if (exists) {
    TRY(const Fd current, fs::resolve(root_, name));
    TRY(const Fd readable, fs::reopen(current, O_RDONLY));
    TRY(const std::string old, fs::read_all(readable, std::size_t{1} << 30));
    out.previous_version = sha256_hex(old);
  }
  if (request.if_version && (!exists || *request.if_version != out.previous_version)) {
    return fail(ErrorKind::conflict, name + " changed");
  }
  TRY_DO(fs::replace_file(parent, file, request.bytes, request.mode, expect));
  out.created = !exists;
  out.version = sha256_hex(request.bytes);
  out.bytes = request.bytes.size();
  ++replaced;
  return out;
}

Result<memory::Document> FakeAccess::open_document(const policy::CallScope&, std::string_view) {
  return unused();
}
Result<std::vector<memory::DocumentEntry>> FakeAccess::list_documents(const policy::CallScope&,
                                                                      std::string_view) {
  return unused();
}
Result<policy::Access::SpawnJudgement> FakeAccess::judge_spawn(const policy::CallScope&,
                                                               const policy::SpawnRequest&) {
  return unused();
}
Result<policy::SpawnOutcome> FakeAccess::spawn(const policy::CallScope&,
                                               const policy::SpawnRequest&,
                                               const policy::OutputSink&, std::stop_token) {
  return unused();
}
Result<Fd> FakeAccess::connect(const policy::CallScope&, std::string_view) {
  return unused();
}
Result<void> FakeAccess::judge_send(const policy::CallScope&, policy::HandoffKind,
                                    const std::string&) {
  return unused();
}
Result<policy::Delivered> FakeAccess::send(const policy::CallScope&, const policy::HandoffDraft&) {
  return unused();
}

}  // namespace remit::test
