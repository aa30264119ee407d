// Pool: the bounded threads that run tools. Threads are made when there is work and none is idle,
// so that a server that is only asked for its list has none.
//
// Threads: all members are safe from any thread. Nothing is called under the lock.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace remit::mcp {

class Pool {
 public:
  explicit Pool(std::size_t threads) : limit_(threads) {}
  ~Pool();  // runs what is queued, then joins
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Runs `job` on a thread of the pool; `job` must not throw. False, and `job` is dropped, if
  // kPoolQueue jobs wait, or the pool has no thread and the system gives none.
  [[nodiscard]] bool run(std::function<void()> job);

  // While it lives, the calling pool thread waits for a person: another thread may take its place,
  // so that parked questions cannot stop every other call.
  class Parked {
   public:
    explicit Parked(Pool& pool);
    ~Parked();
    Parked(const Parked&) = delete;
    Parked& operator=(const Parked&) = delete;

   private:
    Pool& pool_;
  };

 private:
  void work();
  bool may_start() const { return running_ < limit_ + parked_; }
  void grow();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  std::size_t limit_;
  std::size_t idle_ = 0;     // waiting in work()
  std::size_t running_ = 0;  // in a job, parked ones included
  std::size_t parked_ = 0;
  bool ending_ = false;
};

}  // namespace remit::mcp
