#include "memory/ledger_json.h"

#include <doctest/doctest.h>

#include "base/json.h"

namespace remit::memory {
namespace {

LedgerRow row() {
  LedgerRow out;
  out.seq = 7;
  out.at_unix_ms = 1'700'000'000'123;
  out.monotonic_ms = 5;
  out.record = {"decision", "", "uid:0/x", "deny", "r", "f.md:1:2", R"({"b":1,"a":"x\ny"})"};
  out.prev = "00";
  out.hash = "ff";
  return out;
}

TEST_CASE("a row is one line of JSON with its fields as an object") {
  const std::string line = ledger_line(row());
  CHECK(line.find('\n') == std::string::npos);
  const Json parsed = parse_json(line).value();
  CHECK(parsed["seq"] == 7);
  CHECK(parsed["time"] == "2023-11-14T22:13:20.123Z");
  CHECK(parsed["fields"]["a"] == "x\ny");
  CHECK(!parsed.contains("call_id"));
}

TEST_CASE("fields that are no object, and bytes that are no text, still make a line") {
  LedgerRow bad = row();
  bad.record.fields = "{broken";
  CHECK(parse_json(ledger_line(bad)).value()["fields"] == "{broken");
  bad.record.fields = "[1]";
  bad.record.rule = "\xff\xfe\n";
  CHECK(parse_json(ledger_line(bad)));
  CHECK(ledger_line(bad).find('\n') == std::string::npos);
}

TEST_CASE("a check says what is wrong") {
  LedgerCheck check;
  check.rows = 5;
  check.first_bad = 6;
  check.problem = "hash differs";
  CHECK(ledger_check_line(check) ==
        R"({"ok":false,"rows":5,"first_bad":6,"problem":"hash differs"})");
}

}  // namespace
}  // namespace remit::memory
