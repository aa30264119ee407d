#include "policy/memory_section.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/limits.h"
#include "base/text.h"

namespace remit::policy {

namespace {

using memory::DocPattern;

constexpr std::string_view kRoot = "Agent_Memory/";
constexpr std::string_view kInstruction = "{instruction_id}";
constexpr std::string_view kInboxes = "_communication/inbox/";
// Folders and files of one instruction: written without the id they mean this instruction's.
constexpr std::array<std::string_view, 7> kInstructionFolders{
    "tasks", "workflow", "outputs", "decisions", "corrections", "reviews", "checkpoints"};
constexpr std::array<std::string_view, 9> kFileTypes{"yaml", "yml", "md",   "json", "csv",
                                                     "log",  "txt", "xlsx", "pdf"};
constexpr std::array<std::string_view, 6> kAgentPlaceholders{
    "agent", "agent_name", "specialist", "requester", "developer", "domain-agent"};

// A text in backticks that the grammar takes for a path.
bool is_path(std::string_view text) {
  if (text.empty() || text.size() > limits::kDocPathBytes) return false;
  if (text.starts_with(kRoot)) return true;
  if (text.find_first_of(" \t") != std::string_view::npos) return false;
  if (text.find("://") != std::string_view::npos) return false;
  if (text.find('/') != std::string_view::npos) return true;
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  const std::string_view type = text.substr(dot + 1);
  return one_of(type, kFileTypes);
}

// The path in backticks at the start of `text`; `text` then continues behind it.
std::optional<std::string_view> take_path(std::string_view& text) {
  std::string_view rest = text;
  const bool bold = rest.starts_with("**`");
  if (bold) rest.remove_prefix(2);
  if (!rest.starts_with('`')) return std::nullopt;
  const std::size_t end = rest.find('`', 1);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view path = rest.substr(1, end - 1);
  if (!is_path(path)) return std::nullopt;
  rest.remove_prefix(end + 1);
  if (bold && rest.starts_with("**")) rest.remove_prefix(2);
  text = rest;
  return path;
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// `a`, `b` (why) and `c`: the paths of a label's own line, up to the first word that is none.
std::vector<std::string_view> take_paths(std::string_view text) {
  std::vector<std::string_view> out;
  for (;;) {
    skip_blanks(text);
    const std::optional<std::string_view> path = take_path(text);
    if (!path) return out;
    out.push_back(*path);
    skip_blanks(text);
    if (text.starts_with('(')) {
      const std::size_t end = text.find(')');
      if (end == std::string_view::npos) return out;
      text.remove_prefix(end + 1);
      skip_blanks(text);
    }
    bool more = false;
    for (const std::string_view joint : {",", ";", "&", "+"}) {
      if (!more && text.starts_with(joint)) {
        text.remove_prefix(joint.size());
        more = true;
      }
    }
    skip_blanks(text);
    if (text.starts_with("and ")) {
      text.remove_prefix(4);
      more = true;
    }
    if (!more) return out;
  }
}

std::vector<std::string> placeholders_of(std::string_view pattern) {
  std::vector<std::string> out;
  for (std::size_t at = pattern.find('{'); at != std::string_view::npos;
       at = pattern.find('{', at + 1)) {
    const std::size_t end = pattern.find('}', at);
    if (end == std::string_view::npos) break;
    out.emplace_back(pattern.substr(at + 1, end - at - 1));
  }
  return out;
}

// What governs the paths that follow: the label's text and its mode.
struct Scope {
  std::string label;
  LabelMode mode;
  int indent = 0;
};

class RuleParser {
 public:
  RuleParser(const Vocabulary& words, Diagnostics& diagnostics)
      : words_(words), diagnostics_(diagnostics) {}

  MemorySection run(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
      if (line.fenced) continue;
      if (line.level > 0) {
        heading(line);
      } else if (section_level_ > 0) {
        body_line(line);
      }
    }
    return std::move(out_);
  }

 private:
  void heading(const Line& line) {
    if (section_level_ > 0 && line.level <= section_level_) section_level_ = 0;
    bullets_.clear();
    table_ = false;
    if (words_.opens_memory(line.heading)) {
      if (section_level_ == 0) section_level_ = line.level;
      if (!out_.present) {
        out_.present = true;
        out_.heading = {diagnostics_.file(), line.number, 1};
      }
      // The section's own heading sets no mode: "Memory Ownership" is its name.
      scope_ = {};
    } else if (section_level_ > 0) {
      scope_ = {std::string(line.heading), words_.mode_of(line.heading), 0};
      const std::string name = normal_label(line.heading);
      table_ = one_of(name, words_.table_read) || one_of(name, words_.table_write);
    }
  }

  void body_line(const Line& line) {
    if (const std::optional<Bullet> bullet = read_bullet(line.text)) {
      bullet_line(line, *bullet);
      return;
    }
    std::string_view text = line.text;
    skip_blanks(text);
    if (table_ && text.starts_with('|')) {
      text.remove_prefix(1);
      skip_blanks(text);
      if (const auto path = take_path(text)) add(line, *path, scope_);
      return;
    }
    const std::optional<Label> label = own_label(text);
    if (!label) return;
    bullets_.clear();
    scope_ = {label->text, words_.mode_of(label->text), indent_of(line.text)};
    for (const std::string_view path : take_paths(label->rest)) add(line, path, scope_);
  }

  // A label, unless the line is a sentence that merely begins like one.
  static std::optional<Label> own_label(std::string_view text) {
    std::optional<Label> label = read_label(text);
    if (!label) return std::nullopt;
    std::string_view rest = label->rest;
    if (rest.empty() || take_path(rest)) return label;
    return label->bold && label->colon ? label : std::nullopt;
  }

  void bullet_line(const Line& line, const Bullet& bullet) {
    while (!bullets_.empty() && bullets_.back().indent >= bullet.indent) bullets_.pop_back();
    std::string_view content = bullet.content;
    if (const auto path = take_path(content)) {
      add(line, *path, bullets_.empty() ? scope_ : bullets_.back());
      return;
    }
    const std::optional<Label> label = own_label(bullet.content);
    if (!label) return;
    Scope scope{label->text, words_.mode_of(label->text), bullet.indent};
    if (scope.mode.mode == Mode::none) {
      const Scope& outer = bullets_.empty() ? scope_ : bullets_.back();
      if (label->bold && bullet.indent <= outer.indent) {
        // An unknown bold label beside the one in force ends it: what follows is unassigned.
        if (bullets_.empty()) scope_ = {label->text, {}, bullet.indent};
      } else {
        // Below a label in force it is a caption, and the mode goes on.
        scope.label = outer.label;
        scope.mode = outer.mode;
      }
    }
    for (const std::string_view path : take_paths(label->rest)) add(line, path, scope);
    bullets_.push_back(std::move(scope));
  }

  void add(const Line& line, std::string_view path, const Scope& scope) {
    const Origin origin{diagnostics_.file(), line.number, column_of(line, path)};
    const yaml::Position at{origin.line, origin.col};
    if (out_.entries.size() >= limits::kSectionEntries) {
      if (!full_) diagnostics_.add("E-FM-09", at, "more ownership lines than Remit reads");
      full_ = true;
      return;
    }
    const auto push = [&](Mode mode) {
      MemoryEntry entry = memory_entry(path, mode, origin);
      entry.label = scope.label;
      out_.entries.push_back(std::move(entry));
    };
    switch (scope.mode.mode) {
      case Mode::none:
        push(Mode::none);
        diagnostics_.add(
            "W-MEM-01", at,
            scope.label.empty()
                ? "no label above says whether this path is read or written: no access"
                : "the label \"" + scope.label + "\" does not say read or write: no access",
            "put it below **Read from**: or **Write to**:");
        break;
      case Mode::read:
        push(Mode::read);
        break;
      case Mode::write:
        push(Mode::write);
        break;
      case Mode::both:
        push(Mode::read);
        push(Mode::write);
        break;
    }
    if (scope.mode.mixed) {
      diagnostics_.add("I-MEM-07", at,
                       "the label \"" + scope.label +
                           "\" holds words of both kinds; the first "
                           "counts: " +
                           (scope.mode.mode == Mode::read ? "read" : "write"));
    }
  }

  const Vocabulary& words_;
  Diagnostics& diagnostics_;
  MemorySection out_;
  int section_level_ = 0;  // 0: outside
  Scope scope_;            // of the heading or plain label in force
  std::vector<Scope> bullets_;
  bool table_ = false;
  bool full_ = false;
};

// A document that a compiled pattern's text covers, for comparing patterns with one another.
std::string sample_of(std::string_view pattern) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] == '{') {
      const std::size_t end = pattern.find('}', i);
      if (end == std::string_view::npos) return {};
      out += "x1";
      i = end + 1;
    } else if (pattern[i] == '*') {
      while (i < pattern.size() && pattern[i] == '*') ++i;
      out += "x1";
    } else {
      out += pattern[i++];
    }
  }
  if (out.ends_with('/')) out += "x1";
  return out;
}

