#include "server/console/html.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/utf8.h"

namespace remit::console {
namespace {

struct Range {
  char32_t first, last;
};
// What is not seen, or is seen elsewhere or as something else than it is. Unicode 15: general
// categories Cc, Cf, Zl, Zp, Zs but the space, Co, noncharacters, and letters without a shape.
constexpr std::array kHidden = std::to_array<Range>({
    {0x00, 0x08},       {0x0b, 0x1f},        {0x7f, 0xa0},       {0xad, 0xad},
    {0x034f, 0x034f},   {0x0600, 0x0605},    {0x061c, 0x061c},   {0x06dd, 0x06dd},
    {0x070f, 0x070f},   {0x0890, 0x0891},    {0x08e2, 0x08e2},   {0x115f, 0x1160},
    {0x1680, 0x1680},   {0x17b4, 0x17b5},    {0x180b, 0x180f},   {0x2000, 0x200f},
    {0x2028, 0x202f},   {0x205f, 0x206f},    {0x2800, 0x2800},   {0x3000, 0x3000},
    {0x3164, 0x3164},   {0xe000, 0xf8ff},    {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},   {0xffa0, 0xffa0},    {0xfff0, 0xffff},   {0x110bd, 0x110bd},
    {0x110cd, 0x110cd}, {0x13430, 0x1343f},  {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0x1fffe, 0x1ffff}, {0xe0000, 0x10ffff},
});

bool is_hidden(char32_t point) {
  const auto after = std::ranges::upper_bound(kHidden, point, {}, &Range::first);
  return after != kHidden.begin() && point <= std::prev(after)->last;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

bool is_void(std::string_view name) {
  constexpr std::array<std::string_view, 5> kVoid = {"meta", "link", "input", "br", "hr"};
  return std::ranges::find(kVoid, name) != kVoid.end();
}

bool leads_somewhere(std::string_view name) {
  return name == "href" || name == "src" || name == "action" || name == "formaction";
}

bool stays_here(std::string_view link) {
  return link.starts_with('#') ||
         (link.starts_with('/') && !link.starts_with("//") && !link.starts_with("/\\"));
}

}  // namespace

std::string visible(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  std::array<char, 16> shown{};
  while (!bytes.empty()) {
    const CodePoint point = decode_utf8(bytes);
    const std::size_t length = point.length == 0 ? 1 : point.length;
    if (point.length == 0) {
      std::snprintf(shown.data(), shown.size(), "\\x%02X",
                    static_cast<unsigned>(static_cast<unsigned char>(bytes[0])));
      out += shown.data();
    } else if (is_hidden(point.value)) {
      std::snprintf(shown.data(), shown.size(), "\\u{%04X}", static_cast<unsigned>(point.value));
      out += shown.data();
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return out;
}

Html::Html(std::string_view text) : markup_(escaped(visible(text))) {}

Html el(Name name, const std::vector<Attribute>& attributes, const std::vector<Html>& children) {
  Html out;
  out.markup_ += '<';
  out.markup_ += name.text();
  for (const Attribute& attribute : attributes) {
    const std::string_view key = attribute.name.text();
    const bool outside = leads_somewhere(key) && !stays_here(attribute.value);
    out.markup_ += ' ';
    out.markup_ += key;
    out.markup_ += "=\"" + (outside ? "#" : escaped(visible(attribute.value))) + "\"";
  }
  out.markup_ += '>';
  if (is_void(name.text())) return out;
  // A parser drops the first line break in these; one more keeps what stands there.
  if (name.text() == "pre" || name.text() == "textarea") out.markup_ += '\n';
  for (const Html& child : children) out.markup_ += child.markup_;
  out.markup_ += "</";
  out.markup_ += name.text();
  out.markup_ += '>';
  return out;
}

}  // namespace remit::console
