#include "tools/search_commands.h"

#include <cstdlib>

#include <doctest/doctest.h>

#include "tests/tools/fake_access.h"

using namespace remit;

namespace {

struct Ran {
  int code = -1;
  std::string out, err;
};

Ran run(int (*command)(policy::Access&, const std::vector<std::string>&, std::FILE*, std::FILE*),
        policy::Access& access, const std::vector<std::string>& arguments) {
  Ran ran;
  char *out = nullptr, *err = nullptr;
  std::size_t out_size = 0, err_size = 0;
  std::FILE* out_file = open_memstream(&out, &out_size);
  std::FILE* err_file = open_memstream(&err, &err_size);
  ran.code = command(access, arguments, out_file, err_file);
  std::fclose(out_file);
  std::fclose(err_file);
  ran.out.assign(out, out_size);
  ran.err.assign(err, err_size);
  std::free(out);
  std::free(err);
  return ran;
}

}  // namespace

TEST_CASE("remit grep: flags, exit codes, json") {
  test::Scratch tree;
  tree.write("a.c", "one\nTwo\nthree\n", 100);
  tree.write("b.h", "two\n", 200);
  test::FakeAccess access(tree.path());
  const auto grep = [&](const std::vector<std::string>& arguments) {
    return run(tools::grep_command, access, arguments);
  };
  CHECK(grep({"-i", "two"}).out == "b.h:two\na.c:Two\n");
  CHECK(grep({"-in", "two", "a.c"}).out == "2:Two\n");
  CHECK(grep({"-l", "-g", "*.c", "o"}).out == "a.c\n");
  CHECK(grep({"-ci", "t"}).out == "b.h:1\na.c:2\n");
  CHECK(grep({"-th", "two"}).out == "b.h:two\n");
  CHECK(grep({"-n", "-C1", "Two"}).out == "a.c-1-one\na.c:2:Two\na.c-3-three\n");
  CHECK(grep({"--json", "two"}).out ==
        "{\"line\":1,\"match\":true,\"path\":\"b.h\",\"text\":\"two\"}\n");
  CHECK(grep({"-e", "-x"}).code == 1);
  CHECK(grep({"two"}).code == 0);
  CHECK(grep({"zzz"}).code == 1);
  CHECK(grep({}).code == 2);
  CHECK(grep({"-Z", "x"}).code == 2);
  CHECK(grep({"("}).code == 2);
  CHECK(grep({"-A", "101", "x"}).code == 2);
  CHECK(grep({"x", "missing"}).code == 3);
}

TEST_CASE("remit glob") {
  test::Scratch tree;
  tree.write("d/a.c", "", 100);
  tree.write("b.c", "", 200);
  test::FakeAccess access(tree.path());
  const auto glob = [&](const std::vector<std::string>& arguments) {
    return run(tools::glob_command, access, arguments);
  };
  CHECK(glob({"*.c"}).out == "b.c\nd/a.c\n");
  CHECK(glob({"*.c", "d"}).out == "d/a.c\n");
  CHECK(glob({"*.h"}).code == 1);
  CHECK(glob({"[a"}).code == 2);
  CHECK(glob({}).code == 2);
  CHECK(glob({"*.c", "missing"}).code == 3);
}
