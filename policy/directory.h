// Directory (manifests/directory.yaml): handoff targets that are no agents (queues, people),
// aliases and ladders. It says where a handoff goes, never who may send it: that right is an edge
// of the persona. Immutable once read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/collaboration_section.h"
#include "policy/lint/diagnostics.h"
#include "policy/remit.h"

namespace remit::policy {

struct DirectoryTarget {
  Resolution resolution = Resolution::queue;  // queue, human, external
  bool requires_bug_report = false;
  std::string file_drop;  // folder below the drop root
  bool console = false;
  std::string ladder;
  std::string alias;  // not empty: another name of that slug, and nothing else is set
};

struct Directory {
  std::map<std::string, DirectoryTarget, std::less<>> targets;
  std::map<std::string, std::vector<LadderStep>, std::less<>> ladders;
};

// Errors: invalid_argument with file:line:col.
Result<Directory> parse_directory(std::string file, std::string_view text);

// Which personas exist: slug -> their files. More than one file: ambiguous.
struct PersonaIndex {
  std::map<std::string, std::vector<std::string>, std::less<>> files;
  void add(std::string slug, std::string file);
};

struct Resolved {
  Resolution resolution = Resolution::unresolved;
  std::string target;                      // after aliases
  const DirectoryTarget* entry = nullptr;  // of a queue, human or external
};
Resolved resolve(std::string_view slug, std::string_view own_slug, const Directory& directory,
                 const PersonaIndex& known);

// Fills `resolution` of every entry and reports authority edges that lead nowhere.
void resolve_edges(std::vector<CollaborationEntry>& entries, std::string_view own_slug,
                   const Directory& directory, const PersonaIndex& known, Diagnostics& diagnostics);

}  // namespace remit::policy
