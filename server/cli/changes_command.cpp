// remit changes ls | diff | apply | discard: what Bash changed and has not been applied.
#include "base/json.h"
#include "base/text.h"
#include "policy/answers.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/flags.h"
#include "server/cli/terminal.h"

namespace remit::cli {
namespace {

int list_sets(const policy::ChangeSets& sets, bool json) {
  const auto all = sets.list();
  if (!all) return report(all.error());
  OrderedJson out = OrderedJson::array();
  std::string text;
  for (const policy::ChangeSet& set : *all) {
    out.push_back({{"id", set.id},
                   {"agent", set.agent},
                   {"instruction", set.instruction},
                   {"workspace", set.workspace},
                   {"created", rfc3339(set.created_unix_ms)},
                   {"expires", rfc3339(set.expires_unix_ms)},
                   {"changes", set.changes.size()}});
    text += set.id + "  " + rfc3339(set.created_unix_ms) + "  " + set.agent + "  " +
            std::to_string(set.changes.size()) +
            (set.changes.size() == 1 ? " change" : " changes") + "\n";
    for (const policy::Change& change : set.changes) {
      text += "    " + std::string(policy::to_string(change.kind)) + " " +
              escape_ascii(change.path) + "\n";
    }
  }
  if (json) {
    print(dump(OrderedJson{{"format", "remit.changes/1"}, {"sets", std::move(out)}}) + "\n");
  } else {
    print(text.empty() ? "nothing is held\n" : text);
  }
  return kDone;
}

int apply_set(memory::State& state, const policy::ChangeSets& sets, const std::string& id) {
  auto set = sets.load(id);
  if (!set) return report(set.error());
  for (const policy::Change& change : set->changes) print(policy::show_change(change));
  if (const auto proven = prove_presence(state); !proven) return report(proven.error());
  memory::Ledger ledger(state);
  const auto report_of = policy::apply_held(state, ledger, sets, *set, policy::kAtTerminal);
  if (!report_of) return report(report_of.error());
  for (const policy::ChangeResult& change : report_of->changes) {
    print(std::string(policy::to_string(change.outcome)) + " " + policy::to_string(change.kind) +
          " " + change.path + (change.why.empty() ? "" : " (" + printable(change.why) + ")") +
          "\n");
  }
  return report_of->change_set.empty() ? kDone : kFindings;
}

}  // namespace

int changes_command(std::span<const std::string> args) {
  std::string state_option;
  bool json = false;
  Flags flags("remit changes ls | diff ID | apply ID | discard ID");
  flags.value("--state", &state_option, "DIR").toggle("--json", &json, "machine readable (ls)");
  const auto words = flags.parse(args, 1, 2);
  if (!words) return report_usage(words.error(), "changes");
  if (flags.helped()) return print(flags.help()), kDone;
  const std::string& verb = (*words)[0];
  const bool needs_id = verb == "diff" || verb == "apply" || verb == "discard";
  if (!(verb == "ls" && words->size() == 1) && !(needs_id && words->size() == 2)) {
    return report_usage({ErrorKind::invalid_argument,
                         "expected ls, diff ID, apply ID or discard ID",
                         {},
                         {},
                         nullptr},
                        "changes");
  }
  if (verb == "apply" || verb == "discard") {
    if (const auto terminal = need_terminal(); !terminal) return report(terminal.error());
  }
  auto state = memory::State::open({server::state_directory(state_option), {}}, system_clock());
  if (!state) return report(state.error());
  const auto sets = policy::ChangeSets::open(**state);
  if (!sets) return report(sets.error());
  if (verb == "ls") return list_sets(*sets, json);
  const std::string& id = (*words)[1];
  if (verb == "apply") return apply_set(**state, *sets, id);
  const auto set = sets->load(id);
  if (!set) return report(set.error());
  for (const policy::Change& change : set->changes) print(policy::show_change(change));
  if (verb == "diff") return kDone;
  if (const auto proven = prove_presence(**state); !proven) return report(proven.error());
  memory::Ledger ledger(**state);
  const auto removed = policy::discard_held(**state, ledger, *sets, *set, policy::kAtTerminal);
  if (!removed) return report(removed.error());
  print("discarded " + id + "\n");
  return kDone;
}

}  // namespace remit::cli
