#include "tests/sandbox/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "base/crypto.h"

namespace remit::sandbox::test {

namespace stdfs = std::filesystem;

const policy::Change* Ran::change(const std::string& path) const {
  for (const policy::Change& c : outcome.changes)
    if (c.path == path) return &c;
  return nullptr;
}

World::World() {
  // Not in /tmp: there the workspace's parent would be the slot's own private /tmp.
  root = "/var/tmp/remit-sandbox-XXXXXX";
  REQUIRE(mkdtemp(root.data()) != nullptr);
  root = stdfs::canonical(root);
  workspace = root + "/work space";
  memory = workspace + "/Agent_Memory";
  logs = root + "/logs";
  state = root + "/state";
  for (const std::string& folder : {workspace, memory, logs, state})
    stdfs::create_directory(folder);
}

World::~World() {
  spawner_.reset();
  std::error_code ignored;
  stdfs::remove_all(root, ignored);
}

void World::start(StarterOptions options) {
  options.state_directory = state;
  auto started = start_starter(options);
  REQUIRE(started);
  spawner_ = std::move(*started);
}

policy::SpawnPlan World::plan(const std::string& command) const {
  policy::SpawnPlan p;
  p.call_id = "test";
  p.command = command;
  p.cwd = p.view.workspace = workspace;
  p.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}, {"LANG", "C.UTF-8"}};
  return p;
}

Result<Ran> World::try_run(const policy::SpawnPlan& plan, std::stop_token stop) {
  if (!spawner_) start();
  Ran ran;
  auto outcome = spawner_->run(
      plan,
      [&](policy::Stream stream, std::string_view bytes) {
        (stream == policy::Stream::out ? ran.out : ran.err).append(bytes);
      },
      std::move(stop));
  if (!outcome) return tl::unexpected<Error>(outcome.error());
  ran.outcome = std::move(*outcome);
  return ran;
}

Ran World::run(const policy::SpawnPlan& plan) {
  auto ran = try_run(plan);
  REQUIRE_MESSAGE(ran, (ran ? std::string() : ran.error().message));
  return std::move(*ran);
}

Ran World::run(const std::string& command) {
  return run(plan(command));
}

void World::write(const std::string& relative, const std::string& content) const {
  const stdfs::path path = root + "/" + relative;
  stdfs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::string World::read(const std::string& relative) const {
  std::ifstream in(root + "/" + relative, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool World::exists(const std::string& relative) const {
  struct stat st{};
  return lstat((root + "/" + relative).c_str(), &st) == 0;
}

std::string World::tree_hash() const {
  std::vector<std::string> lines;
  for (const auto& entry : stdfs::recursive_directory_iterator(root)) {
    struct stat st{};
    if (lstat(entry.path().c_str(), &st) != 0) continue;
    if (entry.path().string().rfind(state, 0) == 0) continue;
    std::string line = entry.path().string() + " " + std::to_string(st.st_mode) + " " +
                       std::to_string(st.st_uid) + " " + std::to_string(st.st_mtim.tv_nsec) + " ";
    if (S_ISREG(st.st_mode)) {
      std::ifstream in(entry.path(), std::ios::binary);
      std::stringstream text;
      text << in.rdbuf();
      line += sha256_hex(text.str());
    }
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return sha256_hex(all);
}

BareWorld::BareWorld(int landlock_abi_max) {
  // As root the slot has an id of its own, to which the world must be readable.
  for (const std::string& folder : {root, workspace, memory, logs}) chmod(folder.c_str(), 0755);
  StarterOptions options;
  options.forced_tier = policy::Tier::t2;
  options.landlock_abi_max = landlock_abi_max;
  start(options);
}

std::string BareWorld::python(const std::string& program) {
  write("program/attempt.py", "print('tried', flush=True)\n" + program + "\nprint('GOT')\n");
  chmod((root + "/program").c_str(), 0755);
  policy::SpawnPlan attempt = plan("python3 '" + root + "/program/attempt.py'");
  attempt.view.read_only_roots = {root + "/program"};
  return run(attempt).out;
}

std::string why_no_slot(policy::Tier tier) {
  std::string folder = "/tmp/remit-sandbox-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return "cannot make a folder in /tmp";
  std::string reason;
  {
    StarterOptions options;
    options.state_directory = folder;
    options.forced_tier = tier;
    auto started = start_starter(options);
    if (!started) {
      reason = started.error().message;
    } else if ((*started)->report().tier != tier) {
      reason = (*started)->report().remedy;
      for (const policy::CanaryPoint& point : (*started)->report().canary)
        if (!point.ok) reason = point.name + ": " + point.detail + "; " + reason;
    }
  }
  rmdir(folder.c_str());
  return reason;
}

bool degraded(World& world, const std::string& point) {
  const std::vector<std::string>& all = world.spawner().report().degraded;
  return std::find(all.begin(), all.end(), point) != all.end();
}

std::string helper_program() {
  return stdfs::read_symlink("/proc/self/exe").parent_path() / "sandbox_escape_call";
}

std::string unique_sleep() {
  static int made = 0;
  std::string pid = std::to_string(getpid());
  pid.insert(0, pid.size() < 7 ? 7 - pid.size() : 0, '0');  // one width: none is a part of another
  return "47" + std::to_string(10 + ++made) + "." + pid;
}

namespace {

std::string file_text(const stdfs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<stdfs::path> processes(const std::string& text) {
  std::vector<stdfs::path> found;
  for (const auto& entry : stdfs::directory_iterator("/proc")) {
    if (file_text(entry.path() / "cmdline").find(text) != std::string::npos)
      found.push_back(entry.path());
  }
  return found;
}

}  // namespace

int count_processes(const std::string& text) {
  return static_cast<int>(processes(text).size());
}

std::chrono::microseconds cpu_of_processes(const std::string& text) {
  std::chrono::microseconds all{0};
  for (const stdfs::path& process : processes(text)) {
    const std::string stat = file_text(process / "stat");
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;  // gone meanwhile
    // man 5 proc: utime and stime are fields 14 and 15, in clock ticks; the name was the second.
    std::stringstream fields(stat.substr(name_end + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    long user = 0, system = 0;
    fields >> user >> system;
    all += std::chrono::microseconds((user + system) * 1'000'000 / sysconf(_SC_CLK_TCK));
  }
  return all;
}

}  // namespace remit::sandbox::test