memory::Bindings sample_bindings(memory::Bindings bindings) {
  bindings.instruction_id = "instruction";
  return bindings;
}

}  // namespace

MemorySection parse_memory(const std::vector<Line>& lines, const Vocabulary& words,
                           Diagnostics& diagnostics) {
  return RuleParser(words, diagnostics).run(lines);
}

MemoryEntry memory_entry(std::string_view source, Mode mode, const Origin& origin) {
  MemoryEntry entry;
  entry.source = std::string(source);
  entry.mode = mode;
  entry.origin = origin;
  std::string_view path = source;
  if (path.starts_with(kRoot)) path.remove_prefix(kRoot.size());
  std::string pattern(path);
  constexpr std::string_view kShort = "{inst_id}";
  for (std::size_t at = pattern.find(kShort); at != std::string::npos; at = pattern.find(kShort)) {
    pattern.replace(at, kShort.size(), kInstruction);
  }
  const std::string_view first = std::string_view(pattern).substr(0, pattern.find('/'));
  const bool folder = first.size() < pattern.size() && one_of(first, kInstructionFolders);
  if (folder || pattern == "instruction.yaml" || pattern == "status.yaml") {
    pattern = std::string(kInstruction) + "/" + pattern;
  }
  entry.placeholders = placeholders_of(pattern);
  entry.shape = pattern.find('*') != std::string::npos ? memory::Shape::glob
                : pattern.ends_with('/')               ? memory::Shape::subtree
                                                       : memory::Shape::file;
  entry.pattern = std::move(pattern);
  return entry;
}

