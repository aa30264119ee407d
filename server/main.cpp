// remit: the command line. The table below is the whole of it.
#include <cstring>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "server/cli/commands.h"
#include "server/cli/flags.h"
#include "server/cli/persona_commands.h"

namespace {

struct Command {
  const char* name;
  int (*run)(std::span<const std::string> args);
  const char* help;
};

using namespace remit::cli;
using remit::server::check_command;
using remit::server::diff_command;

int show_with_tools(std::span<const std::string> args) {
  return remit::server::show_command(args, remit::cli::tools_list_hash);
}

constexpr Command kCommands[] = {
    {"serve", serve_command, "serve one agent over MCP, on stdio or HTTP, or many over HTTP"},
    {"credential", credential_command, "a token for one agent, for a file of credentials"},
    {"console", console_command, "approvals, changes, activity and ledger in a browser"},
    {"check", check_command, "lint personas and manifests"},
    {"show", show_with_tools, "what a persona compiles to, with origins"},
    {"diff", diff_command, "what a change of a persona grants or takes away"},
    {"explain", explain_command, "one decision, dry"},
    {"call", call_command, "one tool call from a shell"},
    {"approvals", approvals_command, "what waits for a person; revoke a rule"},
    {"approve", approve_command, "approve a command (terminal and PIN)"},
    {"deny", deny_command, "deny a command"},
    {"pin", pin_command, "set the PIN of approvals; list or remove passkeys"},
    {"changes", changes_command, "what Bash changed and has not been applied"},
    {"reload", reload_command, "have running servers read persona, manifest and site policy again"},
    {"memory", memory_command, "documents of Agent_Memory: list, read, versions, write"},
    {"handoffs", handoffs_command, "who handed what to whom; answer, withdraw, dead letters"},
    {"ledger", ledger_command, "the hash-chained record: tail, verify"},
    {"export", export_command, "a client's configuration"},
    {"doctor", doctor_command, "what this machine supports; does a client get past Remit"},
    {"worker", worker_command, ""},  // for serve --agents alone: no line in the help
    {"docs", docs_command, "docs/tools.md from the declarations"},
};

std::string help() {
  std::string text = "usage: remit COMMAND [options]   (remit COMMAND --help for one)\n\n";
  for (const Command& command : kCommands) {
    if (*command.help == '\0') continue;
    text += "  " + std::string(command.name) + std::string(11 - std::strlen(command.name), ' ') +
            command.help + "\n";
  }
  for (const remit::tools::ShellVerb& verb : remit::tools::shell_verbs()) {
    text += "  " + std::string(verb.name) + std::string(11 - verb.name.size(), ' ') +
            std::string(verb.help) + "\n";
  }
  return text +
         "\nexit codes: 0 done, 1 findings or denial, 2 usage, 3 unavailable or unreadable, 4 "
         "partial\n";
}

}  // namespace

int main(int argc, char** argv) {
  remit::log::start(remit::log::Level::info);
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    (args.empty() ? print_error : print)(help());
    return args.empty() ? kUsage : kDone;
  }
  if (args[0] == "--version" || args[0] == "version") {
    print(std::string("remit ") + REMIT_VERSION + "\n");
    return kDone;
  }
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (args[0] == command.name) return command.run(std::span(args).subspan(1));
    names.emplace_back(command.name);
  }
  for (const remit::tools::ShellVerb& verb : remit::tools::shell_verbs()) {
    if (args[0] == verb.name) return run_verb(verb, std::span(args).subspan(1));
    names.emplace_back(verb.name);
  }
  const std::vector<std::string> near = remit::nearest(args[0], names, 1);
  print_error("remit: unknown command " + remit::escape_ascii(args[0]) +
              (near.empty() ? "" : ", did you mean " + near.front()) + "; see `remit --help`\n");
  return kUsage;
}
