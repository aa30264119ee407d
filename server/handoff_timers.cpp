#include "server/handoff_timers.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/limits.h"
#include "base/log.h"
#include "memory/handoff_rows.h"

namespace remit::server {

Result<HandoffRound> run_due_handoffs(memory::State& state, memory::Store& store,
                                      const std::string& drop_root) {
  HandoffRound out;
  auto drop = memory::open_drop_root(state, drop_root);
  out.drop_missing = !drop;
  memory::HandoffRows rows(state, store.root_id());
  memory::HandoffDelivery delivery(state, store, drop ? std::move(*drop) : Fd());
  for (std::size_t n = 0; n < limits::kDueRounds; ++n) {
    TRY(const std::vector<memory::Handoff> fired, rows.fire_due());
    for (const memory::Handoff& one : fired) {
      // For whoever watches the log: nobody is left to be asked.
      if (one.state == "exhausted") {
        log::warning("handoff: nobody acknowledged an escalation", {{"handoff", one.id}});
      }
    }
    TRY(const std::int64_t written, delivery.run());
    out.fired += fired.size();
    out.delivered += written;
    if (!fired.empty()) rows.announce();
    if (fired.empty() && written == 0) break;
  }
  return out;
}

Result<std::unique_ptr<HandoffTimers>> HandoffTimers::start(memory::State& state,
                                                            memory::Store& store,
                                                            memory::Wake& wake,
                                                            std::string drop_root) {
  std::unique_ptr<HandoffTimers> out(new HandoffTimers(state, store, wake, std::move(drop_root)));
  try {
    out->thread_ = std::jthread([timers = out.get()](const std::stop_token& stop) {
      try {
        timers->run(stop);
      } catch (...) {
        log::error("the deadlines of handoffs are not kept any more by this process");
      }
    });
  } catch (const std::system_error& error) {
    return fail(ErrorKind::unavailable,
                "no thread for the deadlines of handoffs: " + error.code().message());
  }
  return out;
}

Result<void> HandoffTimers::round() {
  TRY(const std::int64_t pause, pause_ms());
  if (pause > 0) return {};  // nothing is due: no write lock is taken
  TRY_DO(run_due_handoffs(state_, store_, drop_root_));
  return {};
}

Result<std::int64_t> HandoffTimers::pause_ms() {
  Fd none;
  TRY(const auto timer, memory::HandoffRows(state_, store_.root_id()).next_due_ms());
  TRY(const auto file, memory::HandoffDelivery(state_, store_, std::move(none)).next_due_ms());
  std::int64_t pause = limits::kTimersLook.count();
  for (const auto& due : {timer, file}) {
    if (due) pause = std::min(pause, *due - state_.clock().unix_ms());
  }
  return pause;
}

void HandoffTimers::retain() {
  const auto done = store_.retain(memory::RetainWhen::if_due);
  if (!done && done.error().code == "not_offered") return;
  if (!done) {
    if (done.error().message != last_retain_error_)
      log::warning("documents: a round of retention failed", {{"error", done.error().message}});
    last_retain_error_ = done.error().message;
    return;
  }
  last_retain_error_.clear();
  if (done->versions > 0 || !done->archived.empty()) {
    log::info("documents: what is kept no longer was let go",
              {{"versions", std::to_string(done->versions)},
               {"archived", std::to_string(done->archived.size())}});
  }
}

void HandoffTimers::run(const std::stop_token& stop) {
  memory::Wake::Watch watch(wake_, memory::kHandoffTopic);
  std::string last_error;
  // A client is waiting for this process to start; what is overdue is so by more than that.
  static_cast<void>(watch.wait(std::chrono::steady_clock::now() + limits::kTimersRest, stop));
  while (!stop.stop_requested()) {
    auto done = round();
    std::int64_t pause = limits::kTimersLook.count();
    if (done) {
      if (const auto next = pause_ms()) pause = *next;
    } else if (done.error().message != last_error) {
      log::warning("handoff: a round failed", {{"error", done.error().message}});
    }
    last_error = done ? std::string() : done.error().message;
    retain();
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::milliseconds wait(std::max(pause, limits::kTimersRest.count()));
    const bool woken = watch.wait(now + wait, stop);
    // Many changes at once are one round.
    if (woken) static_cast<void>(watch.wait(now + limits::kTimersRest, stop));
  }
}

}  // namespace remit::server
