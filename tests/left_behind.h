// What a server or starter that is gone must not have left on this machine. Other suites run at the
// same time: what belongs to a living process, or to nobody's folder named here, is not counted.
#pragma once

#include <signal.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace remit {

// Control groups of starters whose process is gone. One of another user's (EPERM) lives.
inline int left_groups() {
  int left = 0;
  std::error_code error;
  for (auto at = std::filesystem::recursive_directory_iterator("/sys/fs/cgroup", error);
       at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename();
    if (name.starts_with("remit-") && ::kill(std::atoi(name.c_str() + 6), 0) != 0 && errno == ESRCH)
      ++left;
  }
  return left;
}

// The mounts this process sees that have to do with `folder`, which holds no blank.
inline std::string mounts_of(const std::string& folder) {
  std::ifstream in("/proc/mounts");
  std::string found, line;
  while (std::getline(in, line))
    if (line.find(folder) != std::string::npos) found += line + "\n";
  return found;
}

}  // namespace remit
