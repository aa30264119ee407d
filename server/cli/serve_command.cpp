// remit serve: one agent, one instruction, MCP on stdio.
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/nonce_rows.h"
#include "policy/show.h"
#include "server/agent_changes.h"
#include "server/agent_resources.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/serve_flags.h"
#include "server/cli/welcome.h"
#include "server/mcp/dispatcher.h"
#include "server/transport/stdio.h"

namespace remit::cli {
namespace {

Result<mcp::Structured> structured_of(const std::string& word) {
  if (word == "all") return mcp::Structured::all;
  if (word == "records") return mcp::Structured::records;
  if (word == "none") return mcp::Structured::none;
  return fail(ErrorKind::invalid_argument, "--structured takes all, records or none");
}

Result<std::size_t> page_chars_of(const std::string& text) {
  std::size_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > limits::kPageCharsMax) value = limits::kPageCharsMax + 1;
    else value = value * 10 + static_cast<std::size_t>(c - '0');
  }
  if (value < limits::kPageCharsMin || value > limits::kPageCharsMax) {
    return fail(ErrorKind::invalid_argument, "--page-chars takes " + std::to_string(limits::kPageCharsMin) + " to " +
                                                 std::to_string(limits::kPageCharsMax));
  }
  return value;
}

}  // namespace

int serve_command(std::span<const std::string> args) {
  server::AssemblyOptions options;
  std::string page_chars = std::to_string(limits::kPageChars), structured = "records";
  Flags flags("remit serve --agent FILE_OR_NAME [options]");
  flags.value("--agent", &options.serve.agent, "FILE_OR_NAME  the persona to serve (required)");
  add_path_flags(flags, options.serve)
      .value("--page-chars", &page_chars, "N  characters per answer page, default 10000")
      .value("--structured", &structured, "all|records|none  which results carry structuredContent");
  const auto positional = flags.parse(args, 0, 0);
  if (!positional) return report_usage(positional.error(), "serve");
  if (flags.helped()) return print(flags.help()), kDone;
  if (options.serve.agent.empty()) {
    return report_usage({ErrorKind::invalid_argument, "--agent is required", {}, {}, nullptr}, "serve");
  }
  const auto page = page_chars_of(page_chars);
  if (!page) return report_usage(page.error(), "serve");
  const auto views = structured_of(structured);
  if (!views) return report_usage(views.error(), "serve");

  // A person at a terminal is shown what a client needs; a client never sits there.
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  std::optional<transport::ProtocolPipe> pipe;
  if (!terminal) pipe = transport::take_stdio();
  auto assembly = server::Assembly::build(options);
  if (!assembly) return report(assembly.error());
  server::Assembly& all = **assembly;

  mcp::Service service;
  service.version = REMIT_VERSION;
  service.tools = all.tools();
  service.access = [&all]() -> policy::Access& { return all.access(); };
  service.page_chars = *page;
  service.structured = *views;
  service.principal = policy::principal_text(all.principal());
  auto seal = all.state().key("request_state");
  if (!seal) return report(seal.error());
  service.request_state_keys = {*seal};
  service.consume_nonce = [&all](const std::string& nonce, std::int64_t) {
    return memory::consume_nonce(all.state(), nonce);
  };
  service.redact = [&all](std::string text) { return all.redactor().redact(text).text; };
  service.prompts = server::agent_prompt(all.remit());
  if (terminal) {
    if (const auto recorded = all.record_start(); !recorded) return report(recorded.error());
    print(welcome(all, options.serve));
    return kDone;
  }
  const auto confined = all.confine();
  if (!confined) log::warning("the server process is not locked in", {{"why", confined.error().message}});
  if (const auto recorded = all.record_start(); !recorded) return report(recorded.error());
  service.instructions = server::instructions(all.access(), confined.has_value());
  const std::string tools_sha = tools_list_hash(all.remit());
  auto changes =
      server::serve_changes(service, all.access(), all.state(), all.wake(), all.server_id());
  if (!changes) return report(changes.error());
  service.resources = server::agent_resources(
      all.access(), dump(policy::show_json(all.checked().persona, all.checked().compiled, tools_sha)), *changes);
  log::info("serving", {{"agent", all.remit().slug},
                        {"instruction", all.remit().instruction_id},
                        {"workspace", all.remit().roots.front().path}});
  mcp::Server server(std::move(service));
  return transport::serve_stdio(std::move(*pipe), server);
}

}  // namespace remit::cli
