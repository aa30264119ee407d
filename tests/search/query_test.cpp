#include "tools/search/query.h"

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "tests/tools/fake_access.h"
#include "tools/search/lines.h"

using namespace remit;
using namespace remit::search;

namespace {

const policy::CallScope kCall{"call", "Grep"};
RunOptions run(std::chrono::milliseconds deadline = limits::kSearchDeadline) {
  RunOptions options;
  options.deadline = deadline;
  return options;
}
std::vector<std::string> paths(const Found& found) {
  std::vector<std::string> out;
  for (const Hit& hit : found.hits) out.push_back(hit.path);
  return out;
}
GrepQuery query(std::string pattern, Want want = Want::presence) {
  GrepQuery out;
  out.pattern.text = std::move(pattern);
  out.scan.want = want;
  out.scan.keep_lines = 1000;
  return out;
}
using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("newest first, ties by path; hidden names leave no trace") {
  test::Scratch tree;
  tree.write("old.txt", "needle\n", 1000);
  tree.write("b.txt", "needle\n", 2000);
  tree.write("a.txt", "needle\n", 2000);
  tree.write("d/.hidden", "needle\n", 3000);
  tree.write(".git/config", "needle\n", 4000);
  tree.write("secret/x", "needle\n", 5000);
  test::FakeAccess access(tree.path());
  access.hidden.insert("secret");
  auto found = grep(access, kCall, query("needle"), run());
  REQUIRE(found);
  CHECK(paths(*found) == Paths{"d/.hidden", "a.txt", "b.txt", "old.txt"});
  CHECK(found->coverage.files == 4);
  CHECK(found->coverage.filtered);
  CHECK(found->coverage.complete());
  CHECK(access.finished >= 1);
}

TEST_CASE("ignore files prune, are counted and named; globs and explicit paths override") {
  test::Scratch tree;
  tree.write(".git/HEAD", "x");
  tree.write(".git/info/exclude", "*.tmp\n");
  tree.write(".gitignore", "*.log\n/build/\n");
  tree.write("app.log", "needle");
  tree.write("x.tmp", "needle");
  tree.write("build/out.txt", "needle");
  tree.write("src/a.txt", "needle");
  tree.write("src/.gitignore", "!keep.log\n");
  tree.write("src/keep.log", "needle");
  tree.write("inner/.git", "gitdir: elsewhere");
  tree.write("inner/z.log", "needle");
  test::FakeAccess access(tree.path());
  auto found = grep(access, kCall, query("needle"), run());
  REQUIRE(found);
  auto sorted = paths(*found);
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == Paths{"inner/z.log", "src/a.txt", "src/keep.log"});
  CHECK(found->coverage.ignored == 3);
  CHECK(found->coverage.ignored_names == std::set<std::string>{"app.log", "build/", "x.tmp"});

  GrepQuery all = query("needle");
  all.files.no_ignore = true;
  CHECK(grep(access, kCall, all, run())->hits.size() == 6);
  GrepQuery globbed = query("needle");
  globbed.files.globs = {"*.log"};
  CHECK(grep(access, kCall, globbed, run())->hits.size() == 3);
  // The rules of the directories above the root of the search count.
  GrepQuery below = query("needle");
  below.files.path = "src";
  CHECK(grep(access, kCall, below, run())->hits.size() == 2);
  tree.write("src/other.log", "needle");
  CHECK(grep(access, kCall, below, run())->hits.size() == 2);
  GrepQuery named = query("needle");
  named.files.path = "app.log";
  auto one = grep(access, kCall, named, run());
  REQUIRE(one);
  CHECK(one->single_file);
  CHECK(paths(*one) == Paths{"app.log"});
}

