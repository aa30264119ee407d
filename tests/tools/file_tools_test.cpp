// Over 400 lines because the five tools are tested through one bench, as an agent uses them
// together.
#include "tools/file_tools.h"

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "tests/tools/fake_access.h"

using namespace remit;
using namespace remit::tools;

namespace {

class NoAsker : public Asker {
 public:
  bool available() const override { return false; }
  Result<Answer> ask(const policy::Question&, std::stop_token) override {
    return fail(ErrorKind::unavailable, "nobody to ask");
  }
};
class NoProgress : public Progress {
 public:
  void report(double, std::optional<double>, std::string) override {}
};

// One persona's tools over a temporary directory.
struct Bench {
  test::Scratch tree;
  test::FakeAccess access{tree.path()};
  std::shared_ptr<FileMemory> memory = std::make_shared<FileMemory>();
  NoAsker asker;
  NoProgress progress;
  std::size_t page_chars = limits::kPageChars;
  Tool read = make_read(memory), grep = make_grep(), glob = make_glob(), write = make_write(memory),
       edit = make_edit(memory);

  Result<Reply> run(const Tool& tool, const Json& arguments) {
    Call call{{"id", tool.name}, access, asker, progress, {}, page_chars};
    return tool.run(arguments, call);
  }
  // The reply of a call that must succeed.
  Reply ok(const Tool& tool, const Json& arguments) {
    auto reply = run(tool, arguments);
    if (!reply) FAIL(tool.name << ": " << reply.error().message << " " << reply.error().where);
    return *reply;
  }
  Error no(const Tool& tool, const Json& arguments) {
    auto reply = run(tool, arguments);
    if (reply) FAIL(tool.name << " succeeded: " << reply->text);
    return reply.error();
  }
};
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("schemas are small, exact and annotated") {
  Bench bench;
  for (const Tool* tool : {&bench.read, &bench.grep, &bench.glob, &bench.write, &bench.edit}) {
    const std::size_t size = dump(*tool->input_schema).size() + tool->description.size();
    CAPTURE(tool->name);
    CAPTURE(size);
    CHECK(size <= (tool->name == "Grep" ? 2600u : 1600u));
    CHECK(tool->output == Output::text_first);
  }
  CHECK(bench.no(bench.read, {{"file_path", "a"}, {"lines", 3}}).where == "/lines");
  CHECK(bench.no(bench.grep, {{"pattern", "a"}, {"head_limit", -1}}).where == "/head_limit");
  CHECK(bench.no(bench.grep, {{"pattern", "a"}, {"-C", limits::kContextLines + 1}}).where == "/-C");
  CHECK(bench.no(bench.glob, {{"pattern", "*"}, {"limit", limits::kGlobLimitMax + 1}}).where ==
        "/limit");
  CHECK(bench.no(bench.grep, {{"pattern", "("}}).where == "/pattern");
}

TEST_CASE("Read: lines, ranges, tails, ends") {
  Bench bench;
  bench.tree.write("f", "one\ntwo\nthree\n");
  Reply all = bench.ok(bench.read, {{"file_path", "f"}});
  CHECK(all.text.starts_with("1\tone\n2\ttwo\n3\tthree\n[lines 1-3 of 3; 14 bytes; version="));
  CHECK((*all.structured)["lineEnding"] == "lf");
  CHECK(bench.ok(bench.read, {{"file_path", "f"}, {"offset", 2}, {"limit", 1}})
            .text.starts_with("[truncated: lines 2-2 shown; continue with offset=3]\n2\ttwo\n"));
  CHECK(bench.ok(bench.read, {{"file_path", "f"}, {"offset", -1}}).text.starts_with("3\tthree\n"));
  CHECK(bench.ok(bench.read, {{"file_path", "f"}, {"offset", -99}}).text.starts_with("1\tone\n"));
  CHECK(has(bench.ok(bench.read, {{"file_path", "f"}, {"offset", 400}}).text,
            "file has 3 lines; offset 400 is past the end"));
  bench.tree.write("empty", "");
  CHECK(has(bench.ok(bench.read, {{"file_path", "empty"}}).text, "(empty file)"));
  bench.tree.write("open", "a\r\nb");
  Reply open = bench.ok(bench.read, {{"file_path", "open"}});
  CHECK(has(open.text, "no newline at the end"));
  CHECK(has(open.text, "line ends crlf"));
  CHECK(has(open.text, "1\ta\n2\tb\n"));
}

TEST_CASE("Read: limits of lines and pages, long lines by column") {
  Bench bench;
  CHECK(bench.no(bench.read, {{"file_path", "f"}, {"limit", limits::kReadLinesMax + 1}}).where ==
        "/limit");
  std::string text;
  for (int i = 1; i <= 3000; ++i) text += "line " + std::to_string(i) + "\n";
  bench.tree.write("f", text);
  // Pages joined are the file.
  std::uint64_t next = 1;
  std::string joined;
  int pages = 0;
  while (next != 0 && pages++ < 100) {
    Reply page = bench.ok(bench.read, {{"file_path", "f"}, {"offset", next}});
    CHECK(count_chars(page.text) <= limits::kPageChars);
    for (const std::string_view line : split(page.text, '\n')) {
      if (!line.starts_with('[')) joined += std::string(line.substr(line.find('\t') + 1)) + "\n";
    }
    next = page.structured->contains("nextOffset")
               ? (*page.structured)["nextOffset"].get<std::uint64_t>()
               : 0;
  }
  CHECK(joined == text);
  bench.page_chars = limits::kPageCharsMax;
  Reply limited = bench.ok(bench.read, {{"file_path", "f"}});
  CHECK((*limited.structured)["numLines"] == limits::kReadLinesDefault);
  bench.page_chars = limits::kPageChars;

  bench.tree.write("at", std::string(limits::kLineShown, 'x') + "\n");
  CHECK_FALSE(has(bench.ok(bench.read, {{"file_path", "at"}}).text, "column="));
  std::string longer;
  for (std::size_t i = 0; i < 30'000; ++i) longer += static_cast<char>('a' + i % 26);
  bench.tree.write("long", longer + "\n");
  CHECK(has(bench.ok(bench.read, {{"file_path", "long"}}).text,
            "… [line 1: 30,000 bytes; continue with offset=1, limit=1, column=2001]"));
  std::string whole;
  std::size_t column = 1;
  for (int i = 0; i < 20 && whole.size() < longer.size(); ++i) {
    Reply part = bench.ok(
        bench.read, {{"file_path", "long"}, {"limit", 1}, {"column", column == 1 ? 2 : column}});
    std::string line = part.text.substr(2, part.text.find('\n') - 2);
    if (column == 1) line = "a" + line;
    whole += line;
    column = whole.size() + 1;
  }
  CHECK(whole == longer);
  CHECK(bench.no(bench.read, {{"file_path", "long"}, {"column", 5}}).where == "/column");
}

TEST_CASE("Read: encodings, binary, images, notebooks, missing") {
  Bench bench;
  bench.tree.write("u16", std::string("\xff\xfeh\0i\0\n\0", 8));
  Reply wide = bench.ok(bench.read, {{"file_path", "u16"}});
  CHECK(has(wide.text, "1\thi\n"));
  CHECK((*wide.structured)["encoding"] == "utf-16le");
  bench.tree.write("latin", "caf\xe9 \x80\n");
  Reply latin = bench.ok(bench.read, {{"file_path", "latin"}});
  CHECK(has(latin.text, "café €"));
  CHECK(has(latin.text, "windows-1252 (guessed)"));
  bench.tree.write("bin", std::string("\x7f"
                                      "ELF\0\1\2",
                                      7));
  Reply binary = bench.ok(bench.read, {{"file_path", "bin"}});
  CHECK(has(binary.text, "binary file, application/x-elf"));
  CHECK((*binary.structured)["kind"] == "binary");
  const std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x20", 24);
  bench.tree.write("p.txt", png);
  Reply image = bench.ok(bench.read, {{"file_path", "p.txt"}});
  REQUIRE(image.image);
  CHECK(image.image->media_type == "image/png");
  CHECK(has(image.text, "16 x 32 pixels"));
  std::string large = png + std::string(limits::kImageBytes - png.size(), 'x');
  bench.tree.write("big.png", large);
  CHECK(bench.ok(bench.read, {{"file_path", "big.png"}}).image);
  bench.tree.write("big.png", large + "x");
  CHECK(bench.no(bench.read, {{"file_path", "big.png"}}).kind == ErrorKind::too_large);
  bench.tree.write(
      "n.ipynb",
      R"({"cells":[{"cell_type":"code","source":["a=1\n","a"],"outputs":[{"output_type":"stream","text":"out"}]}]})");
  CHECK(has(bench.ok(bench.read, {{"file_path", "n.ipynb"}}).text,
            "--- cell 1 (code)\na=1\na\n--- output\nout"));
  CHECK(has(bench.ok(bench.read, {{"file_path", "n.ipynb"}, {"raw", true}}).text, "\"cell_type\""));
  bench.tree.write("d/config.yaml", "x");
  bench.tree.write("d/secret.yaml", "x");
  bench.access.hidden.insert("secret.yaml");
  const Error missing = bench.no(bench.read, {{"file_path", "d/confg.yaml"}});
  CHECK(missing.kind == ErrorKind::not_found);
  CHECK(has(missing.message, "d/config.yaml"));
  CHECK_FALSE(has(bench.no(bench.read, {{"file_path", "d/secrt.yaml"}}).message, "secret.yaml"));
  CHECK(bench.no(bench.read, {{"file_path", "d"}}).kind == ErrorKind::invalid_argument);
  CHECK(mkfifo((bench.tree.path() + "/fifo").c_str(), 0600) == 0);
  CHECK(bench.no(bench.read, {{"file_path", "fifo"}}).kind == ErrorKind::invalid_argument);
}

TEST_CASE("Read: a big file by number and from its end") {
  Bench bench;
  std::string text;
  int lines = 0;
  while (text.size() <= limits::kVersionHashBytes)
    text += "this is line number " + std::to_string(++lines) + "\n";
  bench.tree.write("log", text);
  Reply middle = bench.ok(bench.read, {{"file_path", "log"}, {"offset", 150'000}, {"limit", 2}});
  CHECK(
      has(middle.text, "150000\tthis is line number 150000\n150001\tthis is line number 150001\n"));
  CHECK((*middle.structured)["totalLinesIsExact"] == false);
  Reply tail = bench.ok(bench.read, {{"file_path", "log"}, {"offset", -2}});
  CHECK(has(tail.text, "this is line number " + std::to_string(lines)));
  CHECK(has(tail.text, "the last 2 lines"));
  CHECK(has(bench.ok(bench.read, {{"file_path", "log"}, {"offset", 9'000'000}}).text,
            "file has " + with_commas(static_cast<std::uint64_t>(lines)) + " lines"));
  CHECK((*tail.structured)["version"].get<std::string>().starts_with("id:"));
}

TEST_CASE("Grep: modes, pages that join to the whole, cursors") {
  Bench bench;
  for (int i = 0; i < 40; ++i) {
    bench.tree.write("f" + std::to_string(i), "needle a\nother\nneedle b needle\n", 1000 + i);
  }
  Reply files = bench.ok(bench.grep, {{"pattern", "needle"}});
  CHECK(files.text.starts_with("f39\nf38\n"));
  CHECK((*files.structured)["totalFiles"] == 40);
  Reply count =
      bench.ok(bench.grep, {{"pattern", "needle"}, {"output_mode", "count"}, {"head_limit", 1}});
  CHECK(has(count.text, "f39:2\n"));
  CHECK(count.text.starts_with("[truncated: 1 of 40 files"));
  CHECK((*count.structured)["totalMatches"] == 80);
  Reply content =
      bench.ok(bench.grep, {{"pattern", "needle"}, {"output_mode", "content"}, {"head_limit", 0}});
  CHECK(content.text.starts_with("f39:1:needle a\nf39:3:needle b needle\nf38:1:"));
  CHECK((*content.structured)["numLines"] == 80);
  CHECK(has(bench
                .ok(bench.grep,
                    {{"pattern", "needle"}, {"output_mode", "content"}, {"-C", 1}, {"path", "f0"}})
                .text,
            "f0:1:needle a\nf0-2-other\nf0:3:"));
  Reply parts = bench.ok(bench.grep, {{"pattern", "needle"},
                                      {"output_mode", "content"},
                                      {"-o", true},
                                      {"path", "f0"},
                                      {"-n", false}});
  CHECK(parts.text.starts_with("f0:needle\nf0:needle\nf0:needle\n[3 of 3 matches in 1 files"));

  for (const char* mode : {"content", "files_with_matches", "count"}) {
    for (const bool by_cursor : {true, false}) {
      CAPTURE(mode);
      const Json base{
          {"pattern", "needle"}, {"output_mode", mode}, {"-o", true}, {"head_limit", 7}};
      Json whole = base;
      whole["head_limit"] = 0;
      std::vector<std::string> want, got;
      const auto collect = [](const Reply& reply, std::vector<std::string>& to) {
        for (const std::string_view line : split(reply.text, '\n')) {
          if (!line.starts_with('[')) to.emplace_back(line);
        }
      };
      collect(bench.ok(bench.grep, whole), want);
      Json next = base;
      for (int i = 0; i < 50; ++i) {
        Reply page = bench.ok(bench.grep, next);
        collect(page, got);
        if (!(*page.structured)["truncated"].get<bool>()) break;
        if (by_cursor) {
          next["cursor"] = (*page.structured)["cursor"];
        } else {
          next["offset"] = (*page.structured)["nextOffset"];
        }
      }
      CHECK(got == want);
    }
  }
  Json paged{{"pattern", "needle"}, {"head_limit", 5}};
  Reply first = bench.ok(bench.grep, paged);
  paged["cursor"] = (*first.structured)["cursor"];
  bench.tree.write("f99", "needle", 5000);
  Reply second = bench.ok(bench.grep, paged);
  CHECK((*second.structured)["changedSinceFirstPage"] == true);
  CHECK(has(second.text, "f34\n"));
  paged["pattern"] = "other";
  CHECK(bench.no(bench.grep, paged).where == "/cursor");
  paged["cursor"] = "garbage";
  CHECK(bench.no(bench.grep, paged).where == "/cursor");
}

TEST_CASE("Grep: what was not found is said exactly; the page budget holds") {
  Bench bench;
  bench.tree.write(".git/HEAD", "x");
  bench.tree.write(".gitignore", "app.log\n");
  bench.tree.write("app.log", "needle");
  bench.tree.write("x.txt", "y");
  Reply none = bench.ok(bench.grep, {{"pattern", "needle"}});
  CHECK(none.text.starts_with("no matches in 2 files\n"));
  CHECK(has(none.text, "app.log"));
  CHECK(has(none.text, "no_ignore: true"));
  CHECK(has(bench.ok(bench.grep, {{"pattern", "needle"}, {"no_ignore", true}}).text, "app.log\n"));
  std::string many;
  for (int i = 0; i < 2000; ++i)
    many += "a match on a line that takes some room " + std::to_string(i) + "\n";
  bench.tree.write("many", many);
  Reply page =
      bench.ok(bench.grep, {{"pattern", "match"}, {"output_mode", "content"}, {"head_limit", 0}});
  CHECK(count_chars(page.text) <= limits::kPageChars);
  CHECK((*page.structured)["truncated"] == true);
  CHECK(page.text.starts_with("[truncated: "));
  CHECK(page.text.ends_with("]"));
  CHECK(bench.no(bench.grep, {{"pattern", "x"}, {"path", "nope"}}).kind == ErrorKind::not_found);
}

TEST_CASE("Glob: order, absolute patterns, existence, pages") {
  Bench bench;
  for (int i = 0; i < 120; ++i) bench.tree.write("d/" + std::to_string(i) + ".c", "", 1000 + i);
  bench.tree.write(".gitignore", "*.o\n");
  bench.tree.write(".git/HEAD", "");
  bench.tree.write("x.o", "");
  Reply first = bench.ok(bench.glob, {{"pattern", "**/*.c"}});
  CHECK((*first.structured)["numFiles"] == limits::kGlobLimit);
  CHECK((*first.structured)["totalMatches"] == 120);
  CHECK((*first.structured)["filenames"][0] == "d/119.c");
  Reply rest =
      bench.ok(bench.glob, {{"pattern", "**/*.c"}, {"cursor", (*first.structured)["cursor"]}});
  CHECK((*rest.structured)["numFiles"] == 20);
  CHECK((*rest.structured)["filenames"][0] == "d/19.c");
  CHECK((*bench.ok(bench.glob, {{"pattern", bench.tree.path() + "/d/1?.c"}})
              .structured)["numFiles"] == 10);
  CHECK((*bench.ok(bench.glob, {{"pattern", "*.o"}}).structured)["numFiles"] == 1);
  CHECK((*bench.ok(bench.glob, {{"pattern", "x.o"}}).structured)["numFiles"] == 1);
  CHECK((*bench.ok(bench.glob, {{"pattern", "d/"}}).structured)["filenames"][0] == "d/");
  CHECK(has(bench.ok(bench.glob, {{"pattern", "*.zig"}}).text, "no files match"));
  CHECK(bench.no(bench.glob, {{"pattern", "[a"}}).where == "/pattern");
}

TEST_CASE("Write: read first, stale by content, encoding kept") {
  Bench bench;
  Reply created = bench.ok(bench.write, {{"file_path", "new/dir/f"}, {"content", "one\n"}});
  CHECK((*created.structured)["type"] == "create");
  CHECK(bench.tree.read("new/dir/f") == "one\n");
  // Its own version counts as read.
  Reply again = bench.ok(bench.write, {{"file_path", "new/dir/f"}, {"content", "two\n"}});
  CHECK(has(again.text, "-one\n+two"));
  bench.tree.write("other", "a\n");
  CHECK(bench.no(bench.write, {{"file_path", "other"}, {"content", "b"}}).code == "not_read");
  bench.ok(bench.read, {{"file_path", "other"}});
  // Rewritten with the same bytes: not stale.
  bench.tree.write("other", "a\n", 5);
  bench.ok(bench.write, {{"file_path", "other"}, {"content", "b\n"}});
  bench.tree.write("other", "c\n");
  const Error stale = bench.no(bench.write, {{"file_path", "other"}, {"content", "d\n"}});
  CHECK(stale.kind == ErrorKind::conflict);
  CHECK(has(stale.message, "-b\n+c"));
  // The whole difference was shown: that was a read.
  bench.ok(bench.write, {{"file_path", "other"}, {"content", "d\n"}});
  CHECK(bench.tree.read("other") == "d\n");
  CHECK(bench.no(bench.write, {{"file_path", "other"}, {"content", "e"}, {"if_version", "0000"}})
            .where == "/if_version");

  bench.tree.write("u16", std::string("\xff\xfeh\0\n\0", 6));
  bench.ok(bench.read, {{"file_path", "u16"}});
  bench.ok(bench.write, {{"file_path", "u16"}, {"content", "y\n"}});
  CHECK(bench.tree.read("u16") == std::string("\xff\xfey\0\n\0", 6));
  bench.tree.write("latin", "\xe9\n");
  bench.ok(bench.read, {{"file_path", "latin"}});
  const std::size_t before = bench.access.replaced;
  const Error lacks =
      bench.no(bench.write, {{"file_path", "latin"}, {"content", "\xe6\xbc\xa2\n"}});
  CHECK(has(lacks.message, "\xe6\xbc\xa2"));
  CHECK(bench.access.replaced == before);
  bench.tree.write("crlf", "a\r\nb\r\n");
  bench.ok(bench.read, {{"file_path", "crlf"}});
  CHECK(has(bench.ok(bench.write, {{"file_path", "crlf"}, {"content", "a\nb\n"}}).text,
            "line ends changed from crlf to lf"));
  bench.access.hidden.insert("latin");
  CHECK(bench.no(bench.write, {{"file_path", "latin"}, {"content", "x"}}).kind ==
        ErrorKind::denied);
}

TEST_CASE("Edit: bytes outside the range stay; errors say why") {
  Bench bench;
  const std::string original = std::string("\xef\xbb\xbf") + "a\r\nb \xff\xfe\r\nc\r\n";
  bench.tree.write("mix",
                   "\xef\xbb\xbf"
                   "one\r\ntwo\r\nthree\r\n");
  bench.ok(bench.read, {{"file_path", "mix"}});
  Reply reply = bench.ok(
      bench.edit, {{"file_path", "mix"}, {"old_string", "one\ntwo"}, {"new_string", "1\n2"}});
  CHECK(bench.tree.read("mix") ==
        "\xef\xbb\xbf"
        "1\r\n2\r\nthree\r\n");
  CHECK((*reply.structured)["replacements"] == 1);
  bench.tree.write("u16", std::string("\xff\xfe"
                                      "a\0\x61\x61\n\0"
                                      "a\0",
                                      10));
  bench.ok(bench.read, {{"file_path", "u16"}});
  bench.ok(
      bench.edit,
      {{"file_path", "u16"}, {"old_string", "a"}, {"new_string", "zz"}, {"replace_all", true}});
  CHECK(bench.tree.read("u16") == std::string("\xff\xfez\0z\0\x61\x61\n\0z\0z\0", 14));

  bench.tree.write("f", "x = 1\n\tif y:\nx = 1\n");
  bench.ok(bench.read, {{"file_path", "f"}});
  const Error many =
      bench.no(bench.edit, {{"file_path", "f"}, {"old_string", "x = 1"}, {"new_string", "x"}});
  CHECK(has(many.message, "occurs 2 times (lines 1, 3)"));
  const Error spaces =
      bench.no(bench.edit, {{"file_path", "f"}, {"old_string", "    if y:"}, {"new_string", "x"}});
  CHECK(has(spaces.message, "line 2 (indentation"));
  CHECK(has(
      bench
          .no(bench.edit,
              {{"file_path", "f"}, {"old_string", "[redacted:email:0123]"}, {"new_string", "x"}})
          .message,
      "redaction mask"));
  CHECK(
      bench.no(bench.edit, {{"file_path", "f"}, {"old_string", "x"}, {"new_string", "x"}}).where ==
      "/new_string");
  CHECK(bench.no(bench.edit, {{"file_path", "f"}, {"old_string", ""}, {"new_string", "x"}}).where ==
        "/old_string");
  CHECK(bench.no(bench.edit, {{"file_path", "gone"}, {"old_string", "a"}, {"new_string", "x"}})
            .kind == ErrorKind::not_found);
  bench.ok(bench.edit, {{"file_path", "made"}, {"old_string", ""}, {"new_string", "hi\n"}});
  CHECK(bench.tree.read("made") == "hi\n");
  bench.tree.write("unread", "q");
  CHECK(bench.no(bench.edit, {{"file_path", "unread"}, {"old_string", "q"}, {"new_string", "x"}})
            .code == "not_read");
}

TEST_CASE("ReadVersions: a principal's shelf is its own, and bounded") {
  ReadVersions versions;
  policy::Principal a{"uid:1", "x", "i", "s"}, b = a;
  b.session = "t";
  policy::Location where{policy::Space::workspace, 0, "f", "f"};
  versions.record(a, where, "v", "bytes", true);
  CHECK(versions.find(a, where)->version == "v");
  CHECK_FALSE(versions.find(b, where));
  for (std::size_t i = 0; i < limits::kReadVersions - 1; ++i) {
    policy::Location other{policy::Space::workspace, 0, "g" + std::to_string(i), ""};
    versions.record(a, other, "v", "", true);
  }
  CHECK(versions.find(a, where));
  // find() made it the most recent: the next to go is g0.
  versions.record(a, {policy::Space::workspace, 0, "last", ""}, "v", "", true);
  CHECK(versions.find(a, where));
  CHECK_FALSE(versions.find(a, {policy::Space::workspace, 0, "g0", ""}));
}
