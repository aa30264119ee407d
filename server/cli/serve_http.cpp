// remit-http's side: one agent, one instruction, over HTTP. Order matters: the assembly forks its
// starter before there is a socket to inherit, and the socket is bound before the lock.
#include <unistd.h>

#include <set>
#include <utility>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/approval_rows.h"
#include "memory/ledger.h"
#include "memory/server_rows.h"
#include "server/cli/console_process.h"
#include "server/cli/serve_flags.h"
#include "server/cli/serve_reload.h"
#include "server/cli/welcome.h"
#include "server/mcp/dispatcher.h"
#include "server/transport/http_endpoint.h"
#include "server/transport/http_server.h"

namespace remit::cli {
namespace {

constexpr const char* kDefaultAddress = "127.0.0.1:8811";  // for a person at a terminal
constexpr std::size_t kTokenBytes = 32;

// STATE/tokens/SERVER_ID, 0600, holding a fresh token. Those of servers that are gone are removed:
// a locked-in server cannot remove its own.
Result<std::string> write_token(server::Assembly& all, const std::string& token) {
  TRY(const Fd folder, all.state().subdirectory("tokens"));
  TRY(const std::vector<memory::ServerRow> rows, memory::ServerRows(all.state()).list());
  std::set<std::string, std::less<>> alive;
  for (const memory::ServerRow& row : rows) alive.insert(row.server_id);
  std::vector<std::string> stale;
  TRY_DO(fs::list_directory(folder, [&](std::string_view name, unsigned char) {
    if (!alive.contains(name)) stale.emplace_back(name);
    return true;
  }));
  for (const std::string& name : stale) ::unlinkat(folder.get(), name.c_str(), 0);
  TRY_DO(fs::replace_file(folder, all.server_id(), token + "\n", 0600, fs::Expect::absent()));
  return all.state().directory() + "/tokens/" + all.server_id();
}

// The tokens that are taken; `file` becomes the path of a token that was made.
Result<transport::Tokens> tokens_of(server::Assembly& all, const ServeFlags& flags,
                                    std::string& file) {
  if (flags.no_auth) return transport::Tokens::none();
  if (!flags.token_file.empty()) {
    TRY(const std::string text, fs::read_file(flags.token_file, limits::kTokenFileBytes));
    return transport::Tokens::from_file(flags.token_file, text, all.remit().slug);
  }
  const std::string token = base64url(random_bytes(kTokenBytes));
  TRY(file, write_token(all, token));
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

int serve_http(std::span<const std::string> /*args*/, const ServeFlags& given) {
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

  transport::EndpointOptions endpoint;
  std::string token_file;
  auto tokens = tokens_of(all, flags, token_file);
  if (!tokens) return report(tokens.error());
  endpoint.tokens = std::move(*tokens);
  endpoint.names = {all.site().http_hosts, all.site().http_origins};
  endpoint.gauges = [&all] { return gauges_of(all); };
  auto service = make_service(all, flags);
  if (!service) return report(service.error());
  if (terminal)
    print(welcome(all, flags.assembly.serve, {(*http)->url(), token_file, flags.assembly.console}));
  auto locked = lock_and_finish(all, *service);
  if (!locked) return report(locked.error());
  log::info("listening",
            {{"url", (*http)->url()}, {"token_file", token_file.empty() ? "-" : token_file}});
  mcp::Server server(std::move(*service));
  Reloader reloader(all, server, std::move(*locked));
  transport::HttpEndpoint site(server, std::move(endpoint), (*http)->metrics());
  return (*http)->serve(site, [&] { reloader.request(); });
}

}  // namespace remit::cli
