// ConnectionThreads: one thread per open connection, made when none is idle, up to a cap. Small
// stacks, because there may be hundreds.
//
// Threads: all safe from any thread; join() once, at the end.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

namespace remit::transport {

class ConnectionThreads {
 public:
  explicit ConnectionThreads(std::size_t most) : most_(most) {}
  ~ConnectionThreads() { join(); }
  ConnectionThreads(const ConnectionThreads&) = delete;
  ConnectionThreads& operator=(const ConnectionThreads&) = delete;

  // Runs `job`, which must not throw. False, and `job` is not run: all threads are busy, or the
  // system gives none.
  bool run(std::function<void()> job);
  // Threads with a job.
  std::size_t busy() const;
  // Waits for the jobs at work and ends the threads.
  void join();

 private:
  static void* entry(void* self);
  void work();
  bool start();

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable ready_, ended_;
  std::deque<std::function<void()>> queue_;  // never longer than idle_
  std::vector<pthread_t> finished_;          // to be joined
  std::size_t idle_ = 0, alive_ = 0;
  bool ending_ = false;
};

}  // namespace remit::transport
