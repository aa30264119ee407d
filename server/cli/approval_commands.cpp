// remit approvals, approve, deny, pin: the terminal's side of human approval.
#include <chrono>
#include <thread>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"
#include "memory/approval_rows.h"
#include "memory/passkeys.h"
#include "memory/pin_rows.h"
#include "memory/server_rows.h"
#include "policy/answers.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/flags.h"
#include "server/cli/terminal.h"

namespace remit::cli {
namespace {

constexpr std::size_t kListed = 200;     // bytes of each command in the list
constexpr std::size_t kDigestTyped = 6;  // hex digits a person types to show that they read

// With the questions of servers that died ended: nobody must answer for a call that is gone.
Result<std::unique_ptr<memory::State>> open_state(const std::string& option) {
  TRY(std::unique_ptr<memory::State> state,
      memory::State::open({server::state_directory(option), {}}, system_clock()));
  TRY_DO(memory::ServerRows(*state).reap());
  return state;
}

// What a person reads before the PIN: the command first, then the word of the server that asks.
std::string shown(const policy::ShownQuestion& question) {
  return "  command    " + question.command + "\n  bytes      " + std::to_string(question.bytes) +
         ", sha256 " + question.sha256 + "\n  asked by   " + question.asked_by + "\n  tool       " +
         question.tool + ", " + question.risk + " risk\n  expires    " + question.expires +
         "\n\nAs its server describes it:\n\n" + question.as_described + "\n";
}

std::string line_of(const memory::ApprovalRow& row, std::int64_t now) {
  return row.id + "  " + row.risk + "  " + std::to_string((row.expires_ms - now) / 1000) +
         " s left  " + escape_ascii(row.title) + "\n    " +
         escape_ascii(row.command.substr(0, kListed)) +
         (row.command.size() > kListed ? " ... (" + std::to_string(row.command.size()) + " bytes)"
                                       : "") +
         "\n";
}

OrderedJson json_of(const memory::ApprovalRow& row) {
  return {{"id", row.id},
          {"risk", row.risk},
          {"tool", row.tool},
          {"title", row.title},
          {"command", escape_ascii(row.command)},
          {"sha256", sha256_hex(row.command)},
          {"principal", row.principal},
          {"state", memory::to_string(row.state)},
          {"created", rfc3339(row.created_ms)},
          {"expires", rfc3339(row.expires_ms)}};
}

int show_pending(memory::State& state, bool json) {
  memory::ApprovalRows rows(state);
  if (const auto expired = rows.expire_due(); !expired) return report(expired.error());
  const auto pending = rows.list_pending();
  if (!pending) return report(pending.error());
  if (json) {
    OrderedJson list = OrderedJson::array();
    for (const memory::ApprovalRow& row : *pending) list.push_back(json_of(row));
    print(dump(OrderedJson{{"format", "remit.approvals/1"}, {"pending", std::move(list)}}) + "\n");
    return kDone;
  }
  std::string text;
  for (const memory::ApprovalRow& row : *pending) text += line_of(row, state.clock().unix_ms());
  print(text.empty() ? "nothing waits for approval\n" : text);
  return kDone;
}

// A prefix is enough where it names one question.
Result<memory::ApprovalRow> find_pending(memory::ApprovalRows& rows, const std::string& id) {
  TRY_DO(rows.expire_due());
  TRY(const std::vector<memory::ApprovalRow> pending, rows.list_pending());
  const memory::ApprovalRow* found = nullptr;
  for (const memory::ApprovalRow& row : pending) {
    if (id.size() < 4 || !row.id.starts_with(id)) continue;
    if (found != nullptr)
      return fail(ErrorKind::invalid_argument, "several questions begin with " + escape_ascii(id));
    found = &row;
  }
  if (found != nullptr) return *found;
  return fail(ErrorKind::not_found,
              "no pending question " + escape_ascii(id) + "; `remit approvals` lists them");
}

// "900s", "2h" for --expires.
Result<std::int64_t> rule_life(const std::string& text) {
  if (text.empty()) return std::int64_t{0};
  return parse_duration_ms(text);
}

// remit pin passkeys: those that were registered at the console.
int show_passkeys(memory::State& state, bool json) {
  const auto keys = memory::Passkeys(state).list();
  if (!keys) return report(keys.error());
  OrderedJson list = OrderedJson::array();
  std::string text;
  for (const memory::Passkey& key : *keys) {
    list.push_back(
        {{"name", key.name},
         {"id", key.id},
         {"site", key.rp_id},
         {"added", rfc3339(key.added_ms)},
         {"used", key.used_ms == 0 ? OrderedJson() : OrderedJson(rfc3339(key.used_ms))}});
    text += printable(key.name) + "\n    works at " + escape_ascii(key.rp_id) + ", registered " +
            rfc3339(key.added_ms) + ", " +
            (key.used_ms == 0 ? "never used" : "last used " + rfc3339(key.used_ms)) + "\n    id " +
            escape_ascii(key.id) + "\n";
  }
  if (json) {
    print(dump(OrderedJson{{"format", "remit.passkeys/1"}, {"passkeys", std::move(list)}}) + "\n");
  } else {
    print(text.empty() ? "no passkey is registered; the console's page Passkeys does that\n"
                       : text);
  }
  return kDone;
}

int passkeys_command(const std::vector<std::string>& words, const std::string& state_option,
                     bool json) {
  const bool remove = words.size() == 3 && words[1] == "remove";
  if (words[0] != "passkeys" || (words.size() != 1 && !remove))
    return report_usage({ErrorKind::invalid_argument,
                         "expected `passkeys` or `passkeys remove NAME_OR_ID`",
                         {},
                         {},
                         nullptr},
                        "pin");
  if (remove) {
    if (const auto terminal = need_terminal(); !terminal) return report(terminal.error());
  }
  auto state = open_state(state_option);
  if (!state) return report(state.error());
  if (!remove) return show_passkeys(**state, json);
  if (const auto proven = prove_presence(**state); !proven) return report(proven.error());
  const auto gone = memory::Passkeys(**state).remove(words[2], "terminal");
  if (!gone) return report(gone.error());
  print("removed passkey " + printable(gone->name) + "\n");
  return kDone;
}

}  // namespace

int approvals_command(std::span<const std::string> args) {
  std::string state_option;
  bool json = false, watch = false;
  Flags flags("remit approvals [--watch] [--json] | remit approvals revoke RULE");
  flags.value("--state", &state_option, "DIR")
      .toggle("--json", &json, "machine readable")
      .toggle("--watch", &watch, "print again when something changes");
  const auto words = flags.parse(args, 0, 2);
  if (!words) return report_usage(words.error(), "approvals");
  if (flags.helped()) return print(flags.help()), kDone;
  auto state = open_state(state_option);
  if (!state) return report(state.error());
  if (words->size() == 2 && (*words)[0] == "revoke") {
    if (const auto proven = prove_presence(**state); !proven) return report(proven.error());
    const auto done = memory::ApprovalRows(**state).revoke((*words)[1], "revoked by a person");
    if (!done) return report(done.error());
    print("revoked " + done->id + "\n");
    return kDone;
  }
  if (!words->empty()) {
    return report_usage({ErrorKind::invalid_argument, "expected `revoke RULE`", {}, {}, nullptr},
                        "approvals");
  }
  if (!watch) return show_pending(**state, json);
  auto wake = memory::Wake::open(**state, ulid(system_clock().unix_ms()));
  if (!wake) return report(wake.error());
  for (;;) {
    memory::Wake::Watch asked(**wake, "approvals");
    if (const int code = show_pending(**state, json); code != kDone) return code;
    asked.wait(std::chrono::steady_clock::now() + std::chrono::seconds(30), std::stop_token());
  }
}

int approve_command(std::span<const std::string> args) {
  std::string state_option, scope = "once", expires, digest;
  Flags flags("remit approve ID [--scope once|session|rule] [--expires 2h] [--digest SHA256]");
  flags.value("--state", &state_option, "DIR")
      .value("--scope", &scope, "once (default) | session | rule: how far the yes reaches")
      .value("--expires", &expires, "DURATION  of a rule, default 8h, at most 30d")
      .value("--digest", &digest, "SHA256  of the command, instead of typing its first 6 digits");
  const auto words = flags.parse(args, 1, 1);
  if (!words) return report_usage(words.error(), "approve");
  if (flags.helped()) return print(flags.help()), kDone;
  policy::GivenAnswer answer;
  answer.approve = true;
  const auto reach = memory::parse_approval_scope(scope);
  if (!reach) return report_usage(reach.error(), "approve");
  answer.scope = *reach;
  const auto life = rule_life(expires);
  if (!life) return report_usage(life.error(), "approve");
  answer.rule_life_ms = *life;
  if (const auto terminal = need_terminal(); !terminal) return report(terminal.error());
  auto state = open_state(state_option);
  if (!state) return report(state.error());
  memory::ApprovalRows rows(**state);
  const auto row = find_pending(rows, (*words)[0]);
  if (!row) return report(row.error());
  const policy::ShownQuestion question = policy::show_question(*row);
  const std::string& sha = question.sha256;
  print(shown(question));
  if (answer.scope == memory::ApprovalScope::rule && row->risk != "low") {
    print_error("remit: a command of high risk is never covered by a rule; nothing was approved\n");
    return kFindings;
  }
  if (!digest.empty() && digest.size() != sha.size()) {
    return report_usage(
        {ErrorKind::invalid_argument, "--digest takes all 64 digits", {}, {}, nullptr}, "approve");
  }
  if (digest.empty()) {
    const auto typed =
        read_line("first " + std::to_string(kDigestTyped) + " digits of its sha256: ");
    if (!typed) return report(typed.error());
    digest = lower_ascii(trim(*typed));
    if (digest.size() < kDigestTyped) digest = "-";
  }
  if (!sha.starts_with(digest)) {
    print_error("remit: that is not the digest of this command; nothing was approved\n");
    return kFindings;
  }
  if (const auto proven = prove_presence(**state); !proven) return report(proven.error());
  const auto done = policy::answer_question(**state, *row, answer, policy::kAtTerminal);
  if (!done) return report(done.error());
  print("approved " + row->id + " (" + scope + ")\n");
  return kDone;
}

int deny_command(std::span<const std::string> args) {
  std::string state_option, reason;
  Flags flags("remit deny ID [--reason TEXT]");
  flags.value("--state", &state_option, "DIR")
      .value("--reason", &reason, "TEXT  the agent is told");
  const auto words = flags.parse(args, 1, 1);
  if (!words) return report_usage(words.error(), "deny");
  if (flags.helped()) return print(flags.help()), kDone;
  if (const auto terminal = need_terminal(); !terminal) return report(terminal.error());
  auto state = open_state(state_option);
  if (!state) return report(state.error());
  memory::ApprovalRows rows(**state);
  const auto row = find_pending(rows, (*words)[0]);
  if (!row) return report(row.error());
  if (const auto proven = prove_presence(**state); !proven) return report(proven.error());
  policy::GivenAnswer answer;
  answer.reason = reason;
  const auto done = policy::answer_question(**state, *row, answer, policy::kAtTerminal);
  if (!done) return report(done.error());
  print("denied " + row->id + "\n");
  return kDone;
}

int pin_command(std::span<const std::string> args) {
  std::string state_option;
  bool json = false;
  Flags flags("remit pin | remit pin passkeys [--json] | remit pin passkeys remove NAME_OR_ID");
  flags.value("--state", &state_option, "DIR")
      .toggle("--json", &json, "machine readable list of passkeys");
  const auto words = flags.parse(args, 0, 3);
  if (!words) return report_usage(words.error(), "pin");
  if (flags.helped()) return print(flags.help()), kDone;
  if (!words->empty()) return passkeys_command(*words, state_option, json);
  if (const auto terminal = need_terminal(); !terminal) return report(terminal.error());
  auto state = open_state(state_option);
  if (!state) return report(state.error());
  memory::PinRows pins(**state);
  const auto set = pins.is_set();
  if (!set) return report(set.error());
  std::optional<std::string> old;
  if (*set) {
    auto typed = read_secret("old PIN: ");
    if (!typed) return report(typed.error());
    old = std::move(*typed);
  }
  const auto first = read_secret("new PIN: ");
  if (!first) return report(first.error());
  const auto second = read_secret("again: ");
  if (!second) return report(second.error());
  if (*first != *second) {
    print_error("remit: the two differ; the PIN is unchanged\n");
    return kFindings;
  }
  if (const auto done = pins.set(*first, old); !done) return report(done.error());
  print("the PIN is set; `remit approve ID` asks for it\n");
  return kDone;
}

}  // namespace remit::cli
