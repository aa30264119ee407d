#include "policy/site.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/limits.h"

namespace remit::policy {

namespace {

void read_tools(ConfigReader& reader, Site& out) {
  if (const auto word = reader.text(reader.root(), "tools_default")) {
    out.tools_default_origin = word->origin;
    if (word->text == "none") {
      out.tools_default = ToolsDefault::none;
    } else if (word->text == "readonly") {
      out.tools_default = ToolsDefault::readonly;
    } else if (word->text == "refuse") {
      out.tools_default = ToolsDefault::refuse;
    } else {
      reader.error(position_of(*word), "tools_default must be none, readonly or refuse");
    }
  }
  if (reader.root().find("tools") != nullptr) out.tools = reader.texts(reader.root(), "tools");
}

void read_sandbox(ConfigReader& reader, Site& out) {
  const yaml::Node* map = reader.root().find("sandbox");
  if (map == nullptr || !reader.keys(*map, "sandbox", {"min_tier"})) return;
  if (const auto word = reader.text(*map, "min_tier")) {
    if (word->text == "t1" || word->text == "t2") {
      out.min_tier = word->text == "t1" ? Tier::t1 : Tier::t2;
    } else {
      reader.error(position_of(*word),
                   "min_tier must be t1 or t2: running uncontained is not offered");
    }
  }
}

void read_approvals(ConfigReader& reader, Site& out) {
  const yaml::Node* map = reader.root().find("approvals");
  if (map == nullptr || !reader.keys(*map, "approvals", {"cli", "timeout_s"})) return;
  out.approvals_cli = reader.boolean(*map, "cli").value_or(true);
  constexpr std::int64_t kShortest = 10;
  constexpr std::int64_t kLongest = 3600;
  out.approval_timeout_s =
      static_cast<int>(reader.integer(*map, "timeout_s", kShortest, kLongest).value_or(300));
}

void read_bash(ConfigReader& reader, Site& out) {
  const yaml::Node* map = reader.root().find("bash");
  if (map == nullptr || !reader.keys(*map, "bash", {"apply"})) return;
  if (const auto word = reader.text(*map, "apply")) {
    const auto apply = apply_of(word->text);
    if (!apply) reader.error(position_of(*word), "apply must be as_write, hold or never");
    out.apply = apply.value_or(Apply::never);
  }
}

void read_handoffs(ConfigReader& reader, Site& out) {
  const yaml::Node* map = reader.root().find("handoffs");
  if (map == nullptr || !reader.keys(*map, "handoffs", {"file_drop_root", "same_user_answers"}))
    return;
  out.same_user_answers = reader.boolean(*map, "same_user_answers").value_or(false);
  if (const auto root = reader.text(*map, "file_drop_root")) {
    if (!root->text.empty() && !root->text.starts_with('/')) {
      reader.error(position_of(*root), "file_drop_root must be an absolute path or empty");
    }
    out.file_drop_root = root->text;
  }
}

void read_memory(ConfigReader& reader, Site& out) {
  const yaml::Node* map = reader.root().find("memory");
  if (map == nullptr || !reader.keys(*map, "memory",
                                     {"quota_mib", "quota_documents", "keep_versions",
                                      "version_days", "archive_days"})) {
    return;
  }
  constexpr std::int64_t kMib = 1 << 20;
  constexpr auto kMost = static_cast<std::int64_t>(limits::kFolderBytesMax) / kMib;
  const auto number = [&](const char* key, std::int64_t low, std::int64_t high) {
    return reader.integer(*map, key, low, high);
  };
  if (const auto mib = number("quota_mib", 1, kMost))
    out.memory.folder_bytes = static_cast<std::uint64_t>(*mib * kMib);
  if (const auto count = number("quota_documents", 1, limits::kListedDocuments))
    out.memory.folder_documents = static_cast<std::size_t>(*count);
  if (const auto kept = number("keep_versions", 1, limits::kKeepVersionsMax))
    out.memory.keep_versions = static_cast<std::size_t>(*kept);
  if (const auto days = number("version_days", 0, limits::kRetentionDaysMax))
    out.memory.version_days = static_cast<int>(*days);
  if (const auto days = number("archive_days", 0, limits::kRetentionDaysMax))
    out.memory.archive_days = static_cast<int>(*days);
}

std::vector<PathRule> globs(ConfigReader& reader, std::string_view key) {
  std::vector<PathRule> out;
  for (Located& one : reader.texts(reader.root(), key)) {
    if (one.text.starts_with('/') || one.text.starts_with('!')) {
      reader.error(position_of(one), "a glob is relative to the roots and cannot be negated");
      continue;
    }
    const yaml::Position where = position_of(one);
    auto rule = make_path_rule(std::move(one.text), std::move(one.origin));
    if (rule) {
      out.push_back(std::move(*rule));
    } else {
      reader.error(where, rule.error().message);
    }
  }
  return out;
}

void read_http(ConfigReader& reader, Site& out) {
  const yaml::Node* map = reader.root().find("http");
  if (map == nullptr || !reader.keys(*map, "http", {"hosts", "origins"})) return;
  for (Located& host : reader.texts(*map, "hosts")) {
    if (host.text.find_first_of("/:*") != std::string::npos)
      reader.error(position_of(host), "a host is a name without scheme or port");
    out.http_hosts.push_back(std::move(host.text));
  }
  for (Located& origin : reader.texts(*map, "origins")) {
    if (!origin.text.starts_with("https://") && !origin.text.starts_with("http://"))
      reader.error(position_of(origin), "an origin is scheme://host or scheme://host:port");
    out.http_origins.push_back(std::move(origin.text));
  }
}

}  // namespace

std::optional<Apply> apply_of(std::string_view word) {
  for (const Apply one : {Apply::as_write, Apply::hold, Apply::never}) {
    if (word == to_string(one)) return one;
  }
  return std::nullopt;
}

Apply stricter(Apply a, Apply b) {
  return std::max(a, b);
}

Result<Site> parse_site(std::string file, std::string_view text) {
  Site out;
  out.file = file;
  out.sha256 = sha256_hex(text);
  ConfigReader reader(std::move(file), text);
  if (!reader.failed() &&
      reader.keys(reader.root(), "the site policy",
                  {"version", "tools_default", "tools", "read_roots", "sandbox", "approvals",
                   "bash", "handoffs", "memory", "http", "protected", "read_denied"})) {
    reader.version();
    read_tools(reader, out);
    read_sandbox(reader, out);
    read_approvals(reader, out);
    read_bash(reader, out);
    read_handoffs(reader, out);
    read_memory(reader, out);
    read_http(reader, out);
    out.read_roots = reader.texts(reader.root(), "read_roots");
    for (const Located& root : out.read_roots) {
      if (!root.text.starts_with('/'))
        reader.error(position_of(root), "a read root is an absolute path");
    }
    out.protected_paths = globs(reader, "protected");
    out.read_denied = globs(reader, "read_denied");
  }
  if (reader.failed()) return tl::unexpected(config_error(reader.diagnostics()));
  return out;
}

}  // namespace remit::policy
