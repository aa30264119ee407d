#include "server/transport/http_stream.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "server/limits.h"

namespace remit::transport {

EventStream::~EventStream() {
  *kept_ -= bytes_;
}

void EventStream::send(std::string message) {
  const std::lock_guard held(mutex_);
  push(std::move(message));
  // Ringing is one write that cannot block; under the lock, so that the reader cannot leave first.
  if (reader_ != nullptr) reader_->ring();
}

void EventStream::answer(std::string message, mcp::Step step) {
  const std::lock_guard held(mutex_);
  if (ended_) return;
  push(std::move(message));
  answered_ = true;
  step_ = step;
  end_locked();
}

void EventStream::allow_release() {
  const std::lock_guard held(mutex_);
  may_release_ = true;
}

void EventStream::release() {
  const std::lock_guard held(mutex_);
  // What it says from now on waits in the ring for Last-Event-ID.
  if (!may_release_ || keep_ != Keep::ring || reader_ == nullptr) return;
  reader_->ring();
  reader_ = nullptr;
}

void EventStream::abandon() {
  end();
}

void EventStream::end() {
  const std::lock_guard held(mutex_);
  end_locked();
}

void EventStream::end_locked() {
  ended_ = true;
  if (reader_ != nullptr) reader_->ring();
  room_.notify_all();
}

void EventStream::push(std::string message) {
  if (ended_) return;
  if (waiting_ > limits::kOutboxMaxBytes) {
    log::warning("a client reads no events; its stream ends");
    return end_locked();
  }
  bytes_ += message.size();
  waiting_ += message.size();
  *kept_ += message.size();
  events_.push_back({next_++, std::move(message)});
  trim();
}

// Drops the oldest events beyond the ring. Those that a reader is about to take stay; without a
// reader nobody may ever come.
void EventStream::trim() {
  const auto too_much = [&] {
    return keep_ == Keep::nothing || events_.size() > limits::kHttpRingEvents ||
           bytes_ > limits::kHttpRingBytes || *kept_ > limits::kHttpKeptBytes;
  };
  const bool reading = reader_ != nullptr || keep_ == Keep::nothing;
  while (events_.size() > (keep_ == Keep::ring ? 1U : 0U) && too_much()) {
    const Event& oldest = events_.front();
    if (oldest.number > taken_) {
      if (reading) break;
      waiting_ -= oldest.message.size();
      taken_ = oldest.number;
    }
    bytes_ -= oldest.message.size();
    *kept_ -= oldest.message.size();
    events_.pop_front();
  }
}

bool EventStream::wait_for_room(std::stop_token stop) {
  std::unique_lock held(mutex_);
  const auto room = [&] { return waiting_ < limits::kOutboxBytes || ended_; };
  if (room()) return true;
  room_.wait(held, stop, room);
  return !stop.stop_requested();
}

bool EventStream::attach(const Wake& wake, std::optional<std::uint64_t> last) {
  const std::lock_guard held(mutex_);
  const std::uint64_t after = last.value_or(taken_);
  if (reader_ != nullptr) reader_->ring();  // finds out that it was replaced
  reader_ = &wake;
  const std::uint64_t first = events_.empty() ? next_ : events_.front().number;
  taken_ = std::max(after, first - 1);
  waiting_ = 0;
  for (const Event& event : events_)
    if (event.number > taken_) waiting_ += event.message.size();
  return after + 1 >= first && after < next_;
}

void EventStream::detach(const Wake& wake) {
  const std::lock_guard held(mutex_);
  if (reader_ != &wake) return;
  reader_ = nullptr;
  trim();
}

EventStream::Taken EventStream::take(const Wake& wake) {
  Taken out;
  const std::lock_guard held(mutex_);
  if (reader_ != &wake) {
    out.ended = out.taken_over = true;
    return out;
  }
  if (keep_ == Keep::nothing) {
    for (Event& event : events_) out.events.push_back(std::move(event));
    *kept_ -= bytes_;
    bytes_ = 0;
    events_.clear();
  } else {
    for (const Event& event : events_)
      if (event.number > taken_) out.events.push_back(event);
  }
  taken_ = next_ - 1;
  waiting_ = 0;
  if (keep_ == Keep::ring) trim();
  out.ended = ended_;
  out.answered = answered_ && !out.events.empty();
  out.step = step_;
  room_.notify_all();
  return out;
}

bool EventStream::finished() const {
  const std::lock_guard held(mutex_);
  return ended_ && reader_ == nullptr;
}

}  // namespace remit::transport
