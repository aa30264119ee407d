// The fixed part of every slot's view, as data. What is not listed here and not in the plan does
// not exist inside.

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/sandbox/limits.h"
#include "tools/sandbox/view.h"

namespace remit::sandbox {

namespace {

// What programs need from /etc to run at all. No accounts, keys, resolver or machine secrets.
constexpr const char* kEtc[] = {"alternatives", "ld.so.cache",     "ld.so.conf", "ld.so.conf.d",
                                "localtime",    "mime.types",      "protocols",  "services",
                                "ssl/certs",    "ssl/openssl.cnf", "timezone"};
constexpr const char* kSystemFolders[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom"};

}  // namespace

std::string tmpfs_options(std::uint64_t bytes, std::uint64_t inodes, unsigned mode) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "size=%llu,nr_inodes=%llu,mode=%o",
                static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(inodes),
                mode);
  return text.data();
}

std::vector<MountOp> base_view(const Identity& identity) {
  using Kind = MountOp::Kind;
  std::vector<MountOp> ops{{Kind::tree, "usr", "/usr"}};
  for (const char* name : kSystemFolders) {
    const std::string host = std::string("/") + name;
    struct stat st{};
    if (lstat(host.c_str(), &st) != 0) continue;
    if (S_ISLNK(st.st_mode)) {
      std::array<char, PATH_MAX> target{};
      if (readlink(host.c_str(), target.data(), target.size() - 1) > 0)
        ops.push_back({Kind::link, name, target.data()});
    } else {
      ops.push_back({Kind::tree, name, host});
    }
  }
  ops.push_back({Kind::directory, "etc", ""});
  for (const char* name : kEtc) {
    const std::string host = std::string("/etc/") + name;
    if (access(host.c_str(), F_OK) == 0)
      ops.push_back({Kind::tree, "etc/" + std::string(name), host});
  }
  const std::string uid = std::to_string(identity.inside_uid);
  const std::string gid = std::to_string(identity.inside_gid);
  ops.push_back({Kind::file, "etc/passwd",
                 "agent:x:" + uid + ":" + gid +
                     "::/tmp:/bin/bash\n"
                     "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"});
  ops.push_back({Kind::file, "etc/group", "agent:x:" + gid + ":\nnogroup:x:65534:\n"});
  ops.push_back({Kind::file, "etc/hosts", "127.0.0.1 localhost\n"});
  ops.push_back({Kind::file, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"});
  ops.push_back({Kind::link, "etc/os-release", "../usr/lib/os-release"});
  ops.push_back({Kind::directory, "dev", ""});
  for (const char* name : kDevices)
    ops.push_back({Kind::device, "dev/" + std::string(name), "/dev/" + std::string(name)});
  ops.push_back({Kind::link, "dev/fd", "/proc/self/fd"});
  ops.push_back({Kind::link, "dev/stdin", "/proc/self/fd/0"});
  ops.push_back({Kind::link, "dev/stdout", "/proc/self/fd/1"});
  ops.push_back({Kind::link, "dev/stderr", "/proc/self/fd/2"});
  ops.push_back({Kind::tmpfs, "dev/shm", tmpfs_options(kShmBytes, kTmpInodes, 01777)});
  ops.push_back({Kind::proc, "proc", ""});
  ops.push_back({Kind::tmpfs, "tmp", tmpfs_options(kTmpBytes, kTmpInodes, 01777)});
  return ops;
}

}  // namespace remit::sandbox
