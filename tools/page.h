// Pages: a cursor that says where the next page of an answer begins, and the budget of characters
// that a page may have. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace remit::tools {

// Opaque to clients: base64url of JSON. `arguments` ties it to the call it continues.
struct Cursor {
  std::string arguments;      // hash of all other arguments
  std::string generation;     // hash of the whole answer at page 1
  std::int64_t mtime_ns = 0;  // key of the last item shown
  std::string path;
  std::uint64_t line = 0;   // lines: number of the last line shown in `path`
  std::uint64_t part = 0;   // lines with -o: how many parts of that line were shown
  std::uint64_t shown = 0;  // items shown so far
};

std::string encode_cursor(const Cursor& cursor);
// Errors: invalid_argument at "/cursor" if it is no cursor or belongs to other arguments.
Result<Cursor> decode_cursor(std::string_view text, std::string_view arguments);
// Hash of a call's arguments without its cursor.
std::string arguments_hash(std::string_view tool, nlohmann::json arguments);

// A page of a text that one answer may not hold: whole lines as far as they fit, else a part of
// one.
struct TextPage {
  std::string_view shown;
  std::string cursor;  // of the next page; "" on the last
  std::string notice;  // "[...]\n" with the cursor, where this is not all of the text; else ""
};
// `text`: valid UTF-8. `cursor`: of the page before; "" for the first. `arguments`: of
// arguments_hash(). Errors: those of decode_cursor(); conflict if the text has changed since.
Result<TextPage> text_page(std::string_view text, const std::string& cursor,
                           const std::string& arguments, std::size_t page_chars);

// Characters left on a page; facts and notices are written into a reserve.
class PageBudget {
 public:
  explicit PageBudget(std::size_t page_chars);
  // Takes a line and its newline; false (and nothing taken) if it does not fit. The first always
  // fits.
  bool take(std::string_view line);
  std::size_t left() const { return left_; }

 private:
  std::size_t left_;
  bool used_ = false;
};

}  // namespace remit::tools
