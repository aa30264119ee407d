// Bash: one command in a slot, on a copy-on-write layer over the workspace.
#include "base/limits.h"
#include "base/text.h"
#include "policy/apply_changes.h"
#include "tools/approval_flow.h"
#include "tools/bash_args.h"
#include "tools/bash_result.h"
#include "tools/output_view.h"
#include "tools/registry.h"
#include "tools/tool_builder.h"

namespace remit::tools {
namespace {

constexpr const char* kDoc =
    "Runs bash in a sandbox: no network, no other agents' memory, only the "
    "workspace and "
    "the granted log roots exist. The workspace is a copy-on-write layer: what it changes is "
    "listed and applied afterwards like calls of Write; deletions and conflicts wait for a person. "
    "Commands that are not plainly read-only need a person's approval of exactly these bytes; the "
    "answer "
    "says how. The directory is kept between calls, the environment is not. "
    "Prefer Read, "
    "Grep, Glob and Write to cat, grep, find and echo.";

constexpr const char* kApprovedDoc =
    "Bash for a command that needs a person's approval, with the same arguments: call it when the "
    "result of Bash says so. This client shows every call of it to its person. What is of high "
    "risk "
    "needs the person's PIN besides.";

// Where the person is asked who must say yes.
enum class Asks {
  here,       // by this server: form, terminal or console
  elsewhere,  // at low risk by the client, with BashApproved
  asked,      // this is that call: the client's person let it pass
};

Result<void> ask_person(Call& call, const policy::Question& question, Asks asks) {
  if (asks == Asks::asked) return approve_as_shown(call, question);
  if (asks == Asks::elsewhere && question.risk == policy::Risk::low) {
    return fail(ErrorKind::needs_approval,
                "this command needs a person's approval: call BashApproved with the same "
                "arguments, which this client shows to its person",
                {}, "call_bash_approved");
  }
  return obtain_approval(call, question);
}

Result<void> settle(Call& call, const policy::SpawnRequest& request, Asks asks) {
  return settle_spawn(call, request, [asks](Call& of, const policy::Question& question) {
    return ask_person(of, question, asks);
  });
}

// Runs it, asking a person where decide() says so. Each attempt judges anew; an approval is
// consumed by the spawn it was given for.
Result<policy::SpawnOutcome> run_approved(Call& call, const policy::SpawnRequest& request,
                                          const policy::OutputSink& sink, Asks asks) {
  auto outcome = call.access.spawn(call.scope, request, sink, call.stop);
  if (outcome || outcome.error().code != "needs_approval") return outcome;
  TRY_DO(settle(call, request, asks));
  return call.access.spawn(call.scope, request, sink, call.stop);
}

Result<Outcome<BashResult>> background(Call& call, Shells& shells,
                                       const policy::SpawnRequest& request, Asks asks) {
  TRY_DO(settle(call, request, asks));
  TRY(const std::string id, shells.start(call.access, call.scope, request));
  BashResult result;
  result.bash_id = id;
  const policy::SandboxReport& sandbox = call.access.sandbox();
  result.sandbox = {policy::to_string(sandbox.tier), sandbox.profile_sha256.substr(0, 12),
                    sandbox.degraded};
  std::string text = "[running in the background as " + id +
                     "; read its output with BashOutput, end it with " +
                     "KillShell; it ends after an hour or with this server]\n";
  return Outcome<BashResult>{std::move(result), std::move(text), std::nullopt};
}

Result<Outcome<BashResult>> bash(const BashArgs& args, Call& call, const policy::ChangeSets& sets,
                                 Shells& shells, Asks asks) {
  const policy::SpawnRequest request = request_of(args);
  if (args.run_in_background) return background(call, shells, request, asks);

  OutputView out, err;
  const auto sink = [&](policy::Stream stream, std::string_view bytes) {
    (stream == policy::Stream::out ? out : err).write(bytes);
  };
  TRY(const policy::SpawnOutcome outcome, run_approved(call, request, sink, asks));
  TRY(const policy::ApplyReport report,
      policy::apply_changes(call.access, sets, call.scope, outcome));
  if (outcome.cancelled)
    return fail(ErrorKind::cancelled, "the call was cancelled; its command is gone");
  BashResult result;
  // stderr is rarely long; it gets a third at most, stdout the rest of the page.
  const std::size_t page = call.page_chars;
  result.err = err.text(std::min(page / 3, page), &result.truncated);
  result.out = out.text(page - std::min(page / 3, count_chars(result.err)), &result.truncated);
  describe(outcome, report, call.access.sandbox(), result);
  name_foreign_owner(result.err, result);
  if (!call.access.remit().memory_database.empty() &&
      args.command.find("Agent_Memory") != std::string::npos) {
    result.notices.push_back(
        "the documents of Agent_Memory are kept in a database and are not shown to commands: read "
        "them with memory_read or Read");
  }
  if (outcome.cwd_reset) {
    result.notices.push_back(
        "the directory of the last call has vanished; this ran in the workspace's root");
  }
  if (!outcome.killed() && call.access.cwd() != call.access.remit().roots.front().path) {
    result.notices.push_back("current directory: " + escape_ascii(call.access.cwd()));
  }
  std::string text = text_of(result);
  return Outcome<BashResult>{std::move(result), std::move(text), std::nullopt};
}

}  // namespace

Tool make_bash(const ToolState& state) {
  return tool<BashArgs, BashResult>({.name = "Bash",
                                     .title = "Run a command in the sandbox",
                                     .description = kDoc,
                                     .annotations = {.destructive = true},
                                     .output = Output::text_first,
                                     .always_load = true},
                                    [state](const BashArgs& args, Call& call) {
                                      return bash(
                                          args, call, *state.change_sets, *state.shells,
                                          state.native_approval ? Asks::elsewhere : Asks::here);
                                    });
}

Tool make_bash_approved(const ToolState& state) {
  return tool<BashArgs, BashResult>({.name = "BashApproved",
                                     .title = "Run a command that the person is shown first",
                                     .description = kApprovedDoc,
                                     .annotations = {.destructive = true},
                                     .output = Output::text_first,
                                     .shown_to_person = true},
                                    [state](const BashArgs& args, Call& call) {
                                      // One right, one grant key, one kind of row: Bash's.
                                      call.scope.tool = "Bash";
                                      return bash(args, call, *state.change_sets, *state.shells,
                                                  Asks::asked);
                                    });
}

}  // namespace remit::tools
