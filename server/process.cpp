#include "server/process.h"

#include <unistd.h>

#include <array>
#include <string_view>

#include "base/limits.h"

namespace remit::server {

int exit_code(const Error& error) {
  switch (error.kind) {
    case ErrorKind::denied:
    case ErrorKind::needs_approval:
    case ErrorKind::conflict:
      return kFindings;
    case ErrorKind::invalid_argument:
      return kUsage;
    case ErrorKind::not_found:
    case ErrorKind::timeout:
    case ErrorKind::cancelled:
    case ErrorKind::too_large:
    case ErrorKind::unavailable:
    case ErrorKind::internal:
      return kUnavailable;
  }
  return kUnavailable;
}

std::string own_binary() {
  std::array<char, limits::kPathBytes> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return "remit";
  std::string_view name(path.data(), static_cast<std::size_t>(length));
  constexpr std::string_view kHttp = "-http";
  if (name.ends_with("/remit-http")) name.remove_suffix(kHttp.size());
  return std::string(name);
}

}  // namespace remit::server
