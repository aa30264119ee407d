// The operator's files: strict keys, typed values, every mistake at its place.
#include "policy/manifest.h"

#include <string>

#include <doctest/doctest.h>

#include "policy/capabilities.h"
#include "policy/directory.h"
#include "policy/site.h"
#include "tests/policy/personas.h"

using namespace remit::policy;
using namespace remit::policy::test;

TEST_CASE("a manifest: what is refused") {
  const auto lint = [](std::string_view text) {
    return codes(parse_manifest("m", text).diagnostics.list());
  };
  CHECK(lint("version: 1\n") == "");
  CHECK(lint("").starts_with("E-FM-04"));
  CHECK(lint("log_roots: []\n") == "E-FM-13 1:1");
  CHECK(lint("version: 2\n") == "E-FM-13 1:10");
  CHECK(lint("version: 1\nexclusive: yes\n") == "E-FM-13 2:12");
  CHECK(lint("version: 1\nlog_roots: /var/log\n") == "E-FM-13 2:12");
  CHECK(lint("version: 1\nlog_roots: [var]\n") == "E-FM-13 2:13");
  CHECK(lint("version: 1\nlog_roots: [/var/../etc]\n") == "E-FM-13 2:13");
  CHECK(lint("version: 1\nbash: {apply: always}\n") == "E-FM-13 2:15");
  CHECK(lint("version: 1\nbash: {profile: ../x}\n") == "E-FM-13 2:17");
  CHECK(lint("version: 1\nlimits: {wall_s: 0}\n") == "E-FM-13 2:18");
  CHECK(lint("version: 1\nlimits: {wall_s: 601}\n") == "E-FM-13 2:18");
  CHECK(lint("version: 1\nexec: {rules: []}\n") == "E-FM-13 2:7");
  CHECK(lint("version: 1\nplaceholders: {instruction_id: x}\n") == "E-FM-13 2:16");
  CHECK(lint("version: 1\nwrite_ask: ['/x']\n") == "E-FM-13 2:13");
  CHECK(lint("version: 1\nversion: 1\n") == "E-FM-05 2:1");
  CHECK(lint("version: 1\nx: 1\ny: 2\n") == "E-FM-13 2:1, E-FM-13 3:1");
}

TEST_CASE("what Agent_Memory may hold is the site's to say") {
  CHECK(parse_site("s", "version: 1\n")->memory == remit::memory::StoreLimits{});
  const auto site = parse_site("s",
                               "version: 1\nmemory: {quota_mib: 2, quota_documents: 7, "
                               "keep_versions: 3, version_days: 30, archive_days: 9}\n");
  REQUIRE(site);
  const remit::memory::StoreLimits wanted{.folder_bytes = 2u << 20,
                                          .folder_documents = 7,
                                          .keep_versions = 3,
                                          .version_days = 30,
                                          .archive_days = 9};
  CHECK(site->memory == wanted);
}

TEST_CASE("site, directory, capabilities: the first mistake with its place") {
  const auto where = [](const auto& parsed) { return parsed ? "ok" : parsed.error().where; };
  CHECK(where(parse_site("s", "version: 1\n")) == "ok");
  CHECK(where(parse_site("s", "version: 1\nsandbox: {min_tier: t3}\n")) == "s:2:21");
  CHECK(where(parse_site("s", "version: 1\nread_roots: [x]\n")) == "s:2:14");
  CHECK(where(parse_site("s", "version: 1\napprovals: {timeout_s: 9}\n")) == "s:2:24");
  CHECK(where(parse_site("s", "version: 1\nunknown: 1\n")) == "s:2:1");
  CHECK(where(parse_site("s", "version: 1\nmemory: {quota: 1}\n")) == "s:2:10");
  CHECK(where(parse_site("s", "version: 1\nmemory: {quota_mib: 0}\n")) == "s:2:21");
  CHECK(where(parse_site("s", "version: 1\nmemory: {keep_versions: 201}\n")) == "s:2:25");
  CHECK(where(parse_directory("d", "targets: {a: {kind: agent}}\n")) == "d:1:14");
  CHECK(where(parse_directory("d", "targets: {a: {alias: b, kind: queue}}\n")) == "d:1:14");
  CHECK(where(parse_directory("d", "targets: {a: {kind: queue, deliver: {file_drop: ../x}}}\n")) ==
        "d:1:49");
  CHECK(where(parse_directory("d", "targets: {a: {kind: queue, ladder: l}}\n")) == "d:1:1");
  CHECK(where(parse_directory("d", "ladders: {l: [{to: a, ack: soon}]}\n")) == "d:1:28");
  const std::string three = "ladders: {l: [{to: a}, {to: b}, {to: c}]}\n";
  CHECK(where(parse_directory("d", "targets: {a: {kind: queue, ladder: l}}\n" + three)) == "ok");
  CHECK(where(parse_directory("d", "targets: {b: {kind: queue, ladder: l}}\n" + three)) == "d:1:1");
  CHECK(where(parse_capabilities("c", "version: 1\ncapabilities: {a: x}\n")) == "c:2:19");
  CHECK(where(parse_capabilities("c", "version: 1\ncapabilities: {a-b: [], a_b: []}\n")) ==
        "c:2:25");
}

TEST_CASE("the shipped directory") {
  const Directory& directory = installation().directory;
  const auto& ladder = directory.ladders.at("engineering");
  REQUIRE(ladder.size() == 3);
  CHECK(ladder[0].ack.by_severity_ms.at("critical") == 300'000);
  CHECK(ladder[1].ack.ms == 900'000);
  CHECK(ladder[2].ack.ms == 0);
  // An alias cannot be followed for ever.
  const auto loop = parse_directory("d", "targets: {a: {alias: b}, b: {alias: a}}\n");
  REQUIRE(loop);
  CHECK(resolve("a", "x", *loop, {}).resolution == Resolution::unresolved);
}
