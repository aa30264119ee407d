// opencode: everything denied but our tools, for the project and once more for the agent.
#include "base/yaml_emit.h"
#include "server/cli/client_formats.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

// The last rule that matches decides, so the denial of everything comes first.
OrderedJson permissions(bool interactive) {
  OrderedJson rules{{"*", "deny"}, {"remit_*", "allow"}};
  if (interactive) rules["remit_Bash"] = "ask";
  return rules;
}

ExportedFile opencode_agent(const policy::Remit& remit, const ExportOptions& options) {
  std::string front = "description: " + yaml_scalar(remit.description) + "\n";
  front += marker_line("#", "opencode");
  front += "mode: all\npermission:\n";
  const OrderedJson rules = permissions(options.interactive);
  for (const auto& [tool, action] : rules.items()) {
    front += "  " + quote_text(tool) + ": " + action.get<std::string>() + "\n";
  }
  return agent_file(".opencode/agents/" + remit.slug + ".md", std::move(front), remit);
}

}  // namespace

Export fill_opencode(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  const bool remote = !options.url.empty();
  OrderedJson server{{"type", remote ? "remote" : "local"}};
  if (remote)
    server.update(remote_object(options, "{env:REMIT_TOKEN}"));
  else
    server["command"] = command_list(options);
  server["enabled"] = true;
  out.files.push_back(settings_file(
      "opencode.json", {{Entry::How::free, "/$schema", "https://opencode.ai/config.json",
                         DoctorSeverity::broken, ""},
                        server_entry("/mcp/remit", std::move(server)),
                        {Entry::How::free, "/permission", permissions(options.interactive),
                         DoctorSeverity::bypass, "", permissions(!options.interactive)}}));
  out.files.push_back(opencode_agent(remit, options));
  out.notes.emplace_back(
      "opencode gives up on a call after 60 s: Remit answers before that, and long commands go on "
      "in "
      "the background");
  out.headless = "opencode run --agent " + shell_word(remit.slug) + " \"what to do\"";
  return out;
}

}  // namespace remit::server
