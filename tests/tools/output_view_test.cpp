// What is shown of a command's output: the head, the tail, and how much lies between them.
#include "tools/output_view.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "base/text.h"

using namespace remit;
using namespace remit::tools;

TEST_CASE("output view: head, omitted and tail make up the total, whatever was printed") {
  std::uint32_t seed = 7;
  const auto next = [&] { return seed = seed * 1664525u + 1013904223u; };
  for (int round = 0; round < 300; ++round) {
    const std::size_t size = round % 10 == 0 ? (3u << 20) + next() % 1000 : next() % 30'000;
    const int style = round % 3;
    std::string all;
    all.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      all += style == 0         ? static_cast<char>('a' + next() % 26)
             : next() % 20 == 0 ? '\n'
             : style == 1       ? 'x'
                                : '\x01';
    }
    OutputView view;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t step = std::min<std::size_t>(1 + next() % 70'000, all.size() - at);
      view.write(std::string_view(all).substr(at, step));
      at += step;
    }
    const std::size_t room = 1'000 + next() % 20'000;
    bool cut = false;
    const std::string text = view.text(room, &cut);
    CAPTURE(round);
    if (!cut) {
      CHECK(text == printable(all));
      continue;
    }
    const std::size_t mark = text.find("[... ");
    REQUIRE(mark != std::string::npos);
    const std::size_t end = text.find(" lines omitted ...]\n", mark);
    REQUIRE(end != std::string::npos);
    std::string number = text.substr(mark + 5, text.find(" bytes", mark) - mark - 5);
    std::erase(number, ',');
    std::string lines =
        text.substr(text.find("bytes, ", mark) + 7, end - text.find("bytes, ", mark) - 7);
    std::erase(lines, ',');
    const std::string head = text.substr(0, mark), tail = text.substr(end + 20);
    const std::size_t width = printable("\x01").size();  // of an escaped byte
    const auto bytes = [&](const std::string& part) {
      const auto plain = static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
      return style == 2 ? plain + (part.size() - plain) / width : part.size();
    };
    CHECK(bytes(head) + std::stoull(number) + bytes(tail) == all.size());
    const auto breaks = [](std::string_view part) {
      return static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
    };
    CHECK(breaks(head) + std::stoull(lines) + breaks(tail) == breaks(all));
    CHECK(head.size() + tail.size() <= room);
  }
}
