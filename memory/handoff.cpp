#include "memory/handoff.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

struct Step {
  HandoffType type;
  std::string_view from, to;
  HandoffRole role;
};

using T = HandoffType;
using R = HandoffRole;

constexpr std::array kSteps = {
    // consult
    Step{T::consult, "open", "delivered", R::server},
    Step{T::consult, "open", "declined", R::target},
    Step{T::consult, "open", "answered", R::target},
    Step{T::consult, "open", "expired", R::server},
    Step{T::consult, "open", "withdrawn", R::sender},
    Step{T::consult, "delivered", "answered", R::target},
    Step{T::consult, "delivered", "declined", R::target},
    Step{T::consult, "delivered", "expired", R::server},
    Step{T::consult, "delivered", "withdrawn", R::sender},
    // delegate
    Step{T::delegate, "offered", "accepted", R::target},
    Step{T::delegate, "offered", "rejected", R::target},
    Step{T::delegate, "offered", "expired", R::server},
    Step{T::delegate, "offered", "canceled", R::sender},
    Step{T::delegate, "accepted", "in_progress", R::target},
    Step{T::delegate, "accepted", "canceled", R::sender},
    Step{T::delegate, "in_progress", "in_progress", R::target},  // progress report
    Step{T::delegate, "in_progress", "input_required", R::target},
    Step{T::delegate, "in_progress", "completed", R::target},
    Step{T::delegate, "in_progress", "failed", R::target},
    Step{T::delegate, "in_progress", "canceled", R::sender},
    Step{T::delegate, "input_required", "in_progress", R::sender},
    Step{T::delegate, "input_required", "completed", R::target},
    Step{T::delegate, "input_required", "failed", R::target},
    Step{T::delegate, "input_required", "canceled", R::sender},
    // escalate
    Step{T::escalate, "raised", "notified", R::server},
    Step{T::escalate, "raised", "acknowledged", R::target},
    Step{T::escalate, "raised", "exhausted", R::server},
    Step{T::escalate, "raised", "withdrawn", R::sender},
    Step{T::escalate, "notified", "notified", R::server},  // the next level of the ladder
    Step{T::escalate, "notified", "acknowledged", R::target},
    Step{T::escalate, "notified", "exhausted", R::server},
    Step{T::escalate, "notified", "withdrawn", R::sender},
    Step{T::escalate, "acknowledged", "in_progress", R::target},
    Step{T::escalate, "acknowledged", "rejected", R::target},
    Step{T::escalate, "in_progress", "in_progress", R::target},  // progress report
    Step{T::escalate, "in_progress", "resolved", R::target},
    Step{T::escalate, "in_progress", "rejected", R::target},
};

}  // namespace

const char* to_string(HandoffType type) {
  switch (type) {
    case HandoffType::consult:
      return "consult";
    case HandoffType::delegate:
      return "delegate";
    case HandoffType::escalate:
      return "escalate";
  }
  return "consult";
}

Result<HandoffType> parse_handoff_type(std::string_view text) {
  for (const T type : {T::consult, T::delegate, T::escalate}) {
    if (text == to_string(type)) return type;
  }
  return fail(ErrorKind::invalid_argument, "unknown handoff kind " +
                                               escape_ascii(text.substr(0, limits::kEchoedInput)) +
                                               "; use consult, delegate or escalate");
}

const char* to_string(TargetKind kind) {
  switch (kind) {
    case TargetKind::agent:
      return "agent";
    case TargetKind::queue:
      return "queue";
    case TargetKind::human:
      return "human";
  }
  return "agent";
}

Result<TargetKind> parse_target_kind(std::string_view text) {
  for (const TargetKind kind : {TargetKind::agent, TargetKind::queue, TargetKind::human}) {
    if (text == to_string(kind)) return kind;
  }
  return fail(ErrorKind::invalid_argument, "no delivery to targets of kind " +
                                               escape_ascii(text.substr(0, limits::kEchoedInput)) +
                                               "; use agent, queue or human");
}

std::string_view first_state(HandoffType type) {
  switch (type) {
    case HandoffType::consult:
      return "open";
    case HandoffType::delegate:
      return "offered";
    case HandoffType::escalate:
      return "raised";
  }
  return "open";
}

bool is_terminal(HandoffType type, std::string_view state) {
  return std::ranges::none_of(
      kSteps, [&](const Step& step) { return step.type == type && step.from == state; });
}

bool may_step(HandoffType type, std::string_view from, std::string_view to, HandoffRole role) {
  return std::ranges::any_of(kSteps, [&](const Step& step) {
    return step.type == type && step.from == from && step.to == to && step.role == role;
  });
}

std::vector<std::string> next_states(HandoffType type, std::string_view from, HandoffRole role) {
  std::vector<std::string> out;
  for (const Step& step : kSteps) {
    if (step.type == type && step.from == from && step.role == role) out.emplace_back(step.to);
  }
  return out;
}

std::int64_t ack_time_ms(std::string_view priority) {
  if (priority == "critical") return limits::kAckCritical.count();
  if (priority == "high") return limits::kAckHigh.count();
  if (priority == "low") return limits::kAckLow.count();
  return limits::kAckNormal.count();
}

}  // namespace remit::memory
