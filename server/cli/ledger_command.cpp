// remit ledger tail | verify.
#include "base/json.h"
#include "base/text.h"
#include "memory/ledger_json.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/flags.h"

namespace remit::cli {
namespace {

int tail(memory::Ledger& ledger, const std::string& lines) {
  std::int64_t count = 0;
  for (const char c : lines) {
    if (c < '0' || c > '9' || count > 1'000'000) {
      return report_usage(
          {ErrorKind::invalid_argument, "-n takes a number up to 1000000", {}, {}, nullptr},
          "ledger");
    }
    count = count * 10 + (c - '0');
  }
  if (count == 0) return kDone;
  const auto rows = ledger.rows(-count, static_cast<std::size_t>(count));
  if (!rows) return report(rows.error());
  for (const memory::LedgerRow& row : *rows) print(memory::ledger_line(row) + "\n");
  return kDone;
}

int verify(memory::Ledger& ledger, const std::string& head, bool json) {
  const auto check = ledger.verify(head.empty() ? std::nullopt : std::optional(head));
  if (!check) return report(check.error());
  if (json) {
    print(dump(OrderedJson{{"format", "remit.ledger.verify/1"},
                           {"ok", check->ok},
                           {"rows", check->rows},
                           {"first_bad", check->first_bad},
                           {"problem", check->problem},
                           {"head", check->head}}) +
          "\n");
  } else if (check->ok) {
    print("ok: " + with_commas(static_cast<std::uint64_t>(check->rows)) + " records, head " +
          check->head + "\n");
  } else {
    print("NOT OK: record " + std::to_string(check->first_bad) + ": " + printable(check->problem) +
          "\n");
  }
  return check->ok ? kDone : kFindings;
}

}  // namespace

int ledger_command(std::span<const std::string> args) {
  std::string state_option, head, lines = "20";
  bool json = false;
  Flags flags("remit ledger tail [-n N] | remit ledger verify [--head H]");
  flags.value("--state", &state_option, "DIR")
      .value("-n", &lines, "N  records to show, default 20 (always JSON lines)")
      .value("--head", &head, "HASH  published earlier; it must be in the chain")
      .toggle("--json", &json, "machine readable");
  const auto words = flags.parse(args, 1, 1);
  if (!words) return report_usage(words.error(), "ledger");
  if (flags.helped()) return print(flags.help()), kDone;
  auto state = memory::State::open({server::state_directory(state_option), {}}, system_clock());
  if (!state) return report(state.error());
  if (const auto left = memory::Ledger::recover(**state); !left) return report(left.error());
  memory::Ledger ledger(**state);
  if ((*words)[0] == "tail") return tail(ledger, lines);
  if ((*words)[0] == "verify") return verify(ledger, head, json);
  return report_usage({ErrorKind::invalid_argument, "expected tail or verify", {}, {}, nullptr},
                      "ledger");
}

}  // namespace remit::cli
