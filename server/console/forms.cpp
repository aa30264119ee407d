#include "server/console/forms.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "base/text.h"
#include "server/limits.h"

namespace remit::console {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  if (out.find('\0') != std::string::npos || !valid_utf8(out)) return std::nullopt;
  return out;
}

Result<Form> Form::parse(std::string_view body) {
  if (body.size() > limits::kConsoleActBytes)
    return fail(ErrorKind::too_large, "the form is too large");
  Form out;
  if (body.empty()) return out;
  for (const std::string_view part : split(body, '&')) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return fail(ErrorKind::invalid_argument, "the form is malformed");
    auto name = decoded(part.substr(0, equals)), value = decoded(part.substr(equals + 1));
    if (!name || !value) return fail(ErrorKind::invalid_argument, "the form is malformed");
    const bool twice =
        std::ranges::any_of(out.fields_, [&](const auto& field) { return field.first == *name; });
    if (twice) return fail(ErrorKind::invalid_argument, "a field of the form stands twice");
    if (out.fields_.size() == limits::kConsoleFormFields)
      return fail(ErrorKind::too_large, "the form has too many fields");
    out.fields_.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

const std::string& Form::get(std::string_view name) const {
  static const std::string none;
  const auto found =
      std::ranges::find_if(fields_, [&](const auto& field) { return field.first == name; });
  return found == fields_.end() ? none : found->second;
}

std::optional<std::string> cookie(const transport::Head& head, std::string_view name) {
  std::optional<std::string> out;
  for (const auto& [field, value] : head.fields) {
    if (field != "cookie") continue;
    if (value.size() > limits::kConsoleCookieBytes) return std::nullopt;
    for (const std::string_view part : split(value, ';')) {
      const std::string_view pair = transport::trimmed(part);
      const auto equals = pair.find('=');
      if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
      if (out) return std::nullopt;
      out = std::string(pair.substr(equals + 1));
    }
  }
  return out;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

Result<Form> query_of(std::string_view target) {
  const auto mark = target.find('?');
  return Form::parse(mark == std::string_view::npos ? "" : target.substr(mark + 1));
}

std::string encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

}  // namespace remit::console
