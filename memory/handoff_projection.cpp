#include "memory/handoff_projection.h"

#include <algorithm>
#include <initializer_list>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml_emit.h"

namespace remit::memory {
namespace {

// The given keys first, in this order; then whatever else there is.
void copy_ordered(OrderedJson& out, const Json& from, std::initializer_list<const char*> first) {
  for (const char* key : first) {
    if (from.contains(key)) out[key] = from[key];
  }
  for (const auto& [key, value] : from.items()) {
    if (!out.contains(key)) out[key] = value;
  }
}

Result<Json> object_of(const std::string& text) {
  if (text.empty()) return Json::object();
  TRY(Json value, parse_json(text));
  if (!value.is_object()) value = Json{{"value", std::move(value)}};
  return value;
}

// Lines after the first stand two blanks in, where no heading and no event stands.
std::string indented(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

OrderedJson head_of(const Handoff& handoff, std::string_view type, const std::string& from,
                    const std::string& to, std::int64_t at_ms) {
  OrderedJson out = {{"type", type}, {"from", from}, {"to", to}, {"timestamp", rfc3339(at_ms)}};
  if (!handoff.instruction.empty()) out["instruction_id"] = handoff.instruction;
  out["priority"] = handoff.priority;
  out["status"] = handoff.state;
  out["handoff_id"] = handoff.id;
  return out;
}

}  // namespace

std::string_view type_word(HandoffType type) {
  switch (type) {
    case HandoffType::consult:
      return "consultation";
    case HandoffType::delegate:
      return "delegation";
    case HandoffType::escalate:
      return "escalation";
  }
  return "consultation";
}

std::string_view reply_word(HandoffType type) {
  return type == HandoffType::consult ? "consultation_response" : "progress_report";
}

std::string inbox_path(std::string_view persona, std::string_view word, std::string_view id) {
  std::string out = inbox_folder(persona);
  out += word;
  out += '_';
  out += id;
  return out + ".yaml";
}

std::string inbox_folder(std::string_view persona) {
  return "_communication/inbox/" + std::string(persona) + "/";
}

std::string id_in_path(std::string_view path) {
  constexpr std::string_view kEnding = ".yaml";
  const std::string_view name = fs::base_name(path);
  const std::size_t at = name.rfind('_');
  if (at == std::string_view::npos || !name.ends_with(kEnding)) return {};
  const std::string_view word = name.substr(0, at);
  for (const std::string_view known :
       {"consultation", "delegation", "escalation", "consultation_response", "progress_report"}) {
    if (word == known)
      return std::string(name.substr(at + 1, name.size() - at - 1 - kEnding.size()));
  }
  return {};
}

std::string place_of(const Handoff& handoff) {
  if (handoff.to_kind == TargetKind::agent) {
    return inbox_path(handoff.to, type_word(handoff.type), handoff.id);
  }
  return std::string(to_string(handoff.to_kind)) + " " + handoff.to;
}

std::string dead_letter_path(const Handoff& handoff) {
  return "_communication/dead_letter/" + std::string(type_word(handoff.type)) + "_" + handoff.id +
         ".yaml";
}

Result<std::string> request_yaml(const Handoff& handoff) {
  OrderedJson out = head_of(handoff, type_word(handoff.type), handoff.from_persona, handoff.to,
                            handoff.created_ms);
  TRY(const Json fields, object_of(handoff.fields_json));
  const auto deadline = [&](const char* name) {
    if (handoff.ack_deadline_ms > 0) out[name] = rfc3339(handoff.ack_deadline_ms);
  };
  switch (handoff.type) {
    case HandoffType::consult:
      copy_ordered(out, fields,
                   {"question", "context", "blocking", "default_if_no_response", "answer_schema"});
      if (handoff.deadline_ms > 0) out["response_needed_by"] = rfc3339(handoff.deadline_ms);
      break;
    case HandoffType::delegate: {
      OrderedJson task = OrderedJson::object();
      copy_ordered(task, fields,
                   {"task_id", "title", "scope", "authority", "success_criteria", "constraints"});
      task.erase("acknowledgement_required");
      if (!handoff.input.empty()) task["input"] = handoff.input;
      if (handoff.deadline_ms > 0) task["deadline"] = rfc3339(handoff.deadline_ms);
      out["delegation"] = std::move(task);
      out["acknowledgement_required"] = handoff.ack_deadline_ms > 0;
      deadline("response_deadline");
      break;
    }
    case HandoffType::escalate:
      if (!handoff.severity.empty()) out["severity"] = handoff.severity;
      copy_ordered(out, fields, {"issue", "impact", "details", "blocker", "needs_decision"});
      if (handoff.level > 0) out["level"] = handoff.level + 1;
      deadline("acknowledge_by");
      break;
  }
  TRY(const Json evidence,
      parse_json(handoff.evidence_json.empty() ? "[]" : handoff.evidence_json));
  if (!evidence.empty()) out["evidence"] = evidence;
  out["thread_id"] = handoff.thread_id;
  return yaml_of(out);
}

std::string answer_text(const Handoff& handoff) {
  const Result<Json> answer = parse_json(handoff.answer_json);
  if (!answer || !answer->is_object() || answer->empty()) return {};
  const Json& first = answer->front();
  return first.is_string() ? first.get<std::string>() : dump(first);
}

Result<std::string> record_text(const Handoff& handoff, const std::vector<HandoffEvent>& events) {
  TRY(const std::string request, request_yaml(handoff));
  std::string out = printable(request);
  const std::string said = answer_text(handoff);
  if (!said.empty()) {
    out += handoff.assumed ? "--- assumed, as the sender said beforehand\n"
                           : "--- last said by " + printable(handoff.to) + "\n";
    out += "  " + indented(said) + "\n";
  }
  out += "--- history\n";
  for (const HandoffEvent& event : events) {
    out +=
        rfc3339(event.at_ms) + "  " + printable(event.to_state) + " by " + printable(event.persona);
    if (!event.note.empty() && event.note != said) out += ": " + indented(event.note);
    out += "\n";
  }
  return out;
}

Result<std::string> reply_yaml(const Handoff& handoff, std::string_view note, std::int64_t at_ms) {
  OrderedJson out =
      head_of(handoff, reply_word(handoff.type), handoff.to, handoff.from_persona, at_ms);
  if (handoff.assumed) out["assumed"] = true;
  TRY(const Json answer, object_of(handoff.answer_json));
  const auto says_note = [&](const Json& value) { return value.is_string() && value == note; };
  const bool is_said = std::any_of(answer.begin(), answer.end(), says_note);
  if (!note.empty() && !is_said) out["note"] = note;
  if (!answer.empty()) out["answer"] = answer;
  out["thread_id"] = handoff.thread_id;
  return yaml_of(out);
}

}  // namespace remit::memory
