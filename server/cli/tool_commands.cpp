// remit call, explain, docs: tools from a shell, through the same Access.
#include <unistd.h>

#include <mutex>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/decide.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/serve_flags.h"
#include "server/tools_doc.h"

namespace remit::cli {
namespace {

// The asker of `remit call --yes`: the person who typed the flag. Recorded as the operator's.
class NoAsker : public tools::Asker {
 public:
  bool available() const override { return false; }
  Result<Answer> ask(const policy::Question&, std::stop_token) override {
    return fail(ErrorKind::unavailable, "no form here");
  }
};

class ShellProgress : public tools::Progress {
 public:
  void report(double, std::optional<double>, std::string message) override {
    if (::isatty(STDERR_FILENO) == 1 && !message.empty()) print_error(printable(message) + "\n");
  }
};

// Asked before the call: approves exactly the question this call would raise. Arguments of another
// type are left for the tool to refuse.
Result<void> approve_as_operator(server::Assembly& all, const policy::CallScope& scope,
                                 const Json& arguments) {
  policy::SpawnRequest request;
  const auto given = [&](const char* key, auto is) -> const Json* {
    const auto at = arguments.find(key);
    return at != arguments.end() && (*at.*is)() ? &*at : nullptr;
  };
  const Json* const command = given("command", &Json::is_string);
  if (command == nullptr) return {};
  request.command = command->get<std::string>();
  if (const Json* text = given("description", &Json::is_string))
    request.description = text->get<std::string>();
  if (const Json* time = given("timeout", &Json::is_number_integer)) {
    request.wall = std::chrono::milliseconds(time->get<std::int64_t>());
  }
  if (const Json* flag = given("run_in_background", &Json::is_boolean))
    request.background = flag->get<bool>();
  TRY(const policy::Access::SpawnJudgement judgement, all.access().judge_spawn(scope, request));
  if (!judgement.question) return {};
  TRY(const std::string id, all.approvals().request(*judgement.question, scope));
  return all.approvals().answer_by_operator(id);
}

std::string text_argument(const Json& arguments, const char* key) {
  const auto at = arguments.find(key);
  return at != arguments.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const tools::Tool* find_tool(const std::vector<tools::Tool>& all, const std::string& name) {
  for (const tools::Tool& tool : all) {
    if (tool.name == name) return &tool;
  }
  return nullptr;
}

struct Explained {
  policy::Decision decision;
  bool changes_document = false;  // what is in Agent_Memory of this instruction matters
  std::string tier;               // of the sandbox that a command would run in; "" for other tools
};

// The Actions that a call of this tool would put before decide(), as far as its arguments tell.
Result<Explained> decide_call(server::Assembly& all, const std::string& name,
                              const Json& arguments) {
  const auto text = [&](const char* key) { return text_argument(arguments, key); };
  const auto judge = [&](const policy::Action& action) {
    return Explained{policy::decide(all.remit(), all.principal(), action),
                     action.verb == policy::Verb::replace && action.space == policy::Space::memory,
                     {}};
  };
  policy::Action action;
  action.tool = name;
  if (name == "Bash") {
    policy::SpawnRequest request;
    request.command = text("command");
    const policy::ShellAssessment shell = all.assess(request.command);
    action.verb = policy::Verb::spawn;
    action.shell = &shell;
    const policy::SandboxReport& sandbox = all.access().sandbox();
    action.tier = sandbox.tier;
    Explained spawn = judge(action);
    spawn.tier = policy::to_string(sandbox.tier);
    return spawn;
  }
  const std::string step = text("action");
  if (name == "respond" || name == "inbox" ||
      (name == "handoff" && !step.empty() && step != "send")) {
    if (name == "inbox" && step != "read") {
      action.verb = policy::Verb::list;
      action.space = policy::Space::inbox;
      action.path = all.remit().slug;
      return judge(action);
    }
    const bool withdraws = step == "withdraw" || step == "cancel";
    const std::string act = name == "respond" ? step : withdraws ? "withdraw" : "";
    TRY(action, all.access().describe_handoff(name, text("id"), act));
    return judge(action);
  }
  if (name == "handoff" || name == "bug_report") {
    action.verb = policy::Verb::send;
    const std::string kind = text("kind");
    action.kind = kind == "consult"    ? policy::HandoffKind::consult
                  : kind == "delegate" ? policy::HandoffKind::delegate
                                       : policy::HandoffKind::escalate;
    action.to = text("to");
    return judge(action);
  }
  if (name.starts_with("memory_")) {
    const bool below = name == "memory_list" || name == "memory_search";
    const std::string where = below ? text("prefix") : text("path");
    action.space = policy::Space::memory;
    if (!where.empty()) {
      TRY(const memory::DocPath path, memory::DocPath::parse(where));
      action.path = path.text();
    }
    if (name == "memory_write" && text("op") == "rename") {
      // Three in one: the first that is refused is the answer.
      const auto replace = [&](const std::string& path, policy::ReplaceOp op) {
        return all.access().describe(policy::Verb::replace, name,
                                     fs::join(all.remit().memory_root, path), op);
      };
      action.verb = policy::Verb::open;
      Explained read = judge(action);
      TRY(const policy::Action gone, replace(action.path, policy::ReplaceOp::rename));
      Explained taken = judge(gone);
      if (!read.decision.allowed()) return read;
      if (!taken.decision.allowed() || text("to").empty()) return taken;
      TRY(const memory::DocPath to, memory::DocPath::parse(text("to")));
      TRY(const policy::Action made, replace(to.text(), policy::ReplaceOp::create));
      Explained put = judge(made);
      return put.decision.allowed() ? taken : put;
    }
    if (name == "memory_write") {
      const std::string op = text("op");
      TRY(action, all.access().describe(policy::Verb::replace, name,
                                        fs::join(all.remit().memory_root, action.path),
                                        op == "append"   ? policy::ReplaceOp::append
                                        : op == "entry"  ? policy::ReplaceOp::entry
                                        : op == "set"    ? policy::ReplaceOp::set
                                        : op == "delete" ? policy::ReplaceOp::remove
                                        : op == "create" ? policy::ReplaceOp::create
                                                         : policy::ReplaceOp::replace));
      return judge(action);
    }
    action.verb = name == "memory_list" ? policy::Verb::list : policy::Verb::open;
    if (name == "memory_history") {
      // Of what may only be written, the versions that it wrote itself.
      Explained whole = judge(action);
      if (whole.decision.allowed()) return whole;
      action.verb = policy::Verb::list;
      Explained own = judge(action);
      return own.decision.allowed() ? own : whole;
    }
    if (below) {
      Explained listing = judge(action);
      if (all.remit().tool(name) != nullptr) listing.decision.verdict = policy::Verdict::allow;
      return listing;
    }
    return judge(action);
  }
  const bool writes = name == "Write" || name == "Edit";
  const std::string path = text("file_path").empty() ? text("path") : text("file_path");
  TRY(action, all.access().describe(writes                             ? policy::Verb::replace
                                    : name == "Grep" || name == "Glob" ? policy::Verb::list
                                                                       : policy::Verb::open,
                                    name, path, policy::ReplaceOp::replace));
  return judge(action);
}

Result<Json> arguments_of(const std::string& text) {
  auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) {
    return fail(
        ErrorKind::invalid_argument,
        "ARGS must be a JSON object" + (parsed ? std::string() : ": " + parsed.error().message));
  }
  return parsed;
}

}  // namespace

int call_command(std::span<const std::string> args) {
  server::AssemblyOptions options;
  bool yes = false, json = false;
  Flags flags("remit call NAME_OR_FILE TOOL ARGS [--yes] [--json]");
  flags.toggle("--yes", &yes, "the operator approves this call alone")
      .toggle("--json", &json, "the typed result");
  add_path_flags(flags, options.serve);
  const auto words = flags.parse(args, 2, 3);
  if (!words) return report_usage(words.error(), "call");
  if (flags.helped()) return print(flags.help()), kDone;
  options.serve.agent = (*words)[0];
  options.operator_may_approve = yes;
  const auto arguments = arguments_of(words->size() == 3 ? (*words)[2] : "{}");
  if (!arguments) return report_usage(arguments.error(), "call");
  auto assembly = server::Assembly::build(options);
  if (!assembly) return report(assembly.error());
  server::Assembly& all = **assembly;
  if (const auto recorded = all.record_start(); !recorded) return report(recorded.error());
  const std::vector<tools::Tool> granted = all.tools();
  const std::string& name = (*words)[1];
  const tools::Tool* const tool = find_tool(granted, name);
  if (tool == nullptr) {
    print_error("remit: denied: " + all.remit().tools_line.short_text() + " grants no " +
                escape_ascii(name) + "\n");
    return kFindings;
  }
  NoAsker asker;
  ShellProgress progress;
  std::stop_source stop;
  const policy::CallScope scope{ulid(system_clock().unix_ms()), name};
  if (yes && name == "Bash") {
    if (const auto done = approve_as_operator(all, scope, *arguments); !done)
      return report(done.error());
  }
  tools::Call call{scope, all.access(), asker, progress, stop.get_token(), limits::kPageCharsMax};
  const auto reply = tool->run(*arguments, call);
  if (!reply) {
    if (json) {
      print(dump(OrderedJson{{"error", to_string(reply.error().kind)},
                             {"code", reply.error().code},
                             {"where", reply.error().where},
                             {"message", all.redactor().redact(reply.error().message).text}}) +
            "\n");
    }
    return report(reply.error());
  }
  if (json) {
    print(all.redactor().redact(dump(*reply->structured)).text + "\n");
  } else {
    const std::string text = all.redactor().redact(reply->text).text;
    print(text.ends_with('\n') ? text : text + "\n");
  }
  return kDone;
}

int explain_command(std::span<const std::string> args) {
  server::AssemblyOptions options;
  options.dry = true;
  bool json = false;
  Flags flags("remit explain NAME_OR_FILE TOOL ARGS [--json]");
  flags.toggle("--json", &json, "machine readable");
  add_path_flags(flags, options.serve);
  const auto words = flags.parse(args, 2, 3);
  if (!words) return report_usage(words.error(), "explain");
  if (flags.helped()) return print(flags.help()), kDone;
  options.serve.agent = (*words)[0];
  options.asks_sandbox = (*words)[1] == "Bash";  // what a yes is worth depends on its tier
  const auto arguments = arguments_of(words->size() == 3 ? (*words)[2] : "{}");
  if (!arguments) return report_usage(arguments.error(), "explain");
  auto assembly = server::Assembly::build(options);
  if (!assembly) return report(assembly.error());
  const auto explained = decide_call(**assembly, (*words)[1], *arguments);
  if (!explained) return report(explained.error());
  const policy::Decision* const decision = &explained->decision;
  // An instruction minted for this answer has no documents and no delegations yet.
  const std::string unseen =
      explained->changes_document && (*assembly)->instruction_minted()
          ? "whose words the document holds and who holds its task are matters of an instruction; "
            "name the served one with --instruction ID"
          : "";
  // A grant speaks by its line; a refusal by what would have to grant it.
  const std::string reason = decision->reason.empty() ? "granted" : decision->reason;
  if (json) {
    OrderedJson out{{"decision", policy::to_string(decision->verdict)},
                    {"reason", reason},
                    {"rule", decision->rule},
                    {"origin", decision->origin.text()}};
    if (decision->verdict == policy::Verdict::ask) out["risk"] = policy::to_string(decision->risk);
    if (!decision->hint.empty()) out["hint"] = decision->hint;
    if (!explained->tier.empty()) out["tier"] = explained->tier;
    if (!unseen.empty()) out["not_looked_at"] = unseen;
    print(dump(out) + "\n");
  } else {
    print(std::string(policy::to_string(decision->verdict)) + ": " + printable(reason) +
          "\n  rule   " + decision->rule + "\n  origin " + decision->origin.text() + "\n" +
          (decision->hint.empty() ? "" : "  hint   " + decision->hint + "\n") +
          (explained->tier.empty() ? "" : "  sandbox " + explained->tier + "\n") +
          (unseen.empty() ? "" : "  not looked at: " + unseen + "\n"));
    if ((*words)[1] == "Bash")
      print((*assembly)->explain_shell(text_argument(*arguments, "command")));
  }
  return decision->verdict == policy::Verdict::deny ? kFindings : kDone;
}

int docs_command(std::span<const std::string> args) {
  Flags flags("remit docs");
  const auto words = flags.parse(args, 0, 0);
  if (!words) return report_usage(words.error(), "docs");
  if (flags.helped()) return print(flags.help()), kDone;
  tools::ToolState state;
  state.redactor = std::make_shared<Redactor>(std::string(32, '\0'));
  print(server::tools_doc(tools::all_tools(state)));
  return kDone;
}

}  // namespace remit::cli
