// remit console: the human console over one state directory. Its process may read the PIN's hash
// and the key that signs a yes, so nobody else of the same user may look into it, and it does
// nothing else.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <optional>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/ledger.h"
#include "policy/find.h"
#include "policy/installation.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/console_process.h"
#include "server/cli/flags.h"
#include "server/cli/loopback_names.h"
#include "server/console/console_site.h"
#include "server/documents.h"
#include "server/transport/http_server.h"
#include "tools/sandbox/confine.h"

namespace remit::cli {
namespace {

// The port in http://127.0.0.1:8812/console.
int port_of(const std::string& url) {
  const auto colon = url.rfind(':');
  return colon == std::string::npos ? 0 : std::atoi(url.c_str() + colon + 1);
}

// Where passkeys work, or why they do not. `held`: what keeps it so while the console runs.
struct PasskeySite {
  console::RelyingParty party;
  std::string why_not;
  std::optional<LoopbackNames> held;
};
Result<PasskeySite> passkey_site(const std::string& origin, bool behind_proxy, int port) {
  PasskeySite out;
  if (behind_proxy) {
    if (origin.empty()) {
      out.why_not =
          "No passkey can be used: the console does not know its address. Start it with "
          "--origin https://HOST, as browsers see it.";
      return out;
    }
    TRY(out.party, console::relying_party(origin));
    if (out.party.origin.starts_with("https:")) return out;
    return fail(ErrorKind::invalid_argument,
                "--origin is https://HOST: browsers come over TLS to a proxy");
  }
  if (!origin.empty())
    return fail(ErrorKind::invalid_argument,
                "--origin belongs to --behind-proxy; on this machine it is http://localhost:PORT");
  auto held = LoopbackNames::hold(port);
  if (!held) {
    log::warning("passkeys cannot be used", {{"why", held.error().message}});
    out.why_not = "No passkey can be used: " + held.error().message + ".";
    return out;
  }
  out.held.emplace(std::move(*held));
  TRY(out.party, console::relying_party("http://localhost:" + std::to_string(port)));
  return out;
}

Result<void> note_restart(memory::Ledger& ledger, const std::string& after) {
  if (after.empty()) return {};
  memory::LedgerRecord row;
  row.kind = "server";
  row.principal = "operator";
  row.verdict = "allow";
  row.rule = "console.restarted";
  row.fields = dump(Json{{"ended_by", to_utf8(after)}});
  return ledger.append(std::move(row), memory::Durability::effect);
}

}  // namespace

int console_command(std::span<const std::string> args) {
  std::string address = kConsoleAddress, state_option, site_option, workspace, memory_option,
              origin, after;
  bool behind_proxy = false;
  Flags flags("remit console [--listen HOST:PORT] [--state DIR] [--memory DIR] [--origin URL]");
  flags.value("--listen", &address, "HOST:PORT  where a browser finds it, default 127.0.0.1:8812")
      .value("--state", &state_option, "DIR  default ~/.local/state/remit")
      .value("--workspace", &workspace, "DIR  default: the current directory")
      .value("--memory", &memory_option,
             "DIR  Agent_Memory that it shows, default WORKSPACE/Agent_Memory")
      .value("--site", &site_option, "FILE  site policy, for the names that it is served under")
      .toggle("--behind-proxy", &behind_proxy,
              "allow an address that is not loopback; browsers come over https")
      .value("--origin", &origin,
             "https://HOST  with --behind-proxy: where browsers see it, for passkeys")
      .value("--after", &after, "TEXT  given by serve: what ended the console before this one");
  const auto words = flags.parse(args, 0, 0);
  if (!words) return report_usage(words.error(), "console");
  if (flags.helped()) return print(flags.help()), kDone;
  // No debugger, no /proc/PID/mem and no core file for other processes of this user.
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);

  const auto manifests = policy::find_manifests();
  if (!manifests) return report(manifests.error());
  const auto installation = policy::load_installation(*manifests, site_option);
  if (!installation) return report(installation.error());
  transport::HttpOptions options{address, "", behind_proxy, "--listen", "/console"};
  auto http = transport::HttpServer::start_listening(options);
  if (!http) return report(http.error());
  const int port = port_of((*http)->url());
  auto passkeys = passkey_site(origin, behind_proxy, port);
  if (!passkeys) return report_usage(passkeys.error(), "console");
  auto state = memory::State::open({server::state_directory(state_option), {}}, system_clock());
  if (!state) return report(state.error());
  if (const auto left = memory::Ledger::recover(**state); !left) return report(left.error());
  memory::Ledger ledger(**state);
  const auto sets = policy::ChangeSets::open(**state);
  if (!sets) return report(sets.error());
  if (const auto noted = note_restart(ledger, after); !noted) return report(noted.error());
  const auto database = server::database_of(memory_option);
  if (!database) return report_usage(database.error(), "console");
  std::shared_ptr<memory::Store> rows;
  if (*database) {
    auto opened = server::open_database(**state, **database);
    if (!opened) return report(opened.error());
    rows = std::move(*opened);
  }
  const policy::Site& site = installation->site;
  const std::string folder = fs::absolute(workspace.empty() ? "." : workspace);
  console::ConsoleSite pages(
      **state, ledger, *sets,
      {.names = {site.http_hosts, site.http_origins},
       .port = port,
       .behind_proxy = behind_proxy,
       .passkeys = passkeys->party,
       .no_passkeys = passkeys->why_not,
       .memory = {.workspace = folder,
                  .memory_root =
                      fs::absolute(memory_option.empty() || *database ? folder + "/Agent_Memory"
                                                                      : memory_option),
                  .memory_database = *database ? (*database)->shown : "",
                  .store = rows,
                  .manifests = *manifests,
                  .limits = site.memory,
                  .file_drop_root = site.file_drop_root},
       .site = site_option},
      (*http)->metrics());
  // Any folder may be a workspace whose change set is applied, so no folder is out of reach; but no
  // program starts from here and nothing is connected to.
  if (const auto locked =
          sandbox::confine_self({.readable = {}, .writable = {"/"}, .writable_files = {}});
      !locked)
    log::warning("the console is not locked in", {{"why", locked.error().message}});
  print((*http)->url() + "\n");
  log::info("the console listens", {{"url", (*http)->url()}});
  return (*http)->serve(pages);
}

}  // namespace remit::cli
