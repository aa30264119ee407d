// parse_toml: a reader of TOML 1.0 that builds JSON. Recursive only in arrays and inline tables,
// where the depth is bounded; keys and values are otherwise taken one line after the other.
#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/utf8.h"
#include "server/cli/client_formats.h"

namespace remit::server {
namespace {

// Configurations of people nest two or three levels, whatever their language.
constexpr auto kDepth = static_cast<std::size_t>(limits::kYamlDepth);

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class TomlReader {
 public:
  explicit TomlReader(std::string_view text) : text_(text) {}

  Result<Json> read() {
    if (text_.size() > limits::kPersonaBytes) return broken("the file is too large");
    if (!valid_utf8(text_)) return broken("it is not UTF-8");
    Json root = Json::object();
    Json* table = &root;
    for (skip_lines(); at_ < text_.size(); skip_lines()) {
      if (peek() == '[') {
        TRY(table, read_header(root));
      } else {
        TRY_DO(read_pair(*table));
      }
      skip_blanks();
      skip_comment();
      if (at_ < text_.size() && peek() != '\n') return broken("text after the end of a value");
    }
    return root;
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t' || (peek() == '\r' && peek(1) == '\n')) ++at_;
  }
  void skip_comment() {
    if (peek() != '#') return;
    while (at_ < text_.size() && peek() != '\n') ++at_;
  }
  void skip_lines() {
    for (;;) {
      skip_blanks();
      skip_comment();
      if (peek() != '\n') return;
      ++at_;
    }
  }

  tl::unexpected<Error> broken(std::string_view why) const {
    const auto end = text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size()));
    const auto line = 1 + std::count(text_.begin(), end, '\n');
    return fail(ErrorKind::invalid_argument,
                "line " + std::to_string(line) + ": " + std::string(why));
  }

