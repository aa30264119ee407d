#include "server/mcp/pool.h"

#include <system_error>
#include <utility>

#include "base/limits.h"

namespace remit::mcp {

Pool::~Pool() {
  {
    const std::lock_guard held(mutex_);
    ending_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Pool::run(std::function<void()> job) {
  std::unique_lock held(mutex_);
  if (queue_.size() >= limits::kPoolQueue) return false;
  queue_.push_back(std::move(job));
  if (idle_ >= queue_.size()) {
    held.unlock();
    ready_.notify_one();
    return true;
  }
  grow();
  if (!threads_.empty()) return true;
  queue_.pop_back();
  return false;
}

// Makes one more thread if the bound allows. Under the lock, because a count kept beside the vector
// could disagree with it; it happens a handful of times in the life of a process.
void Pool::grow() {
  if (threads_.size() >= limit_ + parked_ || ending_) return;
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // None to be had now: those that exist serve the queue.
  }
}

void Pool::work() {
  std::unique_lock held(mutex_);
  for (;;) {
    while (queue_.empty() || !may_start()) {
      if (ending_ && queue_.empty()) return;
      ++idle_;
      ready_.wait(held);
      --idle_;
    }
    std::function<void()> job = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    held.unlock();
    job();
    job = nullptr;  // what it holds is destroyed outside the lock
    held.lock();
    --running_;
    if (ending_) ready_.notify_all();  // one that may not start yet must look again
  }
}

Pool::Parked::Parked(Pool& pool) : pool_(pool) {
  {
    const std::lock_guard held(pool_.mutex_);
    ++pool_.parked_;
    if (!pool_.queue_.empty() && pool_.idle_ == 0) pool_.grow();
  }
  pool_.ready_.notify_one();
}

Pool::Parked::~Parked() {
  const std::lock_guard held(pool_.mutex_);
  --pool_.parked_;
}

}  // namespace remit::mcp
