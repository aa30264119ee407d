#include "server/transport/http_threads.h"

#include <utility>

#include "base/limits.h"

namespace remit::transport {
namespace {

// Sanitizers put red zones into every frame.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kStack = 8 * limits::kHttpThreadStack;
#else
constexpr std::size_t kStack = limits::kHttpThreadStack;
#endif

void join_all(std::vector<pthread_t>& threads) {
  for (const pthread_t thread : threads) ::pthread_join(thread, nullptr);
  threads.clear();
}

}  // namespace

void* ConnectionThreads::entry(void* self) {
  static_cast<ConnectionThreads*>(self)->work();
  return nullptr;
}

bool ConnectionThreads::start() {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return false;
  ::pthread_attr_setstacksize(&attributes, kStack);
  pthread_t thread{};
  const bool started = ::pthread_create(&thread, &attributes, entry, this) == 0;
  ::pthread_attr_destroy(&attributes);
  return started;
}

bool ConnectionThreads::run(std::function<void()> job) {
  std::vector<pthread_t> finished;
  bool needs_thread = false;
  {
    const std::lock_guard held(mutex_);
    finished.swap(finished_);
    if (ending_) return false;
    needs_thread = queue_.size() >= idle_;
    if (needs_thread) {
      if (alive_ >= most_) return false;
      ++alive_;
      ++idle_;  // it will be, and nobody else may count on it
    }
    queue_.push_back(std::move(job));
  }
  join_all(finished);
  if (!needs_thread) {
    ready_.notify_one();
    return true;
  }
  if (start()) return true;
  const std::lock_guard held(mutex_);
  --alive_;
  --idle_;
  if (queue_.empty()) return true;  // another thread became free and took it
  queue_.pop_back();
  return false;
}

void ConnectionThreads::work() {
  std::unique_lock held(mutex_);
  for (;;) {
    const bool may_leave = alive_ > limits::kHttpThreadsKept;
    const auto wake = [&] { return !queue_.empty() || ending_; };
    if (may_leave ? !ready_.wait_for(held, limits::kHttpIdle, wake)
                  : (ready_.wait(held, wake), false))
      break;
    if (queue_.empty()) break;  // ending
    std::function<void()> job = std::move(queue_.front());
    queue_.pop_front();
    --idle_;
    held.unlock();
    job();
    job = nullptr;
    held.lock();
    ++idle_;
  }
  --idle_;
  --alive_;
  finished_.push_back(::pthread_self());
  // Under the lock: join() may destroy this object as soon as it can look.
  if (alive_ == 0) ended_.notify_all();
}

std::size_t ConnectionThreads::busy() const {
  const std::lock_guard held(mutex_);
  return alive_ - idle_;
}

void ConnectionThreads::join() {
  std::vector<pthread_t> finished;
  {
    std::unique_lock held(mutex_);
    ending_ = true;
    ready_.notify_all();
    ended_.wait(held, [&] { return alive_ == 0; });
    finished.swap(finished_);
  }
  join_all(finished);
}

}  // namespace remit::transport
