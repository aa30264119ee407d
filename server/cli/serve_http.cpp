// remit-http's side: one agent, one instruction, over HTTP. Order matters: the assembly forks its
// starter before there is a socket to inherit, and the socket is bound before the lock.
#include <unistd.h>

#include <utility>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "memory/approval_rows.h"
#include "memory/ledger.h"
#include "server/cli/console_process.h"
#include "server/cli/serve_flags.h"
#include "server/cli/serve_reload.h"
#include "server/cli/welcome.h"
#include "server/mcp/dispatcher.h"
#include "server/tokens.h"
#include "server/transport/http_endpoint.h"
#include "server/transport/http_server.h"

namespace remit::cli {
namespace {

constexpr const char* kDefaultAddress = "127.0.0.1:8811";  // for a person at a terminal

// The tokens that are taken; `file` becomes the path of a token that was made.
Result<transport::Tokens> tokens_of(server::Assembly& all, const ServeFlags& flags,
                                    std::string& file) {
  if (flags.no_auth) return transport::Tokens::none();
  if (!flags.token_file.empty()) {
    TRY(const std::string text,
        server::read_credential_file(flags.token_file, server::reach_of(all.remit())));
    return transport::Tokens::from_file(flags.token_file, text, all.remit().slug,
                                        all.remit().instruction_id);
  }
  const std::string token = server::make_token();
  TRY(file, server::write_token_file(all.state(), all.server_id(), token + "\n"));
  return transport::Tokens::one(token);
}

// What only this agent's assembly knows, for /metrics.
std::vector<transport::Gauge> gauges_of(server::Assembly& all) {
  const memory::Ledger::Verdicts made = all.ledger().verdicts();
  std::vector<transport::Gauge> out;
  for (const auto& [verdict, count] :
       {std::pair("allow", made.allow), std::pair("ask", made.ask), std::pair("deny", made.deny)}) {
    out.push_back({"remit_decisions_total", "Decisions by verdict.", "counter",
                   static_cast<double>(count), std::string("verdict=\"") + verdict + "\""});
  }
  if (const auto pending = memory::ApprovalRows(all.state()).list_pending()) {
    out.push_back({"remit_approvals_pending", "Questions that wait for a person, of all servers.",
                   "gauge", static_cast<double>(pending->size())});
  }
  return out;
}

}  // namespace

int serve_assembly(server::Assembly& all, const ServeFlags& flags, transport::HttpServer& http,
                   transport::Tokens tokens, const Serving& serving) {
  auto service = make_service(all, flags);
  if (!service) return report(service.error());
  auto locked = lock_and_finish(all, *service);
  if (!locked) return report(locked.error());
  transport::EndpointOptions endpoint;
  endpoint.tokens = std::move(tokens);
  endpoint.names = {all.site().http_hosts, all.site().http_origins};
  endpoint.gauges = [&all] { return gauges_of(all); };
  if (!serving.worker)
    log::info("listening", {{"url", http.url()},
                            {"token_file", serving.token_file.empty() ? "-" : serving.token_file}});
  mcp::Server server(std::move(*service));
  Reloader reloader(all, server, std::move(*locked));
  transport::HttpEndpoint site(server, std::move(endpoint), http.metrics());
  const auto on_hangup = [&] {
    if (!serving.worker) reloader.request();
  };
  const auto busy = [&] {
    return all.standing()->tool_state.shells->running() > 0 ||
           !server.wait_tasks(std::chrono::milliseconds(0));
  };
  return http.serve(site, on_hangup, {serving.idle, busy});
}

int serve_http(std::span<const std::string> /*args*/, const ServeFlags& given) {
  if (!given.many.folder.empty()) return serve_agents(given);
  ServeFlags flags = given;
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  const bool plain = terminal && flags.http.empty() && flags.socket.empty();
  const bool asked = !flags.console.empty();
  if (plain && !asked) flags.console = kConsoleAddress;
  if (const auto started = serve_console(flags); !started && asked) return report(started.error());
  transport::HttpServer::block_signals();
  auto assembly = server::Assembly::build(flags.assembly);
  if (!assembly) return report(assembly.error());
  server::Assembly& all = **assembly;
  transport::HttpOptions options{flags.http, flags.socket, flags.behind_proxy};
  if (plain) options.address = kDefaultAddress;
  auto http = transport::HttpServer::start_listening(options);
  if (!http) return report(http.error());

  std::string token_file;
  auto tokens = tokens_of(all, flags, token_file);
  if (!tokens) return report(tokens.error());
  if (terminal)
    print(welcome(all, flags.assembly.serve, {(*http)->url(), token_file, flags.assembly.console}));
  return serve_assembly(all, flags, **http, std::move(*tokens), {.token_file = token_file});
}

}  // namespace remit::cli
