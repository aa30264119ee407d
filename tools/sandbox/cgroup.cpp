#include "tools/sandbox/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "base/fs.h"

namespace remit::sandbox {

namespace {

constexpr std::string_view kGroupPrefix = "remit-";
constexpr std::size_t kControlFileBytes = 64u << 10;

std::string read_control(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(kControlFileBytes, '\0');
  const ssize_t got = fd ? read(fd.get(), text.data(), text.size()) : 0;
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

bool write_control(const std::string& path, const std::string& text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool has_word(const std::string& list, std::string_view word) {
  std::stringstream in(list);
  std::string part;
  while (std::getline(in, part, ',')) {
    if (part == word) return true;
  }
  return false;
}

// The folder below `mount` that /proc/self/cgroup names for a hierarchy. In a cgroup namespace or a
// container the name may not exist below the mount; then the mount itself is ours.
std::string own_folder(const std::string& mount, const std::string& path) {
  const std::string named = mount + (path == "/" ? "" : path);
  return access(named.c_str(), F_OK) == 0 ? named : mount;
}

bool can_make_groups(const std::string& folder) {
  return access(folder.c_str(), W_OK | X_OK) == 0;
}

}  // namespace

CgroupPlaces find_cgroups() {
  // Mount points by hierarchy: "- cgroup cgroup rw,memory" or "- cgroup2 …" in mountinfo.
  CgroupPlaces places;
  struct Mounted {
    std::string where, controllers;
    bool unified;
  };
  std::vector<Mounted> mounts;
  {
    std::stringstream in(read_control("/proc/self/mountinfo"));
    std::string line;
    while (std::getline(in, line)) {
      const std::size_t dash = line.find(" - cgroup");
      if (dash == std::string::npos) continue;
      std::stringstream words(line);
      std::string word;
      for (int i = 0; i < 5; ++i) words >> word;
      mounts.push_back(
          {word, line.substr(line.rfind(' ') + 1), line.compare(dash + 3, 8, "cgroup2 ") == 0});
    }
  }
  std::stringstream in(read_control("/proc/self/cgroup"));
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    for (const Mounted& mount : mounts) {
      const std::string folder = own_folder(mount.where, path);
      if (mount.unified && controllers.empty()) {
        const std::string enabled = read_control(folder + "/cgroup.subtree_control");
        if (enabled.find("memory") != std::string::npos &&
            enabled.find("pids") != std::string::npos && can_make_groups(folder))
          places.unified = folder;
      }
      if (mount.unified || controllers.empty() || !can_make_groups(folder)) continue;
      const auto take = [&](std::string_view name, std::string& place) {
        if (has_word(controllers, name) && has_word(mount.controllers, name)) place = folder;
      };
      take("memory", places.memory);
      take("pids", places.pids);
      take("cpu", places.cpu);
      take("cpuacct", places.cpuacct);
    }
  }
  return places;
}

namespace {

// Version 2 ends a whole group at once; of a version 1 group the members are killed one by one.
void kill_group(const std::string& group) {
  if (write_control(group + "/cgroup.kill", "1")) return;
  std::stringstream members(read_control(group + "/cgroup.procs"));
  for (pid_t member = 0; members >> member;) kill(member, SIGKILL);
}

}  // namespace

void sweep_cgroups(const CgroupPlaces& places) {
  for (const std::string& folder :
       {places.memory, places.pids, places.cpu, places.cpuacct, places.unified}) {
    DIR* directory = folder.empty() ? nullptr : opendir(folder.c_str());
    if (directory == nullptr) continue;
    while (const dirent* entry = readdir(directory)) {
      const std::string_view name = entry->d_name;
      if (!name.starts_with(kGroupPrefix)) continue;
      // "remit-<pid of the starter>-<n>": rmdir of a group in use fails with EBUSY, and that of a
      // living starter may be about to be used.
      const pid_t owner = std::atoi(entry->d_name + kGroupPrefix.size());
      if (owner <= 0 || kill(owner, 0) == 0 || errno != ESRCH) continue;
      const std::string group = folder + "/" + entry->d_name;
      if (rmdir(group.c_str()) == 0) continue;
      kill_group(group);  // of a command without a namespace whose supervisor was killed
      rmdir(group.c_str());
    }
    closedir(directory);
  }
}

Cgroup::Cgroup(const CgroupPlaces& places, const std::string& name, std::uint64_t memory_bytes,
               std::uint32_t processes, std::vector<std::string>& degraded) {
  const auto make = [&](const std::string& parent) -> std::string {
    if (parent.empty()) return {};
    std::string group = parent + "/" + std::string(kGroupPrefix) + name;
    if (mkdir(group.c_str(), 0755) != 0 && errno != EEXIST) return {};
    if (std::find(groups_.begin(), groups_.end(), group) == groups_.end()) groups_.push_back(group);
    return group;
  };
  const std::string memory = std::to_string(memory_bytes);
  if (!places.unified.empty()) {
    const std::string group = make(places.unified);
    unified_ = !group.empty();
    memory_group_ = pids_group_ = cpu_group_ = group;
    memory_ = unified_ && write_control(group + "/memory.max", memory);
    if (unified_) {
      write_control(group + "/memory.swap.max", "0");
      write_control(group + "/pids.max", std::to_string(processes));
      write_control(group + "/cpu.max", "100000 100000");  // one core
      cpu_ = !read_control(group + "/cpu.stat").empty();
    }
  } else {
    memory_group_ = make(places.memory);
    memory_ =
        !memory_group_.empty() && write_control(memory_group_ + "/memory.limit_in_bytes", memory);
    // Memory plus swap at the same size: no swap. Absent without swap accounting.
    if (memory_) write_control(memory_group_ + "/memory.memsw.limit_in_bytes", memory);
    pids_group_ = make(places.pids);
    if (!pids_group_.empty()) write_control(pids_group_ + "/pids.max", std::to_string(processes));
    const std::string share = make(places.cpu);
    if (!share.empty())
      write_control(share + "/cpu.cfs_quota_us", "100000");  // of 100 ms: one core
    cpu_group_ = make(places.cpuacct);
    cpu_ = !cpu_group_.empty();
  }
  if (!memory_) degraded.emplace_back("memory_per_process");
  if (!cpu_) degraded.emplace_back("cpu_per_process");
  if (groups_.empty()) degraded.emplace_back("no_cgroup");
}

Cgroup::~Cgroup() {
  for (const std::string& group : groups_) {
    if (rmdir(group.c_str()) == 0 || errno == ENOENT) continue;
    // Someone is still in it: every process of the slot is dead by now, so this is a zombie about
    // to be reaped. cgroup.kill exists in version 2 only.
    kill_group(group);
    for (int tries = 0; tries < 100 && rmdir(group.c_str()) != 0 && errno == EBUSY; ++tries)
      usleep(1000);
  }
}

void Cgroup::kill_all() const {
  for (const std::string& group : groups_) kill_group(group);
}

Result<void> Cgroup::add(pid_t pid) const {
  for (const std::string& group : groups_)
    if (!write_control(group + "/cgroup.procs", std::to_string(pid)))
      return fail_errno(errno, "move the slot into " + group);
  return {};
}

std::optional<std::uint64_t> Cgroup::read_field(const std::string& path, const char* field) const {
  const std::string text = read_control(path);
  std::size_t at = 0;
  if (*field != '\0') {
    at = text.find(std::string(field) + " ");
    if (at == std::string::npos) return std::nullopt;
    at += std::string_view(field).size() + 1;
  }
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return value;
}

std::uint64_t Cgroup::cpu_us() const {
  if (!cpu_) return 0;
  if (unified_) return read_field(cpu_group_ + "/cpu.stat", "usage_usec").value_or(0);
  return read_field(cpu_group_ + "/cpuacct.usage", "").value_or(0) / 1000;
}

std::uint64_t Cgroup::memory_peak_kib() const {
  if (!memory_) return 0;
  const char* file = unified_ ? "/memory.peak" : "/memory.max_usage_in_bytes";
  return read_field(memory_group_ + file, "").value_or(0) / 1024;
}

bool Cgroup::hit_memory() const {
  if (!memory_) return false;
  const char* file = unified_ ? "/memory.events" : "/memory.oom_control";
  return read_field(memory_group_ + file, "oom_kill").value_or(0) > 0;
}

bool Cgroup::hit_processes() const {
  if (pids_group_.empty()) return false;
  return read_field(pids_group_ + "/pids.events", "max").value_or(0) > 0;
}

}  // namespace remit::sandbox
