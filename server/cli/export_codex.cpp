// Codex: one configuration of the project. The persona is what its sessions are told, since the
// agents that codex would start by themselves are off with the rest.
#include "base/limits.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

constexpr std::string_view kConfig = ".codex/config.toml";

Entry off(std::string feature, std::string without) {
  return {Entry::How::fixed, "/features/" + std::move(feature), false, DoctorSeverity::bypass,
          std::move(without)};
}

}  // namespace

Export fill_codex(const policy::Remit& remit, const ExportOptions& options) {
  using How = Entry::How;
  constexpr DoctorSeverity bypass = DoctorSeverity::bypass;
  constexpr DoctorSeverity broken = DoctorSeverity::broken;
  const std::string shell = "the client's own shell runs outside every check";
  std::vector<Entry> entries = {
      {How::fixed, "/developer_instructions", remit.body, broken,
       "its text differs from the persona that Remit serves"},
      {How::fixed, "/sandbox_mode", "read-only", bypass,
       "apply_patch, which some models are offered whatever is switched off, may write here"},
      {How::fixed, "/web_search", "disabled", bypass, "the client searches the network by itself"},
      off("shell_tool", shell),
      off("unified_exec", shell),
      off("view_image", "the client reads pictures by itself"),
      off("apps", "connectors of the account reach the network by themselves"),
      off("plugins", "plugins bring tools of their own"),
      off("browser_use", "the client drives a browser by itself"),
      off("computer_use", "the client drives the desktop by itself"),
      off("image_generation", "the client writes pictures by itself"),
      off("goals", "the client keeps goals that Remit does not see"),
      off("multi_agent_v2", "the client starts agents of its own"),
      {How::fixed, "/agents/enabled", false, bypass, "the client starts agents of its own"},
      server_entry("/mcp_servers/remit",
                   options.url.empty() ? server_object(options)
                                       : OrderedJson{{"url", options.url},
                                                     {"bearer_token_env_var", kTokenVariable}}),
      {How::fixed, "/mcp_servers/remit/required", true, broken,
       "a session starts without Remit when the server does not"},
      {How::fixed, "/mcp_servers/remit/startup_timeout_sec", 30, broken,
       "the first turn may go without tools"},
      {How::free, "/mcp_servers/remit/tool_timeout_sec",
       std::chrono::duration_cast<std::chrono::seconds>(limits::kBashTimeoutMax).count(), broken,
       ""},
      {How::list, "/mcp_servers/remit/enabled_tools", tool_names(options, ""), broken,
       "granted, but not named for the client"},
      // Remit asks; exec would refuse whatever it may not ask about.
      {How::free, "/mcp_servers/remit/default_tools_approval_mode", "approve", broken, ""},
  };
  if (options.interactive) {
    entries.push_back(
        {How::free, "/mcp_servers/remit/tools/Bash/approval_mode", "prompt", broken, ""});
  }
  Export out;
  out.files.push_back(toml_file(std::string(kConfig), "codex", std::move(entries)));
  out.notes.emplace_back(
      "codex reads this only in a project that you trust: start it here once and say yes; the "
      "headless "
      "line refuses to run where it is not trusted");
  out.notes.emplace_back(
      "left over and harmless: request_user_input, *_mcp_resource*, and for some models "
      "tool_search "
      "and an apply_patch that the read-only sandbox refuses");
  out.headless =
      "codex exec --strict-config -s read-only --disable shell_tool --disable unified_exec -c "
      "mcp_servers.remit.required=true \"what to do\"";
  return out;
}

}  // namespace remit::server
