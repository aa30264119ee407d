#include "memory/commit_rules.h"

#include <set>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

constexpr std::size_t kEtagChars = 32;

}  // namespace

bool same_writer(const Author& a, const Author& b) {
  return a.persona == b.persona && a.principal == b.principal && a.instruction == b.instruction;
}

std::string etag_text(std::string_view key, std::string_view path, std::string_view sha256_hex) {
  std::string message(path);
  message += '\0';
  message += sha256_hex;
  return hmac_sha256_hex(key, message).substr(0, kEtagChars);
}

Error document_not_found(const DocPath& path) {
  return Error{
      ErrorKind::not_found, "no document " + escape_ascii(path.text()), {}, "not_found", nullptr};
}

Result<void> check_changes(std::span<const DocumentChange> changes) {
  if (changes.empty() || changes.size() > limits::kCommitChanges) {
    return fail(ErrorKind::invalid_argument, "a commit holds 1 to " +
                                                 std::to_string(limits::kCommitChanges) +
                                                 " changes, not " + std::to_string(changes.size()));
  }
  std::set<std::string_view> paths;
  for (const DocumentChange& change : changes) {
    if (change.path.text().empty()) {
      return fail(ErrorKind::invalid_argument, "a change without a path", {}, "bad_path");
    }
    if (!paths.insert(change.path.text()).second) {
      return fail(
          ErrorKind::invalid_argument,
          "two changes of " + escape_ascii(change.path.text()) + " in one commit; make them one");
    }
  }
  return {};
}

Result<void> check_conditions(const DocumentChange& change,
                              const std::optional<std::string>& etag) {
  const auto conflict = [&](std::string message, const char* code) -> Result<void> {
    Error error{ErrorKind::conflict,
                std::move(message),
                {},
                code,
                std::make_shared<const Json>(Json{{"etag", etag.value_or("")}})};
    return tl::unexpected<Error>(std::move(error));
  };
  const std::string shown = escape_ascii(change.path.text());
  if (etag && (change.if_none_match || (change.op == DocumentChange::Op::create && !change.edit))) {
    return conflict(shown + " exists already; replace it with if_match, or append", "exists");
  }
  if (!change.if_match.empty() && change.if_match != etag.value_or("")) {
    return conflict(
        shown + (etag ? " changed since etag " : " does not exist any more; it had etag ") +
            escape_ascii(change.if_match.substr(0, limits::kEchoedInput)) + "; read it again",
        "conflict");
  }
  const bool needs_document = change.op == DocumentChange::Op::remove ||
                              (change.op == DocumentChange::Op::replace && !change.edit);
  if (!etag && needs_document) return tl::unexpected<Error>(document_not_found(change.path));
  return {};
}

bool builds_on_current(const DocumentChange& change) {
  return change.edit || change.op == DocumentChange::Op::append;
}

Result<std::string> new_body(const DocumentChange& change, const std::string* current) {
  std::string body;
  if (change.edit) {
    TRY(body, change.edit(current != nullptr ? std::optional(*current) : std::nullopt));
  } else if (change.op == DocumentChange::Op::append && current != nullptr) {
    body = *current + change.body;
  } else {
    body = change.body;
  }
  if (body.size() > limits::kDocumentBytes) {
    return fail(ErrorKind::too_large, escape_ascii(change.path.text()) + " would have " +
                                          human_bytes(body.size()) + ", over the limit of " +
                                          human_bytes(limits::kDocumentBytes));
  }
  if (change.check) TRY_DO(change.check(body));
  return body;
}

}  // namespace remit::memory
