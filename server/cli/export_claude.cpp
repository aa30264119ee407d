// Claude Code: the agent file that names our tools alone, the project's server, and with
// --interactive the rules that switch the main session's own tools off.
#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "base/yaml_emit.h"
#include "server/cli/client_formats.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

constexpr std::string_view kApprovedBash = "BashApproved";

// The tools that the agent file names: what the server lists, and the guarded twin of Bash.
std::vector<std::string> agent_tools(const ExportOptions& options) {
  std::vector<std::string> tools = options.tools;
  const bool bash = std::find(tools.begin(), tools.end(), "Bash") != tools.end();
  const bool listed = std::find(tools.begin(), tools.end(), kApprovedBash) != tools.end();
  if (bash && options.native_approval && !listed) tools.emplace_back(kApprovedBash);
  return tools;
}

std::string prefixed(std::string_view tool) {
  return std::string(kToolPrefix) + std::string(tool);
}

ExportedFile claude_agent(const policy::Remit& remit, const ExportOptions& options) {
  std::vector<std::string> names;
  for (const std::string& tool : agent_tools(options)) names.push_back(prefixed(tool));
  std::string front = "name: " + yaml_scalar(remit.slug) + "\n";
  front += "description: " + yaml_scalar(remit.description) + "\n";
  front += marker_line("#", "claude");
  front += "# the whole list rather than mcp__remit__*, which old versions of the client ignore\n";
  front += "tools: " + join_text(names, ", ") + "\n";
  if (!remit.model.empty()) front += "model: " + yaml_scalar(remit.model) + "\n";
  if (!remit.color.empty()) front += "color: " + yaml_scalar(remit.color) + "\n";
  return agent_file(".claude/agents/" + remit.slug + ".md", std::move(front), remit);
}

ExportedFile mcp_file(const ExportOptions& options) {
  OrderedJson server = typed_server(options, "${REMIT_TOKEN}");
  if (options.native_approval && options.url.empty()) server["args"].push_back("--native-approval");
  // Longer than the longest command (limits.h), so that the client never gives up first.
  server["timeout"] = limits::kBashTimeoutMax.count();
  return settings_file(".mcp.json", {server_entry("/mcpServers/remit", std::move(server))});
}

// The client's own rules for its main session: our tools need no second prompt, its own tools are
// off. Bash stays out of the list that never prompts, in whichever form asks a person.
ExportedFile rules_file(const ExportOptions& options) {
  const std::string_view guarded = options.native_approval ? kApprovedBash : "Bash";
  OrderedJson allow = OrderedJson::array();
  for (const std::string& tool : agent_tools(options)) {
    if (tool != guarded) allow.push_back(prefixed(tool));
  }
  return settings_file(
      ".claude/settings.json",
      {{Entry::How::list, "/permissions/allow", std::move(allow), DoctorSeverity::broken, "",
        nullptr, std::string(kToolPrefix)},
       {Entry::How::list, "/permissions/deny", claude_bypass_tools(), DoctorSeverity::bypass, ""}});
}

}  // namespace

const std::vector<std::string>& claude_bypass_tools() {
  static const std::vector<std::string> tools = {
      "Bash",     "BashOutput", "KillShell", "Monitor",    "Read",
      "Edit",     "Write",      "Glob",      "Grep",       "NotebookEdit",
      "WebFetch", "WebSearch",  "Workflow",  "CronCreate", "EnterWorktree"};
  return tools;
}

Export fill_claude(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  out.files.push_back(claude_agent(remit, options));
  out.files.push_back(mcp_file(options));
  if (options.interactive) out.files.push_back(rules_file(options));
  if (!options.interactive) {
    out.notes.emplace_back(
        "the project's main session keeps the client's own tools; --interactive also writes the "
        "rules that switch them off");
  }
  out.notes.emplace_back(
      "environment the client reads: MCP_TIMEOUT (start, 30 s by default), MCP_TOOL_TIMEOUT, "
      "MAX_MCP_OUTPUT_TOKENS, ENABLE_TOOL_SEARCH=false");
  // The prompt comes first: --allowedTools takes every word that follows it.
  out.headless = "claude -p \"what to do\" --agent " + shell_word(remit.slug) +
                 " --mcp-config .mcp.json --strict-mcp-config --tools \"\" --allowedTools \"" +
                 std::string(kToolPrefix) + "*\"";
  if (options.serve_approver) {
    out.headless += " --permission-prompt-tool mcp__remit__approve";
  }
  return out;
}

}  // namespace remit::server
