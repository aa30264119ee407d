#include "policy/fix.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/yaml.h"
#include "policy/persona.h"

namespace remit::policy {

namespace {

// The keys whose value may be rewritten. What decides about rights is never touched.
constexpr std::array<std::string_view, 3> kRepairable{"description", "model", "color"};
// Keys at which a text with unindented lines surely ends.
constexpr std::array<std::string_view, 9> kCommon{"hooks",  "mcpServers", "permissionMode",
                                                  "memory", "skills",     "maxTurns",
                                                  "tier",   "domain",     "isolation"};

struct Row {
  std::string_view text;  // without its break
  std::string_view ending;
};

std::vector<Row> rows_of(std::string_view text) {
  std::vector<Row> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    std::string_view ending =
        end == std::string_view::npos ? std::string_view{} : text.substr(end, 1);
    if (line.ends_with('\r') && !ending.empty()) {
      ending = text.substr(end - 1, 2);
      line.remove_suffix(1);
    }
    out.push_back({line, ending});
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

// The key of a line "key: ..." in the first column, or "".
std::string_view key_of(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  if (colon + 1 < line.size() && line[colon + 1] != ' ' && line[colon + 1] != '\t') return {};
  const std::string_view key = line.substr(0, colon);
  const bool word = key.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_-") == std::string_view::npos;
  return word ? key : std::string_view{};
}

// Where a value ends: at any key-like line, or only at keys that are surely keys ("Context: x" in
// the middle of a description looks like one).
enum class Ends { any_key, known_key };

bool ends_value(std::string_view line, Ends ends) {
  const std::string_view key = key_of(line);
  if (key.empty()) return false;
  return ends == Ends::any_key || is_known_key(key) || one_of(key, kCommon);
}

bool parses(std::string_view text) {
  return yaml::parse(text, {}).ok();
}

std::string folded_value(const std::vector<Row>& rows, std::size_t first, std::size_t last) {
  std::string out;
  for (std::size_t i = first; i < last; ++i) {
    std::string_view part = rows[i].text;
    if (i == first) part.remove_prefix(part.find(':') + 1);
    part = trim(part);
    if (part.empty()) continue;
    if (!out.empty()) out += ' ';
    out += part;
  }
  return out;
}

struct Attempt {
  std::string yaml;
  std::string diff;
};

Attempt rewrite(const std::vector<Row>& rows, Ends ends) {
  Attempt out;
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t end = i + 1;
    while (end < rows.size() && !ends_value(rows[end].text, ends)) ++end;
    const std::string_view key = key_of(rows[i].text);
    std::string raw;
    for (std::size_t k = i; k < end; ++k) {
      raw += rows[k].text;
      raw += rows[k].ending;
    }
    const std::string value = folded_value(rows, i, end);
    const bool plain =
        !value.empty() && std::string_view("\"'|>[{&*!%@").find(value[0]) == std::string_view::npos;
    if (!one_of(key, kRepairable) || !plain || parses(raw)) {
      out.yaml += raw;
    } else {
      const std::string line = std::string(key) + ": " + yaml::quoted(value);
      out.diff += "@@ line " + std::to_string(i + 2) + " @@\n";
      for (std::size_t k = i; k < end; ++k) out.diff += "-" + printable(rows[k].text) + "\n";
      out.diff += "+" + printable(line) + "\n";
      out.yaml += line;
      out.yaml += rows[i].ending.empty() ? "\n" : rows[i].ending;
    }
    i = end;
  }
  return out;
}

// The raw lines of what decides about rights.
std::vector<std::string> fixed_lines(std::string_view yaml_text) {
  std::vector<std::string> out;
  bool inside = false;
  for (const Row& row : rows_of(yaml_text)) {
    const std::string_view key = key_of(row.text);
    if (!key.empty()) inside = key == "name" || key == "tools" || key == "disallowedTools";
    if (inside) out.emplace_back(row.text);
  }
  return out;
}

}  // namespace

Fix propose_fix(const std::string& file, std::string_view bytes, const Vocabulary& words) {
  Fix out;
  out.needed = !parse_persona(file, bytes, words).ok;
  const FrontMatter front = split_front_matter(bytes);
  if (!out.needed || !front.terminated || bytes.size() > limits::kPersonaBytes) return out;
  const std::string_view yaml_text =
      bytes.substr(front.yaml_begin, front.yaml_end - front.yaml_begin);
  if (yaml_text.size() > limits::kFrontMatterBytes) return out;
  const std::vector<Row> rows = rows_of(yaml_text);
  for (const Ends ends : {Ends::any_key, Ends::known_key}) {
    const Attempt attempt = rewrite(rows, ends);
    if (attempt.diff.empty()) continue;
    std::string candidate = std::string(bytes.substr(0, front.yaml_begin)) + attempt.yaml +
                            std::string(bytes.substr(front.yaml_end));
    if (!parse_persona(file, candidate, words).ok) continue;
    if (fixed_lines(yaml_text) != fixed_lines(attempt.yaml)) continue;
    out.repaired = true;
    out.bytes = std::move(candidate);
    out.diff = "--- " + printable(file) + "\n+++ " + printable(file) + "\n" + attempt.diff;
    return out;
  }
  return out;
}

Result<void> apply_fix(const std::string& file, std::string_view before, const Fix& fix) {
  const std::string folder(fs::parent_of(file));
  const std::string name(fs::base_name(file));
  TRY(const Fd directory, fs::open_root(folder.empty() ? "." : folder));
  TRY(const Fd found, fs::resolve(directory, name, fs::Links::none));
  TRY(const struct stat status, fs::stat_of(found));
  TRY(const Fd opened, fs::reopen(found, O_RDONLY));
  TRY(const std::string now, fs::read_all(opened, limits::kPersonaBytes));
  if (now != before) {
    return fail(ErrorKind::conflict, printable(file) + " changed meanwhile: run the command again");
  }
  return fs::replace_file(directory, name, fix.bytes, status.st_mode & 07777,
                          fs::Expect::of(status));
}

}  // namespace remit::policy
