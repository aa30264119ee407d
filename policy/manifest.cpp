#include "policy/manifest.h"

#include <algorithm>
#include <limits>

#include "base/crypto.h"
#include "base/limits.h"
#include "policy/site.h"

namespace remit::policy {

namespace {

constexpr std::int64_t kMostSeconds = 86'400;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 40;
constexpr std::int64_t kMostCount = 1'000'000;

LimitValues read_limits(ConfigReader& reader, const yaml::Node& map) {
  LimitValues out;
  out.wall_s = reader.integer(map, "wall_s", 1, limits::kBashTimeoutMax.count() / 1000);
  out.idle_s = reader.integer(map, "idle_s", 1, kMostSeconds);
  out.cpu_s = reader.integer(map, "cpu_s", 1, kMostSeconds);
  out.memory_bytes = reader.integer(map, "memory_bytes", 1, kMostBytes);
  out.processes = reader.integer(map, "processes", 1, kMostCount);
  out.file_bytes = reader.integer(map, "file_bytes", 1, kMostBytes);
  out.open_files = reader.integer(map, "open_files", 1, kMostCount);
  out.layer_bytes = reader.integer(map, "layer_bytes", 1, kMostBytes);
  out.layer_inodes = reader.integer(map, "layer_inodes", 1, kMostCount);
  return out;
}

// Applies `take(field, value)` to each limit that is said.
template <class Take>
SpawnLimits each_value(SpawnLimits out, const LimitValues& values, Take take) {
  const auto number = [&](auto& field, const std::optional<std::int64_t>& value) {
    using Field = std::remove_reference_t<decltype(field)>;
    if (value) field = take(field, static_cast<Field>(*value));
  };
  const auto time = [&](auto& field, const std::optional<std::int64_t>& seconds) {
    using Field = std::remove_reference_t<decltype(field)>;
    if (seconds) field = take(field, Field(std::chrono::seconds(*seconds)));
  };
  time(out.wall, values.wall_s);
  time(out.idle, values.idle_s);
  time(out.cpu, values.cpu_s);
  number(out.memory_bytes, values.memory_bytes);
  number(out.processes, values.processes);
  number(out.file_bytes, values.file_bytes);
  number(out.open_files, values.open_files);
  number(out.layer_bytes, values.layer_bytes);
  number(out.layer_inodes, values.layer_inodes);
  return out;
}

bool plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytes &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

void read_bash(ConfigReader& reader, Manifest& out) {
  const yaml::Node* map = reader.root().find("bash");
  if (map == nullptr || !reader.keys(*map, "bash", {"apply", "profile"})) return;
  if (const auto word = reader.text(*map, "apply")) {
    out.apply = apply_of(word->text);
    if (!out.apply) reader.error(position_of(*word), "apply must be as_write, hold or never");
  }
  if (const auto name = reader.text(*map, "profile")) {
    out.profile = name->text;
    if (!plain_file_name(name->text)) {
      reader.error(position_of(*name),
                   "profile must name a file of manifests/sandbox, without its ending");
    }
  }
}

void read_memory(ConfigReader& reader, Manifest& out) {
  const yaml::Node* map = reader.root().find("memory");
  if (map == nullptr || !reader.keys(*map, "memory", {"read", "write", "delete"})) return;
  out.memory_read = reader.texts(*map, "read");
  out.memory_write = reader.texts(*map, "write");
  out.memory_delete = reader.texts(*map, "delete");
}

void read_placeholders(ConfigReader& reader, Manifest& out) {
  const yaml::Node* map = reader.root().find("placeholders");
  if (map == nullptr) return;
  if (map->kind != yaml::Kind::mapping) {
    return reader.error(map->at, "placeholders must be a mapping of names to values");
  }
  for (const yaml::Entry& entry : map->entries) {
    if (entry.key == "instruction_id" || entry.key == "inst_id" || entry.key == "domain") {
      reader.error(entry.key_at, "{" + entry.key + "} cannot be defined here");
    } else if (const auto value = reader.text(*map, entry.key)) {
      out.placeholders.emplace(entry.key, value->text);
    }
  }
}

void read_paths(ConfigReader& reader, Manifest& out) {
  out.workspace_roots = reader.texts(reader.root(), "workspace_roots");
  out.log_roots = reader.texts(reader.root(), "log_roots");
  for (const auto* list : {&out.workspace_roots, &out.log_roots}) {
    for (const Located& path : *list) {
      if (!path.text.starts_with('/') || path.text.find("/..") != std::string::npos) {
        reader.error(position_of(path), "a root is an absolute path without \"..\"");
      }
    }
  }
  for (Located& glob : reader.texts(reader.root(), "write_ask")) {
    if (glob.text.starts_with('/') || glob.text.starts_with('!')) {
      reader.error(position_of(glob), "a glob is relative to the workspace and cannot be negated");
      continue;
    }
    const yaml::Position where = position_of(glob);
    auto rule = make_path_rule(std::move(glob.text), std::move(glob.origin));
    if (rule) {
      out.write_ask.push_back(std::move(*rule));
    } else {
      reader.error(where, rule.error().message);
    }
  }
}

}  // namespace

SpawnLimits with_values(SpawnLimits limits, const LimitValues& values) {
  return each_value(limits, values, [](auto, auto value) { return value; });
}

SpawnLimits narrowed(SpawnLimits limits, const LimitValues& values) {
  return each_value(limits, values, [](auto now, auto value) { return std::min(now, value); });
}

ParsedManifest parse_manifest(std::string file, std::string_view text) {
  Manifest out;
  out.file = file;
  out.sha256 = sha256_hex(text);
  ConfigReader reader(std::move(file), text);
  if (!reader.failed() &&
      reader.keys(reader.root(), "the manifest",
                  {"version", "workspace_roots", "log_roots", "targets", "exec", "limits", "bash",
                   "write_ask", "memory", "allow_wildcard_tools", "tools", "write_implies_read",
                   "exclusive", "reports_to_is_escalation", "domain", "placeholders"})) {
    const yaml::Node& root = reader.root();
    reader.version();
    read_paths(reader, out);
    read_bash(reader, out);
    read_memory(reader, out);
    read_placeholders(reader, out);
    out.targets = reader.texts(root, "targets");
    // A rule that would be read and not obeyed is worse than none: the shell rules are those of
    // manifests/exec/default.yaml alone.
    if (const yaml::Node* exec = root.find("exec"); exec != nullptr && exec->text != "default") {
      reader.error(exec->at, "exec must be default: a manifest has no shell rules of its own");
    }
    if (const yaml::Node* map = root.find("limits")) {
      if (reader.keys(*map, "limits",
                      {"wall_s", "idle_s", "cpu_s", "memory_bytes", "processes", "file_bytes",
                       "open_files", "layer_bytes", "layer_inodes"})) {
        out.limits = read_limits(reader, *map);
      }
    }
    if (root.find("tools") != nullptr) out.tools = reader.texts(root, "tools");
    out.allow_wildcard_tools = reader.boolean(root, "allow_wildcard_tools").value_or(false);
    out.write_implies_read = reader.boolean(root, "write_implies_read").value_or(false);
    out.exclusive = reader.boolean(root, "exclusive").value_or(false);
    out.reports_to_is_escalation = reader.boolean(root, "reports_to_is_escalation").value_or(false);
    if (const auto domain = reader.text(root, "domain")) out.domain = domain->text;
  }
  return {std::move(out), reader.diagnostics()};
}

Result<SandboxProfile> parse_profile(std::string file, std::string_view text) {
  ConfigReader reader(std::move(file), text);
  SandboxProfile out;
  if (!reader.failed() &&
      reader.keys(reader.root(), "the profile",
                  {"version", "wall_s", "idle_s", "cpu_s", "memory_bytes", "processes",
                   "file_bytes", "open_files", "layer", "layer_bytes", "layer_inodes"})) {
    reader.version();
    out.limits = read_limits(reader, reader.root());
    if (const auto layer = reader.text(reader.root(), "layer")) {
      out.layer_on_disk = layer->text == "disk";
      if (!out.layer_on_disk && layer->text != "tmpfs") {
        reader.error(position_of(*layer), "layer must be tmpfs or disk");
      }
    }
  }
  if (reader.failed()) return tl::unexpected(config_error(reader.diagnostics()));
  return out;
}

}  // namespace remit::policy
