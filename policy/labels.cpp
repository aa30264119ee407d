#include "policy/labels.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "policy/config_reader.h"
#include "policy/markdown.h"

namespace remit::policy {

namespace {

constexpr std::array<std::pair<EdgeKind, const char*>, 8> kEdgeKinds{{
    {EdgeKind::consult, "consult"},
    {EdgeKind::delegate, "delegate"},
    {EdgeKind::escalate, "escalate"},
    {EdgeKind::report, "report"},
    {EdgeKind::coordinate, "coordinate"},
    {EdgeKind::support, "support"},
    {EdgeKind::receive, "receive"},
    {EdgeKind::hand_off, "hand_off"},
}};

bool word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// True if `text` begins with one of `words`, ending at a word boundary.
bool begins_with_word(std::string_view text, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return text.starts_with(word) && (text.size() == word.size() || !word_char(text[word.size()]));
  });
}

bool contains_phrase(std::string_view text, std::string_view phrase) {
  for (std::size_t at = text.find(phrase); at != std::string_view::npos;
       at = text.find(phrase, at + 1)) {
    const std::size_t end = at + phrase.size();
    if ((at == 0 || !word_char(text[at - 1])) && (end == text.size() || !word_char(text[end]))) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> words_of(ConfigReader& reader, const yaml::Node& map,
                                  std::string_view key) {
  std::vector<std::string> out;
  if (map.find(key) == nullptr) reader.error(map.at, std::string(key) + " is missing");
  for (const Located& one : reader.texts(map, key)) out.push_back(lower_ascii(one.text));
  return out;
}

void read_memory(ConfigReader& reader, const yaml::Node& map, Vocabulary& out) {
  if (!reader.keys(
          map, "memory",
          {"heading", "heading_excluded", "write", "read", "both", "table_read", "table_write"})) {
    return;
  }
  out.memory_heading = words_of(reader, map, "heading");
  out.memory_excluded = words_of(reader, map, "heading_excluded");
  out.write_words = words_of(reader, map, "write");
  out.read_words = words_of(reader, map, "read");
  out.both_phrases = words_of(reader, map, "both");
  out.table_read = words_of(reader, map, "table_read");
  out.table_write = words_of(reader, map, "table_write");
}

void read_kinds(ConfigReader& reader, const yaml::Node& map, Vocabulary& out) {
  if (map.kind != yaml::Kind::mapping) return reader.error(map.at, "kinds must be a mapping");
  for (const yaml::Entry& entry : map.entries) {
    const std::optional<EdgeKind> kind = edge_kind(entry.key);
    if (!kind) {
      reader.error(entry.key_at, "unknown kind of handoff");
      continue;
    }
    if (!reader.keys(entry.value, entry.key, {"authority", "manifest", "labels"})) continue;
    Vocabulary::Kind one;
    one.kind = *kind;
    one.authority = reader.boolean(entry.value, "authority").value_or(false);
    if (one.authority && static_cast<int>(*kind) > static_cast<int>(EdgeKind::escalate)) {
      reader.error(entry.key_at, entry.key + " can never carry authority");
    }
    if (const auto key = reader.text(entry.value, "manifest")) {
      one.by_manifest = key->text == "reports_to_is_escalation" && *kind == EdgeKind::report;
      if (!one.by_manifest) {
        reader.error({key->origin.line, key->origin.col},
                     "only report has a manifest key: "
                     "reports_to_is_escalation");
      }
    }
    one.labels = words_of(reader, entry.value, "labels");
    out.kinds.push_back(std::move(one));
  }
}

void read_collaboration(ConfigReader& reader, const yaml::Node& map, Vocabulary& out) {
  if (!reader.keys(map, "collaboration",
                   {"heading", "heading_exact", "kinds", "no_target", "reason_separators"})) {
    return;
  }
  out.collaboration_heading = words_of(reader, map, "heading");
  out.collaboration_exact = words_of(reader, map, "heading_exact");
  out.no_target = words_of(reader, map, "no_target");
  out.reason_separators = words_of(reader, map, "reason_separators");
  if (const yaml::Node* kinds = map.find("kinds")) read_kinds(reader, *kinds, out);
}

}  // namespace

const char* to_string(EdgeKind kind) {
  for (const auto& [value, name] : kEdgeKinds) {
    if (value == kind) return name;
  }
  return "consult";
}

std::optional<EdgeKind> edge_kind(std::string_view name) {
  for (const auto& [value, text] : kEdgeKinds) {
    if (name == text) return value;
  }
  return std::nullopt;
}

bool Vocabulary::opens_memory(std::string_view heading) const {
  const std::string text = normal_label(heading);
  if (!begins_with_word(text, memory_heading)) return false;
  return std::none_of(memory_excluded.begin(), memory_excluded.end(), [&](const std::string& word) {
    return text.find(word) != std::string::npos;
  });
}

bool Vocabulary::opens_collaboration(std::string_view heading) const {
  const std::string text = normal_label(heading);
  return begins_with_word(text, collaboration_heading) || one_of(text, collaboration_exact);
}

LabelMode Vocabulary::mode_of(std::string_view label) const {
  const std::string text = normal_label(label);
  for (const std::string& phrase : both_phrases) {
    if (contains_phrase(text, phrase)) return {Mode::both, false};
  }
  LabelMode out;
  for (std::size_t at = 0; at < text.size();) {
    if (!word_char(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && word_char(text[end])) ++end;
    const std::string_view word = std::string_view(text).substr(at, end - at);
    at = end;
    const Mode mode = one_of(word, write_words)  ? Mode::write
                      : one_of(word, read_words) ? Mode::read
                                                 : Mode::none;
    if (mode == Mode::none) continue;
    if (out.mode == Mode::none) {
      out.mode = mode;
    } else if (out.mode != mode) {
      out.mixed = true;
    }
  }
  return out;
}

const Vocabulary::Kind* Vocabulary::kind_of(std::string_view label) const {
  const std::string text = normal_label(label);
  for (const Kind& kind : kinds) {
    if (one_of(text, kind.labels)) return &kind;
  }
  return nullptr;
}

bool Vocabulary::names_nobody(std::string_view target) const {
  return one_of(lower_ascii(trim(target)), no_target);
}

Result<Vocabulary> parse_vocabulary(std::string file, std::string_view text) {
  ConfigReader reader(std::move(file), text);
  Vocabulary out;
  if (!reader.failed() &&
      reader.keys(reader.root(), "the file", {"version", "memory", "collaboration"})) {
    reader.version();
    const yaml::Node* memory = reader.root().find("memory");
    const yaml::Node* collaboration = reader.root().find("collaboration");
    if (memory == nullptr || collaboration == nullptr) {
      reader.error({}, "memory and collaboration must be there");
    } else {
      read_memory(reader, *memory, out);
      read_collaboration(reader, *collaboration, out);
    }
  }
  if (reader.failed()) return tl::unexpected(config_error(reader.diagnostics()));
  return out;
}

}  // namespace remit::policy
