#include "server/cli/serve_reload.h"

#include <exception>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "memory/server_rows.h"

namespace remit::cli {

Reloader::~Reloader() {
  {
    const std::lock_guard held(mutex_);
    asked_ = false;
  }
  if (thread_.joinable()) thread_.join();
}

void Reloader::request() {
  const std::lock_guard held(mutex_);
  asked_ = true;
  if (working_) return;
  if (thread_.joinable()) thread_.join();  // it has ended: working_ is its last word
  try {
    thread_ = std::thread([this] { work(); });
    working_ = true;
  } catch (const std::system_error& error) {
    log::error("no thread to reload with", {{"error", error.code().message()}});
  }
}

void Reloader::work() {
  for (;;) {
    {
      const std::lock_guard held(mutex_);
      working_ = std::exchange(asked_, false);
      if (!working_) return;
    }
    try {
      reload_once();
    } catch (const std::exception& error) {
      log::error("the reload failed", {{"what", error.what()}});
    }
  }
}

void Reloader::reload_once() {
  auto done = all_.reload();
  if (done && done->changed) {
    try {
      locked_.changes->grant(done->standing->remit);
      server_.offer(offer_of(done->standing, locked_.changes, locked_.confined));
      all_.take(*done);  // last: until then the next reload tries again
    } catch (const std::exception& error) {
      done = fail(ErrorKind::internal, std::string("the reload failed: ") + error.what());
    }
  }
  if (!done) {
    log::error("reload refused; what was granted before stays", {{"why", done.error().message}});
  } else if (!done->changed) {
    log::info("reload: nothing has changed");
  } else {
    log::info("reloaded", {{"taken", std::to_string(done->taken.size())},
                           {"waiting", join_text(done->waiting, "; ")}});
  }
  if (const auto recorded = all_.record_reload(done); !recorded)
    log::error("the reload is not in the ledger", {{"why", recorded.error().message}});
  // `remit reload` waits for that row.
  if (const auto told = memory::notify(all_.state(), "", "reload"); !told)
    log::warning("nobody can be told of the reload", {{"error", told.error().message}});
}

}  // namespace remit::cli
