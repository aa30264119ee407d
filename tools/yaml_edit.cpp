#include "tools/yaml_edit.h"

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/yaml.h"

namespace remit::tools {
namespace {

tl::unexpected<Error> invalid(std::string why) {
  return fail(ErrorKind::invalid_argument, std::move(why), {}, "schema_invalid");
}

Result<yaml::Node> parse(std::string_view text) {
  yaml::Parsed parsed =
      yaml::parse(text, {limits::kDocumentBytes, limits::kDocumentNodes, limits::kJsonDepth});
  if (!parsed.ok()) {
    // Nothing of what stands there is told: the caller may be one who may not read it.
    return invalid("the document is not YAML that can be edited in place; use append or replace");
  }
  return std::move(parsed.root);
}

// JSON in one line is YAML flow style (YAML 1.2, chapter 7), strings always quoted: no value can
// turn into another type or another key.
std::string flow(const Json& value) {
  return dump(value);
}

std::string item_text(const Json& entry, const std::string& indent) {
  std::string out;
  const char* lead = "- ";
  for (const auto& [key, value] : entry.items()) {
    out += indent + lead + flow(Json(key)) + ": " + flow(value) + "\n";
    lead = "  ";
  }
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end == std::string_view::npos ? end : end + 1));
    if (end == std::string_view::npos) {
      lines.back() += '\n';
      break;
    }
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool is_blank_or_comment(std::string_view line) {
  const std::string_view text = trim(line);
  return text.empty() || text.front() == '#';
}

// The end of the block that starts after line `from`: the next line that stands at the margin and
// is no list item, without the blank lines and the comments at the margin before it. An indented
// line with a '#' may be text of a block scalar and stays inside.
std::size_t block_end(const std::vector<std::string>& lines, std::size_t from) {
  std::size_t end = from;
  for (std::size_t i = from; i < lines.size(); ++i) {
    if (is_blank_or_comment(lines[i]) && !lines[i].starts_with(' ')) continue;
    if (trim(lines[i]).empty()) continue;
    const char first = lines[i].front();
    if (first != ' ' && first != '-') break;
    if (lines[i].starts_with("---") || lines[i].starts_with("...")) break;
    end = i + 1;
  }
  return end;
}

std::string indent_of_items(const std::vector<std::string>& lines, std::size_t from,
                            std::size_t to) {
  for (std::size_t i = from; i < to; ++i) {
    const std::size_t at = lines[i].find_first_not_of(' ');
    if (at != std::string::npos && lines[i][at] == '-') return std::string(at, ' ');
  }
  return "  ";
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

const yaml::Node* list_in(const yaml::Node& root, std::string_view key) {
  if (root.kind == yaml::Kind::sequence) return &root;
  return root.kind == yaml::Kind::mapping ? root.find(key) : nullptr;
}

bool same(const yaml::Node& a, const yaml::Node& b) {
  return a.kind == b.kind && a.text == b.text && a.plain == b.plain &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same) &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    [](const yaml::Entry& x, const yaml::Entry& y) {
                      return x.key == y.key && same(x.value, y.value);
                    });
}

// Everything that stood in the mapping `before`, but for `key`, stands in `after` unchanged; `key`
// is there, and nothing is new but it.
bool only_differs_in(const yaml::Node& before, const yaml::Node& after, std::string_view key) {
  if (after.kind != yaml::Kind::mapping || after.find(key) == nullptr) return false;
  const bool is_new = before.find(key) == nullptr;
  if (after.entries.size() != before.entries.size() + (is_new ? 1 : 0)) return false;
  return std::equal(before.entries.begin(), before.entries.end(), after.entries.begin(),
                    [key](const yaml::Entry& x, const yaml::Entry& y) {
                      return x.key == y.key && (x.key == key || same(x.value, y.value));
                    });
}

// `node` is what flow() wrote for `value`. Numbers and booleans are plain, strings never.
bool says(const yaml::Node& node, const Json& value) {
  if (value.is_null()) return node.kind == yaml::Kind::null;
  if (value.is_array()) {
    return node.kind == yaml::Kind::sequence &&
           std::equal(node.items.begin(), node.items.end(), value.begin(), value.end(), says);
  }
  if (value.is_object()) {
    if (node.kind != yaml::Kind::mapping || node.entries.size() != value.size()) return false;
    return std::all_of(node.entries.begin(), node.entries.end(),
                       [&value](const yaml::Entry& entry) {
                         const auto found = value.find(entry.key);
                         return found != value.end() && says(entry.value, *found);
                       });
  }
  return node.kind == yaml::Kind::scalar && node.plain != value.is_string() &&
         node.text == (value.is_string() ? value.get<std::string>() : dump(value));
}

// Scalars compare as text: that is what a reader of either sees.
std::string scalar_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump(value);
}

}  // namespace

