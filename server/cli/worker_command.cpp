// remit-http worker: one agent under one instruction behind a front (docs/agents.md). Started by
// the launcher alone, with two descriptors: 3 is the channel from which connections come, 4 holds
// the operator's files as the launcher read them.
#include <fcntl.h>

#include "base/clock.h"
#include "base/datagram.h"
#include "base/limits.h"
#include "server/cli/commands.h"
#include "server/cli/serve_flags.h"
#include "server/transport/http_auth.h"
#include "server/transport/http_server.h"

namespace remit::cli {
namespace {

constexpr int kChannel = 3, kFiles = 4;

}  // namespace

int worker_command(std::span<const std::string> args) {
  ServeFlags given;
  std::string page_chars = std::to_string(limits::kPageChars), structured = "records", idle = "0s";
  Flags flags("remit-http worker (started by remit serve --agents)");
  flags.value("--agent", &given.assembly.serve.agent, "FILE")
      .value("--agents", &given.assembly.colleagues, "DIR")
      .value("--console", &given.assembly.console, "URL")
      .value("--worker-idle", &idle, "TIME")
      .value("--page-chars", &page_chars, "N")
      .value("--structured", &structured, "all|records|none")
      .toggle("--native-approval", &given.assembly.native_approval, "")
      .toggle("--serve-approver", &given.assembly.serve_approver, "");
  add_path_flags(flags, given.assembly.serve);
  if (const auto words = flags.parse(args, 0, 0); !words)
    return report_usage(words.error(), "worker");
  if (flags.helped()) return print(flags.help()), kDone;
  if (const auto views = set_views(given, page_chars, structured); !views)
    return report_usage(views.error(), "worker");
  const auto idle_ms = parse_duration_ms(idle);
  if (!idle_ms) return report_usage(idle_ms.error(), "worker");
  if (::fcntl(kChannel, F_SETFD, FD_CLOEXEC) != 0)
    return report_usage({ErrorKind::invalid_argument,
                         "a worker is started by `remit serve --agents` alone",
                         {},
                         {},
                         nullptr},
                        "worker");
  transport::HttpServer::block_signals();
  {
    const Fd files(kFiles);
    const auto packed = read_sealed(files, policy::kPackedBytes);
    if (!packed) return report(packed.error());
    auto read = policy::unpack(*packed);
    if (!read) return report(read.error());
    given.assembly.files = std::move(*read);
  }
  auto assembly = server::Assembly::build(given.assembly);
  if (!assembly) return report(assembly.error());
  transport::HttpOptions options;
  options.channel = kChannel;
  auto http = transport::HttpServer::start_listening(options);
  if (!http) return report(http.error());
  return serve_assembly(**assembly, given, **http, transport::Tokens::from_front(),
                        {.worker = true, .idle = std::chrono::milliseconds(*idle_ms)});
}

}  // namespace remit::cli