TEST_CASE("a long line with a match at each byte is searched in its length, not in its square") {
  test::Scratch tree;
  tree.write("f", std::string(800'000, 'y') + "\nend\n");
  test::FakeAccess access(tree.path());
  for (const bool parts : {false, true}) {
    GrepQuery each = query(parts ? "y" : "x*", Want::lines);
    each.pattern.multiline = true;
    each.scan.only_matching = parts;
    auto found = grep(access, kCall, each, run());
    REQUIRE(found);
    CHECK(found->coverage.complete());  // the square would need minutes, the deadline is 20 s
    CHECK(found->total_lines == (parts ? 1 : 2));
  }
}

TEST_CASE("lines with context, groups and totals") {
  test::Scratch tree;
  tree.write("f", "1\n2\nhit\n4\n5\n6\n7\nhit\n9");
  test::FakeAccess access(tree.path());
  GrepQuery with = query("hit", Want::lines);
  with.scan.before = 1;
  with.scan.after = 2;
  auto found = grep(access, kCall, with, run());
  REQUIRE(found);
  REQUIRE(found->hits.size() == 1);
  std::string shown;
  for (const Line& line : found->hits[0].lines) {
    shown += std::string(line.group_start ? "|" : "") + std::to_string(line.number) +
             (line.is_match ? ":" : "-") + line.text + " ";
  }
  CHECK(shown == "|2-2 3:hit 4-4 5-5 |7-7 8:hit 9-9 ");
  CHECK(found->total_lines == 2);
  CHECK(found->total_entries == 7);
  GrepQuery parts = query("[0-9]", Want::lines);
  parts.scan.only_matching = true;
  CHECK(grep(access, kCall, parts, run())->total_entries == 7);
}

TEST_CASE("context and line numbers hold across the pieces of a big file") {
  test::Scratch tree;
  std::string text;
  const int lines = 200'000;  // several buffers
  for (int i = 1; i <= lines; ++i)
    text += (i % 50'000 == 0 ? "needle " : "line ") + std::to_string(i) + "\n";
  tree.write("big", text);
  test::FakeAccess access(tree.path());
  GrepQuery with = query("needle", Want::lines);
  with.scan.before = 3;
  with.scan.after = 3;
  auto found = grep(access, kCall, with, run());
  REQUIRE(found);
  REQUIRE(found->hits.size() == 1);
  for (const Line& line : found->hits[0].lines) {
    CHECK(line.text == (line.is_match ? "needle " : "line ") + std::to_string(line.number));
  }
  CHECK(found->total_entries == 4 * 7 - 3);
}

TEST_CASE("binary files end at the line of their first NUL; UTF-16 and marks are read") {
  test::Scratch tree;
  tree.write("bin", std::string("needle\nneedle \0needle\nneedle\n", 28));
  tree.write("u16", std::string("\xff\xfen\0e\0e\0d\0l\0e\0\n\0", 16));
  tree.write("bom", "\xef\xbb\xbfneedle\n");
  tree.write("bad", "needle \xff\n");
  test::FakeAccess access(tree.path());
  auto found = grep(access, kCall, query("^needle", Want::lines), run());
  REQUIRE(found);
  CHECK(found->hits.size() == 4);
  CHECK(found->total_lines == 4);
  CHECK(found->coverage.binary == 1);
  for (const Hit& hit : found->hits) CHECK(hit.lossy == (hit.path == "bad"));
}

TEST_CASE("multiline") {
  test::Scratch tree;
  tree.write("f", "a\nb\nc\na\nb\n");
  test::FakeAccess access(tree.path());
  GrepQuery multi = query("a.b", Want::lines);
  multi.pattern.multiline = true;
  auto found = grep(access, kCall, multi, run());
  REQUIRE(found);
  CHECK(found->total_lines == 4);
}

TEST_CASE("a deadline gives a partial answer, a cancel an error, a failed ledger an error") {
  test::Scratch tree;
  for (int i = 0; i < 300; ++i) tree.write("d" + std::to_string(i) + "/f", "needle\n");
  test::FakeAccess access(tree.path());
  auto late = grep(access, kCall, query("needle"), run(std::chrono::milliseconds(0)));
  REQUIRE(late);
  CHECK(late->coverage.timed_out);
  CHECK_FALSE(late->coverage.complete());
  std::stop_source stop;
  stop.request_stop();
  RunOptions cancelled = run();
  cancelled.stop = stop.get_token();
  auto none = grep(access, kCall, query("needle"), cancelled);
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::cancelled);
  access.refuse_finish = true;
  CHECK_FALSE(grep(access, kCall, query("needle"), run()));
}

TEST_CASE("unreadable parts are gaps, missing paths errors") {
  test::Scratch tree;
  tree.write("ok/f", "needle\n");
  std::string deep = "deep";
  for (std::size_t i = 0; i <= limits::kSearchDepth; ++i) deep += "/d";
  test::FakeAccess access(tree.path());
  auto missing = grep(
      access, kCall,
      [] {
        auto q = query("x");
        q.files.path = "nope";
        return q;
      }(),
      run());
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::not_found);
  if (geteuid() != 0) {
    tree.write("no/f", "needle\n");
    ::chmod((tree.path() + "/no").c_str(), 0);
    auto found = grep(access, kCall, query("needle"), run());
    REQUIRE(found);
    CHECK(found->coverage.unreadable == 1);
    CHECK_FALSE(found->coverage.complete());
    ::chmod((tree.path() + "/no").c_str(), 0755);
  }
}

TEST_CASE("depth at the limit and one above") {
  test::Scratch tree;
  std::string path;
  for (std::size_t i = 0; i < limits::kSearchDepth; ++i) path += "d/";
  tree.write(path + "f", "needle\n");
  test::FakeAccess access(tree.path());
  auto found = grep(access, kCall, query("needle"), run());
  REQUIRE(found);
  CHECK(found->hits.size() == 1);
  CHECK(found->coverage.complete());
  tree.write(path + "d/f", "needle\n");
  found = grep(access, kCall, query("needle"), run());
  REQUIRE(found);
  CHECK(found->hits.size() == 1);
  CHECK_FALSE(found->coverage.complete());
}

TEST_CASE("long lines are a window around the match") {
  bool lossy = false;
  const std::string at_limit(limits::kGrepLineShown, 'x');
  CHECK(shown_line(at_limit, {}, lossy) == at_limit);
  std::string line(3000, 'x');
  line.replace(2000, 6, "needle");
  const std::string shown = shown_line(line, {2000, 2006}, lossy);
  CHECK(shown.find("needle") != std::string::npos);
  CHECK(shown.find("[line of 3,000 bytes]") != std::string::npos);
  CHECK(shown_line(std::string(limits::kGrepLineShown + 1, 'x'), {}, lossy).find("501 bytes") !=
        std::string::npos);
}

TEST_CASE("find_names: patterns, directories, order") {
  test::Scratch tree;
  tree.write("a/x.c", "", 100);
  tree.write("b/y.c", "", 200);
  tree.write("b/z.h", "", 300);
  test::FakeAccess access(tree.path());
  FileChoice files;
  files.globs = {"**/*.c"};
  auto found = find_names(access, kCall, files, false, run());
  REQUIRE(found);
  CHECK(paths(*found) == Paths{"b/y.c", "a/x.c"});
  files.globs = {"b/"};
  found = find_names(access, kCall, files, true, run());
  REQUIRE(found);
  CHECK(paths(*found) == Paths{"b/"});
}

TEST_CASE("lines of big files by number, and the tail") {
  test::Scratch tree;
  std::string text;
  for (int i = 1; i <= 5000; ++i) text += "line " + std::to_string(i) + "\n";
  tree.write("f", text);
  test::FakeAccess access(tree.path());
  auto file = access.open(kCall, "f");
  REQUIRE(file);
  const auto size = static_cast<std::uint64_t>(file->status.st_size);
  LineIndex index;
  for (std::uint64_t line : {1ull, 2ull, 1024ull, 1025ull, 2049ull, 5000ull, 17ull}) {
    auto place = index.seek(file->fd, line, size);
    REQUIRE(place);
    REQUIRE(place->found);
    const std::string want = "line " + std::to_string(line) + "\n";
    CHECK(text.substr(place->offset, want.size()) == want);
  }
  auto past = index.seek(file->fd, 5001, size);
  REQUIRE(past);
  CHECK_FALSE(past->found);
  CHECK(past->line == 5000);
  CHECK(index.seek(file->fd, 90'000, size)->line == 5000);
  CHECK(index.total(size) == 5000);
  for (std::uint64_t count : {1ull, 2ull, 4999ull, 5000ull, 6000ull}) {
    auto tail = tail_place(file->fd, size, count);
    REQUIRE(tail);
    CHECK(tail->lines == std::min<std::uint64_t>(count, 5000));
    const std::string want = "line " + std::to_string(5000 - tail->lines + 1) + "\n";
    CHECK(text.substr(tail->offset, want.size()) == want);
  }
  tree.write("open", "a\nb");
  auto open_end = access.open(kCall, "open");
  auto tail = tail_place(open_end->fd, 3, 1);
  REQUIRE(tail);
  CHECK(tail->offset == 2);
}
