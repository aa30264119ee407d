// The collaboration lines of a persona: whom its text lets it consult, delegate to and escalate to,
// and the lines that only document how it works with others. Only a label that is a verb and
// nothing else makes an edge; "Escalate bugs and delays" is prose. Described in docs/personas.md.
// Pure functions; safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "policy/labels.h"
#include "policy/lint/diagnostics.h"
#include "policy/markdown.h"
#include "policy/remit.h"

namespace remit::policy {

struct CollaborationEntry {
  EdgeKind kind = EdgeKind::consult;
  std::string target;  // slug
  std::string reason;
  std::string source;  // the target as written
  std::string verb;    // the label's text
  std::string form;    // "A", "B", "C", "W", "H", "HW": the grammar's alternative
  bool authority = false;
  bool vague = false;  // "all ... agents", "x or y": one edge that never resolves
  Resolution resolution = Resolution::unresolved;  // filled by resolve_edges (policy/directory.h)
  Origin origin;
};

struct CollaborationSection {
  bool present = false;
  Origin heading;
  std::vector<CollaborationEntry> entries;
};

CollaborationSection parse_collaboration(const std::vector<Line>& lines, const Vocabulary& words,
                                         Diagnostics& diagnostics);

}  // namespace remit::policy
