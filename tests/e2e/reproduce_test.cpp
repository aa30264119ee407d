// The profile `reproduce` does what it is for: a program is compiled in a slot and its tests run,
// one of them fails as the report of a fault would have it, and what the run wrote is applied. What
// the default profile is too narrow for has room, and the layer lies on disk.
#include <doctest/doctest.h>

#include "tests/e2e/served.h"

namespace remit::e2e {
namespace {

struct Workshop : House {
  Workshop() { use("reproduce"); }
  void use(const std::string& profile, const std::string& apply = "as_write") const {
    std::ofstream(path + "/technical-support-engineer.manifest.yaml")
        << "version: 1\nbash: {profile: " << profile << ", apply: " << apply << "}\n";
  }
  // One command by the operator's own hand, as JSON.
  Json bash(const std::string& command) const {
    put("../arguments", dump(Json{{"command", command}, {"timeout", 300'000}}));
    const std::string out = path + "/result";
    shell("'" + variable("REMIT_BINARY") + "' call '" + persona + "' Bash \"$(cat '" + path +
          "/arguments')\" --yes --json --workspace '" + workspace + "' --state '" + path +
          "/state' --instruction inst_20260110_001 > '" + out + "' 2>'" + out + ".err' </dev/null");
    const auto answer = parse_json(slurp(out));
    REQUIRE_MESSAGE(answer, slurp(out) << slurp(out + ".err"));
    return *answer;
  }
};

}  // namespace

TEST_CASE("a program is built and its tests run in the profile for that") {
  const Workshop house;
  house.put("src/median.h",
            "#pragma once\n#include <vector>\nint median(std::vector<int> values);\n");
  house.put("src/median.cpp",
            "#include \"median.h\"\n#include <algorithm>\n"
            "int median(std::vector<int> values) {\n"
            "  std::sort(values.begin(), values.end());\n"
            "  return values[values.size() / 2];\n}\n");
  house.put("src/test.cpp",
            "#include \"median.h\"\n#include <cstdio>\n"
            "int main() {\n"
            "  const int odd = median({3, 1, 2}), even = median({4, 1, 2, 3});\n"
            "  std::printf(\"odd %d\\neven %d\\n\", odd, even);\n"
            "  return odd == 2 && even == 2 ? 0 : 1;\n}\n");
  house.put(
      "check.sh",
      "set -e\nmkdir -p out\nfor f in median test; do g++ -O0 -c src/$f.cpp -o out/$f.o; done\n"
      "g++ -o out/test out/*.o\nif out/test > report.txt; then echo passed; else echo FAILED; "
      "fi\n");
  const Json ran = house.bash("bash check.sh");
  CHECK_MESSAGE(ran["exit_code"] == 0, dump(ran));
  CHECK(has(ran["stdout"].get<std::string>(), "FAILED"));
  CHECK(slurp(house.workspace + "/report.txt") == "odd 2\neven 3\n");
  CHECK(files::exists(house.workspace + "/out/test"));
  CHECK(has(dump(ran["sandbox"]), "layer_on_disk"));
}

TEST_CASE("the profile has the room that the default one has not") {
  const Workshop house;
  const std::string large = "head -c 100000000 /dev/zero > big && echo whole";
  house.use("default", "never");
  const Json narrow = house.bash(large);
  CHECK_MESSAGE(narrow.value("limit", "") == "fsize", dump(narrow));
  house.use("reproduce", "never");
  const Json wide = house.bash(large);
  CHECK_MESSAGE(wide.value("stdout", "") == "whole\n", dump(wide));
  CHECK_FALSE(files::exists(house.workspace + "/big"));  // apply: never
  CHECK(has(dump(wide["changes"]), "big"));
}

}  // namespace remit::e2e
