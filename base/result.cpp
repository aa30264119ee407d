#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace remit {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_argument:
      return "invalid_argument";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::denied:
      return "denied";
    case ErrorKind::needs_approval:
      return "needs_approval";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::too_large:
      return "too_large";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

Error errno_error(int err, std::string what) {
  ErrorKind kind = ErrorKind::internal;
  switch (err) {
    case ENOENT:
    case ENOTDIR:
      kind = ErrorKind::not_found;
      break;
    case EACCES:
    case EPERM:
      kind = ErrorKind::denied;
      break;
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOMEM:
    case EROFS:
      kind = ErrorKind::unavailable;
      break;
    case ENAMETOOLONG:
    case EINVAL:
      kind = ErrorKind::invalid_argument;
      break;
    case EFBIG:
      kind = ErrorKind::too_large;
      break;
    default:
      break;
  }
  char text[128];
  return Error{kind,
               "cannot " + std::move(what) + ": " + strerror_r(err, text, sizeof text),
               {},
               {},
               nullptr};
}

}  // namespace remit
