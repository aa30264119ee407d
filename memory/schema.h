// The tables of state.db, as steps that are never changed once released: a new table or column is a
// new step. Times are milliseconds since 1970 UTC; hashes are blobs in the ledger, hex elsewhere.
#pragma once

#include <cstdint>
#include <vector>

#include "memory/sqlite.h"

namespace remit::memory {

inline constexpr std::int32_t kApplicationId = 0x524d4954;  // "RMIT"

const std::vector<Migration>& schema();

}  // namespace remit::memory
