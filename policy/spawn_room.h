// SpawnRoom: how many commands may run at once, of one principal and of all that share a Spawner.
// One who finds it full waits a while, so that a client which sends a few too many loses nothing,
// and then gets "busy"; few may wait, because each holds a thread that others' calls need.
//
// Threads: safe. Places must be gone before their room.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#include "base/limits.h"
#include "base/result.h"

namespace remit::policy {

class SpawnRoom {
 public:
  explicit SpawnRoom(std::chrono::milliseconds patience = limits::kBashQueueWait)
      : patience_(patience) {}

  // A command's place; given back by its end.
  class Place {
   public:
    Place(SpawnRoom& room, std::string principal)
        : room_(&room), principal_(std::move(principal)) {}
    ~Place();
    Place(Place&& other) noexcept
        : room_(std::exchange(other.room_, nullptr)), principal_(std::move(other.principal_)) {}
    Place& operator=(Place&&) = delete;

   private:
    SpawnRoom* room_;  // null once moved from
    std::string principal_;
  };

  // Errors: unavailable, code "busy", when limits::kBashQueued of this principal wait already or
  // the wait has been in vain; cancelled, when `stop` is asked for meanwhile.
  Result<Place> enter(const std::string& principal, std::stop_token stop);

 private:
  struct Count {
    std::size_t running = 0, waiting = 0;
  };
  void leave(const std::string& principal);

  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Count> principals_;  // those with a command
  std::size_t running_ = 0;
};

}  // namespace remit::policy
