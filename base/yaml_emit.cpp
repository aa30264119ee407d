#include "base/yaml_emit.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit {
namespace {

constexpr std::size_t kPlainBytes = 120;

// Words that some reader takes for a boolean, null or number (YAML 1.1 types included).
constexpr std::array<std::string_view, 13> kReserved = {
    "true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf", "infinity", "none"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Begins with a letter and holds only letters, digits, '_', '-', '.', '/' and single inner spaces:
// no indicator of YAML occurs, and no number begins with a letter.
bool plain(std::string_view text) {
  if (text.empty() || text.size() > kPlainBytes || !is_letter(text.front()) || text.back() == ' ') {
    return false;
  }
  const bool safe = std::ranges::all_of(text, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/' ||
           c == ' ';
  });
  return safe && std::ranges::none_of(
                     kReserved, [&](std::string_view word) { return equals_folded(text, word); });
}

// Line separators and the byte order mark, which readers treat as line ends or drop, and what is no
// character of YAML 1.2 (5.1), as UTF-8: U+0085, U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kEscaped = {
    {{"\xc2\x85", "\\u0085"},
     {"\xe2\x80\xa8", "\\u2028"},
     {"\xe2\x80\xa9", "\\u2029"},
     {"\xef\xbb\xbf", "\\ufeff"},
     {"\xef\xbf\xbe", "\\ufffe"},
     {"\xef\xbf\xbf", "\\uffff"}}};

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    const auto* special = std::ranges::find_if(
        kEscaped, [&](const auto& pair) { return rest.starts_with(pair.first); });
    const auto byte = static_cast<unsigned char>(text[at]);
    if (special != kEscaped.end()) {
      out += special->second;
      at += special->first.size() - 1;
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[at];
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\x%02x", byte);
      out += code.data();
    } else if (byte == 0xc2 && rest.size() > 1 && static_cast<unsigned char>(rest[1]) < 0xa0) {
      std::array<char, 8> code{};  // C1 control characters
      std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned char>(rest[1]));
      out += code.data();
      ++at;
    } else {
      out += text[at];
    }
  }
  return out + '"';
}

class Emitter {
 public:
  Result<void> write(const OrderedJson& value, int depth) {
    if (depth > limits::kYamlDepth) {
      return fail(ErrorKind::too_large,
                  "value nested deeper than " + std::to_string(limits::kYamlDepth));
    }
    if (value.is_object() && !value.empty()) return write_object(value, depth);
    if (value.is_array() && !value.empty()) return write_array(value, depth);
    if (value.is_string()) {
      out_ += ' ' + yaml_scalar(value.get_ref<const std::string&>()) + '\n';
    } else {
      out_ += ' ' + dump(value) + '\n';  // {}, [], numbers, true, false, null
    }
    return {};
  }
  std::string take() { return std::move(out_); }

 private:
  void indent(int depth) { out_.append(static_cast<std::size_t>(depth) * 2, ' '); }

  Result<void> write_object(const OrderedJson& value, int depth) {
    if (depth > 0) out_ += '\n';
    for (const auto& [key, item] : value.items()) {
      indent(depth);
      out_ += yaml_scalar(key) + ':';
      TRY_DO(write(item, depth + 1));
    }
    return {};
  }
  Result<void> write_array(const OrderedJson& value, int depth) {
    if (depth > 0) out_ += '\n';
    for (const OrderedJson& item : value) {
      indent(depth);
      out_ += '-';
      TRY_DO(write(item, depth + 1));
    }
    return {};
  }
  std::string out_;
};

}  // namespace

std::string yaml_scalar(std::string_view text) {
  const std::string clean = to_utf8(text);
  return plain(clean) ? clean : double_quoted(clean);
}

Result<std::string> yaml_of(const OrderedJson& value) {
  if (!value.is_object() && !value.is_array()) {
    return fail(ErrorKind::internal, "a YAML document is an object or a list");
  }
  Emitter emitter;
  TRY_DO(emitter.write(value, 0));
  return emitter.take();
}

}  // namespace remit
