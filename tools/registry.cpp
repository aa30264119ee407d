// The list of tools, in the order tools/list shows them. One line per tool; nothing registers
// itself.
#include "tools/registry.h"

#include <utility>

#include "tools/log_patterns.h"
#include "tools/search_commands.h"

namespace remit::tools {
namespace {

struct Entry {
  std::string_view name;
  Tool (*make)(const ToolState& state);
};

constexpr Entry kTools[] = {
    {"Bash", make_bash},
    {"BashOutput", make_bash_output},
    {"Edit", [](const ToolState& state) { return make_edit(state.file_memory); }},
    {"Glob", [](const ToolState&) { return make_glob(); }},
    {"Grep", [](const ToolState&) { return make_grep(); }},
    {"KillShell", make_kill_shell},
    {"Read", [](const ToolState& state) { return make_read(state.file_memory); }},
    {"Write", [](const ToolState& state) { return make_write(state.file_memory); }},
    {"bug_report", make_bug_report},
    {"handoff", make_handoff},
    {"inbox", make_inbox},
    {"log_patterns", [](const ToolState& state) { return make_log_patterns(*state.redactor); }},
    {"memory_history", make_memory_history},
    {"memory_list", make_memory_list},
    {"memory_read", make_memory_read},
    {"memory_search", make_memory_search},
    {"memory_write", make_memory_write},
    {"respond", make_respond},
};

}  // namespace

std::vector<std::string_view> tool_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kTools) names.push_back(entry.name);
  return names;
}

std::vector<Tool> granted_tools(const policy::Remit& remit, const ToolState& state) {
  std::vector<Tool> tools;
  for (const Entry& entry : kTools) {
    if (remit.tool(entry.name) != nullptr) tools.push_back(entry.make(state));
  }
  if (remit.tool("Bash") == nullptr) return tools;
  if (state.native_approval) tools.push_back(make_bash_approved(state));
  if (state.serve_approver) tools.push_back(make_approver(state));
  return tools;
}

std::vector<ShellVerb> shell_verbs() {
  return {{"grep", "the search engine by itself", kGrepUsage, grep_command},
          {"glob", "find files by name, newest first", kGlobUsage, glob_command}};
}

std::vector<Tool> all_tools(const ToolState& state) {
  std::vector<Tool> tools;
  for (const Entry& entry : kTools) tools.push_back(entry.make(state));
  return tools;
}

}  // namespace remit::tools
