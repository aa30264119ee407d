#include "server/cli/client_formats.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"

namespace remit::server {
namespace {

bool is_escaped(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x2028 || point == 0x2029 ||
         point == 0xFEFF || point == 0xFFFE || point == 0xFFFF;
}

void append_escape(std::string& out, char32_t point) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(point >> shift) & 0xF];
}

// One code point inside double quotes.
void append_quoted(std::string& out, std::string_view bytes, char32_t point) {
  switch (point) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (is_escaped(point)) return append_escape(out, point);
  out += bytes;
}

template <typename Each>
void each_point(std::string_view text, const Each& each) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text.substr(at));
    const std::size_t length = std::max<std::size_t>(point.length, 1);
    each(text.substr(at, length), point.length == 0 ? char32_t{0xFFFF} : point.value);
    at += length;
  }
}

// Readable where a persona's whole text stands in a TOML file: its lines are lines.
std::string toml_block(std::string_view text) {
  std::string out = "\"\"\"\n";
  each_point(text, [&](std::string_view bytes, char32_t point) {
    if (point == '\n') {
      out += '\n';
    } else {
      append_quoted(out, bytes, point);
    }
  });
  return out + R"(""")";
}

bool is_bare_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

std::string toml_key(const std::string& key) {
  return is_bare_key(key) ? key : quote_text(key);
}

std::string toml_value(const OrderedJson& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.find('\n') == std::string::npos ? quote_text(text) : toml_block(text);
  }
  if (!value.is_array()) return dump(value);
  std::string out = "[";
  for (const OrderedJson& item : value) out += (out.size() > 1 ? ", " : "") + toml_value(item);
  return out + "]";
}

bool is_table_list(const OrderedJson& value) {
  return value.is_array() && !value.empty() && value.front().is_object();
}

// Scalars first: what follows a [table] line belongs to that table.
void append_table(std::string& out, const OrderedJson& table, const std::string& path) {
  for (const auto& [key, value] : table.items()) {
    if (value.is_object() || value.is_null() || is_table_list(value)) continue;
    out += toml_key(key) + " = " + toml_value(value) + "\n";
  }
  for (const auto& [key, value] : table.items()) {
    const std::string name = path.empty() ? toml_key(key) : path + "." + toml_key(key);
    if (value.is_object()) {
      const bool only_tables =
          !value.empty() && std::all_of(value.begin(), value.end(), [](const OrderedJson& item) {
            return item.is_object() || is_table_list(item);
          });
      if (!only_tables) out += "\n[" + name + "]\n";
      append_table(out, value, name);
    } else if (is_table_list(value)) {
      for (const OrderedJson& item : value) {
        out += "\n[[" + name + "]]\n";
        append_table(out, item, name);
      }
    }
  }
}

std::string indent(int depth) {
  return std::string(static_cast<std::size_t>(depth) * 4, ' ');
}

// Where what begins at `at` ends: a string, a comment, or one character.
std::size_t json_token_end(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("//")) return std::min(text.find('\n', at), text.size());
  if (rest.starts_with("/*")) {
    const std::size_t close = text.find("*/", at + 2);
    return close == std::string_view::npos ? text.size() : close + 2;
  }
  if (text[at] != '"') return at + 1;
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

void blank_out(std::string& text, std::size_t from, std::size_t end) {
  for (; from < end; ++from) {
    if (text[from] != '\n' && text[from] != '\r') text[from] = ' ';
  }
}

}  // namespace

std::string quote_text(std::string_view text) {
  std::string out = "\"";
  each_point(text,
             [&](std::string_view bytes, char32_t point) { append_quoted(out, bytes, point); });
  return out + "\"";
}

std::string to_toml(const OrderedJson& root) {
  std::string out;
  append_table(out, root, "");
  return out;
}

std::string to_python(const OrderedJson& value, int depth) {
  if (value.is_string()) return quote_text(value.get_ref<const std::string&>());
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_null()) return "None";
  if (!value.is_structured()) return dump(value);
  const bool object = value.is_object();
  if (value.empty()) return object ? "{}" : "[]";
  std::string out = object ? "{\n" : "[\n";
  for (const auto& [key, item] : value.items()) {
    out += indent(depth + 1) + (object ? quote_text(key) + ": " : "") + to_python(item, depth + 1) +
           ",\n";
  }
  return out + indent(depth) + (object ? "}" : "]");
}

std::string without_comments(std::string_view text) {
  std::string out(text);
  std::size_t comma = std::string::npos;  // the last one, if only blanks and comments followed it
  for (std::size_t at = 0; at < out.size();) {
    const char c = out[at];
    const std::size_t end = json_token_end(out, at);
    if (c == '/' && end - at > 1) {
      blank_out(out, at, end);
    } else if (c == ',') {
      comma = at;
    } else if (std::string_view(" \t\r\n").find(c) == std::string_view::npos) {
      if ((c == '}' || c == ']') && comma != std::string::npos) out[comma] = ' ';
      comma = std::string::npos;
    }
    at = end;
  }
  return out;
}

}  // namespace remit::server
