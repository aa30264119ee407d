// remit serve --agents: the front of many agents (docs/agents.md). Order matters: the launcher is
// forked before there is a socket to inherit; then the address is bound; then this process locks
// itself in: it opens no file, starts nothing and connects to nothing any more.
#include <unistd.h>

#include <csignal>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "policy/find.h"
#include "policy/installation.h"
#include "server/cli/commands.h"
#include "server/cli/serve_flags.h"
#include "server/front/front_site.h"
#include "server/front/launcher.h"
#include "server/front/workers.h"
#include "server/limits.h"
#include "server/transport/http_server.h"
#include "tools/sandbox/confine.h"

namespace remit::cli {
namespace {

Result<transport::HttpNames> names_of(const std::string& site) {
  TRY(const std::string manifests, policy::find_manifests());
  TRY(policy::Installation installation, policy::load_installation(manifests, site));
  return transport::HttpNames{std::move(installation.site.http_hosts),
                              std::move(installation.site.http_origins)};
}

Result<front::LauncherOptions> launcher_options(const ServeFlags& flags) {
  front::LauncherOptions out;
  out.agents = flags.many.folder;
  out.serve = flags.assembly.serve;
  if (out.serve.instruction.empty())
    out.serve.instruction = server::mint_instruction(system_clock());
  else if (!policy::valid_instruction(out.serve.instruction))
    return fail(ErrorKind::invalid_argument,
                "not an instruction id (a letter, then up to 95 of A-Za-z0-9_-): " +
                    escape_ascii(out.serve.instruction));
  out.token_file = flags.token_file;
  out.no_auth = flags.no_auth;
  const std::string idle = flags.many.worker_idle.empty()
                               ? std::to_string(limits::kWorkerIdle.count()) + "ms"
                               : flags.many.worker_idle;
  TRY_DO(parse_duration_ms(idle));
  out.more = {"--page-chars",  std::to_string(flags.page_chars),
              "--structured",  std::string(word_of(flags.structured)),
              "--worker-idle", idle};
  if (flags.assembly.native_approval) out.more.emplace_back("--native-approval");
  if (flags.assembly.serve_approver) out.more.emplace_back("--serve-approver");
  if (!flags.assembly.console.empty())
    out.more.insert(out.more.end(), {"--console", flags.assembly.console});
  return out;
}

// For a person: where each agent is, and which are not.
std::string greeting(const front::Launched& launched, const std::string& url,
                     const std::string& console) {
  std::string text = "Remit " REMIT_VERSION " serves under the instruction " +
                     launched.table.instruction + " (Ctrl-C ends it):\n";
  for (const auto& [slug, agent] : launched.table.agents)
    text += agent.refused.empty() ? "  " + url + "/" + slug + "/mcp\n"
                                  : "  " + slug + " is not served: " + agent.refused + "\n";
  if (!launched.token_file.empty())
    text += "Tokens, made for this run, one a line: " + launched.token_file + "\n";
  if (!console.empty()) text += "The console, for you and your PIN: " + console + "\n";
  return text;
}

}  // namespace

int serve_agents(const ServeFlags& given) {
  ServeFlags flags = given;
  if (const auto started = serve_console(flags); !started) return report(started.error());
  transport::HttpServer::block_signals();
  auto names = names_of(flags.assembly.serve.site);
  if (!names) return report(names.error());
  const auto options = launcher_options(flags);
  if (!options) return report(options.error());
  auto launched = front::launch(*options);
  if (!launched) return report(launched.error());
  transport::HttpOptions where;
  where.address = flags.http;
  where.socket = flags.socket;
  where.behind_proxy = flags.behind_proxy;
  where.path = "/agents";
  auto http = transport::HttpServer::start_listening(where);
  if (!http) {
    // Nobody is served with them.
    if (!launched->token_file.empty()) ::unlink(launched->token_file.c_str());
    return report(http.error());
  }
  if (::isatty(STDIN_FILENO) == 1)
    print(greeting(*launched, (*http)->url(), flags.assembly.console));
  if (const auto confined = sandbox::confine_self({}); !confined)
    log::warning("the front is not locked in", {{"why", confined.error().message}});
  const std::string token_file = launched->token_file.empty() ? "-" : launched->token_file;
  const std::string instruction = launched->table.instruction;
  int code = kDone;
  {
    front::Link link(std::move(launched->link), std::move(launched->table));
    // Without the launcher nothing new could be served: the whole is to be started again.
    const auto started = link.start([] { ::kill(::getpid(), SIGTERM); });
    if (!started) return report(started.error());
    front::FrontSite site(link, std::move(*names), (*http)->metrics());
    log::info("listening",
              {{"url", (*http)->url()}, {"token_file", token_file}, {"instruction", instruction}});
    code = (*http)->serve(site, [&] { link.ask_reload(); });
    if (link.is_broken()) {
      log::error("the process that starts workers has ended");
      code = kUnavailable;
    }
  }
  // It ends its workers first.
  front::await_ends({launched->pid}, limits::kLauncherEnd);
  return code;
}

}  // namespace remit::cli
