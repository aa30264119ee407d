#include "tests/search/generate.h"

#include <unistd.h>

namespace remit::test {

namespace {
const char* const kWords[] = {"error",  "warn",   "timeout", "user", "id",      "foo", "bar",
                              "foobar", "Kernel", "ERROR",   "x",    "a1",      "10",  "127.0.0.1",
                              "_",      "the",    "Test",    "tEsT", "db.query"};
const char* const kNames[] = {
    "a",        "b",     "src",     "build",        "x.c",       "y.h",       "app.log", "main.cpp",
    "Makefile", ".env",  ".hidden", "test.py",      "data.json", "README.md", "foo bar", "out.log",
    "keep.log", "a.txt", "b.txt",   "node_modules", "[odd]",     "z.rs"};
}  // namespace

std::string Generator::name() {
  return any(kNames);
}
std::string Generator::literal() {
  return any(kWords);
}

std::string Generator::text() {
  std::string out;
  if (chance(12)) return out;
  if (chance(12)) out += "\xef\xbb\xbf";
  const std::string end = chance(6) ? "\r\n" : "\n";
  const unsigned lines = chance(60) ? 30'000 : below(30);
  for (unsigned i = 0; i < lines; ++i) {
    const unsigned words = below(7);
    for (unsigned w = 0; w < words; ++w) {
      out += any(kWords);
      out += chance(8) ? "  " : chance(9) ? "=" : " ";
    }
    if (chance(300)) out += std::string(70'000, 'y');
    out += end;
  }
  if (chance(4) && !out.empty()) out.pop_back();
  if (with_nul_ && chance(8)) {
    const std::size_t places[] = {0, 1, 100, 8191, 8192, 65535, 65536};
    const std::size_t at = any(places);
    if (at < out.size()) out[at] = '\0';
  }
  return out;
}

std::string Generator::ignore_file() {
  static const char* const kLines[] = {
      "*.log",     "!keep.log",     "build/",    "/a",        "src/*.c", "**/b",
      "a/**",      "*.txt",         "!a.txt",    "# comment", "",        "node_modules",
      "\\[odd\\]", "[ab].txt",      ".env",      "/src/",     "x.?",     "*.{py,rs}",
      "!src/",     "**/src/**/y.h", "foo\\ bar", "out.log  "};
  std::string
      out;  // without a mark: ripgrep 13 reads it as part of the first line, later ones do not
  for (unsigned i = 0, n = 1 + below(4); i < n; ++i)
    out += std::string(any(kLines)) + (chance(8) ? "\r\n" : "\n");
  return out;
}

void Generator::directory(const Scratch& scratch, const std::string& prefix, int depth) {
  for (unsigned i = 0, n = 1 + below(7); i < n; ++i) {
    const std::string path = prefix + name();
    if (scratch.exists(path)) continue;
    if (depth > 0 && chance(3)) {
      directory(scratch, path + "/", depth - 1);
    } else {
      scratch.write(path, text());
    }
  }
  if (chance(3)) scratch.write(prefix + ".gitignore", ignore_file());
  if (chance(8)) scratch.write(prefix + ".ignore", ignore_file());
  if (chance(12)) scratch.write(prefix + ".rgignore", ignore_file());
  if (chance(8)) {
    scratch.write(prefix + ".git/HEAD", "ref: error\n");
    if (chance(2)) scratch.write(prefix + ".git/info/exclude", ignore_file());
  }
  if (chance(10) &&
      ::symlink(chance(2) ? ".." : "a", (scratch.path() + "/" + prefix + "link").c_str()) != 0)
    return;
}

void Generator::tree(const Scratch& scratch) {
  if (chance(2)) scratch.write(".git/HEAD", "ref: error\n");
  directory(scratch, "", 3);
}

std::string Generator::pattern() {
  static const char* const kPatterns[] = {"\\berror\\b",  "foo|bar|timeout",
                                          "^error",       "error$",
                                          "^$",           "[A-Z]{3,}",
                                          "\\d+\\.\\d+",  "user\\s*=",
                                          "(foo)+",       "f.o",
                                          "x*",           "\\w+=\\w+",
                                          "[^ ]+timeout", "(?i)kernel",
                                          "^\\s*$",       "e(rr|xx)or",
                                          "a1.*x",        "\\bthe\\b.*\\bid\\b",
                                          "10|127",       "(error|warn|timeout|user|id|foo)",
                                          "T[eE]s[tT]",   "q?db\\.query",
                                          "foo$|^bar",    "\\s\\s",
                                          "[0-9]+$",      "\\.0\\."};
  if (chance(3)) return literal();
  return any(kPatterns);
}

std::string Generator::glob() {
  static const char* const kGlobs[] = {
      "*.c",    "*.log", "!*.log", "src/**", "**/a/*",   "*.{c,h}",  "/a/**",   "?.c",  "[a-m]*",
      "!build", "Make*", "*",      "a",      "**/*.txt", "!**/b/**", "src/*.c", "*.md", ".*"};
  return any(kGlobs);
}

std::string Generator::type() {
  static const char* const kTypes[] = {"c", "cpp", "py", "json", "log", "md", "make", "rust"};
  return any(kTypes);
}

}  // namespace remit::test
