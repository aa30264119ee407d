// Manifest: the sidecar NAME.manifest.yaml beside a persona. It narrows what the persona's text
// grants, or supplies what the text cannot say (log roots, targets, limits). Immutable once read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/config_reader.h"
#include "policy/remit.h"

namespace remit::policy {

// Limits of a Bash command, as written in a sandbox profile and in a manifest's `limits`:
// absent = not said.
struct LimitValues {
  std::optional<std::int64_t> wall_s, idle_s, cpu_s, memory_bytes, processes, file_bytes,
      open_files, layer_bytes, layer_inodes;
};
// manifests/sandbox/NAME.yaml.
struct SandboxProfile {
  LimitValues limits;
  bool layer_on_disk = false;  // a command's changes lie in the state directory, not in memory
};
// `limits` with every value said replaced.
SpawnLimits with_values(SpawnLimits limits, const LimitValues& values);
// `limits` with every value said that is smaller; a manifest never raises one.
SpawnLimits narrowed(SpawnLimits limits, const LimitValues& values);

struct Manifest {
  std::string file, sha256;
  std::vector<Located> workspace_roots;  // the workspace must lie at or below one of them
  std::vector<Located> log_roots;        // readable directories outside the workspace
  std::vector<Located> targets;          // aliases of targets.yaml
  LimitValues limits;
  std::optional<Apply> apply;
  std::string profile;  // file in manifests/sandbox; empty: default
  std::vector<PathRule> write_ask;
  std::vector<Located> memory_read, memory_write, memory_delete;
  bool allow_wildcard_tools = false;
  std::optional<std::vector<Located>> tools;  // narrows the persona's
  bool write_implies_read = false;
  bool exclusive = false;
  bool reports_to_is_escalation = false;
  std::string domain;
  std::map<std::string, std::string> placeholders;
};

// What parse_manifest found. With errors in `diagnostics` the manifest must not be used.
struct ParsedManifest {
  Manifest manifest;
  Diagnostics diagnostics;
};
ParsedManifest parse_manifest(std::string file, std::string_view text);

// Errors: invalid_argument with file:line:col.
Result<SandboxProfile> parse_profile(std::string file, std::string_view text);

}  // namespace remit::policy
