// What walks text eight bytes at a time gives what one byte at a time would.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"
#include "base/redaction.h"
#include "base/text.h"
#include "base/utf8.h"

namespace remit {
namespace {

// Texts of every length around the steps, of bytes that matter here and of all others.
std::vector<std::string> texts() {
  const std::string marked =
      "\x01\x1f \n\t\"\\/\x7e\x7f\x80\x8f\xa0\xbf\xc3\xe2\xf0\xff"
      "az09@=:";
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same texts in every run
  std::vector<std::string> out;
  for (std::size_t length = 0; length < 40; ++length) {
    for (int n = 0; n < 100; ++n) {
      std::string text(length, 'a');
      for (char& c : text) {
        if (random() % 3 == 0) c = marked[random() % marked.size()];
        if (random() % 16 == 0) c = static_cast<char>(random() % 256);
      }
      out.push_back(std::move(text));
    }
  }
  return out;
}

TEST_CASE("characters and bytes are counted one by one") {
  for (const std::string& text : texts()) {
    CAPTURE(escape_ascii(text));
    const auto begins = std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
    });
    CHECK(count_chars(text) == static_cast<std::size_t>(begins));
    for (const char byte : {'\n', '\0', 'a', '\x7f', '\xff', '\x80'}) {
      const auto found = std::count(text.begin(), text.end(), byte);
      CHECK(count_byte(text, byte) == static_cast<std::size_t>(found));
    }
  }
}

TEST_CASE("a JSON string is written as the same bytes, however it is walked") {
  for (const std::string& text : texts()) {
    CAPTURE(escape_ascii(text));
    std::string whole;
    append_json_string(whole, text);
    // One character at a time: the eight-byte steps never begin.
    std::string parts = "\"";
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t next = std::max<std::size_t>(decode_utf8(rest).length, 1);
      std::string one;
      append_json_string(one, rest.substr(0, next));
      rest.remove_prefix(next);
      parts += one.substr(1, one.size() - 2);
    }
    CHECK(whole == parts + "\"");
    CHECK(parse_json(whole).has_value());
  }
}

TEST_CASE("a secret is found wherever it stands") {
  const Redactor redactor("key");
  for (std::size_t before = 0; before < 20; ++before) {
    for (std::size_t after = 0; after < 20; ++after) {
      const std::string text = std::string(before, 'x') + " password=hunter2horse" +
                               (after == 0 ? "" : " " + std::string(after, 'x'));
      CAPTURE(text);
      CHECK(redactor.redact(text).text.find("hunter2") == std::string::npos);
    }
  }
}

}  // namespace
}  // namespace remit
