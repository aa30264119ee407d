#include "server/cli/doctor_client.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "server/cli/export.h"

namespace remit::server {
namespace {

// One file of the project, or nothing.
struct ProjectFile {
  std::string path;
  std::optional<std::string> text;
};

class Examination {
 public:
  Examination(const policy::Remit& remit, const DoctorOptions& options, Fd project)
      : remit_(remit), options_(options), project_(std::move(project)) {}

  Result<DoctorReport> run() {
    report_.client = options_.client;
    TRY(ProjectFile agent, load(".claude/agents/" + remit_.slug + ".md"));
    examine_agent(agent);
    TRY(ProjectFile mcp, load(".mcp.json"));
    TRY_DO(examine_mcp(mcp));
    TRY(ProjectFile shared, load(".claude/settings.json"));
    TRY(ProjectFile local, load(".claude/settings.local.json"));
    TRY_DO(examine_settings(shared));
    TRY_DO(examine_settings(local));
    examine_denials(shared);
    return std::move(report_);
  }

 private:
  void add(DoctorSeverity severity, const std::string& file, int line, std::string message,
           std::string remedy) {
    report_.findings.push_back({severity, file, line, std::move(message), std::move(remedy)});
  }

  std::string export_command(std::string_view extra = "") const {
    return "run: " + shell_word(options_.binary) + " export claude --agent " +
           shell_word(remit_.persona_file) + " --write" + std::string(extra);
  }

  Result<ProjectFile> load(const std::string& path) {
    ProjectFile file{path, std::nullopt};
    auto found = fs::resolve(project_, path);
    if (!found) {
      if (found.error().kind != ErrorKind::not_found) {
        return fail(ErrorKind::unavailable, "cannot look at " + path + ": " + found.error().message,
                    path);
      }
      report_.not_there.push_back(path);
      return file;
    }
    TRY(Fd readable, fs::reopen(*found, 0));
    TRY(std::string text, fs::read_all(readable, limits::kPersonaBytes));
    file.text = std::move(text);
    report_.looked_at.push_back(path);
    return file;
  }

  // The line (from 1) of the first occurrence of `needle`, 1 if it is not there.
  static int line_of(const std::string& text, std::string_view needle) {
    const std::size_t at = text.find(needle);
    if (at == std::string::npos) return 1;
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(at);
    return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
  }

  // The line of a JSON string.
  static int line_of_value(const std::string& text, const std::string& value) {
    return line_of(text, dump(Json(value)));
  }

  void examine_agent(const ProjectFile& file);
  void examine_agent_tools(const ProjectFile& file, int line,
                           const std::vector<std::string>& tools);
  Result<void> examine_mcp(const ProjectFile& file);
  void examine_server(const ProjectFile& file, const Json& server);
  Result<void> examine_settings(const ProjectFile& file);
  void examine_allowed(const ProjectFile& file, const Json& permissions);
  void examine_denials(const ProjectFile& file);

