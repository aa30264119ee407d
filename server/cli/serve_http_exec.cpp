// `remit`'s side of what speaks HTTP: becomes remit-http, before anything was made or opened.
#include "server/cli/commands.h"
#include "server/cli/console_process.h"
#include "server/cli/serve_flags.h"

namespace remit::cli {

int serve_http(std::span<const std::string> args, const ServeFlags& /*flags*/) {
  return become_http("serve", args);
}

int worker_command(std::span<const std::string> args) {
  return become_http("worker", args);
}

int console_command(std::span<const std::string> args) {
  return become_http("console", args);
}

}  // namespace remit::cli
