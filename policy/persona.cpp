#include "policy/persona.h"

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::policy {

namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";
constexpr std::array<std::string_view, 7> kKnown{
    "name", "description", "tools", "disallowedTools", "capabilities", "model", "color"};
// Keys that Claude-style clients act on and Remit never does (CVE-2025-59536, CVE-2026-21852).
constexpr std::array<std::string_view, 12> kNotExecuted{
    "hooks",     "mcpServers", "permissionMode", "memory",        "skills", "maxTurns",
    "isolation", "background", "effort",         "initialPrompt", "env",    "commands"};
constexpr std::array<std::string_view, 7> kReserved{"remit",  "hitl",      "all",         "self",
                                                    "system", "workspace", "computer-use"};

// A line of three dashes and nothing else but blanks; *next is where the following line starts.
bool is_fence(std::string_view bytes, std::size_t at, std::size_t* next) {
  const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
  *next = std::min(end + 1, bytes.size());
  std::string_view line = bytes.substr(at, end - at);
  if (!line.starts_with("---")) return false;
  line.remove_prefix(3);
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

bool valid_name(std::string_view name) {
  const auto alnum = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= limits::kNameBytes && alnum(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return alnum(c) || c == '.' || c == '_' || c == ' ' || c == '-';
         });
}

bool is_hidden(char32_t c) {
  return c == 0x200B || c == 0x200C || c == 0x200E || c == 0x200F || c == 0x061C || c == 0x2060 ||
         c == 0xFEFF || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

enum class Scan { hidden_only, all };  // control characters of the front matter are YAML problems

// Control, bidirectional and zero-width characters: what a reader of the file cannot see.
void check_text(const std::vector<Line>& lines, Scan scan, Diagnostics& out) {
  for (const Line& line : lines) {
    bool control = scan == Scan::hidden_only;
    bool hidden = false;
    for (std::size_t i = 0; i < line.text.size();) {
      std::size_t length = 1;
      const char32_t c = yaml::code_point(line.text, i, &length);
      const yaml::Position at{line.number, static_cast<int>(i) + 1};
      if (c == 0 && scan == Scan::all) {
        out.add("E-FM-08", at, "NUL character");
        return;
      }
      if (!control && (yaml::is_refused_control(c) || c == '\r')) {
        control = true;
        out.add("W-TEXT-01", at, "control character " + escape_ascii(line.text.substr(i, length)));
      } else if (!hidden && is_hidden(c)) {
        hidden = true;
        out.add(
            "W-TEXT-02", at,
            "bidirectional or zero-width character " + escape_ascii(line.text.substr(i, length)));
      }
      i += length;
    }
  }
}

yaml::Position first_bad_utf8(std::string_view bytes) {
  yaml::Position at;
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t length = 1;
    if (yaml::code_point(bytes, i, &length) == 0xFFFD && length == 1) return at;
    at.col += static_cast<int>(length);
    if (bytes[i] == '\n') at = {at.line + 1, 1};
    i += length;
  }
  return at;
}

class Reader {
 public:
  Reader(Persona& persona, Diagnostics& out, int offset)
      : persona_(persona), out_(out), offset_(offset) {}

  void run(const yaml::Node& root) {
    if (root.kind != yaml::Kind::mapping) {
      out_.add("E-FM-04", at(root.at), "the front matter must be a mapping of keys to values");
      return;
    }
    names(root);
    persona_.model = text(root, "model").value_or("");
    persona_.color = text(root, "color").value_or("");
    if (const yaml::Node* tools = root.find("tools")) {
      persona_.tools_line = origin(tools->at);
      persona_.tools = list(*tools, "tools");
      persona_.tools_declared = !persona_.tools.empty();
    }
    if (const yaml::Node* node = root.find("disallowedTools")) {
      persona_.disallowed_tools = list(*node, "disallowedTools");
    }
    if (const yaml::Node* node = root.find("capabilities")) {
      persona_.capabilities = list(*node, "capabilities");
    }
    others(root);
  }

 private:
  yaml::Position at(yaml::Position position) const {
    return {position.line + offset_, position.col};
  }
  Origin origin(yaml::Position position) const {
    return {out_.file(), position.line + offset_, position.col};
  }

  std::optional<std::string> text(const yaml::Node& root, std::string_view key) {
    const yaml::Node* node = root.find(key);
    if (node == nullptr || node->kind == yaml::Kind::null) return std::nullopt;
    if (node->kind != yaml::Kind::scalar) {
      out_.add("E-FM-13", at(node->at),
               std::string(key) + " must be text, not a " + yaml::to_string(node->kind));
      return std::nullopt;
    }
    return node->text;
  }

  void names(const yaml::Node& root) {
    const auto place = [&](std::string_view key) {
      const yaml::Node* node = root.find(key);
      return node != nullptr ? at(node->at) : at(root.at);
    };
    const bool name_typed = typed(root, "name");
    const bool description_typed = typed(root, "description");
    persona_.name = text(root, "name").value_or("");
    persona_.description = text(root, "description").value_or("");
    if (persona_.name.empty() && name_typed) {
      out_.add("E-NAME-01", place("name"), "name is missing or empty");
    } else if (name_typed && !valid_name(persona_.name)) {
      out_.add("E-NAME-02", place("name"),
               "name must be 1-64 of letters, digits, '.', '_', ' ' and '-', a letter or digit "
               "first");
    } else if (name_typed) {
      persona_.slug = slug_of(persona_.name);
      if (is_reserved_name(persona_.slug)) {
        out_.add("E-NAME-04", place("name"), "the name \"" + persona_.slug + "\" is reserved");
      }
      std::string_view stem = fs::base_name(out_.file());
      if (stem.ends_with(".md")) stem.remove_suffix(3);
      if (persona_.name != persona_.slug) {
        out_.add("W-NAME-05", place("name"),
                 "name is not kebab-case; it is served as \"" + persona_.slug + "\"");
      } else if (persona_.slug != slug_of(stem)) {
        out_.add("W-NAME-05", place("name"), "name differs from the file's");
      }
    }
    if (description_typed && trim(persona_.description).empty()) {
      out_.add("E-DESC-01", place("description"), "description is missing or empty");
    } else if (persona_.description.size() > limits::kDescriptionBytes) {
      out_.add(
          "E-DESC-01", place("description"),
          "description is longer than " + std::to_string(limits::kDescriptionBytes) + " bytes");
    }
  }

  // False if the key is there with a wrong type, which text() reports by itself.
  static bool typed(const yaml::Node& root, std::string_view key) {
    const yaml::Node* node = root.find(key);
    return node == nullptr || node->kind == yaml::Kind::scalar || node->kind == yaml::Kind::null;
  }

  // A comma list or a sequence of texts. Items of a comma list have the place of the whole value:
  // its columns are lost once quotes and line folds are resolved.
  std::vector<Located> list(const yaml::Node& node, std::string_view key) {
    std::vector<Located> out;
    const auto add = [&](std::string_view item, yaml::Position position) {
      const std::string_view word = trim(item);
      const bool known =
          std::any_of(out.begin(), out.end(), [&](const Located& l) { return l.text == word; });
      if (!word.empty() && !known) out.push_back({std::string(word), origin(position)});
    };
    switch (node.kind) {
      case yaml::Kind::null:
        break;
      case yaml::Kind::scalar:
        for (const std::string& item : split_list(node.text)) add(item, node.at);
        break;
      case yaml::Kind::sequence:
        for (const yaml::Node& item : node.items) {
          if (item.kind == yaml::Kind::scalar) {
            add(item.text, item.at);
          } else {
            out_.add("E-FM-13", at(item.at),
                     std::string(key) + " must list texts, not a " + yaml::to_string(item.kind));
          }
        }
        break;
      case yaml::Kind::mapping:
        out_.add("E-FM-13", at(node.at), std::string(key) + " must be a list or text");
        break;
    }
    return out;
  }

  void others(const yaml::Node& root) {
    persona_.other.kind = yaml::Kind::mapping;
    for (const yaml::Entry& entry : root.entries) {
      if (is_known_key(entry.key)) continue;
      persona_.other.entries.push_back(entry);
      if (one_of(entry.key, kNotExecuted)) {
        out_.add("I-FM-02", at(entry.key_at), "the key \"" + entry.key + "\" is never executed");
      } else {
        out_.add("I-FM-01", at(entry.key_at),
                 "unknown key \"" + entry.key +
                     "\": kept, without "
                     "effect");
      }
    }
  }

  Persona& persona_;
  Diagnostics& out_;
  int offset_;
};

// Empties everything that could grant something.
void refuse(Persona& persona) {
  Persona bare;
  bare.file = std::move(persona.file);
  bare.sha256 = std::move(persona.sha256);
  bare.tools_line = bare.memory_heading = bare.collaboration_heading = {bare.file, 1, 1};
  persona = std::move(bare);
}

// Everything that can be said of the file, in one pass.
void read_file_text(std::string_view bytes, const Vocabulary& words, Persona& persona,
                    Diagnostics& out) {
  if (bytes.size() > limits::kPersonaBytes) {
    out.add("E-FM-09", {},
            "the file is larger than " + std::to_string(limits::kPersonaBytes) + " bytes");
    return;
  }
  const std::string_view stem = fs::base_name(persona.file);
  if (equals_folded(stem, "AGENTS.md") || lower_ascii(stem).ends_with(".toml")) {
    out.add("E-DIA-01", {}, "not a Claude-style persona: this dialect is not read");
    return;
  }
  if (!valid_utf8(bytes)) {
    out.add("E-FM-12", first_bad_utf8(bytes), "the file is not UTF-8");
    return;
  }
  const FrontMatter front = split_front_matter(bytes);
  if (!front.found) {
    out.add("E-FM-01", {}, "no front matter: the first line must be ---");
    return;
  }
  if (!front.terminated) {
    out.add("E-FM-02", {}, "the front matter is not ended by a line ---");
    return;
  }
  const int offset = 1;  // the YAML starts on the file's second line
  const std::string_view yaml_text =
      bytes.substr(front.yaml_begin, front.yaml_end - front.yaml_begin);
  const yaml::Parsed parsed = yaml::parse(yaml_text, {.bytes = limits::kFrontMatterBytes,
                                                      .nodes = limits::kYamlNodes,
                                                      .depth = limits::kYamlDepth});
  for (const yaml::Problem& problem : parsed.problems) {
    std::optional<std::string> hint;
    if (problem.fault == yaml::Fault::syntax) hint = "remit check --fix may repair it";
    out.add(code_of(problem.fault), {problem.at.line + offset, problem.at.col}, problem.message,
            std::move(hint));
  }
  if (parsed.ok()) Reader(persona, out, offset).run(parsed.root);

  check_text(read_lines(yaml_text, 1 + offset), Scan::hidden_only, out);
  persona.body = std::string(bytes.substr(front.body_begin));
  persona.body_line = front.body_line;
  const std::vector<Line> lines = read_lines(persona.body, persona.body_line);
  check_text(lines, Scan::all, out);
  persona.memory = parse_memory(lines, words, out);
  persona.collaboration = parse_collaboration(lines, words, out);
  if (persona.memory.present) persona.memory_heading = persona.memory.heading;
  if (persona.collaboration.present) {
    persona.collaboration_heading = persona.collaboration.heading;
  }
}

}  // namespace