  const policy::Remit& remit_;
  const DoctorOptions& options_;
  Fd project_;
  DoctorReport report_;
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

void Examination::examine_agent(const ProjectFile& file) {
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
  if (front.present && file.text->substr(front.body) != remit_.body) {
    add(DoctorSeverity::broken, file.path, 1, "its text differs from the persona that Remit serves",
        export_command());
  }
}

void Examination::examine_agent_tools(const ProjectFile& file, int line,
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
  for (const std::string& tool : options_.tools) {
    const std::string name = std::string(kToolPrefix) + tool;
    if (std::find(tools.begin(), tools.end(), name) == tools.end()) missing.push_back(tool);
  }
  if (!missing.empty()) {
    add(DoctorSeverity::broken, file.path, line,
        "granted, but not named for the agent: " + join_text(missing, ", "), export_command());
  }
}

Result<void> Examination::examine_mcp(const ProjectFile& file) {
  if (!file.text) {
    add(DoctorSeverity::broken, file.path, 1,
        "the project declares no MCP server, so the agent has no tools of Remit", export_command());
    return {};
  }
  const auto root = parse_json(*file.text);
  if (!root || !root->is_object()) {
    add(DoctorSeverity::broken, file.path, 1,
        "it is not a JSON object, so the client reads nothing of it",
        "mend it; " + export_command());
    return {};
  }
  const Json servers = root->value("mcpServers", Json::object());
  const std::string name(kServerName);
  if (!servers.is_object() || !servers.contains(name) || !servers[name].is_object()) {
    add(DoctorSeverity::broken, file.path, 1,
        "no server \"remit\", so no tool is called mcp__remit__…", export_command());
    return {};
  }
  examine_server(file, servers[name]);
  return {};
}

void Examination::examine_server(const ProjectFile& file, const Json& server) {
  const int line = line_of(*file.text, "\"remit\"");
  if (server.contains("url")) return;  // HTTP: the endpoint decides who is served
  const Json command = server.value("command", Json());
  if (!command.is_string() || command.get<std::string>() != options_.binary) {
    add(DoctorSeverity::broken, file.path, line,
        "the server \"remit\" starts " +
            (command.is_string() ? command.get<std::string>() : "nothing") + " and not " +
            options_.binary,
        export_command());
  }
  const Json args = server.value("args", Json::array());
  std::string agent;
  for (std::size_t i = 0; args.is_array() && i + 1 < args.size(); ++i) {
    if (args[i] == "--agent" && args[i + 1].is_string()) agent = args[i + 1].get<std::string>();
  }
  const std::string stem(fs::base_name(agent));
  if (agent != remit_.persona_file && agent != remit_.slug && stem != remit_.slug + ".md") {
    add(DoctorSeverity::broken, file.path, line,
        "the server \"remit\" serves " + (agent.empty() ? "no agent" : agent) + " and not " +
            remit_.slug,
        export_command());
  }
}

bool is_bypass_tool(const std::string& rule) {
  const std::string name = rule.substr(0, rule.find('('));
  const std::vector<std::string>& tools = claude_bypass_tools();
  return rule == "*" || std::find(tools.begin(), tools.end(), name) != tools.end();
}

Result<void> Examination::examine_settings(const ProjectFile& file) {
  if (!file.text) return {};
  const auto root = parse_json(*file.text);
  if (!root || !root->is_object()) {
    add(DoctorSeverity::broken, file.path, 1,
        "it is not a JSON object, so the client applies none of its rules", "mend it");
    return {};
  }
  examine_allowed(file, root->value("permissions", Json::object()));
  const Json hooks = root->value("hooks", Json::object());
  for (const char* hook : {"Elicitation", "PermissionRequest"}) {
    if (!hooks.is_object() || !hooks.contains(hook)) continue;
    add(DoctorSeverity::bypass, file.path, line_of_value(*file.text, hook),
        "a hook on " + std::string(hook) + " can answer Remit's questions without a person",
        "remove hooks." + std::string(hook));
  }
  const Json disabled = root->value("disabledMcpjsonServers", Json::array());
  if (disabled.is_array() &&
      std::find(disabled.begin(), disabled.end(), kServerName) != disabled.end()) {
    add(DoctorSeverity::broken, file.path, line_of_value(*file.text, "disabledMcpjsonServers"),
        "the server \"remit\" is switched off", "remove it from disabledMcpjsonServers");
  }
  return {};
}

void Examination::examine_allowed(const ProjectFile& file, const Json& permissions) {
  if (!permissions.is_object()) return;
  const Json mode = permissions.value("defaultMode", Json());
  if (mode == "bypassPermissions" || mode == "acceptEdits" || mode == "auto") {
    add(DoctorSeverity::bypass, file.path, line_of_value(*file.text, "defaultMode"),
        "defaultMode " + mode.get<std::string>() +
            " lets the client's own tools act without a question",
        "set permissions.defaultMode to \"default\"");
  }
  const Json allow = permissions.value("allow", Json::array());
  for (const Json& rule : allow) {
    if (!rule.is_string() || !is_bypass_tool(rule.get<std::string>())) continue;
    add(DoctorSeverity::bypass, file.path, line_of_value(*file.text, rule.get<std::string>()),
        "permissions.allow lets the client's own " + rule.get<std::string>() +
            " run without a question",
        "remove it from permissions.allow");
  }
  const Json deny = permissions.value("deny", Json::array());
  for (const Json& rule : deny) {
    if (rule.is_string()) denied_.insert(rule.get<std::string>());
  }
}

// Deny rules of both settings files count together; a rule with an argument denies only a part.
void Examination::examine_denials(const ProjectFile& file) {
  std::vector<std::string> open;
  for (const char* const tool : {"Bash", "Read", "Edit", "Write", "Glob", "Grep"}) {
    if (!denied_.contains(tool)) open.push_back(tool);
  }
  if (open.empty()) return;
  add(DoctorSeverity::bypass, file.path, 1,
      "the project's main session keeps the client's own tools: " + join_text(open, ", "),
      export_command(" --interactive") + ", or start every session with --tools \"\"");
}

}  // namespace

const char* to_string(DoctorSeverity severity) {
  switch (severity) {
    case DoctorSeverity::bypass:
      return "bypass";
    case DoctorSeverity::broken:
      return "broken";
  }
  return "broken";
}

Result<DoctorReport> doctor_client(const policy::Remit& remit, const DoctorOptions& options) {
  if (options.client != "claude") {
    return fail(ErrorKind::unavailable, "not yet available: doctor for '" +
                                            escape_ascii(options.client) +
                                            "'; available clients: claude");
  }
  TRY(Fd project, fs::open_root(options.project));
  return Examination(remit, options, std::move(project)).run();
}

std::string to_text(const DoctorReport& report) {
  std::string text;
  for (const DoctorFinding& finding : report.findings) {
    text += finding.file + ":" + std::to_string(finding.line) + ": " + to_string(finding.severity) +
            ": " + printable(finding.message) + "\n  " + printable(finding.remedy) + "\n";
  }
  if (report.ok())
    text += "no built-in tool of " + report.client + " gets past Remit in this project\n";
  text += "looked at: " + join_text(report.looked_at, ", ") + "\n";
  if (!report.not_there.empty()) text += "not there: " + join_text(report.not_there, ", ") + "\n";
  text += "not looked at: user-level and managed settings, plugins, command-line flags\n";
  return text;
}

std::string to_json(const DoctorReport& report) {
  OrderedJson root;
  root["client"] = report.client;
  root["ok"] = report.ok();
  root["findings"] = OrderedJson::array();
  for (const DoctorFinding& finding : report.findings) {
    OrderedJson row;
    row["severity"] = to_string(finding.severity);
    row["file"] = finding.file;
    row["line"] = finding.line;
    row["message"] = finding.message;
    row["remedy"] = finding.remedy;
    root["findings"].push_back(std::move(row));
  }
  root["looked_at"] = report.looked_at;
  root["not_there"] = report.not_there;
  return dump_pretty(root);
}

}  // namespace remit::server
