#include "policy/collaboration_section.h"

#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "base/text.h"

namespace remit::policy {

namespace {

constexpr std::size_t kTargetBytes = 96;  // longer than this, it is a sentence and no target

std::string_view trim_marks(std::string_view text) {
  text = trim(text);
  while (text.size() > 4 && text.starts_with("**") && text.ends_with("**")) {
    text = trim(text.substr(2, text.size() - 4));
  }
  while (text.size() > 2 && text.front() == '`' && text.back() == '`') {
    text = trim(text.substr(1, text.size() - 2));
  }
  if (text.starts_with('@')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '.' || text.back() == ':' || text.back() == ';')) {
    text.remove_suffix(1);
  }
  return trim(text);
}

// Parts between the commas that stand in no bracket.
std::vector<std::string_view> split_targets(std::string_view text) {
  std::vector<std::string_view> out;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      out.push_back(text.substr(start, i - start));
      start = i + 1;
    } else if (text[i] == '(' || text[i] == '[') {
      ++depth;
    } else if ((text[i] == ')' || text[i] == ']') && depth > 0) {
      --depth;
    }
  }
  return out;
}

struct Target {
  std::string_view name;
  std::string_view reason;
};

Target split_reason(std::string_view text, const Vocabulary& words) {
  text = trim(text);
  const std::size_t open = text.find('(');
  std::size_t cut = text.size();
  std::string_view reason;
  if (open != std::string_view::npos && open > 0) {
    std::size_t end = text.rfind(')');
    if (end == std::string_view::npos || end < open) end = text.size();
    cut = open;
    reason = text.substr(open + 1, end - open - 1);
  }
  const std::string folded = lower_ascii(text);
  for (const std::string& separator : words.reason_separators) {
    const std::size_t at = folded.find(separator);
    if (at != std::string::npos && at > 0 && at < cut) {
      cut = at;
      reason = text.substr(at + separator.size());
    }
  }
  return {trim_marks(text.substr(0, cut)), trim(reason)};
}

// "All engineering agents" and "x or y" name no one in particular.
bool names_several(std::string_view name) {
  const std::string text = " " + lower_ascii(name) + " ";
  return text.find(" or ") != std::string::npos || text.starts_with(" all ") ||
         text.starts_with(" any ");
}

class EdgeParser {
 public:
  EdgeParser(const Vocabulary& words, Diagnostics& diagnostics)
      : words_(words), diagnostics_(diagnostics) {}

