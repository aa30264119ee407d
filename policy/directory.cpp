#include "policy/directory.h"

#include <algorithm>

#include "base/clock.h"
#include "base/limits.h"
#include "policy/config_reader.h"
#include "policy/markdown.h"

namespace remit::policy {

namespace {

constexpr int kAliasHops = 8;  // an alias of an alias of ...: no cycle is followed further

std::int64_t duration(ConfigReader& reader, const yaml::Node& node) {
  const auto value = parse_duration_ms(node.text);
  if (node.kind != yaml::Kind::scalar || !value || *value <= 0) {
    reader.error(node.at, "a time is written like 5m, 90s or 2h");
    return 0;
  }
  return *value;
}

bool is_slug(std::string_view name) {
  return !name.empty() && slug_of(name) == name;
}

void read_deliver(ConfigReader& reader, const yaml::Node& map, DirectoryTarget& out) {
  if (!reader.keys(map, "deliver", {"file_drop", "console"})) return;
  out.console = reader.boolean(map, "console").value_or(false);
  if (const auto folder = reader.text(map, "file_drop")) {
    out.file_drop = folder->text;
    if (!is_slug(folder->text)) {
      reader.error({folder->origin.line, folder->origin.col},
                   "file_drop is one folder name of lower case letters, digits and '-'");
    }
  }
}

DirectoryTarget read_target(ConfigReader& reader, const yaml::Node& map) {
  DirectoryTarget out;
  if (!reader.keys(map, "a target", {"kind", "requires", "deliver", "ladder", "alias"})) return out;
  if (const auto alias = reader.text(map, "alias")) {
    out.alias = alias->text;
    if (map.entries.size() != 1) reader.error(map.at, "an alias has no other keys");
    if (!is_slug(alias->text)) reader.error(map.at, "an alias names a slug");
    return out;
  }
  const auto kind = reader.text(map, "kind");
  if (kind && kind->text == "queue") {
    out.resolution = Resolution::queue;
  } else if (kind && kind->text == "human") {
    out.resolution = Resolution::human;
  } else if (kind && kind->text == "external") {
    out.resolution = Resolution::external;
  } else {
    reader.error(map.at, "kind must be queue, human or external");
  }
  if (const auto word = reader.text(map, "requires")) {
    out.requires_bug_report = word->text == "bug_report";
    if (!out.requires_bug_report) {
      reader.error({word->origin.line, word->origin.col}, "requires can only be bug_report");
    }
  }
  if (const auto ladder = reader.text(map, "ladder")) out.ladder = ladder->text;
  if (const yaml::Node* deliver = map.find("deliver")) read_deliver(reader, *deliver, out);
  return out;
}

LadderStep read_step(ConfigReader& reader, const yaml::Node& map) {
  LadderStep out;
  if (!reader.keys(map, "a step", {"to", "ack"})) return out;
  if (const auto to = reader.text(map, "to")) out.to = to->text;
  if (!is_slug(out.to)) reader.error(map.at, "to names a slug");
  const yaml::Node* ack = map.find("ack");
  if (ack == nullptr) return out;
  if (ack->kind == yaml::Kind::mapping) {
    if (!reader.keys(*ack, "ack", {"critical", "high", "medium", "low"})) return out;
    for (const yaml::Entry& one : ack->entries) {
      out.ack.by_severity_ms[one.key] = duration(reader, one.value);
    }
  } else {
    out.ack.ms = duration(reader, *ack);
  }
  return out;
}

void read_ladders(ConfigReader& reader, const yaml::Node& map, Directory& out) {
  if (map.kind != yaml::Kind::mapping) return reader.error(map.at, "ladders must be a mapping");
  for (const yaml::Entry& entry : map.entries) {
    if (entry.value.kind != yaml::Kind::sequence || entry.value.items.empty() ||
        entry.value.items.size() > limits::kLadderLevels) {
      reader.error(entry.key_at, "a ladder is a list of one to three steps");
      continue;
    }
    for (const yaml::Node& step : entry.value.items) {
      out.ladders[entry.key].push_back(read_step(reader, step));
    }
  }
}

}  // namespace

Result<Directory> parse_directory(std::string file, std::string_view text) {
  ConfigReader reader(std::move(file), text);
  Directory out;
  if (!reader.failed() &&
      reader.keys(reader.root(), "the directory", {"version", "targets", "ladders"})) {
    const yaml::Node* targets = reader.root().find("targets");
    if (targets != nullptr && targets->kind == yaml::Kind::mapping) {
      for (const yaml::Entry& entry : targets->entries) {
        if (!is_slug(entry.key)) reader.error(entry.key_at, "a target's name is a slug");
        out.targets.emplace(entry.key, read_target(reader, entry.value));
      }
    } else if (targets != nullptr) {
      reader.error(targets->at, "targets must be a mapping");
    }
    if (const yaml::Node* ladders = reader.root().find("ladders")) {
      read_ladders(reader, *ladders, out);
    }
    for (const auto& [name, target] : out.targets) {
      if (target.ladder.empty()) continue;
      const auto ladder = out.ladders.find(target.ladder);
      if (ladder == out.ladders.end()) {
        reader.error({}, "the ladder \"" + target.ladder + "\" of " + name + " is not there");
      } else if (ladder->second.size() + (ladder->second.front().to == name ? 0 : 1) >
                 limits::kLadderLevels) {
        reader.error({}, "the ladder \"" + target.ladder + "\" has one step too many for " + name +
                             ": " + name + " itself is its first");
      }
    }
  }
  if (reader.failed()) return tl::unexpected(config_error(reader.diagnostics()));
  return out;
}

void PersonaIndex::add(std::string slug, std::string file) {
  std::vector<std::string>& list = files[std::move(slug)];
  if (std::find(list.begin(), list.end(), file) == list.end()) list.push_back(std::move(file));
}

Resolved resolve(std::string_view slug, std::string_view own_slug, const Directory& directory,
                 const PersonaIndex& known) {
  Resolved out;
  out.target = std::string(slug);
  for (int hop = 0; hop < kAliasHops; ++hop) {
    const auto entry = directory.targets.find(out.target);
    if (entry == directory.targets.end()) break;
    if (entry->second.alias.empty()) {
      out.entry = &entry->second;
      out.resolution = entry->second.resolution;
      return out;
    }
    out.target = entry->second.alias;
  }
  if (out.target == own_slug) {
    out.resolution = Resolution::self;
    return out;
  }
  const auto found = known.files.find(out.target);
  if (found != known.files.end()) {
    out.resolution = found->second.size() == 1 ? Resolution::agent : Resolution::ambiguous;
  }
  return out;
}

void resolve_edges(std::vector<CollaborationEntry>& entries, std::string_view own_slug,
                   const Directory& directory, const PersonaIndex& known,
                   Diagnostics& diagnostics) {
  for (CollaborationEntry& entry : entries) {
    entry.resolution = entry.vague ? Resolution::unresolved
                                   : resolve(entry.target, own_slug, directory, known).resolution;
    const yaml::Position at{entry.origin.line, entry.origin.col};
    if (!entry.authority) {
      diagnostics.add("I-COL-02", at,
                      "\"" + entry.verb + " " + entry.source +
                          "\" is documentation: it permits no "
                          "handoff");
      continue;
    }
    switch (entry.resolution) {
      case Resolution::unresolved:
        diagnostics.add("W-COL-01", at,
                        entry.vague ? "\"" + entry.source + "\" names no single target"
                                    : "no agent, queue or person is called \"" + entry.target +
                                          "\": the handoff will be refused",
                        entry.vague ? "name each target"
                                    : "add the persona, or an entry to manifests/directory.yaml");
        break;
      case Resolution::ambiguous:
        diagnostics.add(
            "W-COL-03", at,
            "several personas are called \"" + entry.target + "\": the handoff will be refused",
            "name one in manifests/directory.yaml");
        break;
      case Resolution::self:
        diagnostics.add("W-COL-04", at, "a persona cannot hand off to itself");
        break;
      case Resolution::agent:
      case Resolution::queue:
      case Resolution::human:
      case Resolution::external:
        break;
    }
  }
}

}  // namespace remit::policy
