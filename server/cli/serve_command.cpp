// remit serve: one agent, one instruction, MCP on stdio or over HTTP.
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

Result<void> serve_console(ServeFlags& flags) {
  if (flags.console.empty()) return {};
  const server::ServeOptions& serve = flags.assembly.serve;
  TRY(flags.assembly.console, start_console({flags.console, serve.state, serve.site,
                                             serve.workspace, serve.memory, flags.behind_proxy}));
  return {};
}

int serve_command(std::span<const std::string> args) {
  ServeFlags given;
  std::string page_chars = std::to_string(limits::kPageChars), structured = "records";
  Flags flags("remit serve --agent FILE_OR_NAME [options]");
  flags.value("--agent", &given.assembly.serve.agent,
              "FILE_OR_NAME  the persona to serve (required)");
  add_path_flags(flags, given.assembly.serve)
      .value("--http", &given.http, "HOST:PORT  Streamable HTTP at /mcp instead of stdio")
      .value("--socket", &given.socket, "PATH  the same on a unix socket")
      .value("--token-file", &given.token_file,
             "FILE  digests of tokens, default: a token made at start")
      .toggle("--no-auth", &given.no_auth, "ask for no token (loopback or unix socket only)")
      .toggle("--behind-proxy", &given.behind_proxy, "allow an address that is not loopback")
      .value("--console", &given.console,
             "HOST:PORT  the human console: approvals, changes, memory, handoffs, ledger")
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
  if (given.assembly.serve.agent.empty()) return usage("--agent is required");
  const auto page = page_chars_of(page_chars);
  if (!page) return report_usage(page.error(), "serve");
  given.page_chars = *page;
  const auto views = structured_of(structured);
  if (!views) return report_usage(views.error(), "serve");
  given.structured = *views;
  const bool http = !given.http.empty() || !given.socket.empty();
  if (!given.http.empty() && !given.socket.empty())
    return usage("--http and --socket exclude each other");
  if (given.no_auth && !given.token_file.empty())
    return usage("--no-auth and --token-file exclude each other");
  if (given.no_auth && given.behind_proxy)
    return usage("--no-auth is for loopback and unix sockets, not --behind-proxy");
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