Result<std::string> add_entry(std::string_view document, std::string_view list_key,
                              const Json& entry, std::string_view unique_key) {
  if (!entry.is_object() || entry.empty())
    return invalid("entry must be an object with at least one key");
  TRY(const yaml::Node before, parse(document));
  if (before.kind == yaml::Kind::scalar)
    return invalid("the document is a single value, not a list");
  const yaml::Node* const list = list_in(before, list_key);
  if (list != nullptr && list->kind != yaml::Kind::sequence && list->kind != yaml::Kind::null) {
    return invalid("/" + std::string(list_key) + " is not a list");
  }
  const std::string unique(unique_key);
  if (!unique.empty()) {
    if (!entry.contains(unique)) return invalid("/entry/" + unique + " is required");
    for (const yaml::Node& item : list != nullptr ? list->items : std::vector<yaml::Node>{}) {
      const yaml::Node* const value =
          item.kind == yaml::Kind::mapping ? item.find(unique) : nullptr;
      if (value != nullptr && value->text == scalar_text(entry.at(unique))) {
        return fail(ErrorKind::conflict, "an entry with this " + unique + " exists already", {},
                    "exists");
      }
    }
  }
  std::vector<std::string> lines = lines_of(document);
  if (before.kind == yaml::Kind::sequence) {
    std::size_t start = 0;
    while (start < lines.size() &&
           (is_blank_or_comment(lines[start]) || lines[start].starts_with("---")))
      ++start;
    const std::size_t end = block_end(lines, start);
    if (trim(document).starts_with('['))
      return invalid("the list is written in flow style; rewrite it first");
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(end),
                 item_text(entry, indent_of_items(lines, 0, end)));
  } else if (list == nullptr) {
    lines.push_back(flow(Json(list_key)) + ":\n" + item_text(entry, "  "));
  } else {
    std::size_t key_line = 0;
    for (const yaml::Entry& known : before.entries) {
      if (known.key == list_key) key_line = static_cast<std::size_t>(known.key_at.line) - 1;
    }
    std::string& line = lines[key_line];
    const auto value_col = static_cast<std::size_t>(list->at.col) - 1;
    const bool is_flow = list->kind == yaml::Kind::sequence &&
                         static_cast<std::size_t>(list->at.line) == key_line + 1 &&
                         value_col < line.size() && line[value_col] == '[';
    const std::size_t flow_at = is_flow ? value_col : std::string::npos;
    if (flow_at != std::string::npos && list->items.empty()) {
      line.resize(line.find_last_not_of(" \t", flow_at - 1) + 1);
      line += "\n";
    } else if (flow_at != std::string::npos) {
      return invalid("/" + std::string(list_key) + " is written in flow style; rewrite it first");
    }
    const std::size_t end = std::max(block_end(lines, key_line + 1), key_line + 1);
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(end),
                 item_text(entry, indent_of_items(lines, key_line + 1, end)));
  }
  const std::string out = joined(lines);
  TRY(const yaml::Node after, parse(out));
  const yaml::Node* const grown = list_in(after, list_key);
  const yaml::Node none;
  const std::vector<yaml::Node>& had = list != nullptr ? list->items : none.items;
  const bool rest_is_same = before.kind == yaml::Kind::sequence
                                ? after.kind == yaml::Kind::sequence
                                : only_differs_in(before, after, list_key);
  if (!rest_is_same || grown == nullptr || grown->items.size() != had.size() + 1 ||
      !std::equal(had.begin(), had.end(), grown->items.begin(), same) ||
      !says(grown->items.back(), entry)) {
    return invalid("the document's layout does not allow adding an entry without rewriting it");
  }
  return out;
}

Result<std::string> set_key(std::string_view document, std::string_view pointer,
                            const Json& value) {
  if (pointer.size() < 2 || pointer.front() != '/' ||
      pointer.find('/', 1) != std::string_view::npos ||
      pointer.find('~') != std::string_view::npos) {
    return fail(ErrorKind::invalid_argument, "op set reaches one top-level key, such as /status",
                "/pointer", "schema_invalid");
  }
  if (value.is_structured() || value.is_null()) {
    return fail(ErrorKind::invalid_argument, "op set takes a string, number or boolean", "/value",
                "schema_invalid");
  }
  const std::string key(pointer.substr(1));
  TRY(const yaml::Node before, parse(document));
  if (before.kind != yaml::Kind::mapping && before.kind != yaml::Kind::null) {
    return invalid("the document is not a mapping");
  }
  std::vector<std::string> lines = lines_of(document);
  const std::string written = flow(Json(key)) + ": " + flow(value) + "\n";
  const yaml::Node* const old = before.kind == yaml::Kind::mapping ? before.find(key) : nullptr;
  if (old == nullptr) {
    lines.push_back(written);
  } else {
    if (old->kind == yaml::Kind::sequence || old->kind == yaml::Kind::mapping) {
      return invalid("/" + key + " holds more than a scalar; that takes a replace");
    }
    for (const yaml::Entry& known : before.entries) {
      if (known.key == key) lines[static_cast<std::size_t>(known.key_at.line) - 1] = written;
    }
  }
  const std::string out = joined(lines);
  TRY(const yaml::Node after, parse(out));
  if (!only_differs_in(before, after, key) || !says(*after.find(key), value)) {
    return invalid("the document's layout does not allow setting /" + key +
                   " without rewriting it");
  }
  return out;
}

}  // namespace remit::tools
