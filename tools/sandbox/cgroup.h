// The control group of one command: memory with swap, number of processes, CPU time and share, in
// the form the machine has. Version 1 controllers where their folders can be written, version 2
// where a delegated sub-tree has the controllers enabled; otherwise none, which the caller reports
// as degraded and replaces by resource limits.
// Sources: Documentation/admin-guide/cgroup-v1, cgroup-v2.rst.
//
// Threads: one owner. Fails with: unavailable.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/spawner.h"

namespace remit::sandbox {

// Folders, on this machine and for this process, in which a command's groups can be made.
struct CgroupPlaces {
  std::string memory;  // version 1: one folder per controller, empty if not usable
  std::string pids;
  std::string cpu;
  std::string cpuacct;
  std::string unified;  // version 2: one folder with memory and pids enabled for children
  bool limits_memory() const { return !memory.empty() || !unified.empty(); }
};
CgroupPlaces find_cgroups();

// Removes the empty groups that a killed starter left behind.
void sweep_cgroups(const CgroupPlaces& places);

class Cgroup {
 public:
  // Makes the groups and sets the limits. A controller that refuses is left out and named in
  // `degraded`.
  Cgroup(const CgroupPlaces& places, const std::string& name, std::uint64_t memory_bytes,
         std::uint32_t processes, std::vector<std::string>& degraded);
  ~Cgroup();  // kills what is left and removes the groups
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  Result<void> add(pid_t pid) const;
  void kill_all() const;  // who is in it now, all at once where the kernel can
  // The group's folder, the first of them where each controller has its own; "" without any.
  std::string folder() const { return groups_.empty() ? "" : groups_.front(); }
  bool limits_memory() const { return memory_; }
  bool limits_processes() const { return !pids_group_.empty(); }
  bool counts_cpu() const { return cpu_; }
  std::uint64_t cpu_us() const;  // used by the whole group so far
  std::uint64_t memory_peak_kib() const;
  bool hit_memory() const;     // the kernel killed something for it
  bool hit_processes() const;  // a fork was refused for it

 private:
  std::optional<std::uint64_t> read_field(const std::string& path, const char* field) const;
  std::vector<std::string> groups_;
  std::string memory_group_, pids_group_, cpu_group_;
  bool unified_ = false, memory_ = false, cpu_ = false;
};

}  // namespace remit::sandbox
