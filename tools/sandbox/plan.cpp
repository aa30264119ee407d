#include "tools/sandbox/plan.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "tools/sandbox/limits.h"

namespace remit::sandbox {

namespace {

class Writer {
 public:
  void number(std::uint64_t value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof value);
  }
  void signed_number(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
  void text(std::string_view value) {
    number(value.size());
    bytes_.append(value);
  }
  void list(const std::vector<std::string>& values) {
    number(values.size());
    for (const std::string& value : values) text(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what Writer wrote. After the first error every read gives zero or nothing, and ok() is
// false: callers check once at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    if (rest_.size() < sizeof value) return broken();
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::int64_t signed_number() { return static_cast<std::int64_t>(number()); }
  std::string text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) {
      broken();
      return {};
    }
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  // Number of items that follow; each takes at least eight bytes, so a lie is found here.
  std::size_t count() {
    const std::uint64_t items = number();
    if (items > rest_.size() / sizeof(std::uint64_t)) return static_cast<std::size_t>(broken());
    return static_cast<std::size_t>(items);
  }
  std::vector<std::string> list() {
    std::vector<std::string> values(count());
    for (std::string& value : values) value = text();
    return values;
  }
  bool complete() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t broken() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

tl::unexpected<Error> not_an_encoding(const char* what) {
  return fail(ErrorKind::internal, std::string("sandbox processes disagree about ") + what);
}

void write_limits(Writer& w, const policy::SpawnLimits& limits) {
  w.signed_number(limits.wall.count());
  w.signed_number(limits.idle.count());
  w.signed_number(limits.cpu.count());
  w.number(limits.memory_bytes);
  w.number(limits.processes);
  w.number(limits.file_bytes);
  w.number(limits.open_files);
  w.number(limits.layer_bytes);
  w.number(limits.layer_inodes);
}

policy::SpawnLimits read_limits(Reader& r) {
  policy::SpawnLimits limits;
  limits.wall = std::chrono::milliseconds(r.signed_number());
  limits.idle = std::chrono::milliseconds(r.signed_number());
  limits.cpu = std::chrono::seconds(r.signed_number());
  limits.memory_bytes = r.number();
  limits.processes = static_cast<std::uint32_t>(r.number());
  limits.file_bytes = r.number();
  limits.open_files = static_cast<std::uint32_t>(r.number());
  limits.layer_bytes = r.number();
  limits.layer_inodes = static_cast<std::uint32_t>(r.number());
  return limits;
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

bool has_parent_component(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (path.substr(0, slash) == "..") return true;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return false;
}

Result<void> check_absolute(const std::string& path, const char* what) {
  if (path.empty() || path[0] != '/' || has_nul(path) || has_parent_component(path) ||
      path.size() > 4096)
    return fail(ErrorKind::invalid_argument,
                std::string(what) + " must be an absolute path without '..', not '" + path + "'");
  return {};
}

// A root of the view replaces what the slot has at that path, so it may not be one of the paths
// that make the slot a slot.
Result<void> check_root(const std::string& path, const char* what) {
  TRY_DO(check_absolute(path, what));
  std::string clean = path;
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  for (const char* reserved : {"/", "/proc", "/dev", "/sys", "/usr", "/etc", "/tmp"})
    if (clean == reserved)
      return fail(ErrorKind::invalid_argument,
                  std::string(what) + " cannot be " + clean + " itself; choose a folder below it");
  for (const char* reserved : {"/proc/", "/dev/", "/sys/"})
    if (clean.rfind(reserved, 0) == 0)
      return fail(ErrorKind::invalid_argument,
                  std::string(what) + " cannot lie in " + reserved + ": " + clean);
  return {};
}

Result<void> check_relative_list(const std::vector<std::string>& paths, const char* what) {
  if (paths.size() > kPlanItems)
    return fail(ErrorKind::too_large, std::string(what) + ": " + std::to_string(paths.size()) +
                                          " entries, at most " + std::to_string(kPlanItems));
  for (const std::string& path : paths)
    if (path.empty() || path[0] == '/' || has_nul(path) || has_parent_component(path))
      return fail(ErrorKind::invalid_argument,
                  std::string(what) + " must be relative paths without '..', not '" + path + "'");
  return {};
}

}  // namespace

std::string encode(const policy::SpawnPlan& plan) {
  Writer w;
  w.text(plan.call_id);
  w.text(plan.command);
  w.text(plan.cwd);
  w.number(plan.environment.size());
  for (const auto& [name, value] : plan.environment) {
    w.text(name);
    w.text(value);
  }
  w.text(plan.view.workspace);
  w.list(plan.view.read_only_roots);
  w.text(plan.view.memory);
  w.list(plan.view.memory_documents);
  w.list(plan.view.masks);
  write_limits(w, plan.limits);
  const policy::SpawnAuthority& authority = plan.authority;
  for (const std::string* text :
       {&authority.decision, &authority.approval_id, &authority.grant_key, &authority.server_id,
        &authority.channel, &authority.attestation, &authority.scope, &authority.signature}) {
    w.text(*text);
  }
  w.signed_number(authority.decided_unix_ms);
  w.signed_number(authority.expires_unix_ms);
  w.number(plan.executed.size());
  for (const policy::Executed& file : plan.executed) {
    w.text(file.path);
    w.text(file.content);
    w.text(file.version);
  }
  return w.take();
}

Result<policy::SpawnPlan> decode_plan(std::string_view bytes) {
  Reader r(bytes);
  policy::SpawnPlan plan;
  plan.call_id = r.text();
  plan.command = r.text();
  plan.cwd = r.text();
  for (std::size_t left = r.count(); left > 0; --left) {
    std::string name = r.text();
    plan.environment[std::move(name)] = r.text();
  }
  plan.view.workspace = r.text();
  plan.view.read_only_roots = r.list();
  plan.view.memory = r.text();
  plan.view.memory_documents = r.list();
  plan.view.masks = r.list();
  plan.limits = read_limits(r);
  policy::SpawnAuthority& authority = plan.authority;
  for (std::string* text :
       {&authority.decision, &authority.approval_id, &authority.grant_key, &authority.server_id,
        &authority.channel, &authority.attestation, &authority.scope, &authority.signature}) {
    *text = r.text();
  }
  authority.decided_unix_ms = r.signed_number();
  authority.expires_unix_ms = r.signed_number();
  for (std::size_t left = r.count(); left > 0; --left) {
    policy::Executed& file = plan.executed.emplace_back();
    file.path = r.text();
    file.content = r.text();
    file.version = r.text();
  }
  if (!r.complete()) return not_an_encoding("a plan");
  return plan;
}

std::string encode(const RunResult& result) {
  const policy::SpawnOutcome& outcome = result.outcome;
  Writer w;
  w.number(outcome.exit_code ? 1 : 0);
  w.signed_number(outcome.exit_code.value_or(0));
  w.signed_number(outcome.signal);
  w.text(outcome.limit);
  w.signed_number(outcome.duration.count());
  w.signed_number(outcome.user_us);
  w.signed_number(outcome.system_us);
  w.signed_number(outcome.max_rss_kib);
  w.signed_number(outcome.pid);
  w.text(outcome.cgroup);
  w.text(outcome.cwd);
  w.number(outcome.changes.size());
  for (const policy::Change& change : outcome.changes) {
    w.text(change.path);
    w.number(static_cast<std::uint64_t>(change.kind));
    w.number(change.mode);
    w.number(change.bytes);
    w.text(change.sha256);
    w.text(change.content);
    w.text(change.preimage_sha256);
  }
  w.list(outcome.lost);
  w.list(result.degraded);
  return w.take();
}

Result<RunResult> decode_result(std::string_view bytes) {
  Reader r(bytes);
  RunResult result;
  policy::SpawnOutcome& outcome = result.outcome;
  const bool exited = r.number() == 1;
  const auto code = static_cast<int>(r.signed_number());
  if (exited) outcome.exit_code = code;
  outcome.signal = static_cast<int>(r.signed_number());
  outcome.limit = r.text();
  outcome.duration = std::chrono::milliseconds(r.signed_number());
  outcome.user_us = r.signed_number();
  outcome.system_us = r.signed_number();
  outcome.max_rss_kib = r.signed_number();
  outcome.pid = r.signed_number();
  outcome.cgroup = r.text();
  outcome.cwd = r.text();
  outcome.changes.resize(r.count());
  for (policy::Change& change : outcome.changes) {
    change.path = r.text();
    const std::uint64_t kind = r.number();
    if (kind > static_cast<std::uint64_t>(policy::ChangeKind::symlink))
      return not_an_encoding("a change");
    change.kind = static_cast<policy::ChangeKind>(kind);
    change.mode = static_cast<std::uint32_t>(r.number());
    change.bytes = r.number();
    change.sha256 = r.text();
    change.content = r.text();
    change.preimage_sha256 = r.text();
  }
  outcome.lost = r.list();
  result.degraded = r.list();
  if (!r.complete()) return not_an_encoding("an outcome");
  return result;
}

std::string encode(const Error& error) {
  Writer w;
  w.number(static_cast<std::uint64_t>(error.kind));
  w.text(std::string_view(error.message).substr(0, kMessageBytes / 2));
  w.text(std::string_view(error.where).substr(0, kMessageBytes / 8));
  w.text(std::string_view(error.code).substr(0, kMessageBytes / 8));
  return w.take();
}

Error decode_error(std::string_view bytes) {
  Reader r(bytes);
  Error error;
  const std::uint64_t kind = r.number();
  error.message = r.text();
  error.where = r.text();
  error.code = r.text();
  if (!r.complete() || kind > static_cast<std::uint64_t>(ErrorKind::internal))
    return not_an_encoding("an error").value();
  error.kind = static_cast<ErrorKind>(kind);
  return error;
}

std::string encode(const policy::SandboxReport& report) {
  Writer w;
  w.number(static_cast<std::uint64_t>(report.tier));
  w.text(report.profile_sha256);
  w.list(report.degraded);
  w.number(report.canary.size());
  for (const policy::CanaryPoint& point : report.canary) {
    w.text(point.name);
    w.number(point.ok ? 1 : 0);
    w.text(point.detail);
  }
  w.signed_number(report.landlock_abi);
  w.text(report.remedy);
  return w.take();
}

Result<policy::SandboxReport> decode_report(std::string_view bytes) {
  Reader r(bytes);
  policy::SandboxReport report;
  const std::uint64_t tier = r.number();
  if (tier > static_cast<std::uint64_t>(policy::Tier::t3)) return not_an_encoding("a report");
  report.tier = static_cast<policy::Tier>(tier);
  report.profile_sha256 = r.text();
  report.degraded = r.list();
  report.canary.resize(r.count());
  for (policy::CanaryPoint& point : report.canary) {
    point.name = r.text();
    point.ok = r.number() == 1;
    point.detail = r.text();
  }
  report.landlock_abi = static_cast<int>(r.signed_number());
  report.remedy = r.text();
  if (!r.complete()) return not_an_encoding("a report");
  return report;
}

Result<void> check_plan(const policy::SpawnPlan& plan) {
  if (plan.command.empty() || plan.command.size() >= kCommandBytesMax || has_nul(plan.command))
    return fail(
        ErrorKind::invalid_argument,
        "the command must be 1 to " + std::to_string(kCommandBytesMax - 1) + " bytes without NUL");
  TRY_DO(check_root(plan.view.workspace, "the workspace"));
  TRY_DO(check_absolute(plan.cwd, "the working directory"));
  if (plan.view.read_only_roots.size() > kPlanItems)
    return fail(ErrorKind::too_large, "too many read-only roots");
  for (const std::string& root : plan.view.read_only_roots)
    TRY_DO(check_root(root, "a read-only root"));
  if (!plan.view.memory.empty()) TRY_DO(check_root(plan.view.memory, "Agent_Memory"));
  TRY_DO(check_relative_list(plan.view.memory_documents, "memory documents"));
  TRY_DO(check_relative_list(plan.view.masks, "masks"));
  if (plan.executed.size() > kPlanItems)
    return fail(ErrorKind::too_large, "too many files that the command executes");
  for (const policy::Executed& file : plan.executed)
    TRY_DO(check_absolute(file.path, "a file that the command executes"));
  for (const auto& [name, value] : plan.environment)
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value))
      return fail(ErrorKind::invalid_argument,
                  "the environment variable '" + name + "' has no usable name or value");
  const policy::SpawnLimits& l = plan.limits;
  if (l.memory_bytes == 0 || l.processes == 0 || l.file_bytes == 0 || l.open_files < 3 ||
      l.layer_bytes == 0 || l.layer_inodes == 0 || l.cpu.count() <= 0 || l.wall.count() <= 0)
    return fail(ErrorKind::invalid_argument,
                "every limit of a command but the idle time must be positive");
  return {};
}

}  // namespace remit::sandbox
