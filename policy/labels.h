// The words by which memory and collaboration sections and their labels are recognised
// (manifests/labels.yaml). Data, so that a synonym needs no code; read once, then immutable and
// shared by all parses.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::policy {

// What an ownership label says of the paths below it. `none`: nothing, and nothing is granted.
enum class Mode { none, read, write, both };

struct LabelMode {
  Mode mode = Mode::none;
  bool mixed = false;  // words of both kinds: the first one counts (I-MEM-07)
};

// The eight kinds of collaboration lines; the first three carry authority.
enum class EdgeKind { consult, delegate, escalate, report, coordinate, support, receive, hand_off };
const char* to_string(EdgeKind kind);
std::optional<EdgeKind> edge_kind(std::string_view name);

struct Vocabulary {
  std::vector<std::string> memory_heading, memory_excluded;
  std::vector<std::string> write_words, read_words, both_phrases;
  std::vector<std::string> table_read, table_write;
  std::vector<std::string> collaboration_heading, collaboration_exact;
  struct Kind {
    EdgeKind kind = EdgeKind::consult;
    bool authority = false;
    bool by_manifest = false;  // authority only when the manifest says so
    std::vector<std::string> labels;
  };
  std::vector<Kind> kinds;
  std::vector<std::string> no_target, reason_separators;

  bool opens_memory(std::string_view heading) const;
  bool opens_collaboration(std::string_view heading) const;
  LabelMode mode_of(std::string_view label) const;
  const Kind* kind_of(std::string_view label) const;  // nullptr: not a verb
  bool names_nobody(std::string_view target) const;
};

// Errors: invalid_argument with file:line:col.
Result<Vocabulary> parse_vocabulary(std::string file, std::string_view text);

}  // namespace remit::policy
