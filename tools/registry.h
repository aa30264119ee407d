// The registry: every tool there is, and the shell verbs of tools and engines. The newcomer's
// index.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/redaction.h"
#include "policy/change_sets.h"
#include "policy/document_schemas.h"
#include "tools/file_tools.h"
#include "tools/shells.h"
#include "tools/tool.h"

namespace remit::tools {

// What tools keep between calls, one per server process. Copies share it.
struct ToolState {
  std::shared_ptr<policy::ChangeSets> change_sets;
  std::shared_ptr<Shells> shells;
  std::shared_ptr<FileMemory> file_memory;
  std::shared_ptr<const Redactor> redactor;
  std::shared_ptr<const policy::DocumentSchemas> schemas;
  bool native_approval = false;  // serve --native-approval: BashApproved beside Bash
  bool serve_approver = false;   // serve --serve-approver: the permission-prompt tool `approve`
};

// Names of all tools this build provides, in the order tools/list shows them.
std::vector<std::string_view> tool_names();

// The tools that `remit` grants, built, in that order; then what the operator's flags add to a
// granted Bash. No persona can name those.
std::vector<Tool> granted_tools(const policy::Remit& remit, const ToolState& state);

// Every tool, for `remit docs`.
std::vector<Tool> all_tools(const ToolState& state);

// A command of `remit` that an engine brings along: acts through an operator's Access, writes to
// the two streams, returns the exit code.
struct ShellVerb {
  std::string_view name, help;
  std::string_view usage;  // with its flags, for --help
  int (*run)(policy::Access& access, const std::vector<std::string>& args, std::FILE* out,
             std::FILE* err);
};
std::vector<ShellVerb> shell_verbs();

Tool make_approver(const ToolState& state);
Tool make_bash(const ToolState& state);
Tool make_bash_approved(const ToolState& state);
Tool make_bash_output(const ToolState& state);
Tool make_kill_shell(const ToolState& state);
Tool make_bug_report(const ToolState& state);
Tool make_handoff(const ToolState& state);
Tool make_inbox(const ToolState& state);
Tool make_respond(const ToolState& state);
Tool make_memory_history(const ToolState& state);
Tool make_memory_list(const ToolState& state);
Tool make_memory_read(const ToolState& state);
Tool make_memory_search(const ToolState& state);
Tool make_memory_write(const ToolState& state);

}  // namespace remit::tools
