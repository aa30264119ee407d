#include "policy/diff.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/json.h"
#include "base/text.h"

namespace remit::policy {

namespace {

std::vector<Grant> shown_grants(const Remit& remit) {
  std::vector<Grant> out = grants_of(remit);
  const std::string bound = std::string(kDiffInstruction) + "/";
  for (Grant& grant : out) {
    if (grant.grant.starts_with("memory.") && grant.what.starts_with(bound)) {
      grant.what = "{instruction_id}/" + grant.what.substr(bound.size());
    }
  }
  return out;
}

std::vector<Grant> minus(const std::vector<Grant>& a, const std::vector<Grant>& b) {
  std::vector<Grant> out;
  for (const Grant& one : a) {
    const auto same = [&](const Grant& other) {
      return other.grant == one.grant && other.what == one.what;
    };
    if (std::none_of(b.begin(), b.end(), same) && std::none_of(out.begin(), out.end(), same)) {
      out.push_back(one);
    }
  }
  return out;
}

std::string globs(const std::vector<PathRule>& rules) {
  std::string out;
  for (const PathRule& rule : rules) out += (out.empty() ? "" : ", ") + rule.glob;
  return out;
}

std::map<std::string, std::string> settings_of(const Remit& remit) {
  const SpawnLimits& limits = remit.bash.limits;
  return {
      {"bash.apply", to_string(remit.bash.apply)},
      {"bash.profile", remit.bash.profile},
      {"limits.wall_s", std::to_string(limits.wall.count() / 1000)},
      {"limits.idle_s", std::to_string(limits.idle.count() / 1000)},
      {"limits.cpu_s", std::to_string(limits.cpu.count())},
      {"limits.memory_bytes", std::to_string(limits.memory_bytes)},
      {"limits.processes", std::to_string(limits.processes)},
      {"limits.file_bytes", std::to_string(limits.file_bytes)},
      {"limits.open_files", std::to_string(limits.open_files)},
      {"limits.layer_bytes", std::to_string(limits.layer_bytes)},
      {"limits.layer_inodes", std::to_string(limits.layer_inodes)},
      {"sandbox.min_tier", to_string(remit.bash.minimum_tier)},
      {"approvals.terminal", remit.approvals_by_terminal ? "yes" : "no"},
      {"protected", globs(remit.protected_paths)},
      {"read_denied", globs(remit.read_denied)},
      {"write_ask", globs(remit.write_ask)},
      {"name", remit.name},
  };
}

OrderedJson side(const Remit& remit) {
  OrderedJson out;
  out["file"] = remit.persona_file;
  out["sha256"] = remit.persona_sha256;
  out["manifest"] = remit.manifest_file;
  out["manifest_sha256"] = remit.manifest_sha256;
  return out;
}

}  // namespace

Difference difference(const Remit& before, const Remit& after) {
  Difference out;
  const std::vector<Grant> old_grants = shown_grants(before);
  const std::vector<Grant> new_grants = shown_grants(after);
  out.added = minus(new_grants, old_grants);
  out.removed = minus(old_grants, new_grants);
  const auto old_settings = settings_of(before);
  for (const auto& [name, value] : settings_of(after)) {
    const std::string& was = old_settings.at(name);
    if (was != value) out.changed.push_back({name, was, value});
  }
  return out;
}

OrderedJson difference_json(const Remit& before, const Remit& after, const Difference& difference) {
  OrderedJson out;
  out["format"] = "remit.diff/1";
  out["same"] = difference.empty();
  out["old"] = side(before);
  out["new"] = side(after);
  out["added"] = grants_json(difference.added);
  out["removed"] = grants_json(difference.removed);
  out["changed"] = OrderedJson::array();
  for (const Setting& one : difference.changed) {
    out["changed"].push_back({{"setting", one.name}, {"old", one.before}, {"new", one.after}});
  }
  return out;
}

std::string difference_text(const Remit& before, const Remit& after, const Difference& difference) {
  if (difference.empty()) return "no difference in what is granted\n";
  std::string out =
      "--- " + printable(before.persona_file) + "\n+++ " + printable(after.persona_file) + "\n";
  const auto list = [&](const std::vector<Grant>& grants, char mark) {
    for (const Grant& grant : grants) {
      out += std::string(1, mark) + " " + grant.grant + " " + printable(grant.what) + "   (" +
             printable(grant.origin.text()) + ")\n";
    }
  };
  list(difference.removed, '-');
  list(difference.added, '+');
  const auto value = [](const std::string& text) {
    return text.empty() ? "nothing" : printable(text);
  };
  for (const Setting& one : difference.changed) {
    out += "~ " + one.name + ": " + value(one.before) + " -> " + value(one.after) + "\n";
  }
  const auto plural = [](std::size_t n) {
    return std::to_string(n) + (n == 1 ? " grant" : " grants");
  };
  return out + plural(difference.added.size()) + " more, " + plural(difference.removed.size()) +
         " fewer\n";
}

}  // namespace remit::policy