bool is_known_key(std::string_view key) {
  return one_of(key, kKnown);
}
bool is_reserved_name(std::string_view slug) {
  return one_of(slug, kReserved);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      out.emplace_back(text.substr(start, i - start));
      start = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')' && depth > 0) {
      --depth;
    }
  }
  return out;
}

FrontMatter split_front_matter(std::string_view bytes) {
  FrontMatter out;
  const std::size_t start = bytes.starts_with(kBom) ? kBom.size() : 0;
  std::size_t at = 0;
  if (!is_fence(bytes, start, &at) || at <= start) return out;
  out.found = true;
  out.yaml_begin = at;
  for (int line = 2; at < bytes.size(); ++line) {
    std::size_t next = 0;
    if (is_fence(bytes, at, &next)) {
      out.terminated = true;
      out.yaml_end = at;
      out.body_begin = next;
      out.body_line = line + 1;
      return out;
    }
    at = next;
  }
  return out;
}

Persona parse_persona(std::string file, std::string_view bytes, const Vocabulary& words) {
  Persona persona;
  persona.file = file;
  persona.sha256 = sha256_hex(bytes);
  persona.tools_line = persona.memory_heading = persona.collaboration_heading = {file, 1, 1};
  Diagnostics out(std::move(file));
  read_file_text(bytes, words, persona, out);
  persona.ok = !out.has_errors();
  if (!persona.ok) refuse(persona);
  persona.diagnostics = out.list();
  sort_diagnostics(persona.diagnostics);
  return persona;
}

}  // namespace remit::policy