  // [a.b] or [[a.b]]: the table that the following pairs belong to.
  Result<Json*> read_header(Json& root) {
    const bool list = text_.substr(at_).starts_with("[[");
    at_ += list ? 2 : 1;
    TRY(const std::vector<std::string> keys, read_keys());
    if (!take(list ? "]]" : "]")) return broken("a table's name is not closed");
    Json* table = &root;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!table->is_object()) return broken("a table where there is a value already");
      Json& next = (*table)[keys[i]];
      const bool last = i + 1 == keys.size();
      if (next.is_null()) next = last && list ? Json::array() : Json::object();
      if (last && list) {
        if (!next.is_array()) return broken("a list of tables where there is a table already");
        next.push_back(Json::object());
      }
      table = next.is_array() && !next.empty() ? &next.back() : &next;
    }
    if (!table->is_object()) return broken("a table where there is a value already");
    return table;
  }

  Result<void> read_pair(Json& table) {
    TRY(const std::vector<std::string> keys, read_keys());
    if (!take("=")) return broken("a key without =");
    skip_blanks();
    Json* place = &table;
    for (const std::string& key : keys) {
      if (place->is_null()) *place = Json::object();
      if (!place->is_object()) return broken("a key below a value");
      place = &(*place)[key];
    }
    if (!place->is_null()) return broken("a key that is there already");
    TRY(*place, read_value());
    return {};
  }

  // a."b c".d, as many as kDepth.
  Result<std::vector<std::string>> read_keys() {
    std::vector<std::string> keys;
    do {
      skip_blanks();
      if (keys.size() == kDepth) return broken("it is nested too deeply");
      if (peek() == '"' || peek() == '\'') {
        TRY(std::string key, read_string());
        keys.push_back(std::move(key));
      } else {
        const std::size_t start = at_;
        while (is_bare(peek())) ++at_;
        if (at_ == start) return broken("a key is missing");
        keys.emplace_back(text_.substr(start, at_ - start));
      }
      skip_blanks();
    } while (take("."));
    return keys;
  }

  Result<Json> read_value() {
    switch (peek()) {
      case '"':
      case '\'': {
        TRY(std::string text, read_string());
        return Json(std::move(text));
      }
      case '[':
        return read_nested(&TomlReader::read_array);
      case '{':
        return read_nested(&TomlReader::read_inline_table);
      default:
        return read_word();
    }
  }

  Result<Json> read_nested(Result<Json> (TomlReader::*inside)()) {
    if (depth_ == kDepth) return broken("it is nested too deeply");
    ++depth_;
    ++at_;
    auto value = (this->*inside)();
    --depth_;
    return value;
  }

  Result<Json> read_array() {
    Json list = Json::array();
    for (skip_lines(); !take("]"); skip_lines()) {
      TRY(Json item, read_value());
      list.push_back(std::move(item));
      skip_lines();
      if (peek() == ']') continue;
      if (!take(",")) return broken("a list is not closed");
    }
    return list;
  }

  Result<Json> read_inline_table() {
    Json table = Json::object();
    skip_blanks();
    if (take("}")) return table;
    do {
      TRY_DO(read_pair(table));
      skip_blanks();
    } while (take(","));
    if (!take("}")) return broken("an inline table is not closed");
    return table;
  }

  // true, a number, or a date (which stays text).
  Result<Json> read_word() {
    const std::size_t start = at_;
    while (is_bare(peek()) || peek() == '+' || peek() == '.' || peek() == ':') ++at_;
    std::string word;
    for (const char c : text_.substr(start, at_ - start)) {
      if (c != '_') word += c;
    }
    if (word.empty()) return broken("a value is missing");
    if (word == "true" || word == "false") return Json(word == "true");
    if (const auto number = parse_json(word); number && number->is_number()) return *number;
    std::string_view bare = word;
    if (bare.front() == '+' || bare.front() == '-') bare.remove_prefix(1);
    const bool has_digit = !bare.empty() && bare.front() >= '0' && bare.front() <= '9';
    if (!has_digit && bare != "inf" && bare != "nan")
      return broken("a value that is no string, number, date, true or false");
    return Json(std::move(word));
  }

  Result<std::string> read_string() {
    for (const std::string_view quote : {R"(""")", "'''", "\"", "'"}) {
      if (!take(quote)) continue;
      if (quote.size() == 3 && peek() == '\r' && peek(1) == '\n') ++at_;
      if (quote.size() == 3 && peek() == '\n') ++at_;
      return read_until(quote);
    }
    return broken("a string is missing");
  }

  Result<std::string> read_until(std::string_view quote) {
    std::string out;
    while (at_ < text_.size()) {
      if (take(quote)) {
        // """" ends with a quote of its own: the string's last character.
        for (int more = 0; quote.size() == 3 && more < 2 && peek() == quote[0]; ++more) {
          out += quote[0];
          ++at_;
        }
        return out;
      }
      if (peek() == '\n' && quote.size() == 1) break;
      if (peek() == '\\' && quote[0] == '"') {
        TRY_DO(read_escape(out));
      } else {
        out += text_[at_++];
      }
    }
    return broken("a string is not closed");
  }

  Result<void> read_escape(std::string& out) {
    ++at_;
    const char c = peek();
    ++at_;
    constexpr std::string_view kLetters = "btnfre\"\\";
    constexpr std::string_view kMeant = "\b\t\n\f\r\x1b\"\\";
    if (const std::size_t i = kLetters.find(c); c != '\0' && i != std::string_view::npos) {
      out += kMeant[i];
      return {};
    }
    if (c == 'u' || c == 'U') return read_code_point(out, c == 'u' ? 4 : 8);
    if (c == '\n' || c == ' ' || c == '\t' || c == '\r') {  // the line goes on below
      while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
      return {};
    }
    return broken("an unknown escape");
  }

  Result<void> read_code_point(std::string& out, std::size_t digits) {
    std::uint32_t value = 0;
    const std::string_view hex = text_.substr(std::min(at_, text_.size()), digits);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    const bool whole = error == std::errc{} && hex.size() == digits && end == hex.data() + digits;
    if (!whole || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      return broken("an escape that names no character");
    }
    at_ += digits;
    append_utf8(out, static_cast<char32_t>(value));
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

Result<Json> parse_toml(std::string_view text) {
  return TomlReader(text).read();
}

}  // namespace remit::server
