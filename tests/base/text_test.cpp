#include "base/text.h"

#include <doctest/doctest.h>

#include "base/utf8.h"

using namespace remit;

TEST_CASE("valid_utf8 follows RFC 3629") {
  CHECK(valid_utf8("plain"));
  CHECK(valid_utf8("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
  CHECK_FALSE(valid_utf8("\xC0\xAF"));          // overlong
  CHECK_FALSE(valid_utf8("\xED\xA0\x80"));      // surrogate
  CHECK_FALSE(valid_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  CHECK_FALSE(valid_utf8("\xE2\x82"));          // cut short
  CHECK_FALSE(valid_utf8("\x80"));
}

TEST_CASE("the ASCII at the start is found to the byte, wherever it ends") {
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string ascii(length, '\x7f');
    CHECK(remit::ascii_prefix(ascii) == length);
    CHECK(remit::ascii_prefix(ascii + "\xC3\xA9 and more text") == length);
    CHECK(valid_utf8(ascii + "\xC3\xA9"));
    CHECK_FALSE(valid_utf8(ascii + "\x80"));
    CHECK(remit::to_utf8(ascii + "\x80z") == ascii + "\xEF\xBF\xBDz");
  }
}

TEST_CASE("every code point survives being written and read, at each length's edges") {
  for (const char32_t point : {U'\0', U'\x7F', U'\u0080', U'\u07FF', U'\u0800', U'\uD7FF',
                               U'\uE000', U'\uFFFF', U'\U00010000', U'\U0010FFFF'}) {
    std::string bytes;
    remit::append_utf8(bytes, point);
    const remit::CodePoint read = remit::decode_utf8(bytes + "\x80");
    CHECK(read.value == point);
    CHECK(read.length == bytes.size());
    CHECK(remit::valid_utf8(bytes));
  }
  for (const char* broken : {"\x80", "\xC1\x80", "\xC2", "\xE0\x80\x80", "\xED\xA0\x80",
                             "\xF0\x80\x80\x80", "\xF4\x90\x80\x80"}) {
    CHECK(remit::decode_utf8(broken).length == 0);
  }
}

TEST_CASE("escape_ascii is injective and printable") {
  CHECK(escape_ascii("a\\b\n\x1b[31m") == "a\\\\b\\n\\x1b[31m");
  CHECK(escape_ascii("\xE2\x80\xAE") == "\\u202e");  // right-to-left override
  CHECK(escape_ascii("\xF3\xA0\x81\x81") == "\\U000e0041");
  CHECK(escape_ascii("\xFF") == "\\xff");
  CHECK(escape_ascii("\\x1b") != escape_ascii("\x1b"));
  for (int byte = 0; byte < 256; ++byte) {
    const std::string shown = escape_ascii(std::string(1, static_cast<char>(byte)));
    for (const char c : shown) CHECK((c >= 0x20 && c < 0x7f));
  }
}

TEST_CASE("printable keeps lines and tabs, shows the rest") {
  CHECK(printable("a\tb\nc\x1b[0m\r") == "a\tb\nc\\x1b[0m\\x0d");
  CHECK(printable("\xC2\x9B") == "\\x9b");  // C1 control sequence introducer
  CHECK(printable("\xFF") == "\xEF\xBF\xBD");
}

TEST_CASE("to_utf8 repairs and says so") {
  bool lossy = false;
  CHECK(to_utf8("ok", &lossy) == "ok");
  CHECK_FALSE(lossy);
  CHECK(to_utf8("a\xFFz", &lossy) == "a\xEF\xBF\xBDz");
  CHECK(lossy);
}

TEST_CASE("characters and boundaries") {
  CHECK(count_chars("a\xC3\xA9z") == 3);
  CHECK(prefix_chars("a\xC3\xA9z", 2) == "a\xC3\xA9");
  CHECK(utf8_boundary("a\xC3\xA9z", 2) == 1);
  CHECK(with_commas(1234567) == "1,234,567");
  CHECK(with_commas(999) == "999");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(trim("  x \r\n") == "x");
}

TEST_CASE("nearest suggests only near words") {
  CHECK(nearest("linse", {"lines", "limit", "offset"}, 1) == std::vector<std::string>{"lines"});
  CHECK(nearest("zzzzzz", {"lines", "limit"}, 1).empty());
}
