// Site policy (manifests/site.yaml): the operator's ceiling. Nothing a persona or manifest says can
// exceed it. Immutable once read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/store_limits.h"
#include "policy/config_reader.h"
#include "policy/remit.h"

namespace remit::policy {

// What a persona without a `tools` line gets.
enum class ToolsDefault { none, readonly, refuse };

struct Site {
  std::string file, sha256;
  ToolsDefault tools_default = ToolsDefault::none;
  Origin tools_default_origin;
  std::optional<std::vector<Located>> tools;  // ceiling of generic tools; absent: all
  std::vector<Located> read_roots;            // where log roots may lie
  Tier min_tier = Tier::t2;
  bool approvals_cli = true;
  int approval_timeout_s = 300;
  Apply apply = Apply::as_write;
  std::string file_drop_root;  // empty: drop/ in the state directory
  bool same_user_answers = false;
  memory::StoreLimits memory;
  std::vector<std::string> http_hosts, http_origins;  // besides the loopback names
  std::vector<PathRule> protected_paths, read_denied;
};

// Errors: invalid_argument with file:line:col.
Result<Site> parse_site(std::string file, std::string_view text);

std::optional<Apply> apply_of(std::string_view word);
// The stricter of two: as_write < hold < never.
Apply stricter(Apply a, Apply b);

}  // namespace remit::policy
