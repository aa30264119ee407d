// The doctor's questions about Claude Code. An agent file is judged by its meaning rather than by
// its bytes: people write their own, and the client reads them loosely (a broken one gets every
// tool).
#include <algorithm>
#include <set>

#include "base/text.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

class ClaudeProject {
 public:
  explicit ClaudeProject(Examination& examination) : look_(examination) {}

  Result<void> run() {
    TRY(const ProjectFile agent, look_.load(".claude/agents/" + look_.remit().slug + ".md"));
    examine_agent(agent);
    TRY(const ProjectFile mcp, look_.load(".mcp.json"));
    examine_mcp(mcp);
    TRY(const ProjectFile shared, look_.load(".claude/settings.json"));
    TRY(const ProjectFile local, look_.load(".claude/settings.local.json"));
    examine_settings(shared);
    examine_settings(local);
    examine_denials(shared);
    return {};
  }

 private:
  void add(DoctorSeverity severity, const std::string& file, int line, std::string message,
           std::string remedy) {
    look_.add(severity, file, line, std::move(message), std::move(remedy));
  }
  std::string export_command(std::string_view extra = "") const {
    return look_.export_again(extra);
  }
  static int line_of_value(const std::string& text, const std::string& value) {
    return Examination::line_of_value(text, value);
  }

  void examine_agent(const ProjectFile& file);
  void examine_agent_tools(const ProjectFile& file, int line,
                           const std::vector<std::string>& tools);
  void examine_mcp(const ProjectFile& file);
  void examine_settings(const ProjectFile& file);
  void examine_allowed(const ProjectFile& file, const OrderedJson& permissions);
  void examine_denials(const ProjectFile& file);

  Examination& look_;
  // Built-in tools that the examined settings deny as a whole.
  std::set<std::string> denied_;
};

// The front matter of an agent file as far as the client's tools hang on it. The client reads it
// loosely (a broken file gets every tool), so this looks for lines rather than parsing YAML.
struct AgentFront {
  bool present = false;
  int tools_line = 0;  // 0: no such key
  std::vector<std::string> tools;
  int servers_line = 0;
  std::size_t body = 0;  // offset of the first byte below the front matter
};

void add_tool(std::vector<std::string>& tools, std::string_view item) {
  item = trim(item);
  while (!item.empty() && std::string_view("[]\"'").find(item.front()) != std::string_view::npos) {
    item.remove_prefix(1);
  }
  while (!item.empty() && std::string_view("[]\"'").find(item.back()) != std::string_view::npos) {
    item.remove_suffix(1);
  }
  item = trim(item);
  if (!item.empty()) tools.emplace_back(item);
}

AgentFront read_front(const std::string& text) {
  AgentFront front;
  std::size_t at = 0;
  int line = 0;
  bool in_tools = false;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view content = trim(std::string_view(text).substr(at, end - at));
    const bool indented = at < text.size() && (text[at] == ' ' || text[at] == '\t');
    at = std::min(end + 1, text.size());
    ++line;
    if (line == 1) {
      if (content != "---") return front;
      continue;
    }
    if (content == "---") {
      front.present = true;
      front.body = at;
      return front;
    }
    if (content.starts_with('#')) continue;
    if (in_tools && (indented || content.starts_with('-'))) {
      const std::string_view item = content.starts_with('-') ? content.substr(1) : content;
      for (const std::string_view word : split(item, ',')) add_tool(front.tools, word);
      continue;
    }
    in_tools = content.starts_with("tools:");
    if (in_tools) {
      front.tools_line = line;
      for (const std::string_view word : split(content.substr(6), ',')) add_tool(front.tools, word);
    }
    if (content.starts_with("mcpServers:")) front.servers_line = line;
  }
  return front;  // no closing line: not a front matter
}

void ClaudeProject::examine_agent(const ProjectFile& file) {
  if (!file.text) {
    add(DoctorSeverity::broken, file.path, 1,
        "the agent is not there, so nobody runs it through Remit", export_command());
    return;
  }
  const AgentFront front = read_front(*file.text);
  if (!front.present || front.tools_line == 0) {
    add(DoctorSeverity::bypass, file.path, 1,
        "it declares no tools, so the agent inherits every tool of the client, its shell included",
        export_command());
  } else {
    examine_agent_tools(file, front.tools_line, front.tools);
  }
  if (front.servers_line != 0) {
    add(DoctorSeverity::broken, file.path, front.servers_line,
        "a server declared in an agent's own mcpServers has its questions cancelled before anyone "
        "sees them",
        "declare the server in .mcp.json; " + export_command());
  }
  if (front.present && file.text->substr(front.body) != look_.remit().body) {
    add(DoctorSeverity::broken, file.path, 1, "its text differs from the persona that Remit serves",
        export_command());
  }
}

