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

// Letters that pass for ASCII ones: IPA, Greek, Cyrillic, Armenian, Cherokee, Lisu, and the
// letterlike, full-width and mathematical alphabets.
constexpr std::array kLookalikes = std::to_array<Range>({
    {0x0250, 0x02af},
    {0x0370, 0x058f},
    {0x13a0, 0x13ff},
    {0x1c80, 0x1c8f},
    {0x1d00, 0x1dbf},
    {0x2100, 0x214f},
    {0x2160, 0x217f},
    {0x24b6, 0x24e9},
    {0xa4d0, 0xa4ff},
    {0xa640, 0xa69f},
    {0xab30, 0xabbf},
    {0xff10, 0xff5a},
    {0x1d400, 0x1d7ff},
});

template <std::size_t N>
bool is_among(const std::array<Range, N>& ranges, char32_t point) {
  const auto after = std::ranges::upper_bound(ranges, point, {}, &Range::first);
  return after != ranges.begin() && point <= std::prev(after)->last;
}
bool is_hidden(char32_t point) {
  return is_among(kHidden, point);
}
bool is_ascii_letter(char32_t point) {
  return (point >= U'a' && point <= U'z') || (point >= U'A' && point <= U'Z');
}

// The bytes of the word that `bytes` begin with (ASCII letters, digits, '_', and all beyond ASCII),
// and whether it mixes ASCII letters with some that look like them.
struct Word {
  std::size_t size = 0;
  bool mixed = false;
};
Word word_at(std::string_view bytes) {
  Word out;
  bool ascii = false, lookalike = false;
  while (out.size < bytes.size()) {
    const CodePoint point = decode_utf8(bytes.substr(out.size));
    const bool digit = point.value >= U'0' && point.value <= U'9';
    const bool part = is_ascii_letter(point.value) || digit || point.value == U'_' ||
                      (point.value > 0x7f && !is_hidden(point.value));
    if (point.length == 0 || !part) break;
    ascii = ascii || is_ascii_letter(point.value);
    lookalike = lookalike || is_among(kLookalikes, point.value);
    out.size += point.length;
  }
  out.mixed = ascii && lookalike;
  return out;
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
  Word word;  // what is left of it
  while (!bytes.empty()) {
    const CodePoint point = decode_utf8(bytes);
    const std::size_t length = point.length == 0 ? 1 : point.length;
    if (word.size == 0) word = word_at(bytes);
    const bool odd = word.size > 0 && word.mixed && is_among(kLookalikes, point.value);
    word.size -= std::min(word.size, length);
    if (point.length == 0) {
      std::snprintf(shown.data(), shown.size(), "\\x%02X",
                    static_cast<unsigned>(static_cast<unsigned char>(bytes[0])));
      out += shown.data();
    } else if (odd || is_hidden(point.value)) {
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
