// remit reload: every running server of the state directory (or those of one agent) reads its files
// again. Each is asked by SIGHUP and answers by a row of the ledger. A front answers for its
// workers.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/ledger.h"
#include "memory/server_rows.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/flags.h"

namespace remit::cli {
namespace {

constexpr std::size_t kRowsAtOnce = 1000;
constexpr std::size_t kStatusBytes = 64u << 10;  // of /proc/PID/status

// What a server said, from its ledger row.
struct Answer {
  std::string outcome = "no answer";  // reloaded, unchanged, refused
  std::string why;
  std::vector<std::string> taken, waiting;
};

using Answers = std::map<std::string, Answer, std::less<>>;  // by server id

std::vector<std::string> strings(const Json& fields, const char* name) {
  std::vector<std::string> out;
  const auto at = fields.find(name);
  if (at == fields.end() || !at->is_array()) return out;
  for (const Json& one : *at)
    if (one.is_string()) out.push_back(one.get<std::string>());
  return out;
}

void take(const memory::LedgerRecord& record, Answers& answers) {
  if (record.kind != "server") return;
  const bool refused = record.rule == "server.reload_refused";
  if (!refused && record.rule != "server.reloaded" && record.rule != "server.unchanged") return;
  const auto fields = parse_json(record.fields);
  if (!fields || !fields->is_object()) return;
  const auto asked = answers.find(fields->value("server_id", ""));
  if (asked == answers.end()) return;
  asked->second.outcome = refused ? "refused" : record.rule.substr(record.rule.find('.') + 1);
  asked->second.why = fields->value("why", "");
  asked->second.taken = strings(*fields, "taken");
  asked->second.waiting = strings(*fields, "waiting");
}

// A number of /proc/PID/status (man 5 proc), 0 where there is none.
std::uint64_t status_number(std::int64_t pid, std::string_view name, int base) {
  const auto status = fs::read_file("/proc/" + std::to_string(pid) + "/status", kStatusBytes);
  if (!status) return 0;
  const std::string field = "\n" + std::string(name) + ":\t";
  const std::size_t at = status->find(field);
  if (at == std::string::npos) return 0;
  std::uint64_t value = 0;
  const char* const digits = status->data() + at + field.size();
  const auto end = std::from_chars(digits, status->data() + status->size(), value, base);
  return end.ec == std::errc() ? value : 0;
}

// Whether this process waits for SIGHUP: a server does from its first moment, and `remit call` and
// `doctor`, which have rows too, would die of it.
bool waits_for_hangup(std::int64_t pid) {
  return (status_number(pid, "SigBlk", 16) >> (SIGHUP - 1) & 1) != 0;
}

// Whether one of `rows` has started this process: a worker, whose front reloads for it.
bool is_worker(const memory::ServerRow& row, const std::vector<memory::ServerRow>& rows) {
  const std::uint64_t parent = status_number(row.pid, "PPid", 10);
  return std::any_of(rows.begin(), rows.end(), [&](const memory::ServerRow& other) {
    return static_cast<std::uint64_t>(other.pid) == parent;
  });
}

// Asks `rows` and waits until all have answered or kReloadWait is over.
Result<Answers> ask(memory::State& state, const std::vector<memory::ServerRow>& rows) {
  memory::Ledger ledger(state);
  TRY(const auto last, ledger.rows(-1, 1));
  std::int64_t seen = last.empty() ? 0 : last.back().seq;
  TRY(const auto wake, memory::Wake::open(state, ulid(state.clock().unix_ms())));
  memory::Wake::Watch watch(*wake, "reload");
  Answers answers;
  for (const memory::ServerRow& row : rows) {
    answers.emplace(row.server_id, Answer());
    if (::kill(static_cast<pid_t>(row.pid), SIGHUP) != 0)
      answers[row.server_id].why =
          errno_error(errno, "signal process " + std::to_string(row.pid)).message;
  }
  const auto waits = [](const Answer& one) {
    return one.outcome == "no answer" && one.why.empty();
  };
  const auto deadline = std::chrono::steady_clock::now() + limits::kReloadWait;
  for (;;) {
    for (;;) {
      TRY(const auto more, ledger.rows(seen, kRowsAtOnce));
      for (const memory::LedgerRow& row : more) {
        take(row.record, answers);
        seen = row.seq;
      }
      if (more.size() < kRowsAtOnce) break;
    }
    const bool open = std::any_of(answers.begin(), answers.end(),
                                  [&](const auto& one) { return waits(one.second); });
    if (!open || std::chrono::steady_clock::now() >= deadline) return answers;
    watch.wait(deadline, {});
  }
}

std::string text_of(const memory::ServerRow& row, const Answer& answer) {
  std::string out =
      row.agent + " " + row.instruction + " (" + row.server_id + "): " + answer.outcome;
  if (!answer.why.empty()) out += ": " + printable(answer.why);
  out += "\n";
  for (const std::string& one : answer.taken) out += "  - " + printable(one) + "\n";
  for (const std::string& one : answer.waiting)
    out += "  waits for the next start: " + printable(one) + "\n";
  return out;
}

OrderedJson json_of(const memory::ServerRow& row, const Answer& answer) {
  return {{"server_id", row.server_id}, {"agent", row.agent}, {"instruction", row.instruction},
          {"outcome", answer.outcome},  {"why", answer.why},  {"taken", answer.taken},
          {"waiting", answer.waiting}};
}

}  // namespace

int reload_command(std::span<const std::string> args) {
  std::string state_option;
  bool json = false;
  Flags flags("remit reload [AGENT]");
  flags.value("--state", &state_option, "DIR").toggle("--json", &json, "machine readable");
  const auto words = flags.parse(args, 0, 1);
  if (!words) return report_usage(words.error(), "reload");
  if (flags.helped()) return print(flags.help()), kDone;
  auto state = memory::State::open({server::state_directory(state_option), {}}, system_clock());
  if (!state) return report(state.error());
  memory::ServerRows servers(**state);
  // What is left after this lives, and its process is the row's: it holds the row's lock.
  if (const auto reaped = servers.reap(); !reaped) return report(reaped.error());
  auto rows = servers.list();
  if (!rows) return report(rows.error());
  std::erase_if(*rows, [](const memory::ServerRow& row) { return !waits_for_hangup(row.pid); });
  const std::vector<memory::ServerRow> all = *rows;
  std::erase_if(*rows, [&](const memory::ServerRow& row) { return is_worker(row, all); });
  if (!words->empty())
    std::erase_if(*rows, [&](const memory::ServerRow& row) {
      return row.agent != (*words)[0] && row.agent != memory::kFrontAgent;
    });
  if (rows->empty())
    return report(
        {ErrorKind::unavailable, "no server is running that could reload", {}, {}, nullptr});
  const auto answers = ask(**state, *rows);
  if (!answers) return report(answers.error());
  int code = kDone;
  OrderedJson out{{"format", "remit.reload/1"}, {"servers", OrderedJson::array()}};
  for (const memory::ServerRow& row : *rows) {
    const Answer& answer = answers->at(row.server_id);
    if (answer.outcome == "no answer") code = kUnavailable;
    if (code == kDone && (answer.outcome == "refused" || !answer.waiting.empty())) code = kFindings;
    if (json)
      out["servers"].push_back(json_of(row, answer));
    else
      print(text_of(row, answer));
  }
  if (json) print(dump(out) + "\n");
  return code;
}

}  // namespace remit::cli
