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

using A = HandoffAct;

struct Word {
  HandoffType type;
  HandoffAct act;
  std::string_view state;
};

// The first word of a state is the one that messages name.
constexpr std::array kWords = {
    Word{T::consult, A::answer, "answered"},       Word{T::consult, A::decline, "declined"},
    Word{T::consult, A::reject, "declined"},       Word{T::consult, A::withdraw, "withdrawn"},
    Word{T::delegate, A::accept, "accepted"},      Word{T::delegate, A::ack, "accepted"},
    Word{T::delegate, A::reject, "rejected"},      Word{T::delegate, A::decline, "rejected"},
    Word{T::delegate, A::progress, "in_progress"}, Word{T::delegate, A::input, "in_progress"},
    Word{T::delegate, A::ask, "input_required"},   Word{T::delegate, A::complete, "completed"},
    Word{T::delegate, A::fail, "failed"},          Word{T::delegate, A::withdraw, "canceled"},
    Word{T::escalate, A::ack, "acknowledged"},     Word{T::escalate, A::accept, "acknowledged"},
    Word{T::escalate, A::progress, "in_progress"}, Word{T::escalate, A::resolve, "resolved"},
    Word{T::escalate, A::complete, "resolved"},    Word{T::escalate, A::reject, "rejected"},
    Word{T::escalate, A::decline, "rejected"},     Word{T::escalate, A::withdraw, "withdrawn"},
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

bool holds_task(std::string_view state) {
  return state == "accepted" || state == "in_progress" || state == "input_required";
}

const char* to_string(HandoffAct act) {
  switch (act) {
    case A::ack:
      return "ack";
    case A::accept:
      return "accept";
    case A::decline:
      return "decline";
    case A::answer:
      return "answer";
    case A::progress:
      return "progress";
    case A::ask:
      return "ask";
    case A::input:
      return "input";
    case A::complete:
      return "complete";
    case A::fail:
      return "fail";
    case A::reject:
      return "reject";
    case A::resolve:
      return "resolve";
    case A::withdraw:
      return "withdraw";
  }
  return "ack";
}

Result<HandoffAct> parse_handoff_act(std::string_view text) {
  std::vector<std::string> words;
  for (const A act : {A::ack, A::accept, A::decline, A::answer, A::progress, A::ask, A::input,
                      A::complete, A::fail, A::reject, A::resolve, A::withdraw}) {
    if (text == to_string(act)) return act;
    words.emplace_back(to_string(act));
  }
  return fail(ErrorKind::invalid_argument, "unknown action " +
                                               escape_ascii(text.substr(0, limits::kEchoedInput)) +
                                               "; use one of " + join_text(words, ", "));
}

std::string_view state_after(HandoffType type, HandoffAct act) {
  for (const Word& word : kWords) {
    if (word.type == type && word.act == act) return word.state;
  }
  return {};
}

std::vector<std::string> possible_acts(HandoffType type, std::string_view from, HandoffRole role) {
  std::vector<std::string> out;
  std::string_view last;
  for (const Word& word : kWords) {
    if (word.type != type || word.state == last) continue;
    // `input` and `progress` lead to one state, the one the sender's word, the other the target's.
    if ((word.act == A::input) != (role == R::sender) && word.state == "in_progress") continue;
    if (!may_step(type, from, word.state, role)) continue;
    last = word.state;
    out.emplace_back(to_string(word.act));
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
