// What tool() makes of a declaration: the result is held to its own schema in every build.
#include "tools/tool_builder.h"

#include <doctest/doctest.h>

#include "tests/tools/fake_access.h"

using namespace remit;

namespace {

struct Asked {
  std::int64_t grade = 0;
};
struct Graded {
  std::vector<Asked> grades;
};

}  // namespace

template <>
struct remit::Fields<Asked> {
  static constexpr auto list =
      std::tuple{required("grade", &Asked::grade, "", {.minimum = 0, .maximum = 10})};
};
template <>
struct remit::Fields<Graded> {
  static constexpr auto list = std::tuple{required("grades", &Graded::grades, "")};
};

namespace {

struct NoAsker : tools::Asker {
  bool available() const override { return false; }
  Result<Answer> ask(const policy::Question&, std::stop_token) override { return Answer{}; }
};
struct NoProgress : tools::Progress {
  void report(double, std::optional<double>, std::string) override {}
};

// Answers one more than it was asked for.
Result<tools::Reply> one_more(std::int64_t grade) {
  const tools::Tool made = tools::tool<Asked, Graded>(
      {.name = "grade", .title = "", .description = "", .annotations = {}},
      [](const Asked& args, tools::Call&) {
        return Result<tools::Outcome<Graded>>(
            {Graded{{{0}, {args.grade + 1}}}, "graded", std::nullopt});
      });
  const test::Scratch scratch;
  test::FakeAccess access(scratch.path());
  NoAsker asker;
  NoProgress progress;
  tools::Call call{{"01HZZZZZZZZZZZZZZZZZZZZZZZ", "grade"}, access, asker, progress, {}, 10'000};
  return made.run({{"grade", grade}}, call);
}

}  // namespace

TEST_CASE("a result that does not fit its declaration is a bug of ours, told with its pointer") {
  const auto fits = one_more(9);
  REQUIRE(fits);
  CHECK((*fits->structured)["grades"][1]["grade"] == 10);
  const auto beyond = one_more(10);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().kind == ErrorKind::internal);
  CHECK(beyond.error().where == "/grades/1/grade");
}
