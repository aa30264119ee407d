// The doctor's questions about opencode: each file of a project in which it finds permissions,
// tools or programs: configurations in four places, agents and modes in folders below folders,
// plugins.

#include "base/text.h"
#include "base/yaml.h"
#include "policy/persona.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

bool is_ours(std::string_view tool) {
  return tool.starts_with("remit_");
}

// A map of tools to what is done with them: nothing but Remit's may be other than denied.
void examine_permission(Examination& look, const std::string& path, const std::string& where,
                        const OrderedJson& rules) {
  if (rules.is_null()) return;
  const int line = Examination::line_of_value(look.text_of(path), "permission");
  if (rules.is_string()) {
    if (rules != OrderedJson("deny")) {
      look.add(kBypass, path, line, where + " lets every tool of the client act", "remove it");
    }
    return;
  }
  for (const auto& [tool, action] : rules.items()) {
    if (action == OrderedJson("deny") || is_ours(tool)) continue;
    look.add(kBypass, path, Examination::line_of_value(look.text_of(path), tool),
             where + "." + escape_ascii(tool) + " lets the client's own tools act",
             "remove it or make it \"deny\"");
  }
}

Result<void> examine_config(Examination& look, const std::string& path, bool must_deny) {
  TRY(const std::optional<OrderedJson> root, look.document(path));
  if (!root) return {};
  const std::string& text = look.text_of(path);
  const OrderedJson rules = member(*root, "permission");
  const bool denies = rules == OrderedJson("deny") ||
                      (rules.is_object() && !rules.empty() && rules.begin().key() == "*" &&
                       rules.front() == OrderedJson("deny"));
  if (must_deny && !denies) {
    look.add(kBypass, path, Examination::line_of_value(text, "permission"),
             R"(permission does not start with "*": "deny", so the client's own tools act)",
             "remove permission; " + look.export_again());
  }
  examine_permission(look, path, "permission", rules);
  for (const char* group : {"agent", "mode"}) {
    const OrderedJson agents = member(*root, group);
    for (const auto& [name, agent] : agents.items()) {
      const std::string where = std::string(group) + "." + escape_ascii(name);
      examine_permission(look, path, where + ".permission", member(agent, "permission"));
      if (!member(agent, "tools").is_null()) {
        look.add(kBypass, path, Examination::line_of_value(text, name),
                 where + ".tools gives an agent tools of its own", "remove it");
      }
    }
  }
  if (!member(*root, "tools").is_null()) {
    look.add(kBypass, path, Examination::line_of_value(text, "tools"),
             "tools overrules what permission denies", "remove it");
  }
  const OrderedJson plugins = member(*root, "plugin");
  if (!plugins.is_null() && !plugins.empty()) {
    look.add(kBypass, path, Examination::line_of_value(text, "plugin"),
             "a plugin runs in the client, outside every check", "remove plugin");
  }
  return {};
}

// Whether a rule of front matter denies, with all that stands below it.
bool denies(const yaml::Node& rule) {
  if (rule.kind == yaml::Kind::scalar) return rule.text == "deny";
  if (rule.kind != yaml::Kind::mapping) return false;
  for (const yaml::Entry& entry : rule.entries) {
    if (!denies(entry.value)) return false;
  }
  return true;
}

// An agent or a mode of the project: its front matter may loosen what the project denies.
Result<void> examine_agent(Examination& look, const std::string& path) {
  TRY(const ProjectFile file, look.load(path));
  if (!file.text) return {};
  const policy::FrontMatter front = policy::split_front_matter(*file.text);
  if (!front.found) return {};
  const yaml::Parsed parsed = yaml::parse(
      std::string_view(*file.text).substr(front.yaml_begin, front.yaml_end - front.yaml_begin));
  constexpr int kFirstLine = 1;  // of the file: ---
  if (!front.terminated || !parsed.ok()) {
    look.add(kBypass, path, parsed.ok() ? 1 : kFirstLine + parsed.problems.front().at.line,
             "its front matter cannot be read here, so what it permits is not known" +
                 (parsed.ok() ? std::string() : ": " + parsed.problems.front().message),
             "write it in plain YAML, or remove it");
    return {};
  }
  for (const yaml::Entry& entry : parsed.root.entries) {
    const int line = kFirstLine + entry.key_at.line;
    if (entry.key == "tools") {
      look.add(kBypass, path, line, "another agent of this project has tools of its own",
               "remove that key");
    }
    if (entry.key != "permission" || denies(entry.value)) continue;
    bool loosens = entry.value.kind != yaml::Kind::mapping;
    for (const yaml::Entry& rule : entry.value.entries)
      loosens |= !is_ours(rule.key) && !denies(rule.value);
    if (!loosens) continue;
    look.add(kBypass, path, line, "another agent of this project has permissions of its own",
             "remove that key");
  }
  return {};
}

}  // namespace

Result<void> examine_opencode(Examination& look) {
  TRY_DO(examine_config(look, "opencode.json", true));
  for (const char* path :
       {"opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"}) {
    TRY_DO(examine_config(look, path, false));
  }
  // The names in the singular are older versions'; both are read.
  for (const char* folder :
       {".opencode/agents", ".opencode/agent", ".opencode/modes", ".opencode/mode"}) {
    TRY(const std::vector<std::string> paths, look.files_under(folder, ".md"));
    for (const std::string& path : paths) {
      if (path == ".opencode/agents/" + look.remit().slug + ".md") continue;
      TRY_DO(examine_agent(look, path));
    }
  }
  for (const char* folder : {".opencode/plugins", ".opencode/plugin"}) {
    for (const char* ending : {".js", ".ts"}) {
      TRY(const std::vector<std::string> paths, look.files_under(folder, ending));
      for (const std::string& path : paths) {
        look.add(kBypass, path, 1, "a plugin runs in the client, outside every check",
                 "move it out of the project");
      }
    }
  }
  return {};
}

}  // namespace remit::server
