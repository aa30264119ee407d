// Source tests: rules of the house that a compiler does not check, over the real tree, and proof on
// small samples that each rule can fail.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <algorithm>

#include <doctest/doctest.h>

#include "tests/docs/access_only.h"
#include "tests/docs/include_direction.h"
#include "tests/docs/source_tree.h"
#include "tests/docs/tree_rules.h"

namespace remit::docs_test {
namespace {

const std::vector<SourceFile>& tree() {
  static const std::vector<SourceFile> files = read_tree(source_root());
  return files;
}

std::vector<SourceFile> product() {
  std::vector<SourceFile> files = cpp_files(tree());
  std::erase_if(files, [](const SourceFile& file) { return file.path.starts_with("tests/"); });
  return files;
}

void check_none(const std::vector<Finding>& findings) {
  INFO(to_text(findings));
  CHECK(findings.empty());
}

TEST_CASE("the tree was really read") {
  CHECK(tree().size() > 50);
  CHECK(product().size() > 20);
  CHECK(std::any_of(tree().begin(), tree().end(),
                    [](const SourceFile& file) { return file.path == "base/result.h"; }));
}

TEST_CASE("code_only blanks comments and literals and keeps positions") {
  const SourceFile file = sample("a.cpp",
                                 "int a = 10'000; // open(x)\n"
                                 "f(\"open(\\\"y\"); g('\\'');/* fork( */ h();\n"
                                 "auto r = R\"x(fork(\n)y\" fork( )x\"; k();\n");
  const std::vector<std::string> code = code_only(file.lines);
  CHECK(code[0].find("open") == std::string::npos);
  CHECK(code[0].find("10'000;") == 8);
  CHECK(code[1].find("open") == std::string::npos);
  CHECK(code[1].find("fork") == std::string::npos);
  CHECK(code[1].find("h();") == file.lines[1].find("h();"));
  CHECK(code[2].find("fork") == std::string::npos);
  CHECK(code[3].find("fork") == std::string::npos);
  CHECK(code[3].find("k();") != std::string::npos);
}

TEST_CASE("include direction: samples that must fail and pass") {
  const auto one = [](const char* path, const char* text) {
    const std::vector<SourceFile> files = {sample(path, text)};
    std::vector<SourceFile> all = files;
    for (const char* name :
         {"base/x.h", "memory/x.h", "policy/x.h", "tools/x.h", "tools/registry.h",
          "tools/search/x.h", "tools/sandbox/x.h", "server/x.h", "base/json.h"}) {
      all.push_back(sample(name, ""));
    }
    return check_includes(files, all);
  };
  CHECK(one("base/a.cpp", "#include \"memory/x.h\"\n").size() == 1);
  CHECK(one("memory/a.cpp", "#include \"policy/x.h\"\n").size() == 1);
  CHECK(one("policy/a.cpp", "#include \"tools/x.h\"\n").size() == 1);
  CHECK(one("tools/a.cpp", "\n#  include \"server/x.h\"\n").at(0).line == 2);
  CHECK(one("tools/search/a.cpp", "#include \"tools/sandbox/x.h\"\n").size() == 1);
  CHECK(one("tools/search/a.cpp", "#include \"tools/x.h\"\n").size() == 1);
  CHECK(one("server/mcp/a.cpp", "#include \"tools/x.h\"\n").size() == 1);
  CHECK(one("server/mcp/a.cpp", "#include \"tools/registry.h\"\n").empty());
  CHECK(one("tools/a.cpp", "#include \"tools/search/x.h\"\n").empty());
  CHECK(one("base/a.cpp", "#include \"x.h\"\n").size() == 1);
  CHECK(one("base/a.cpp", "#include <base/x.h>\n").size() == 1);
  CHECK(one("base/a.cpp", "#include <regex>\n").size() == 1);
  CHECK(one("tools/a.cpp", "#include <iostream>\n").size() == 1);
  CHECK(one("tools/a.cpp", "#include <re2/re2.h>\n").size() == 1);
  CHECK(one("tools/search/pattern.cpp", "#include <re2/re2.h>\n").empty());
  CHECK(one("policy/a.h", "#include \"base/json.h\"\n").size() == 1);
  CHECK(one("policy/a.cpp", "#include \"base/json.h\"\n").empty());
  CHECK(one("policy/a.h", "#include <ranges>\n").size() == 1);
  CHECK(one("policy/a.h", "// #include \"server/x.h\"\n#include <vector>\n").empty());
  CHECK(one("elsewhere/a.h", "#include \"base/x.h\"\n").size() == 1);
}

TEST_CASE("include direction: the tree") {
  check_none(check_includes(cpp_files(tree()), tree()));
}

TEST_CASE("access only: samples that must fail and pass") {
  const auto count = [](const char* text) {
    return check_access_only({sample("tools/a.cpp", text)}).size();
  };
  CHECK(count("int fd = ::open(path, O_RDONLY);\n") == 1);
  CHECK(count("int fd = open(path, O_RDONLY);\n") == 1);
  CHECK(count("return open (path, 0);\n") == 1);
  CHECK(count("if ((fd = openat(a, b, 0)) < 0) {\n") == 1);
  CHECK(count("std::ofstream out(path);\n") == 1);
  CHECK(count("std::rename(a, b);\n") == 1);
  CHECK(count("for (auto& e : std::filesystem::directory_iterator(p)) {}\n") == 1);
  CHECK(count("syscall(SYS_openat2, 1);\n") == 1);
  CHECK(count("pid_t p = fork(); ::execve(a, b, c);\n") == 2);
  CHECK(count("auto file = access.open(call, path);\n") == 0);
  CHECK(count("auto file = access->open(call, path);\n") == 0);
  CHECK(count("Result<OpenFile> open(const CallScope& call);\n") == 0);
  CHECK(count("Fd open(std::string_view path);\n") == 0);
  CHECK(count("Result<Fd> Hands::connect(const CallScope& c) {\n") == 0);
  CHECK(count("return open(Json::value_t::object);\n") == 0);
  CHECK(count("return open(at(1, 2),\n") == 1);
  CHECK(count("reopen(fd); bool open = true; // open(x)\n") == 0);
  CHECK(count("say(\"open(x)\");\n") == 0);
  CHECK(check_access_only({sample("base/fs.cpp", "::open(p, 0);\n")}).empty());
}

TEST_CASE("access only: the tree") {
  check_none(check_access_only(product()));
}

TEST_CASE("access only: no permit is wider than its use") {
  check_none(check_table_is_used(product()));
}

TEST_CASE("length: a long file needs its reason at the top") {
  std::string text = "// Purpose.\n";
  for (int i = 0; i < 399; ++i) text += "int x;\n";
  CHECK(check_length({sample("a.cpp", text)}).empty());
  text += "int y;\n";
  CHECK(check_length({sample("a.cpp", text)}).size() == 1);
  CHECK(check_length({sample("a.cpp", "// Over 400 lines because it is one table.\n" + text)})
            .empty());
}

TEST_CASE("length: the product") {
  check_none(check_length(product()));
}

TEST_CASE("module READMEs: samples that must fail and pass") {
  const SourceFile code = sample("tools/x/thing.cpp", "");
  const std::string text =
      "What it is May include Threads Fails with Files How to add one\n- `thing` does\n";
  CHECK(check_module_readmes({code}).size() == 1);
  CHECK(check_module_readmes({code, sample("tools/x/README.md", text)}).empty());
  CHECK(check_module_readmes({code, sample("tools/README.md", text)}).empty());
  CHECK(check_module_readmes({code, sample("tools/x/README.md", "What it is\nthing\n")}).size() ==
        5);
  CHECK(check_module_readmes({sample("tools/x/other.h", ""), sample("tools/README.md", text)})
            .size() == 1);
  CHECK(check_module_readmes({sample("tools/README.md", text + std::string(40, '\n'))}).size() ==
        1);
}

TEST_CASE("module READMEs: the tree") {
  check_none(check_module_readmes(tree()));
}

TEST_CASE("words: samples that must fail and pass") {
  const std::string unfinished = std::string("// TO") + "DO later\n";
  CHECK(check_words({sample("a.cpp", unfinished)}).size() == 1);
  CHECK(check_words({sample("a.md", std::string("cd /wo") + "rk/main\n")}).size() == 1);
  CHECK(check_words({sample("a.md", "tools: TodoWrite; mkdtemp(\"/tmp/XXXXXX\")\n")}).empty());
}

TEST_CASE("words: the tree") {
  check_none(check_words(tree()));
}

}  // namespace
}  // namespace remit::docs_test