void enable_memory(std::vector<MemoryEntry>& entries, const memory::Bindings& bindings,
                   Diagnostics& diagnostics) {
  const memory::Bindings bound = sample_bindings(bindings);
  for (MemoryEntry& entry : entries) {
    const yaml::Position at{entry.origin.line, entry.origin.col};
    const auto disable = [&](std::string_view code, std::string message,
                             std::optional<std::string> hint = std::nullopt) {
      entry.enabled = false;
      diagnostics.add(code, at, std::move(message), std::move(hint));
    };
    if (entry.mode == Mode::none && !entry.remove) {
      entry.enabled = false;
      continue;
    }
    const bool inbox = entry.pattern.starts_with(kInboxes);
    const bool for_agents =
        std::any_of(entry.placeholders.begin(), entry.placeholders.end(), [&](const auto& name) {
          return one_of(name, kAgentPlaceholders) && !bindings.extra.contains(name);
        });
    if (inbox && (for_agents || entry.mode == Mode::write)) {
      disable("I-MEM-06", "an inbox gives no direct right: the handoff tools deliver there");
      continue;
    }
    const auto pattern = DocPattern::compile(entry.pattern, bound);
    if (pattern) continue;
    if (pattern.error().code == "bad_pattern") {
      disable("W-MEM-04", pattern.error().message + ": no access");
    } else {
      disable("W-MEM-02", pattern.error().message + ": no access");
    }
  }
}

std::vector<const MemoryEntry*> write_only(const std::vector<MemoryEntry>& entries,
                                           const memory::Bindings& bindings) {
  const memory::Bindings bound = sample_bindings(bindings);
  std::vector<DocPattern> reads;
  for (const MemoryEntry& entry : entries) {
    if (!entry.enabled || entry.mode != Mode::read) continue;
    if (auto pattern = DocPattern::compile(entry.pattern, bound)) reads.push_back(*pattern);
  }
  std::vector<const MemoryEntry*> out;
  for (const MemoryEntry& entry : entries) {
    if (!entry.enabled || entry.mode != Mode::write) continue;
    const auto pattern = DocPattern::compile(entry.pattern, bound);
    if (!pattern) continue;
    const std::string sample = sample_of(pattern->text());
    if (std::none_of(reads.begin(), reads.end(),
                     [&](const DocPattern& read) { return read.matches(sample); })) {
      out.push_back(&entry);
    }
  }
  return out;
}

bool overlap(const MemoryEntry& a, const MemoryEntry& b, const memory::Bindings& bindings) {
  const memory::Bindings bound = sample_bindings(bindings);
  const auto first = DocPattern::compile(a.pattern, bound);
  const auto second = DocPattern::compile(b.pattern, bound);
  if (!first || !second) return false;
  return first->matches(sample_of(second->text())) || second->matches(sample_of(first->text()));
}

}  // namespace remit::policy
