#include "server/cli/welcome.h"

#include <unistd.h>

#include <array>

#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/postgres_url.h"
#include "server/cli/doctor_client.h"
#include "server/cli/export.h"
#include "server/process.h"

namespace remit::cli {
namespace {

std::vector<std::string> names_of(const std::vector<tools::Tool>& tools) {
  std::vector<std::string> names;
  for (const tools::Tool& tool : tools) names.push_back(tool.name);
  return names;
}

// The lines that are easily missed: what this persona cannot do, and what would grant it.
std::string not_granted(const policy::Remit& remit) {
  std::string text;
  for (const char* name : {"Read", "Grep", "Glob", "Write", "Edit", "Bash"}) {
    if (remit.tool(name) == nullptr) {
      text += "  " + std::string(name) + "  (would be granted by `tools:` at " +
              remit.tools_line.short_text() + ")\n";
    }
  }
  for (const std::string& name : remit.tools_not_provided) {
    text +=
        "  " + escape_ascii(name) + "  (named by the persona; this server does not provide it)\n";
  }
  text += "  any other file of Agent_Memory  (" + remit.memory_heading.short_text() + ")\n";
  text += "  any other handoff  (" + remit.collaboration_heading.short_text() + ")\n";
  text += "  the network, from Bash\n";
  return text;
}

}  // namespace

std::vector<std::string> serve_arguments(server::Assembly& all,
                                         const server::ServeOptions& options) {
  std::vector<std::string> args{"--agent", fs::absolute(all.remit().persona_file), "--workspace",
                                all.remit().roots.front().path};
  const auto add = [&](const char* flag, const std::string& value, bool path) {
    if (value.empty()) return;
    args.emplace_back(flag);
    args.push_back(path ? fs::absolute(value) : value);
  };
  add("--manifest", options.manifest, true);
  add("--site", options.site, true);
  add("--memory", options.memory, !memory::is_postgres_url(options.memory));
  add("--state", options.state, true);
  add("--instruction", options.instruction, false);
  return args;
}

std::string welcome(server::Assembly& all, const server::ServeOptions& options,
                    const Listening& listening) {
  const policy::Remit& remit = all.remit();
  std::string text = "Remit " REMIT_VERSION " serves " + remit.slug + " at " + listening.url +
                     " (Ctrl-C ends it).\n";
  if (!listening.token_file.empty())
    text += "Its token, made for this run: " + listening.token_file + "\n";
  if (!listening.console.empty())
    text += "The console, for you and your PIN: " + listening.console + "\n";
  text += "\n";
  text += "  persona      " + remit.persona_file + "\n  workspace    " + remit.roots.front().path +
          "\n  memory       " +
          (remit.memory_database.empty() ? remit.memory_root : remit.memory_database) +
          "\n  instruction  " + remit.instruction_id +
          (all.instruction_minted() ? " (minted; --instruction binds one)" : "") +
          "\n  sandbox      " + policy::to_string(all.access().sandbox().tier);
  if (!all.access().sandbox().remedy.empty()) text += " (" + all.access().sandbox().remedy + ")";
  text += "\n\nGranted, each with its line:\n";
  const auto line = [&](const std::string& what, const policy::Origin& origin) {
    text += "  " + what + "  " + origin.short_text() + "\n";
  };
  std::vector<std::string> tools;
  for (const tools::Tool& tool : all.tools()) tools.push_back(tool.name);
  line("tools " + join_text(tools, ", "), remit.tools_line);
  for (const policy::RootRule& root : remit.roots) {
    line((root.write ? "files " : "files, read only: ") + root.path, root.origin);
  }
  for (const policy::MemoryRule& rule : remit.memory) {
    line(std::string("memory ") + (rule.read ? "read " : "write ") + rule.pattern.text(),
         rule.origin);
  }
  for (const policy::EdgeRule& edge : remit.edges) {
    line(std::string(policy::to_string(edge.kind)) + " " + edge.target, edge.origin);
  }
  text += "\nNot granted:\n" + not_granted(remit);
  std::string command = server::shell_word(server::own_binary()) + " serve";
  for (const std::string& arg : serve_arguments(all, options))
    command += " " + server::shell_word(arg);
  OrderedJson arguments = OrderedJson::array({"serve"});
  for (const std::string& arg : serve_arguments(all, options)) arguments.push_back(arg);
  const std::string header =
      listening.token_file.empty() ? "" : "Authorization: Bearer ${REMIT_TOKEN}";
  OrderedJson remote{{"type", "http"}, {"url", listening.url}};
  if (!header.empty()) remote["headers"] = {{"Authorization", "Bearer ${REMIT_TOKEN}"}};
  text += "\nA client that speaks HTTP";
  if (!header.empty())
    text += " (REMIT_TOKEN=$(cat " + server::shell_word(listening.token_file) + "))";
  text += ":\n  " + dump(OrderedJson{{"mcpServers", {{"remit", remote}}}}) + "\n";
  text +=
      "\nA client that starts its servers runs this command and speaks MCP on its stdin and "
      "stdout:\n  " +
      command + "\n\n";
  text += "The same as an mcpServers object:\n  " +
          dump(OrderedJson{
              {"mcpServers",
               {{"remit",
                 {{"type", "stdio"}, {"command", server::own_binary()}, {"args", arguments}}}}}}) +
          "\n\n";
  text += "Claude Code (writes .mcp.json and the agent file, then checks them):\n  " +
          server::shell_word(server::own_binary()) + " export claude --agent " +
          server::shell_word(fs::absolute(remit.persona_file)) + " --write && " +
          server::shell_word(server::own_binary()) + " doctor --client claude --agent " +
          server::shell_word(fs::absolute(remit.persona_file)) + "\n\n";
  text += "In place of claude: " + join_text(server::client_names(), ", ") + ".\n\n";
  if (!all.approvals().person_available()) {
    text += "No PIN is set: commands of high risk cannot be approved. Set one with\n  " +
            server::shell_word(server::own_binary()) + " pin\n\n";
  }
  server::DoctorOptions doctor{"claude", remit.roots.front().path, server::own_binary(),
                               names_of(all.tools()), serve_arguments(all, options)};
  if (const auto report = server::doctor_client(remit, doctor);
      report && !report->ok() && !report->looked_at.empty()) {
    text += "Warning: Claude Code's configuration here still lets its own tools past Remit:\n" +
            server::to_text(*report) + "\n";
  }
  return text;
}

}  // namespace remit::cli
