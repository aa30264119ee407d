// The part of decide() that is about handoffs: new ones, and those that are there.
#include "policy/decision.h"

namespace remit::policy {
namespace {

// The same words whether there is such a handoff or not: other agents' work is nobody's business.
Decision not_a_part(const Remit& remit, const std::string& handoff) {
  return deny("handoff.part", remit.collaboration_heading,
              "no handoff " + shown(handoff) + " was sent to or by " + remit.slug, "not_allowed",
              "inbox lists those that are");
}

}  // namespace

Decision decide_send(const Remit& remit, const Action& action) {
  std::vector<std::string> own;
  for (const EdgeRule& edge : remit.edges) {
    if (edge.kind == action.kind) own.push_back(edge.target);
    if (edge.kind != action.kind || edge.target != action.to) continue;
    switch (edge.resolution) {
      case Resolution::agent:
      case Resolution::queue:
      case Resolution::human:
        return allow(std::string("handoff.") + to_string(edge.kind), edge.origin);
      case Resolution::self:
        return deny("self", edge.origin, "a handoff to oneself", "self_target");
      case Resolution::external:
      case Resolution::unresolved:
      case Resolution::ambiguous:
        return deny("unresolved_target", edge.origin,
                    edge.origin.short_text() + " names " + edge.target +
                        ", which is neither an agent nor a target of directory.yaml here",
                    "unresolved_target");
    }
  }
  return deny("no_edge", remit.collaboration_heading,
              std::string(to_string(action.kind)) + " to " + shown(action.to) + "; " +
                  remit.collaboration_heading.short_text() + " allows to " +
                  to_string(action.kind) + " only " + list_of(own, "nobody"),
              "no_edge");
}

Decision decide_inbox(const Remit& remit, const Action& action) {
  const ToolRule* const inbox = remit.tool("inbox");
  if (inbox == nullptr) {
    return deny("tool.inbox", remit.collaboration_heading,
                remit.collaboration_heading.short_text() + " gives no inbox", "not_granted");
  }
  if (action.verb == Verb::list) {
    if (remit.operates || action.path == remit.slug) return allow("inbox", inbox->origin);
    return not_a_part(remit, action.path);
  }
  // A file that no handoff wrote, in one's own folder.
  const bool own_file = action.path.starts_with(remit.slug + "/");
  if (remit.operates || action.part != HandoffPart::none || own_file) {
    return allow("inbox", inbox->origin);
  }
  return not_a_part(remit, action.path);
}

Decision decide_act(const Remit& remit, const Action& action) {
  const ToolRule* const respond = remit.tool("respond");
  if (respond == nullptr) {
    return deny("tool.respond", remit.collaboration_heading,
                remit.collaboration_heading.short_text() + " gives no answering", "not_granted");
  }
  if (remit.operates) return allow("handoff.operator", respond->origin);
  switch (action.part) {
    case HandoffPart::none:
      return not_a_part(remit, action.handoff);
    case HandoffPart::sender:
      return allow("handoff.sender", respond->origin);
    case HandoffPart::target:
      break;
  }
  if (action.same_user && !remit.same_user_answers) {
    return deny("own_handoff", respond->origin,
                "nobody answers their own handoff: the same user sent it, and the site's "
                "handoffs.same_user_answers is false",
                "own_handoff");
  }
  return allow("handoff.respond", respond->origin);
}

}  // namespace remit::policy
