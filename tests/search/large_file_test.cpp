// A large file on several threads gives what the same file gives on one.
#include "tools/search/large_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include <doctest/doctest.h>

#include "tests/tools/fake_access.h"
#include "tools/search/newlines.h"

using namespace remit;
using namespace remit::search;

namespace {

const std::function<bool()> kNever = [] { return false; };
constexpr std::size_t kBytes = 17u << 20;

Pattern pattern(std::string text) {
  PatternOptions options;
  options.text = std::move(text);
  auto made = Pattern::compile(options);
  REQUIRE(made);
  return std::move(*made);
}

// Lines of many lengths, some of them longer than a stretch, with a rare and a common word.
std::string log_text(unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < kBytes) {
    const auto kind = random() % 1000;
    text += "worker " + std::to_string(random() % 100) + " served request ";
    if (kind == 0) text += "pool exhausted ";
    if (kind == 1 && text.size() % 7 == 0) text += std::string(300'000 + random() % 400'000, 'y');
    if (kind < 50) text += std::string(random() % 5000, 'z');
    text += kind % 3 == 0 ? "\r\n" : "\n";
  }
  return text;
}

bool same(const Scanned& a, const Scanned& b) {
  const auto equal = [](const Line& x, const Line& y) {
    return x.number == y.number && x.is_match == y.is_match && x.group_start == y.group_start &&
           x.text == y.text;
  };
  return a.matching_lines == b.matching_lines && a.entries == b.entries && a.lossy == b.lossy &&
         a.binary == b.binary &&
         std::equal(a.lines.begin(), a.lines.end(), b.lines.begin(), b.lines.end(), equal);
}

// Every kind of question, with and without helpers, against scan().
void compare(const std::string& text, const std::vector<std::string>& patterns) {
  test::Scratch folder;
  folder.write("log", text);
  const std::string path = folder.path() + "/log";
  for (const std::string& source : patterns) {
    const Pattern wanted = pattern(source);
    for (const Want want : {Want::lines, Want::count, Want::presence}) {
      for (const std::size_t keep : {std::size_t{5}, std::size_t{1} << 30}) {
        ScanOptions options;
        options.want = want;
        options.keep_lines = want == Want::lines ? keep : 0;
        options.only_matching = keep == 5;
        const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        REQUIRE(fd);
        REQUIRE(is_large(fd, text.size(), wanted, options));
        Reader reader;
        const auto alone = scan(reader, fd, text.size(), wanted, options, kNever);
        REQUIRE(alone);
        for (const std::size_t helpers : {std::size_t{0}, std::size_t{3}}) {
          const auto many = scan_large(fd, text.size(), wanted, options, helpers, kNever);
          REQUIRE(many);
          CAPTURE(source);
          CAPTURE(helpers);
          CHECK(same(*alone, *many));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("stretches of a large file give the lines, numbers and counts of the whole") {
  compare(log_text(1), {"pool exhausted", "served .*exhausted", "worker 1[0-9] ", "no such word"});
}

TEST_CASE("a mark, an open end, a NUL and a line as long as the file") {
  compare("\xef\xbb\xbf" + log_text(2) + "pool exhausted", {"^worker", "exhausted$"});
  std::string with_nul = log_text(3);
  with_nul[9u << 20] = '\0';
  compare(with_nul, {"pool exhausted"});
  compare(std::string(kBytes, 'x') + "pool exhausted", {"pool exhausted"});
}

TEST_CASE("a small file, context, several lines at once and UTF-16 are not for many threads") {
  test::Scratch folder;
  folder.write("log", "\xff\xfe");
  const Fd fd(::open((folder.path() + "/log").c_str(), O_RDONLY | O_CLOEXEC));
  const Pattern word = pattern("x");
  ScanOptions options;
  CHECK_FALSE(is_large(fd, kBytes, word, options));
  folder.write("text", "plain");
  const Fd text(::open((folder.path() + "/text").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(is_large(text, kBytes, word, options));
  CHECK_FALSE(is_large(text, 1000, word, options));
  options.after = 1;
  CHECK_FALSE(is_large(text, kBytes, word, options));
}

TEST_CASE("a large file that shrinks or is left early") {
  test::Scratch folder;
  const std::string text = log_text(4);
  folder.write("log", text);
  const Fd fd(::open((folder.path() + "/log").c_str(), O_RDWR | O_CLOEXEC));
  const Pattern word = pattern("worker");
  ScanOptions options;
  options.want = Want::count;
  // Alone: a helper may be done with the whole file before who asked has a turn to stop.
  const auto stopped = scan_large(fd, text.size(), word, options, 0, [] { return true; });
  REQUIRE(stopped);
  CHECK(stopped->interrupted);
  REQUIRE(::ftruncate(fd.get(), 1000) == 0);
  const auto shrunk = scan_large(fd, text.size(), word, options, 1, kNever);
  REQUIRE(shrunk);
  CHECK(shrunk->bytes == 1000);
}

TEST_CASE("newlines are counted alike with and without vectors") {
  std::mt19937 random(5);
  for (std::size_t length = 0; length < 300; ++length) {
    std::string text(length * (length % 50 == 0 ? 400 : 1), 'x');
    for (char& c : text) {
      if (random() % 3 == 0) c = '\n';
    }
    const auto expected = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    CHECK(count_newlines(text) == expected);
    CHECK(count_newlines_plain(text) == expected);
  }
}
