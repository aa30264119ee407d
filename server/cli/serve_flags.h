// What `remit serve` was asked for; and the path options that serve, call and explain share.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "server/agent_changes.h"
#include "server/assembly.h"
#include "server/cli/flags.h"
#include "server/mcp/service.h"

namespace remit::transport {
class HttpServer;
class Tokens;
}  // namespace remit::transport

namespace remit::cli {

// Adds --manifest, --site, --workspace, --memory, --state and --instruction.
inline Flags& add_path_flags(Flags& flags, server::ServeOptions& options) {
  return flags
      .value("--manifest", &options.manifest, "FILE  sidecar manifest, default beside the persona")
      .value("--site", &options.site, "FILE  site policy")
      .value("--workspace", &options.workspace, "DIR  default: the current directory")
      .value("--memory", &options.memory, "DIR  Agent_Memory, default WORKSPACE/Agent_Memory")
      .value("--state", &options.state, "DIR  default ~/.local/state/remit")
      .value("--instruction", &options.instruction, "ID  bound instruction, default: minted");
}

// Idle workers of --agents end (server/front).
struct ManyFlags {
  std::string folder;       // of personas; "" = one agent is served
  std::string worker_idle;  // "15m"
};

struct ServeFlags {
  server::AssemblyOptions assembly;
  std::size_t page_chars = limits::kPageChars;
  mcp::Structured structured = mcp::Structured::records;
  std::string http, socket;  // HOST:PORT; the path of a unix socket
  std::string token_file;
  std::string console;         // HOST:PORT
  std::string console_origin;  // https://HOST, behind a proxy
  bool no_auth = false, behind_proxy = false;
  ManyFlags many;
};

// Fills page_chars and structured from their words. Errors: invalid_argument.
Result<void> set_views(ServeFlags& flags, const std::string& page_chars,
                       const std::string& structured);
std::string_view word_of(mcp::Structured structured);

// Serves over HTTP and returns the exit code. `args`: those of serve. There are two: `remit`
// becomes the program remit-http beside it, which has the HTTP library linked in and does it; a
// stdio server is spared that library's memory and start.
int serve_http(std::span<const std::string> args, const ServeFlags& flags);

// Serves one agent on `http` until the end; gives the exit code.
struct Serving {
  bool worker = false;                // of a front, which reads the operator's files in its place
  std::chrono::milliseconds idle{0};  // then it ends; 0: never
  std::string token_file = {};        // that was made, or ""
};
int serve_assembly(server::Assembly& all, const ServeFlags& flags, transport::HttpServer& http,
                   transport::Tokens tokens, const Serving& serving);
// Serves the agents of a folder (docs/agents.md); gives the exit code.
int serve_agents(const ServeFlags& flags);

// Starts the console that the flags ask for, if they do, and notes its address for the assembly.
Result<void> serve_console(ServeFlags& flags);

// What the protocol layer serves of an assembly, without what it offers. `all` must outlive it.
// Errors: unavailable.
Result<mcp::Service> make_service(server::Assembly& all, const ServeFlags& flags);
// What a client is offered under `standing`, which it keeps. `locked`: the process is.
mcp::Offer offer_of(const std::shared_ptr<const server::Standing>& standing,
                    const std::shared_ptr<server::AgentChanges>& changes, bool locked);
// Locks the process in, records the start, and adds the offer. With one thread only
// (Assembly::confine). Errors: those of the record; a machine without a lock is only warned of.
struct Locked {
  std::shared_ptr<server::AgentChanges> changes;
  bool confined = false;
};
Result<Locked> lock_and_finish(server::Assembly& all, mcp::Service& service);

}  // namespace remit::cli
