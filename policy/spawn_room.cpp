#include "policy/spawn_room.h"

namespace remit::policy {

SpawnRoom::Place::~Place() {
  if (room_ != nullptr) room_->leave(principal_);
}

Result<SpawnRoom::Place> SpawnRoom::enter(const std::string& principal, std::stop_token stop) {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  std::unique_lock lock(mutex_);
  Count& own = principals_[principal];
  const auto free = [&] {
    return own.running < limits::kBashAtOnce && running_ < limits::kBashAtOnceOfAll;
  };
  bool found = free();
  if (!found && own.waiting < limits::kBashQueued) {
    ++own.waiting;
    found = changed_.wait_until(lock, stop, deadline, free);
    --own.waiting;
  }
  if (found) {
    ++own.running;
    ++running_;
    return Place(*this, principal);
  }
  const std::size_t running = own.running;
  if (own.running + own.waiting == 0) principals_.erase(principal);
  if (stop.stop_requested()) {
    return fail(ErrorKind::cancelled, "the call was cancelled before its command began");
  }
  return fail(ErrorKind::unavailable,
              "no place for this command: " + std::to_string(running) + " of yours run and " +
                  std::to_string(running_) + " in all (at most " +
                  std::to_string(limits::kBashAtOnce) + " and " +
                  std::to_string(limits::kBashAtOnceOfAll) +
                  "); nothing was begun, call again when one has ended",
              {}, "busy");
}

void SpawnRoom::leave(const std::string& principal) {
  {
    const std::lock_guard lock(mutex_);
    const auto own = principals_.find(principal);
    --running_;
    if (--own->second.running + own->second.waiting == 0) principals_.erase(own);
  }
  changed_.notify_all();
}

}  // namespace remit::policy
