// What a handoff is: kinds, states, the table of transitions. Values only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::memory {

enum class HandoffType { consult, delegate, escalate };
const char* to_string(HandoffType type);
Result<HandoffType> parse_handoff_type(std::string_view text);

// Who may make a transition.
enum class HandoffRole { target, sender, server };

enum class TargetKind {
  agent,  // inbox file in Agent_Memory
  queue,  // file beneath the drop root
  human,  // shown in the console and by `remit handoffs ls`; no file
};
const char* to_string(TargetKind kind);
Result<TargetKind> parse_target_kind(std::string_view text);

// The first state of a kind: open, offered, raised.
std::string_view first_state(HandoffType type);
bool is_terminal(HandoffType type, std::string_view state);
// Whether `role` may lead a handoff of `type` from one state to another (design table of
// docs/handoffs.md; tested cell by cell).
bool may_step(HandoffType type, std::string_view from, std::string_view to, HandoffRole role);
// What either side says to lead a handoff on. One word may mean different states: `ack` accepts a
// delegation and acknowledges an escalation.
enum class HandoffAct {
  ack,
  accept,
  decline,
  answer,
  progress,
  ask,
  input,
  complete,
  fail,
  reject,
  resolve,
  withdraw
};
const char* to_string(HandoffAct act);
Result<HandoffAct> parse_handoff_act(std::string_view text);
// The state that `act` leads to; "" if this kind knows no such act.
std::string_view state_after(HandoffType type, HandoffAct act);
// The acts that lead on from here, one word for each state.
std::vector<std::string> possible_acts(HandoffType type, std::string_view from, HandoffRole role);

// True while the target of a delegation works on it: the write right on its task is the target's.
bool holds_task(std::string_view state);

struct LadderLevel {
  std::string to;
  TargetKind kind = TargetKind::agent;
  std::int64_t ack_ms = 0;  // 0: by priority
};

struct NewHandoff {
  HandoffType type = HandoffType::consult;
  std::string from_persona, from_principal;
  std::string to;
  TargetKind to_kind = TargetKind::agent;
  std::string thread_id, parent_id;  // empty: a new thread; a parent gives its thread
  std::string instruction;
  std::string idempotency_key;          // per principal
  std::string priority = "normal";      // critical, high, normal, low
  std::string severity;                 // escalate: critical, high, medium, low
  std::int64_t deadline_ms = 0;         // absolute; 0 none
  bool needs_ack = true;                // delegate without: offered has no deadline
  std::int64_t ack_ms = 0;              // time to acknowledge; 0: by priority
  std::string authorized_by;            // file:line:col
  std::string evidence_json = "[]";     // [{call_id, sha256, uri}]
  std::string fields_json = "{}";       // the kind's own fields, validated and redacted above
  std::string title;                    // escalate: open ones with the same are the same
  std::string task_id;                  // delegate: whose write right moves when it is accepted
  std::vector<std::string> task_paths;  // patterns of what the sender may write of that task
  std::vector<LadderLevel> ladder;      // escalate: the levels after `to`
};

struct Handoff {
  std::string id;         // ULID
  std::int64_t root = 0;  // of which Agent_Memory (Store::root_id)
  HandoffType type = HandoffType::consult;
  std::string from_persona, from_principal;
  std::string to;  // escalate: of the current level
  TargetKind to_kind = TargetKind::agent;
  std::string thread_id, parent_id, instruction;
  int hop = 1;
  std::vector<std::string> path;  // personas from the first sender to this one's sender
  std::int64_t created_ms = 0;
  std::string priority, severity;
  std::int64_t deadline_ms = 0, ack_deadline_ms = 0;
  std::string authorized_by, evidence_json, fields_json;
  std::vector<LadderLevel> ladder;
  std::string state;
  int level = 0;
  std::string etag;
  bool assumed = false;     // consult: expired, `answer` is the sender's default
  std::string answer_json;  // what the target last said, or ""
  std::string input;        // delegate: what the sender said to the last question, or ""
  std::string task_id;      // delegate
  std::vector<std::string> task_paths;
  bool duplicate = false;  // nothing was made or changed: this one was there already
};

struct HandoffEvent {
  std::int64_t at_ms = 0;
  std::string from_state, to_state, persona, principal, note;
};

// Milliseconds a target of this priority has to acknowledge.
std::int64_t ack_time_ms(std::string_view priority);

}  // namespace remit::memory
