// Reloads a running server when its operator asks (SIGHUP): the files are read again, what they
// take away is gone for every new call, calls and background shells under the old ones end, and
// clients are told which lists changed.
//
// Threads: request() from any, at any time; the reload itself runs on a thread of its own, made
// when first asked for. Requests that come while it runs are one more reload after it. Fails with:
// a line on stderr and a ledger row; what was granted before stays.
#pragma once

#include <mutex>
#include <thread>

#include "server/cli/serve_flags.h"
#include "server/mcp/dispatcher.h"

namespace remit::cli {

class Reloader {
 public:
  Reloader(server::Assembly& all, mcp::Server& server, Locked locked)
      : all_(all), server_(server), locked_(std::move(locked)) {}
  ~Reloader();  // waits for a reload that runs
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  void request();

 private:
  void work();
  void reload_once();

  server::Assembly& all_;
  mcp::Server& server_;
  const Locked locked_;
  std::mutex mutex_;  // guards the rest
  bool asked_ = false, working_ = false;
  std::thread thread_;
};

}  // namespace remit::cli
