// Result<T> and Error: the one way a function in Remit reports failure.
//
// Every fallible function returns Result<T>; no exception crosses a module edge (those of
// libraries are caught in the one .cpp that includes the library). Values are plain and may be
// passed between threads; nothing here locks.
//
//   Result<int> parse_port(std::string_view text);
//   Result<Socket> bind_to(std::string_view text) {
//     TRY(int port, parse_port(text));        // returns the Error to our caller
//     return bind_port(port);
//   }
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

namespace remit {

// What kind of failure this is. One function in server/mcp maps it to a JSON-RPC code or to a
// tool's isError; nothing else interprets it.
enum class ErrorKind {
  invalid_argument,  // the caller's input is wrong and can be repaired by the caller
  not_found,         // the named thing does not exist (and the caller may know that)
  denied,            // decide() said no
  needs_approval,    // decide() said ask and no approval matched
  conflict,          // the thing changed since the caller looked
  timeout,           // a deadline passed
  cancelled,         // the caller's stop_token fired
  too_large,         // a named limit of base/limits.h was hit
  unavailable,       // the environment cannot do it now (locked, full, missing kernel feature)
  internal,          // a bug of ours that the process survives
};

// The name of a kind as it appears in JSON and in the ledger, e.g. "invalid_argument".
const char* to_string(ErrorKind kind);

// A failure. `message` says what failed, with which value, and what to do next: lower case, no
// full stop, no path the caller may not see. `where` is a JSON pointer ("/file_path"), a
// "file:line:col" or a host, or empty. `code` is the area's own word for it ("not_allowed",
// "approval_timeout"), or empty. `data` holds structured details for machines, or null.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
  std::string where;
  std::string code;
  std::shared_ptr<const nlohmann::json> data;
};

// A T or an Error. A class of our own rather than an alias, because only a class can be
// [[nodiscard]]: a failure that nobody looks at is a compile error.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

// Shorthand for `return fail(kind, "message")` in any function that returns a Result.
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorKind kind, std::string message,
                                                std::string where = {}, std::string code = {}) {
  return tl::unexpected<Error>(
      Error{kind, std::move(message), std::move(where), std::move(code), nullptr});
}

// An Error made from errno: "cannot <what>: <strerror>". ENOENT is not_found, EACCES/EPERM are
// denied, ENOSPC/EDQUOT/EIO/EMFILE/EAGAIN/EROFS are unavailable, anything else is internal.
[[nodiscard]] Error errno_error(int err, std::string what);
[[nodiscard]] inline tl::unexpected<Error> fail_errno(int err, std::string what) {
  return tl::unexpected<Error>(errno_error(err, std::move(what)));
}

// TRY(auto x, expr): x is the value of expr, or its Error is returned to our caller.
// TRY_DO(expr): the same for Result<void> or a value that is not needed.
#define REMIT_CONCAT_(a, b) a##b
#define REMIT_CONCAT(a, b) REMIT_CONCAT_(a, b)
#define TRY(declaration, ...)                                                                 \
  auto REMIT_CONCAT(try_, __LINE__) = (__VA_ARGS__);                                          \
  if (!REMIT_CONCAT(try_, __LINE__))                                                          \
    return ::tl::unexpected<::remit::Error>(std::move(REMIT_CONCAT(try_, __LINE__)).error()); \
  declaration = std::move(*REMIT_CONCAT(try_, __LINE__))
#define TRY_DO(...)                                                                      \
  do {                                                                                   \
    auto try_done = (__VA_ARGS__);                                                       \
    if (!try_done) return ::tl::unexpected<::remit::Error>(std::move(try_done).error()); \
  } while (false)

}  // namespace remit
