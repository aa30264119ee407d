// The clients that `remit export` and `remit doctor --client` know: one row each, and what their
// rows are made of. export_NAME.cpp fill an Export, doctor_NAME.cpp look for what a project's other
// files undo. Threads: reentrant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/cli/doctor_examination.h"
#include "server/cli/export.h"

namespace remit::server {

struct Client {
  std::string_view name;
  // Files, limits and the headless line; the notes and the check line are the same for all.
  Export (*fill)(const policy::Remit&, const ExportOptions&);
  // Beyond the entries and texts that fill() names; may be null.
  Result<void> (*examine)(Examination&);
  // Whether the files that fill() names are compared with those that are there, which claude's own
  // examination does less strictly.
  bool compared = true;
  // What the client replaces in its configuration: no path may contain it, for there is no escape.
  std::vector<std::string_view> substitutes;
  std::string_view not_looked_at;
  std::string_view token_variable = kTokenVariable;
};

const std::vector<Client>& clients();
const Client* find_client(std::string_view name);

// How gemini shows a server's tools.
inline constexpr std::string_view kGeminiPrefix = "mcp_remit_";

// --- what export_NAME.cpp share ----------------------------------------------------------------

// Stands in every whole file that an export writes: the licence to replace it.
inline constexpr std::string_view kMarker = "written by `remit export";
std::string marker_line(std::string_view comment, std::string_view client);

// {"command": BINARY, "args": ["serve", ...]}, and the same in one list.
OrderedJson server_object(const ExportOptions& options);
OrderedJson command_list(const ExportOptions& options);
// {KEY: URL, "headers": {"Authorization": "Bearer TOKEN"}}; `token`: how the client writes the
// variable that holds it.
OrderedJson remote_object(const ExportOptions& options, std::string_view token,
                          std::string_view key = "url");
// The one or the other with its "type", as most clients have it.
OrderedJson typed_server(const ExportOptions& options, std::string_view token);

// A settings file or a TOML file that says these entries; the content follows from them.
ExportedFile settings_file(std::string path, std::vector<Entry> entries);
ExportedFile toml_file(std::string path, std::string_view client, std::vector<Entry> entries);

// A markdown agent: the lines of its front matter (without ---), then the persona's text.
ExportedFile agent_file(std::string path, std::string front, const policy::Remit& remit);

// Each granted tool with `prefix` before and `suffix` after its name.
OrderedJson tool_names(const ExportOptions& options, std::string_view prefix,
                       std::string_view suffix = "");

Entry server_entry(std::string pointer, OrderedJson server);

// How Copilot shows secrets to an agent: by names that begin so.
inline constexpr std::string_view kCopilotTokenVariable = "COPILOT_MCP_REMIT_TOKEN";

Export fill_claude(const policy::Remit& remit, const ExportOptions& options);
Export fill_codex(const policy::Remit& remit, const ExportOptions& options);
Export fill_gemini(const policy::Remit& remit, const ExportOptions& options);
Export fill_opencode(const policy::Remit& remit, const ExportOptions& options);
Export fill_vscode(const policy::Remit& remit, const ExportOptions& options);
Export fill_copilot(const policy::Remit& remit, const ExportOptions& options);
Export fill_cursor(const policy::Remit& remit, const ExportOptions& options);
Export fill_claude_sdk(const policy::Remit& remit, const ExportOptions& options);
Export fill_openai_agents(const policy::Remit& remit, const ExportOptions& options);
Export fill_langchain(const policy::Remit& remit, const ExportOptions& options);
Export fill_inspector(const policy::Remit& remit, const ExportOptions& options);
Export fill_json(const policy::Remit& remit, const ExportOptions& options);

Result<void> examine_claude(Examination& examination);
Result<void> examine_codex(Examination& examination);
Result<void> examine_gemini(Examination& examination);
Result<void> examine_opencode(Examination& examination);
Result<void> examine_vscode(Examination& examination);
Result<void> examine_cursor(Examination& examination);

}  // namespace remit::server
