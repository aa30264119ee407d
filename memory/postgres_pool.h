// The connections of one process to its PostgreSQL, opened when first needed, kept, and replaced
// when they broke. While the server restarts a caller waits up to kPostgresRestart, then hears
// `unavailable`: documents are never looked for anywhere else.
//
// Threads: any; each Lease belongs to the thread that took it. It waits for a free one at most
// kStateLockWait.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "memory/postgres_session.h"

namespace remit::memory {

class PostgresPool {
 public:
  PostgresPool(PostgresUrl url, std::size_t most) : url_(std::move(url)), most_(most) {}

  class Lease {
   public:
    Lease() = default;
    Lease(PostgresPool& pool, std::unique_ptr<PostgresSession> session)
        : pool_(&pool), session_(std::move(session)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), session_(std::move(other.session_)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(session_, other.session_);
      return *this;
    }
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(std::move(session_));
    }
    PostgresSession* operator->() const { return session_.get(); }
    PostgresSession& operator*() const { return *session_; }

   private:
    PostgresPool* pool_ = nullptr;
    std::unique_ptr<PostgresSession> session_;
  };

  Result<Lease> take();
  // A connection of its own, for a listener.
  Result<std::unique_ptr<PostgresSession>> open() const { return PostgresSession::open(url_); }
  const PostgresUrl& url() const { return url_; }

 private:
  void give_back(std::unique_ptr<PostgresSession> session);

  const PostgresUrl url_;
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t used_ = 0;
  std::vector<std::unique_ptr<PostgresSession>> idle_;
};

}  // namespace remit::memory
