// What holds for a commit in every Store, wherever its documents are kept: which changes it may
// hold, which conditions a change puts on the document it meets, and what body it makes of it.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "memory/store.h"

namespace remit::memory {

// HMAC(key, path, content hash), 32 hex digits.
std::string etag_text(std::string_view key, std::string_view path, std::string_view sha256_hex);

Error document_not_found(const DocPath& path);

// Errors: invalid_argument for none, too many, two of one path, one without a path.
Result<void> check_changes(std::span<const DocumentChange> changes);

// `etag`: of the document as it is; nullopt: there is none. Errors: conflict, not_found.
Result<void> check_conditions(const DocumentChange& change, const std::optional<std::string>& etag);

// The whole new body, judged by the change's own check. Not for a removal. `current`: nullptr if
// the document does not exist. Errors: too_large; those of the callbacks.
Result<std::string> new_body(const DocumentChange& change, const std::string* current);

// Whether the new body needs the current one.
bool builds_on_current(const DocumentChange& change);

}  // namespace remit::memory
