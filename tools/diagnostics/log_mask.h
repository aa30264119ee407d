// Masking: what in a message is a value by its own looks (a number, an address, a path, a date), so
// that messages of one statement in the source have the same columns before any statistics.
//
// A mask names a class of values; no mask knows a data set, a product or a file name. Columns are
// the words between white space; "key=value" and "key:value" are two columns.
//
// Threads: pure functions. Bytes, not characters: input may be any encoding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remit::diagnostics {

inline constexpr std::string_view kVariable = "<*>";

// The columns of a masked message, as text: column after column, each begun by kColumn (behind
// white space) or kGlued (it touches the column before it). Reused between lines, so that a line
// costs no allocation.
inline constexpr char kColumn = '\x1e';
inline constexpr char kGlued = '\x1f';

// Replaces *out by the columns of `content`; at most limits::kLogColumns, what follows is one <*>.
void mask(std::string_view content, std::string* out);

// The columns of such a text, each with its leading mark.
std::vector<std::string_view> columns_of(std::string_view masked);

// Columns back to one line: marks become a space or nothing.
std::string shown(const std::vector<std::string_view>& columns);

}  // namespace remit::diagnostics
