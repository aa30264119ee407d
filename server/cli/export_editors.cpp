// Editors and what reads their files: VS Code, GitHub Copilot, Cursor, and the plain object that
// most other clients take.
#include "base/yaml_emit.h"
#include "server/cli/client_formats.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

// A flow sequence: what JSON and YAML read alike, with the one quoting of both.
std::string flow_list(const OrderedJson& words) {
  std::string out = "[";
  for (const OrderedJson& word : words) {
    out += (out.size() > 1 ? ", " : "") + quote_text(word.get_ref<const std::string&>());
  }
  return out + "]";
}

// One file for VS Code, Copilot CLI and Copilot's cloud agent: VS Code takes the server from
// .vscode/mcp.json, the others from here.
ExportedFile copilot_agent(const policy::Remit& remit, const ExportOptions& options) {
  std::string front = "name: " + yaml_scalar(remit.slug) + "\n";
  front += "description: " + yaml_scalar(remit.description) + "\n";
  front += marker_line("#", "copilot");
  front += "tools: [\"remit/*\"]\n";
  front += "mcp-servers:\n  remit:\n";
  if (options.url.empty()) {
    const OrderedJson server = server_object(options);
    front += "    type: local\n    command: " + quote_text(options.binary) + "\n";
    front += "    args: " + flow_list(server.at("args")) + "\n";
  } else {
    front += "    type: http\n    url: " + quote_text(options.url) + "\n";
    front += "    headers:\n      Authorization: " +
             quote_text("Bearer $" + std::string(kCopilotTokenVariable)) + "\n";
  }
  front += "    tools: [\"*\"]\n";
  return agent_file(".github/agents/" + remit.slug + ".agent.md", std::move(front), remit);
}

OrderedJson cursor_allows(const ExportOptions& options, bool interactive) {
  OrderedJson allow = OrderedJson::array();
  for (const std::string& tool : options.tools) {
    if (!interactive || tool != "Bash") allow.push_back("Mcp(remit:" + tool + ")");
  }
  return allow;
}

}  // namespace

Export fill_vscode(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  std::vector<Entry> entries{
      server_entry("/servers/remit", typed_server(options, "${input:remit_token}"))};
  if (!options.url.empty()) {
    // VS Code asks for it once and keeps it in its own store of secrets.
    entries.push_back({Entry::How::list, "/inputs",
                       OrderedJson::array({{{"type", "promptString"},
                                            {"id", "remit_token"},
                                            {"description", "The token of Remit"},
                                            {"password", true}}}),
                       DoctorSeverity::broken, "the editor does not ask for the token"});
  }
  out.files.push_back(settings_file(".vscode/mcp.json", std::move(entries)));
  out.files.push_back(copilot_agent(remit, options));
  out.limits.push_back(
      {"VS Code's other agents keep the editor's own tools, and the tools picker can give them "
       "back to "
       "this one",
       "in the chat view choose the agent " + remit.slug +
           ", and leave its tools as they are; no setting of a project does it"});
  out.notes.emplace_back("VS Code asks once whether it may start the server");
  return out;
}

Export fill_copilot(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  out.files.push_back(copilot_agent(remit, options));
  out.limits.push_back({"Copilot's default agent keeps its own tools",
                        "start every session as this agent: copilot --agent " +
                            shell_word(remit.slug) + "; no setting of a project does it"});
  out.notes.emplace_back(
      "Copilot's cloud agent starts the server on its own machine: there the program must be "
      "installed at the same path");
  // What is left of its own: skill reads instructions, sql a database of the session. Interactively
  // it asks before each tool, Bash too.
  const std::string start = "copilot --agent " + shell_word(remit.slug) +
                            " --disable-builtin-mcps --excluded-tools skill sql";
  out.headless = start + (options.interactive ? "" : " --allow-tool remit -p \"what to do\"");
  return out;
}

Export fill_cursor(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  out.files.push_back(settings_file(
      ".cursor/mcp.json",
      {server_entry("/mcpServers/remit", options.url.empty()
                                             ? server_object(options)
                                             : remote_object(options, "${env:REMIT_TOKEN}"))}));
  out.files.push_back(settings_file(
      ".cursor/cli.json",
      {{Entry::How::list, "/permissions/allow", cursor_allows(options, options.interactive),
        DoctorSeverity::broken,
        "the command line asks before each use of our tools, and without a person refuses",
        cursor_allows(options, !options.interactive), "Mcp(remit:"},
       {Entry::How::list, "/permissions/deny",
        OrderedJson::array({"Shell(*)", "Read(**)", "Write(**)", "WebFetch(*)"}),
        DoctorSeverity::bypass, "the command line's own tools act past Remit"}}));
  std::string front = "name: " + yaml_scalar(remit.slug) + "\n";
  front += "description: " + yaml_scalar(remit.description) + "\n";
  front += marker_line("#", "cursor");
  out.files.push_back(agent_file(".cursor/agents/" + remit.slug + ".md", std::move(front), remit));
  out.limits.push_back(
      {"Cursor's editor keeps its own shell, file and network tools in every chat and agent",
       "use the command line (cursor-agent), which reads .cursor/cli.json, for this agent"});
  out.headless = "cursor-agent -p \"what to do\"";
  return out;
}

Export fill_inspector(const policy::Remit& /*remit*/, const ExportOptions& options) {
  Export out;
  std::string command = "inspector --cli";
  if (options.url.empty()) {
    for (const OrderedJson& word : command_list(options)) {
      command += " " + shell_word(word.get_ref<const std::string&>());
    }
  } else {
    command += " --server-url " + options.url +
               " --transport http --header \"Authorization: Bearer $REMIT_TOKEN\"";
  }
  out.notes.emplace_back(
      "nothing to write: a person calls the tools here, and `npx @modelcontextprotocol/inspector` "
      "with the same command shows them in a browser");
  out.check = command + " --method tools/list --strict";
  return out;
}

Export fill_json(const policy::Remit& /*remit*/, const ExportOptions& options) {
  Export out;
  out.files.push_back(
      settings_file("remit.mcp.json",
                    {server_entry("/mcpServers/remit", typed_server(options, "${REMIT_TOKEN}"))}));
  out.limits.push_back({"this object gives a client our tools and takes none of its own away",
                        "switch off the shell, file and network tools of the client that reads it, "
                        "and give the agent "
                        "only the tools of the server remit"});
  return out;
}

}  // namespace remit::server
