// WorkQueue: jobs of a search, one deque per worker. A worker takes its own newest job (depth
// first: few open directories) and, when it has none, another's oldest (the biggest piece of work).
// Threads: any. Locks: one mutex; jobs are coarse (a directory, 64 files), so it is not contended.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace remit::search {

template <class Job>
class WorkQueue {
 public:
  explicit WorkQueue(std::size_t workers) : lanes_(workers) {}

  void push(std::size_t worker, Job job) {
    {
      const std::lock_guard lock(mutex_);
      lanes_[worker].push_back(std::move(job));
      ++unfinished_;
    }
    wake_.notify_one();
  }

  // Waits for a job; nullopt when all work is done or the search was ended.
  std::optional<Job> take(std::size_t worker) {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (ended_ || unfinished_ == 0) return std::nullopt;
      if (!lanes_[worker].empty()) {
        Job job = std::move(lanes_[worker].back());
        lanes_[worker].pop_back();
        return job;
      }
      for (std::size_t step = 1; step < lanes_.size(); ++step) {
        std::deque<Job>& other = lanes_[(worker + step) % lanes_.size()];
        if (other.empty()) continue;
        Job job = std::move(other.front());
        other.pop_front();
        return job;
      }
      wake_.wait(lock);
    }
  }

  // One job that take() gave out is finished, its own pushes included.
  void done() {
    const std::lock_guard lock(mutex_);
    if (--unfinished_ == 0) wake_.notify_all();
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::deque<Job>> lanes_;
  std::size_t unfinished_ = 0;
  bool ended_ = false;
};

}  // namespace remit::search
