#include "tools/page.h"

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::tools {

namespace {
constexpr std::size_t kHashChars = 16;
}

std::string encode_cursor(const Cursor& cursor) {
  const Json json{{"a", cursor.arguments}, {"g", cursor.generation}, {"m", cursor.mtime_ns},
                  {"p", cursor.path},      {"l", cursor.line},       {"o", cursor.part},
                  {"s", cursor.shown}};
  return base64url(dump(json));
}

Result<Cursor> decode_cursor(std::string_view text, std::string_view arguments) {
  const auto bad = [](const char* why) {
    return fail(ErrorKind::invalid_argument, why, "/cursor");
  };
  if (text.size() > limits::kCursorBytes * 2) return bad("this is no cursor of Remit");
  auto bytes = decode_base64url(text);
  if (!bytes) return bad("this is no cursor of Remit");
  auto json = parse_json(*bytes, {.depth = 2, .values = 16, .refuse_duplicate_keys = true});
  if (!json || !json->is_object()) return bad("this is no cursor of Remit");
  const auto word = [&](const char* key) {
    const auto at = json->find(key);
    return at != json->end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const auto number = [&](const char* key) -> std::uint64_t {
    const auto at = json->find(key);
    return at != json->end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
  };
  Cursor cursor{word("a"), word("g"), 0, word("p"), number("l"), number("o"), number("s")};
  if (const auto at = json->find("m"); at != json->end() && at->is_number_integer()) {
    cursor.mtime_ns = at->get<std::int64_t>();
  }
  if (cursor.arguments.empty() || cursor.path.empty()) return bad("this is no cursor of Remit");
  if (cursor.arguments != arguments) {
    return bad("the other arguments changed since this cursor was given; start again without it");
  }
  return cursor;
}

std::string arguments_hash(std::string_view tool, nlohmann::json arguments) {
  arguments.erase("cursor");
  return sha256_hex(std::string(tool) + dump(arguments)).substr(0, kHashChars);
}

Result<TextPage> text_page(std::string_view text, const std::string& cursor,
                           const std::string& arguments, std::size_t page_chars) {
  Cursor at;
  at.arguments = arguments;
  at.generation = sha256_hex(text).substr(0, kHashChars);
  at.path = "text";
  if (!cursor.empty()) {
    TRY(const Cursor given, decode_cursor(cursor, arguments));
    if (given.generation != at.generation) {
      return fail(ErrorKind::conflict,
                  "the text changed since this cursor was given; read it again without it",
                  "/cursor", "conflict");
    }
    at.shown = utf8_boundary(text, std::min<std::uint64_t>(given.shown, text.size()));
  }
  TextPage out;
  const std::string_view rest = text.substr(at.shown);
  out.shown = prefix_chars(rest, PageBudget(page_chars).left());
  if (const std::size_t line = out.shown.rfind('\n');
      out.shown.size() < rest.size() && line != std::string_view::npos) {
    out.shown = out.shown.substr(0, line + 1);
  }
  if (out.shown.size() == text.size()) return out;
  out.notice = "[bytes " + with_commas(at.shown) + " to ";
  at.shown += out.shown.size();
  out.notice += with_commas(at.shown) + " of " + with_commas(text.size());
  if (out.shown.size() < rest.size()) {
    out.cursor = encode_cursor(at);
    out.notice += "; continue with cursor " + out.cursor;
  }
  out.notice += "]\n";
  return out;
}

PageBudget::PageBudget(std::size_t page_chars)
    : left_(page_chars > 2 * limits::kFactsReserve ? page_chars - limits::kFactsReserve
                                                   : page_chars / 2) {}

bool PageBudget::take(std::string_view line) {
  const std::size_t cost = count_chars(line) + 1;
  if (cost > left_ && used_) return false;
  left_ -= std::min(cost, left_);
  used_ = true;
  return true;
}

}  // namespace remit::tools
