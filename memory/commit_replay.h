// What an idempotency key stands for: a digest of the commit it came with, and the answer as it was
// given. A commit that comes again with its key is answered from there; another one is a conflict.
//
// Threads: pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/store.h"

namespace remit::memory {

// "create", "replace", "append", "remove" or "edit".
std::string_view op_of(const DocumentChange& change);

// Equal exactly if two commits ask for the same.
std::string digest_of(std::span<const DocumentChange> changes);

std::string encode_committed(const std::vector<Committed>& all);
// Errors: internal, if it is not what encode_committed() wrote.
Result<std::vector<Committed>> decode_committed(const std::string& text);

}  // namespace remit::memory
