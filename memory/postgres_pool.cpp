#include "memory/postgres_pool.h"

#include <chrono>
#include <thread>

#include "base/limits.h"
#include "base/log.h"
#include "memory/postgres_limits.h"

namespace remit::memory {

Result<PostgresPool::Lease> PostgresPool::take() {
  {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, limits::kStateLockWait, [&] { return used_ < most_; })) {
      return fail(ErrorKind::unavailable, "every connection to PostgreSQL is in use; try again", {},
                  "locked");
    }
    ++used_;
    if (!idle_.empty()) {
      std::unique_ptr<PostgresSession> session = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(session));
    }
  }
  const auto deadline = std::chrono::steady_clock::now() + limits::kPostgresRestart;
  for (;;) {
    auto session = PostgresSession::open(url_);
    if (session) return Lease(*this, std::move(*session));
    const bool later = session.error().code == "lost" &&
                       std::chrono::steady_clock::now() + limits::kPostgresRetry < deadline;
    if (!later) {
      give_back(nullptr);
      log::warning("PostgreSQL is not there", {{"error", session.error().message}});
      if (session.error().code != "lost") return tl::unexpected<Error>(session.error());
      // What libpq says names hosts and files.
      return fail(ErrorKind::unavailable,
                  "PostgreSQL, which holds Agent_Memory, cannot be reached; nothing was done, try "
                  "again later",
                  {}, "lost");
    }
    std::this_thread::sleep_for(limits::kPostgresRetry);
  }
}

void PostgresPool::give_back(std::unique_ptr<PostgresSession> session) {
  // One in the middle of a transaction is closed with it: the server rolls back.
  if (session && !session->at_rest()) session.reset();
  {
    const std::lock_guard lock(mutex_);
    --used_;
    if (session) idle_.push_back(std::move(session));
  }
  freed_.notify_one();
}

}  // namespace remit::memory
