// The encoding between the sandbox's processes: what goes in comes out, and hostile bytes are
// refused.
#include "tools/sandbox/plan.h"

#include <doctest/doctest.h>

#include "tools/sandbox/channel.h"

namespace remit::sandbox::test {

namespace {

policy::SpawnPlan sample() {
  policy::SpawnPlan plan;
  plan.call_id = "01J";
  plan.command = "echo 'a\nb'";
  plan.cwd = plan.view.workspace = "/srv/w";
  plan.environment = {{"PATH", "/usr/bin"}, {"EMPTY", ""}};
  plan.view.read_only_roots = {"/var/log"};
  plan.view.memory = "/srv/w/Agent_Memory";
  plan.view.memory_documents = {"a/b.yaml"};
  plan.view.masks = {".env"};
  plan.limits.file_bytes = 7;
  plan.authority.grant_key = "k";
  plan.authority.expires_unix_ms = -1;
  return plan;
}

}  // namespace

TEST_CASE("a plan survives the trip") {
  const std::string bytes = encode(sample());
  const auto back = decode_plan(bytes);
  REQUIRE(back);
  CHECK(encode(*back) == bytes);
  CHECK(back->environment == sample().environment);
  CHECK(check_plan(*back).has_value());
}

TEST_CASE("an outcome survives the trip") {
  RunResult result;
  result.outcome.exit_code = 3;
  result.outcome.pid = 4711;
  result.outcome.cgroup = "/sys/fs/cgroup/remit-1-2";
  result.outcome.changes.push_back(
      {"/w/f", policy::ChangeKind::symlink, 0777, 1, "h", std::string("\0", 1), "p"});
  result.outcome.lost = {"/w/p: a FIFO"};
  result.degraded = {"no_proc"};
  const std::string bytes = encode(result);
  const auto back = decode_result(bytes);
  REQUIRE(back);
  CHECK(encode(*back) == bytes);
  CHECK(back->outcome.changes[0].kind == policy::ChangeKind::symlink);
}

TEST_CASE("every cut and every flipped byte is refused or decodes, and never reads past the end") {
  const std::string bytes = encode(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_plan(std::string_view(bytes).substr(0, size)).has_value());
  CHECK_FALSE(decode_plan(bytes + "x").has_value());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x80);
    static_cast<void>(decode_plan(changed));
    static_cast<void>(decode_result(changed));
    static_cast<void>(decode_report(changed));
    static_cast<void>(decode_error(changed));
  }
}

TEST_CASE("memory that is not sealed is refused") {
  const auto sealed = sealed_memory("abc");
  REQUIRE(sealed);
  CHECK(read_sealed(*sealed, 3) == std::string("abc"));
  CHECK_FALSE(read_sealed(*sealed, 2).has_value());
  const auto pipe = make_pipe(0);
  REQUIRE(pipe);
  CHECK_FALSE(read_sealed(pipe->first, 3).has_value());
}

TEST_CASE("limits and commands at their bounds") {
  policy::SpawnPlan plan = sample();
  plan.command = std::string((128u << 10) - 1, 'x');
  CHECK(check_plan(plan).has_value());
  plan.command += 'x';
  CHECK_FALSE(check_plan(plan).has_value());
  plan = sample();
  plan.command = std::string("a\0b", 3);
  CHECK_FALSE(check_plan(plan).has_value());
  plan = sample();
  plan.environment["A=B"] = "x";
  CHECK_FALSE(check_plan(plan).has_value());
  plan = sample();
  plan.limits.processes = 0;
  CHECK_FALSE(check_plan(plan).has_value());
}

}  // namespace remit::sandbox::test