void ClaudeProject::examine_agent_tools(const ProjectFile& file, int line,
                                        const std::vector<std::string>& tools) {
  std::vector<std::string> foreign;
  for (const std::string& tool : tools) {
    if (!tool.starts_with(kToolPrefix)) foreign.push_back(tool);
  }
  if (!foreign.empty()) {
    add(DoctorSeverity::bypass, file.path, line,
        "the agent may use tools of the client that Remit does not see: " +
            join_text(foreign, ", "),
        export_command());
  }
  if (tools.empty()) {
    add(DoctorSeverity::bypass, file.path, line,
        "an empty list of tools is read as every tool of the client", export_command());
    return;
  }
  if (std::find(tools.begin(), tools.end(), std::string(kToolPrefix) + "*") != tools.end()) return;
  std::vector<std::string> missing;
  for (const std::string& tool : look_.options().tools) {
    const std::string name = std::string(kToolPrefix) + tool;
    if (std::find(tools.begin(), tools.end(), name) == tools.end()) missing.push_back(tool);
  }
  if (!missing.empty()) {
    add(DoctorSeverity::broken, file.path, line,
        "granted, but not named for the agent: " + join_text(missing, ", "), export_command());
  }
}

void ClaudeProject::examine_mcp(const ProjectFile& file) {
  if (!file.text) {
    add(DoctorSeverity::broken, file.path, 1,
        "the project declares no MCP server, so the agent has no tools of Remit", export_command());
    return;
  }
  const std::optional<OrderedJson> root = look_.parse(file);
  if (!root) return;
  const OrderedJson servers = root->value("mcpServers", OrderedJson::object());
  const std::string name(kServerName);
  if (!servers.is_object() || !servers.contains(name) || !servers[name].is_object()) {
    add(DoctorSeverity::broken, file.path, 1,
        "no server \"remit\", so no tool is called mcp__remit__…", export_command());
    return;
  }
  look_.examine_server(file, servers[name]);
}

bool is_bypass_tool(const std::string& rule) {
  const std::string name = rule.substr(0, rule.find('('));
  const std::vector<std::string>& tools = claude_bypass_tools();
  return rule == "*" || std::find(tools.begin(), tools.end(), name) != tools.end();
}

void ClaudeProject::examine_settings(const ProjectFile& file) {
  const std::optional<OrderedJson> root = look_.parse(file);
  if (!root) return;
  examine_allowed(file, root->value("permissions", OrderedJson::object()));
  const OrderedJson hooks = root->value("hooks", OrderedJson::object());
  for (const char* hook : {"Elicitation", "PermissionRequest"}) {
    if (!hooks.is_object() || !hooks.contains(hook)) continue;
    add(DoctorSeverity::bypass, file.path, line_of_value(*file.text, hook),
        "a hook on " + std::string(hook) + " can answer Remit's questions without a person",
        "remove hooks." + std::string(hook));
  }
  const OrderedJson disabled = root->value("disabledMcpjsonServers", OrderedJson::array());
  if (disabled.is_array() &&
      std::find(disabled.begin(), disabled.end(), kServerName) != disabled.end()) {
    add(DoctorSeverity::broken, file.path, line_of_value(*file.text, "disabledMcpjsonServers"),
        "the server \"remit\" is switched off", "remove it from disabledMcpjsonServers");
  }
}

void ClaudeProject::examine_allowed(const ProjectFile& file, const OrderedJson& permissions) {
  if (!permissions.is_object()) return;
  const OrderedJson mode = permissions.value("defaultMode", OrderedJson());
  if (mode == "bypassPermissions" || mode == "acceptEdits" || mode == "auto") {
    add(DoctorSeverity::bypass, file.path, line_of_value(*file.text, "defaultMode"),
        "defaultMode " + mode.get<std::string>() +
            " lets the client's own tools act without a question",
        "set permissions.defaultMode to \"default\"");
  }
  const OrderedJson allow = permissions.value("allow", OrderedJson::array());
  for (const OrderedJson& rule : allow) {
    if (!rule.is_string() || !is_bypass_tool(rule.get<std::string>())) continue;
    add(DoctorSeverity::bypass, file.path, line_of_value(*file.text, rule.get<std::string>()),
        "permissions.allow lets the client's own " + rule.get<std::string>() +
            " run without a question",
        "remove it from permissions.allow");
  }
  const OrderedJson deny = permissions.value("deny", OrderedJson::array());
  for (const OrderedJson& rule : deny) {
    if (rule.is_string()) denied_.insert(rule.get<std::string>());
  }
}

// Deny rules of both settings files count together; a rule with an argument denies only a part.
void ClaudeProject::examine_denials(const ProjectFile& file) {
  std::vector<std::string> open;
  for (const std::string& tool : claude_bypass_tools()) {
    if (tool == "BashOutput" || tool == "KillShell") continue;  // nothing without Bash
    if (!denied_.contains(tool)) open.push_back(tool);
  }
  if (open.empty()) return;
  add(DoctorSeverity::bypass, file.path, 1,
      "the project's main session keeps the client's own tools: " + join_text(open, ", "),
      export_command(" --interactive") + ", or start every session with --tools \"\"");
}

}  // namespace

Result<void> examine_claude(Examination& examination) {
  return ClaudeProject(examination).run();
}

}  // namespace remit::server
