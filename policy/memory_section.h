// The ownership lines of a persona: which documents of Agent_Memory its text lets it read and
// write. The grammar is line based and described in docs/personas.md. A path that no read or write
// label covers is kept with mode `none`: it grants nothing and is reported. Pure functions; safe
// from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "memory/doc_path.h"
#include "policy/labels.h"
#include "policy/lint/diagnostics.h"
#include "policy/markdown.h"
#include "policy/remit.h"

namespace remit::policy {

struct MemoryEntry {
  std::string pattern;     // normalised: without Agent_Memory/, {instruction_id}/ put in front
  Mode mode = Mode::none;  // none, read or write: a both label gives two entries
  bool remove = false;     // from a manifest's `delete` list
  std::string source;      // as written
  std::string label;       // the label's text, or ""
  memory::Shape shape = memory::Shape::file;
  std::vector<std::string> placeholders;  // names in the order of the pattern
  bool enabled = true;                    // false: grants nothing (see enable_memory)
  bool from_manifest = false;
  Origin origin;
};

struct MemorySection {
  bool present = false;
  Origin heading;  // of the first heading that opens it
  std::vector<MemoryEntry> entries;
};

MemorySection parse_memory(const std::vector<Line>& lines, const Vocabulary& words,
                           Diagnostics& diagnostics);

// An entry for one path as a manifest writes it, without backticks.
MemoryEntry memory_entry(std::string_view source, Mode mode, const Origin& origin);

// Switches off what cannot grant anything, and says why: bad patterns, unknown placeholders, and
// inboxes, which only the handoff tools write. {instruction_id} counts as bound.
void enable_memory(std::vector<MemoryEntry>& entries, const memory::Bindings& bindings,
                   Diagnostics& diagnostics);

// The write lines that no read line covers, as far as a sample document shows (I-MEM-03).
std::vector<const MemoryEntry*> write_only(const std::vector<MemoryEntry>& entries,
                                           const memory::Bindings& bindings);

// True if some document is covered by both entries, as far as a sample shows.
bool overlap(const MemoryEntry& a, const MemoryEntry& b, const memory::Bindings& bindings);

}  // namespace remit::policy
