#include "server/mcp/exchange.h"

#include <algorithm>
#include <cassert>

#include "base/limits.h"

namespace remit::mcp {

void Batch::done(std::size_t element, std::string answer) {
  {
    const std::lock_guard held(mutex_);
    answers_[element] = std::move(answer);
    if (--open_ != 0) return;
  }
  std::string all;  // of the last one, which nobody else disturbs any more
  for (const std::string& one : answers_) {
    if (one.empty()) continue;
    all += all.empty() ? '[' : ',';
    all += one;
  }
  if (all.empty()) return outbox_->abandon();
  all += ']';
  outbox_->answer(std::move(all), Step::served);
}

bool Exchange::close() {
  const std::lock_guard held(gate_);
  return std::exchange(open_, false);
}

bool Exchange::closed() const {
  const std::lock_guard held(gate_);
  return !open_;
}

bool Exchange::reply(std::string message, Step step) {
  if (!close()) return false;
  // Out of the table first: a client may use the id again as soon as it has read the answer.
  table_.leave(this);
  place_.answer(std::move(message), step);
  return true;
}

bool Exchange::notify(std::string message) {
  const std::lock_guard held(gate_);
  if (!open_) return false;
  place_.outbox->send(std::move(message));
  return true;
}

bool Exchange::cancel() {
  if (!close()) return false;
  table_.leave(this);
  place_.abandon();
  stop.request_stop();
  return true;
}

bool InFlight::contains(const IdText& id) const {
  const std::lock_guard held(mutex_);
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return entry->id == id; });
}

InFlight::Refused InFlight::enter(const std::shared_ptr<Exchange>& exchange) {
  const std::lock_guard held(mutex_);
  for (const auto& entry : entries_)
    if (entry->id == exchange->id) return Refused::id_in_use;
  // Cancelled handlers that still wind down are no longer entries: a storm of calls and cancels has
  // a bound of its own.
  if (entries_.size() >= limits::kInFlight || working_ >= 2 * limits::kInFlight)
    return Refused::too_many;
  entries_.push_back(exchange);
  return Refused::no;
}

void InFlight::leave(const Exchange* exchange) {
  std::shared_ptr<Exchange> last;  // released outside the lock
  const std::lock_guard held(mutex_);
  const auto at = std::find_if(entries_.begin(), entries_.end(),
                               [&](const auto& entry) { return entry.get() == exchange; });
  if (at == entries_.end()) return;
  last = std::move(*at);
  *at = std::move(entries_.back());
  entries_.pop_back();
}

bool InFlight::cancel(const IdText& id) {
  std::shared_ptr<Exchange> found;
  {
    const std::lock_guard held(mutex_);
    for (const auto& entry : entries_)
      if (entry->id == id) found = entry;
  }
  return found && found->cancel();
}

void InFlight::stop_all() {
  std::vector<std::shared_ptr<Exchange>> all;
  {
    const std::lock_guard held(mutex_);
    all = entries_;
  }
  for (const auto& exchange : all) exchange->stop.request_stop();
}

void InFlight::work_started() {
  const std::lock_guard held(mutex_);
  ++working_;
}

void InFlight::work_ended() {
  // Notified under the lock: who waits may destroy this object as soon as it can look.
  const std::lock_guard held(mutex_);
  if (--working_ == 0) idle_.notify_all();
}

bool InFlight::wait_idle(std::chrono::milliseconds timeout) {
  std::unique_lock held(mutex_);
  return idle_.wait_for(held, timeout, [&] { return working_ == 0; });
}

bool InFlight::idle() const {
  const std::lock_guard held(mutex_);
  return working_ == 0;
}

ReplyOnce::~ReplyOnce() {
  if (!exchange_ || done_) return;
  error(RpcError{kInternalError, "internal error: the request was not answered"});
}

void ReplyOnce::result(std::string_view result_text) {
  assert(!done_);
  done_ = true;
  exchange_->reply(result_message(exchange_->id, result_text));
}

void ReplyOnce::error(const RpcError& error, Step step) {
  assert(!done_);
  done_ = true;
  if (error.code == kMissingCapability) step = Step::envelope;
  exchange_->reply(error_message(exchange_->id, error), step);
}

void ReplyOnce::abandon() {
  done_ = true;
  exchange_->cancel();
}

std::shared_ptr<Exchange> ReplyOnce::hand_over() {
  done_ = true;
  return exchange_;
}

void refuse(ReplyOnce& reply, std::string why) {
  reply.error(RpcError{kInvalidParams, std::move(why)});
}

}  // namespace remit::mcp