  CollaborationSection run(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
      if (line.fenced) continue;
      if (line.level > 0) {
        heading(line);
      } else if (section_level_ > 0 && !trim(line.text).empty()) {
        body_line(line);
      }
    }
    return std::move(out_);
  }

 private:
  // The verb label whose bullets are targets (form C).
  struct Open {
    const Vocabulary::Kind* kind = nullptr;
    std::string verb;
    int indent = -1;  // bullets deeper than this belong to it; -1: a heading's or a plain label's
  };

  void heading(const Line& line) {
    if (section_level_ > 0 && line.level <= section_level_) section_level_ = 0;
    open_ = {};
    if (words_.opens_collaboration(line.heading)) {
      if (section_level_ == 0) section_level_ = line.level;
      if (!out_.present) {
        out_.present = true;
        out_.heading = {diagnostics_.file(), line.number, 1};
      }
      return;
    }
    if (section_level_ == 0) return;
    if (const auto* kind = words_.kind_of(line.heading)) {
      open_ = {kind, std::string(line.heading), -1};
    } else if (!with(line, line.heading, "H")) {
      verb_target_when(line);
    }
  }

  // "With T": documentation.
  bool with(const Line& line, std::string_view text, std::string_view form) {
    if (!starts_with_folded(text, "with ")) return false;
    const auto* kind = words_.kind_of("with");
    if (kind == nullptr) return false;
    add(line, *kind, "With", form, text.substr(5));
    return true;
  }

  // "Escalate to CTO When:"
  void verb_target_when(const Line& line) {
    std::string_view text = trim(line.heading);
    if (text.ends_with(':')) text.remove_suffix(1);
    const std::string folded = lower_ascii(text);
    if (!folded.ends_with(" when")) return;
    // The longest verb that the heading begins with: "escalate to" before "escalate".
    const Vocabulary::Kind* best = nullptr;
    std::size_t length = 0;
    for (const Vocabulary::Kind& kind : words_.kinds) {
      for (const std::string& verb : kind.labels) {
        if (verb.size() > length && folded.starts_with(verb + " ") && verb != "with") {
          best = &kind;
          length = verb.size();
        }
      }
    }
    if (best == nullptr || length + 6 >= text.size()) return;
    add(line, *best, text.substr(0, length), "HW",
        text.substr(length + 1, text.size() - length - 6));
  }

  void body_line(const Line& line) {
    const std::optional<Bullet> bullet = read_bullet(line.text);
    const std::string_view content = bullet ? bullet->content : trim(line.text);
    if (content.starts_with('|')) return;
    const std::optional<Label> label = read_label(content);
    if (label && verb_label(line, *label, bullet)) return;
    if (bullet && open_.kind != nullptr && bullet->indent > open_.indent) {
      bullet_target(line, bullet->content);
      return;
    }
    // Prose, or a bullet that is not deeper, ends the list of targets.
    if (!bullet || bullet->indent <= open_.indent) open_ = {};
    if (label && label->bold) with(line, bold_text(content), "W");
  }

  // What stands between the ** marks, as a part of the line.
  static std::string_view bold_text(std::string_view content) {
    const std::size_t end = content.find("**", 2);
    return content.substr(2, end - 2);
  }

  bool verb_label(const Line& line, const Label& label, const std::optional<Bullet>& bullet) {
    const auto* kind = words_.kind_of(label.text);
    if (kind == nullptr || equals_folded(trim(label.text), "with")) return false;
    // Without bold marks only a label that stands alone counts: "Escalation: call us" is prose.
    if (!label.bold && !label.rest.empty()) return false;
    open_ = {};
    if (label.rest.empty()) {
      open_ = {kind, label.text, bullet ? bullet->indent : -1};
      return true;
    }
    const std::string_view form = bullet ? "A" : "B";
    for (const std::string_view part : split_targets(label.rest)) {
      add(line, *kind, label.text, form, part);
    }
    return true;
  }

  // A bullet of form C: `**T**: reason`, `T (reason)`, `T`.
  void bullet_target(const Line& line, std::string_view content) {
    const std::optional<Label> label = read_label(content);
    if (label && label->colon) {
      const std::size_t at = content.find(label->text);
      const std::string_view name = content.substr(at, label->text.size());
      const std::string_view reason = label->rest.empty() ? label->qualifier : label->rest;
      push(line, *open_.kind, open_.verb, "C", {trim_marks(name), trim(reason)});
      return;
    }
    add(line, *open_.kind, open_.verb, "C", content);
  }

  void add(const Line& line, const Vocabulary::Kind& kind, std::string_view verb,
           std::string_view form, std::string_view text) {
    push(line, kind, verb, form, split_reason(text, words_));
  }

  void push(const Line& line, const Vocabulary::Kind& kind, std::string_view verb,
            std::string_view form, const Target& target) {
    if (target.name.empty() || target.name.size() > kTargetBytes) return;
    if (words_.names_nobody(target.name) || words_.names_nobody(std::string(target.name) + ".")) {
      return;
    }
    CollaborationEntry entry;
    entry.kind = kind.kind;
    entry.target = slug_of(target.name);
    if (entry.target.empty()) return;
    entry.origin = {diagnostics_.file(), line.number, column_of(line, target.name)};
    const yaml::Position at{entry.origin.line, entry.origin.col};
    if (out_.entries.size() >= limits::kSectionEntries) {
      if (!full_) diagnostics_.add("E-FM-09", at, "more collaboration lines than Remit reads");
      full_ = true;
      return;
    }
    entry.reason = std::string(target.reason);
    entry.source = std::string(target.name);
    entry.verb = std::string(verb);
    entry.form = std::string(form);
    entry.authority = kind.authority;
    entry.vague = names_several(target.name);
    out_.entries.push_back(std::move(entry));
  }

  const Vocabulary& words_;
  Diagnostics& diagnostics_;
  CollaborationSection out_;
  int section_level_ = 0;
  Open open_;
  bool full_ = false;
};

}  // namespace

CollaborationSection parse_collaboration(const std::vector<Line>& lines, const Vocabulary& words,
                                         Diagnostics& diagnostics) {
  return EdgeParser(words, diagnostics).run(lines);
}

}  // namespace remit::policy
