// remit serve: one agent, one instruction, MCP on stdio or over HTTP; or, over HTTP, many.
#include <unistd.h>

#include "base/limits.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/console_process.h"
#include "server/cli/serve_flags.h"
#include "server/cli/serve_reload.h"
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
    if (c < '0' || c > '9' || value > limits::kPageCharsMax)
      value = limits::kPageCharsMax + 1;
    else
      value = value * 10 + static_cast<std::size_t>(c - '0');
  }
  if (value < limits::kPageCharsMin || value > limits::kPageCharsMax) {
    return fail(ErrorKind::invalid_argument, "--page-chars takes " +
                                                 std::to_string(limits::kPageCharsMin) + " to " +
                                                 std::to_string(limits::kPageCharsMax));
  }
  return value;
}

}  // namespace

Result<void> set_views(ServeFlags& flags, const std::string& page_chars,
                       const std::string& structured) {
  TRY(flags.page_chars, page_chars_of(page_chars));
  TRY(flags.structured, structured_of(structured));
  return {};
}

std::string_view word_of(mcp::Structured structured) {
  switch (structured) {
    case mcp::Structured::all:
      return "all";
    case mcp::Structured::records:
      return "records";
    case mcp::Structured::none:
      return "none";
  }
  return "";
}

Result<void> serve_console(ServeFlags& flags) {
  if (flags.console.empty()) return {};
  const server::ServeOptions& serve = flags.assembly.serve;
  TRY(flags.assembly.console,
      start_console({flags.console, serve.state, serve.site, serve.workspace, serve.memory,
                     flags.behind_proxy, flags.console_origin}));
  // Where browsers see it is what people and clients are told.
  if (!flags.console_origin.empty()) flags.assembly.console = flags.console_origin + "/console";
  return {};
}

int serve_command(std::span<const std::string> args) {
  ServeFlags given;
  std::string page_chars = std::to_string(limits::kPageChars), structured = "records";
  Flags flags("remit serve --agent FILE_OR_NAME [options]");
  flags.value("--agent", &given.assembly.serve.agent,
              "FILE_OR_NAME  the persona to serve (required, but with --agents)");
  add_path_flags(flags, given.assembly.serve)
      .value("--agents", &given.many.folder,
             "DIR  every persona of a folder, each at /agents/NAME/mcp in a process of its own")
      .value("--worker-idle", &given.many.worker_idle,
             "TIME  --agents: a process ends when it is not called, default 15m")
      .value("--http", &given.http, "HOST:PORT  Streamable HTTP at /mcp instead of stdio")
      .value("--socket", &given.socket, "PATH  the same on a unix socket")
      .value("--token-file", &given.token_file,
             "FILE  digests of tokens, default: a token made at start")
      .toggle("--no-auth", &given.no_auth, "ask for no token (loopback or unix socket only)")
      .toggle("--behind-proxy", &given.behind_proxy, "allow an address that is not loopback")
      .value("--console", &given.console,
             "HOST:PORT  the human console: approvals, changes, memory, handoffs, ledger")
      .value("--console-origin", &given.console_origin,
             "https://HOST  with --behind-proxy: where browsers see the console, for passkeys")
      .toggle("--native-approval", &given.assembly.native_approval,
              "a tool BashApproved, each call of which Claude shows to its person; only for "
              "clients that do: elsewhere the model's call is the yes")
      .toggle("--serve-approver", &given.assembly.serve_approver,
              "a tool `approve` for Claude's --permission-prompt-tool")
      .value("--page-chars", &page_chars, "N  characters per answer page, default 10000")
      .value("--structured", &structured,
             "all|records|none  which results carry structuredContent");
  const auto positional = flags.parse(args, 0, 0);
  if (!positional) return report_usage(positional.error(), "serve");
  if (flags.helped()) return print(flags.help()), kDone;
  const auto usage = [](std::string message) {
    return report_usage({ErrorKind::invalid_argument, std::move(message), {}, {}, nullptr},
                        "serve");
  };
  const bool many = !given.many.folder.empty();
  if (given.assembly.serve.agent.empty() && !many) return usage("--agent is required");
  if (many && (!given.assembly.serve.agent.empty() || !given.assembly.serve.manifest.empty()))
    return usage("--agents serves a folder; --agent and --manifest are for one persona");
  if (given.console.empty() && !given.console_origin.empty())
    return usage("--console-origin belongs to --console");
  if (!given.behind_proxy && !given.console_origin.empty())
    return usage("--console-origin belongs to --behind-proxy");
  if (!many && !given.many.worker_idle.empty()) return usage("--worker-idle belongs to --agents");
  if (const auto views = set_views(given, page_chars, structured); !views)
    return report_usage(views.error(), "serve");
  const bool http = !given.http.empty() || !given.socket.empty();
  if (!given.http.empty() && !given.socket.empty())
    return usage("--http and --socket exclude each other");
  if (given.no_auth && !given.token_file.empty())
    return usage("--no-auth and --token-file exclude each other");
  if (given.no_auth && given.behind_proxy)
    return usage("--no-auth is for loopback and unix sockets, not --behind-proxy");
  if (many && !http) return usage("--agents needs --http or --socket");
  // A person at a terminal is served over HTTP; a client that speaks stdio never sits there.
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  if (!http && !terminal && (given.no_auth || given.behind_proxy || !given.token_file.empty()))
    return usage("--no-auth, --token-file and --behind-proxy belong to --http or --socket");
  if (http || terminal) return serve_http(args, given);

  if (const auto started = serve_console(given); !started) return report(started.error());
  auto pipe = transport::take_stdio();
  auto assembly = server::Assembly::build(given.assembly);
  if (!assembly) return report(assembly.error());
  auto service = make_service(**assembly, given);
  if (!service) return report(service.error());
  auto locked = lock_and_finish(**assembly, *service);
  if (!locked) return report(locked.error());
  mcp::Server server(std::move(*service));
  Reloader reloader(**assembly, server, std::move(*locked));
  return transport::serve_stdio(std::move(pipe), server, [&] { reloader.request(); });
}

}  // namespace remit::cli
