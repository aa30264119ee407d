#include "server/mcp/progress.h"

#include <algorithm>
#include <cmath>
#include <system_error>

#include "base/limits.h"
#include "base/log.h"

namespace remit::mcp {

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard held(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Heartbeat::add(std::shared_ptr<Beater> beater) {
  bool wake = false;
  {
    const std::lock_guard held(mutex_);
    entries_.push_back({std::move(beater), std::chrono::steady_clock::now() + period_});
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { run(); });
      } catch (const std::system_error& error) {
        // The call does its work without a sign of life; the next one tries again.
        log::warning("no thread for heartbeats", {{"error", error.code().message()}});
      }
    }
    // With one period for all, a new entry is never due before those the thread sleeps for.
    wake = std::exchange(asleep_, false);
  }
  if (wake) changed_.notify_one();
}

void Heartbeat::remove(const Beater* beater) {
  std::shared_ptr<Beater> last;  // released outside the lock
  const std::lock_guard held(mutex_);
  const auto at = std::find_if(entries_.begin(), entries_.end(),
                               [&](const Entry& entry) { return entry.beater.get() == beater; });
  if (at == entries_.end()) return;
  last = std::move(at->beater);
  *at = std::move(entries_.back());
  entries_.pop_back();
}

void Heartbeat::run() {
  std::vector<std::shared_ptr<Beater>> due;
  std::unique_lock held(mutex_);
  while (!ending_) {
    if (entries_.empty()) {
      asleep_ = true;
      changed_.wait(held, [&] { return ending_ || !asleep_; });
      continue;
    }
    const Time now = std::chrono::steady_clock::now();
    Time next = now + period_;
    for (Entry& entry : entries_) {
      if (entry.due <= now) {
        due.push_back(entry.beater);
        entry.due = now + period_;
      }
      next = std::min(next, entry.due);
    }
    if (due.empty()) {
      changed_.wait_until(held, next);
      continue;
    }
    held.unlock();
    for (const auto& beater : due) beater->beat();
    due.clear();
    held.lock();
  }
}

void CallProgress::report(double progress, std::optional<double> total, std::string message) {
  if (exchange_->envelope.progress_token.empty() || !std::isfinite(progress)) return;
  if (total && !std::isfinite(*total)) total.reset();
  const std::lock_guard held(mutex_);
  if (any_ && progress <= last_) return;
  const Time now = std::chrono::steady_clock::now();
  if (sent_[next_] != Time{} && now - sent_[next_] < sent_.size() * limits::kProgressGap) return;
  total_ = total;
  send(progress, total, message);
}

void CallProgress::beat() {
  const std::lock_guard held(mutex_);
  // A step so small that the handler's own values stay ahead of it.
  send(last_ + 0.001, total_, {});
}

void CallProgress::send(double progress, std::optional<double> total, const std::string& message) {
  std::string params = R"({"progressToken":)" + exchange_->envelope.progress_token;
  params += R"(,"progress":)" + dump(Json(progress));
  if (total) params += R"(,"total":)" + dump(Json(*total));
  if (!message.empty()) {
    params += R"(,"message":)";
    writer_.append_text(params, message);
  }
  params += '}';
  if (!exchange_->notify(notification_message("notifications/progress", params))) return;
  last_ = progress;
  any_ = true;
  sent_[next_] = std::chrono::steady_clock::now();
  next_ = (next_ + 1) % sent_.size();
}

}  // namespace remit::mcp
