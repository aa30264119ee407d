// Gemini CLI: a policy that denies every tool but ours (so that tools which later versions bring
// are denied, too), the names that versions without policies exclude, and the persona as context.
#include <array>

#include "base/limits.h"
#include "base/yaml_emit.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

constexpr std::string_view kPolicy = ".gemini/remit-policy.toml";

// Tools of gemini-cli 0.61 that read, write, run or reach the network. Not tools.core: an
// allow-list there removes MCP tools, too.
constexpr std::array<std::string_view, 16> kOwnTools = {"update_topic",
                                                        "list_directory",
                                                        "read_file",
                                                        "grep_search",
                                                        "glob",
                                                        "replace",
                                                        "write_file",
                                                        "web_fetch",
                                                        "run_shell_command",
                                                        "list_background_processes",
                                                        "read_background_output",
                                                        "google_web_search",
                                                        "write_todos",
                                                        "enter_plan_mode",
                                                        "invoke_agent",
                                                        "activate_skill"};

// Rules of the highest priorities that a policy file can name: nothing of a user's outranks them.
ExportedFile policy_file(const ExportOptions& options) {
  OrderedJson rules = OrderedJson::array();
  rules.push_back({{"toolName", "*"}, {"decision", "deny"}, {"priority", 997}});
  rules.push_back(
      {{"toolName", tool_names(options, kGeminiPrefix)}, {"decision", "allow"}, {"priority", 998}});
  if (options.interactive) {
    rules.push_back({{"toolName", std::string(kGeminiPrefix) + "Bash"},
                     {"decision", "ask_user"},
                     {"priority", 999}});
  }
  return toml_file(std::string(kPolicy), "gemini",
                   {{Entry::How::free, "/rule", std::move(rules), DoctorSeverity::bypass, ""}});
}

ExportedFile gemini_agent(const policy::Remit& remit) {
  std::string front = "name: " + yaml_scalar(remit.slug) + "\n";
  front += "description: " + yaml_scalar(remit.description) + "\n";
  front += marker_line("#", "gemini");
  front += "tools:\n  - mcp_remit_*\n";
  return agent_file(".gemini/agents/" + remit.slug + ".md", std::move(front), remit);
}

ExportedFile gemini_settings(const policy::Remit& remit, const ExportOptions& options) {
  OrderedJson server = options.url.empty() ? server_object(options)
                                           : remote_object(options, "$REMIT_TOKEN", "httpUrl");
  server["timeout"] = limits::kBashTimeoutMax.count();
  if (!options.interactive) server["trust"] = true;  // headless hides what it would have to ask for
  return settings_file(
      ".gemini/settings.json",
      {server_entry("/mcpServers/remit", std::move(server)),
       {Entry::How::list, "/policyPaths", OrderedJson::array({kPolicy}), DoctorSeverity::bypass,
        "the policy that denies the client's own tools is not read"},
       {Entry::How::list, "/tools/exclude", kOwnTools, DoctorSeverity::bypass,
        "versions without policies keep the client's own tools"},
       {Entry::How::list, "/context/fileName",
        OrderedJson::array({"GEMINI.md", ".gemini/agents/" + remit.slug + ".md"}),
        DoctorSeverity::broken, "the agent is not told the persona that Remit serves"}});
}

}  // namespace

Export fill_gemini(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  out.files.push_back(gemini_settings(remit, options));
  out.files.push_back(policy_file(options));
  out.files.push_back(gemini_agent(remit));
  out.notes.emplace_back(
      "gemini reads this only in a folder that you trust: it asks when you start it here, and the "
      "headless line says so by GEMINI_CLI_TRUST_WORKSPACE; with --skip-trust alone it reads "
      "nothing of it");
  out.notes.emplace_back(
      "it warns that tools.exclude is deprecated; the policy does the same, and older versions "
      "know only the former");
  out.headless = "GEMINI_CLI_TRUST_WORKSPACE=true gemini --policy " + std::string(kPolicy) +
                 " -p \"what to do\"";
  return out;
}

}  // namespace remit::server
