#include "server/cli/export.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::server {
namespace {

// Only what is written here may be offered; the others are named so that a typing error and a
// client that comes later read differently.
constexpr std::array<std::string_view, 1> kAvailable = {"claude"};
constexpr std::array<std::string_view, 10> kLater = {
    "claude-sdk", "codex",         "gemini",    "opencode",  "copilot",
    "vscode",     "openai-agents", "langchain", "inspector", "json"};

// Stands in the front matter of every agent file we write: the licence to replace it.
constexpr std::string_view kMarker = "# written by `remit export claude`";

constexpr std::string_view kApprovedBash = "BashApproved";

std::string available_clients() {
  std::string text;
  for (const std::string_view client : kAvailable) {
    text += (text.empty() ? "" : ", ") + std::string(client);
  }
  return text;
}

bool is_plain_yaml(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

// A YAML scalar: plain where that is unambiguous, else double quoted (every JSON string is one).
std::string yaml_scalar(std::string_view text) {
  return is_plain_yaml(text) ? std::string(text) : dump(Json(std::string(text)));
}

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

ExportedFile agent_file(const policy::Remit& remit, const ExportOptions& options) {
  std::vector<std::string> names;
  for (const std::string& tool : agent_tools(options)) names.push_back(prefixed(tool));
  std::string text = "---\n";
  text += "name: " + yaml_scalar(remit.slug) + "\n";
  text += "description: " + yaml_scalar(remit.description) + "\n";
  text += std::string(kMarker) + "; change the persona, then export again\n";
  text += "# the whole list rather than mcp__remit__*, which old versions of the client ignore\n";
  text += "tools: " + join_text(names, ", ") + "\n";
  if (!remit.model.empty()) text += "model: " + yaml_scalar(remit.model) + "\n";
  if (!remit.color.empty()) text += "color: " + yaml_scalar(remit.color) + "\n";
  text += "---\n";
  text += remit.body;
  return {ExportedFile::Kind::agent, ".claude/agents/" + remit.slug + ".md", std::move(text)};
}

ExportedFile mcp_file(const ExportOptions& options) {
  OrderedJson args = OrderedJson::array({"serve"});
  for (const std::string& arg : options.serve_args) args.push_back(arg);
  if (options.native_approval) args.push_back("--native-approval");
  OrderedJson server;
  server["type"] = "stdio";
  server["command"] = options.binary;
  server["args"] = std::move(args);
  // Longer than the longest command (limits.h), so that the client never gives up first.
  server["timeout"] = limits::kBashTimeoutMax.count();
  OrderedJson root;
  root["mcpServers"][std::string(kServerName)] = std::move(server);
  return {ExportedFile::Kind::mcp_config, ".mcp.json", dump_pretty(root) + "\n"};
}

// The client's own rules for its main session: our tools need no second prompt, its own tools are
// off. Bash stays out of the list that never prompts, in whichever form asks a person.
ExportedFile settings_file(const ExportOptions& options) {
  const std::string_view guarded = options.native_approval ? kApprovedBash : "Bash";
  OrderedJson allow = OrderedJson::array();
  for (const std::string& tool : agent_tools(options)) {
    if (tool != guarded) allow.push_back(prefixed(tool));
  }
  OrderedJson root;
  root["permissions"]["allow"] = std::move(allow);
  root["permissions"]["deny"] = claude_bypass_tools();
  return {ExportedFile::Kind::settings, ".claude/settings.json", dump_pretty(root) + "\n"};
}

std::string headless_line(const policy::Remit& remit, const ExportOptions& options) {
  std::string line = "claude -p --agent " + shell_word(remit.slug) +
                     " --mcp-config .mcp.json --strict-mcp-config --tools \"\"";
  line += " --allowedTools \"" + std::string(kToolPrefix) + "*\"";
  if (options.serve_approver) line += " --permission-prompt-tool mcp__remit__approve";
  return line + " \"what to do\"";
}

std::vector<std::string> missing_tools(const policy::Remit& remit, const ExportOptions& options) {
  std::vector<std::string> names = remit.tools_not_provided;
  const auto add_if_unlisted = [&](const policy::ToolRule& rule) {
    const auto listed = std::find(options.tools.begin(), options.tools.end(), rule.name);
    if (listed == options.tools.end()) names.push_back(rule.name);
  };
  std::for_each(remit.tools.begin(), remit.tools.end(), add_if_unlisted);
  std::for_each(remit.diagnostics.begin(), remit.diagnostics.end(), add_if_unlisted);
  return names;
}

Export export_claude(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  out.files.push_back(agent_file(remit, options));
  out.files.push_back(mcp_file(options));
  if (options.interactive) out.files.push_back(settings_file(options));
  const std::vector<std::string> missing = missing_tools(remit, options);
  out.notes.push_back(missing.empty() ? "every tool that the persona names is provided"
                                      : "named by the persona and not provided by this server: " +
                                            join_text(missing, ", "));
  if (!options.interactive) {
    out.notes.emplace_back(
        "the project's main session keeps the client's own tools; --interactive also writes the "
        "rules that switch them off");
  }
  out.notes.emplace_back(
      "environment the client reads: MCP_TIMEOUT (start, 30 s by default), MCP_TOOL_TIMEOUT, "
      "MAX_MCP_OUTPUT_TOKENS, ENABLE_TOOL_SEARCH=false");
  out.headless = headless_line(remit, options);
  out.check = shell_word(options.binary) + " doctor --client claude";
  return out;
}

// --- writing ---------------------------------------------------------------------------------

// What stands at `path` beneath `project` now; nullopt if nothing does.
Result<std::optional<std::string>> existing(const Fd& project, const std::string& path) {
  auto found = fs::resolve(project, path, fs::Links::none);
  if (!found) {
    if (found.error().kind == ErrorKind::not_found) return std::optional<std::string>();
    return tl::unexpected<Error>(std::move(found).error());
  }
  TRY(Fd file, fs::reopen(*found, 0));
  TRY(std::string text, fs::read_all(file, limits::kPersonaBytes));
  return std::optional<std::string>(std::move(text));
}

Result<std::string> merge_agent(const std::optional<std::string>& old, const ExportedFile& file,
                                const policy::Remit& remit) {
  if (!old || *old == file.content) return file.content;
  if (sha256_hex(*old) == remit.persona_sha256) {
    return fail(ErrorKind::conflict,
                file.path +
                    " is the persona itself; move it to another folder, name it there with "
                    "--agent, and export again",
                file.path, "is_persona");
  }
  if (old->find(kMarker) == std::string::npos) {
    return fail(ErrorKind::conflict,
                file.path + " was not written by remit export; move it away, then export again",
                file.path, "not_ours");
  }
  return file.content;
}

// The order of keys is the person's: it survives the rewriting.
Result<OrderedJson> parse_object(const std::string& text, const std::string& path) {
  const auto checked = parse_json(text);
  if (!checked || !checked->is_object()) {
    return fail(ErrorKind::invalid_argument,
                path + " is not a JSON object; mend or remove it, then export again", path);
  }
  return OrderedJson::parse(text, nullptr, false);
}

// The value after --agent in a server's args, "" if there is none.
std::string agent_of(const OrderedJson& server) {
  if (!server.is_object() || !server.contains("args") || !server["args"].is_array()) return "";
  const OrderedJson& args = server["args"];
  for (std::size_t i = 0; i + 1 < args.size(); ++i) {
    if (args[i] == "--agent" && args[i + 1].is_string()) return args[i + 1].get<std::string>();
  }
  return "";
}

Result<std::string> merge_mcp(const std::optional<std::string>& old, const ExportedFile& file) {
  if (!old) return file.content;
  TRY(OrderedJson root, parse_object(*old, file.path));
  TRY(OrderedJson ours, parse_object(file.content, file.path));
  const std::string name(kServerName);
  OrderedJson& servers = root["mcpServers"];
  if (servers.is_null()) servers = Json::object();
  if (!servers.is_object()) {
    return fail(ErrorKind::invalid_argument, file.path + ": mcpServers is not an object",
                file.path);
  }
  const OrderedJson& server = ours["mcpServers"][name];
  if (servers.contains(name) && agent_of(servers[name]) != agent_of(server)) {
    return fail(ErrorKind::conflict,
                file.path + " already serves " + agent_of(servers[name]) +
                    " as \"remit\"; one project serves one agent: remove that entry or export into "
                    "another project",
                file.path, "other_agent");
  }
  servers[name] = server;
  return dump_pretty(root) + "\n";
}

Result<std::string> merge_settings(const std::optional<std::string>& old,
                                   const ExportedFile& file) {
  if (!old) return file.content;
  TRY(OrderedJson root, parse_object(*old, file.path));
  TRY(OrderedJson ours, parse_object(file.content, file.path));
  OrderedJson& permissions = root["permissions"];
  if (permissions.is_null()) permissions = Json::object();
  for (const char* list : {"allow", "deny"}) {
    if (!permissions.is_object()) break;
    OrderedJson& target = permissions[list];
    if (target.is_null()) target = Json::array();
    if (!target.is_array()) {
      return fail(ErrorKind::invalid_argument,
                  file.path + ": permissions." + list + " is not a list", file.path);
    }
    for (const OrderedJson& entry : ours["permissions"][list]) {
      if (std::find(target.begin(), target.end(), entry) == target.end()) target.push_back(entry);
    }
  }
  if (!permissions.is_object()) {
    return fail(ErrorKind::invalid_argument, file.path + ": permissions is not an object",
                file.path);
  }
  return dump_pretty(root) + "\n";
}

Result<std::string> merged(const std::optional<std::string>& old, const ExportedFile& file,
                           const policy::Remit& remit) {
  switch (file.kind) {
    case ExportedFile::Kind::agent:
      return merge_agent(old, file, remit);
    case ExportedFile::Kind::mcp_config:
      return merge_mcp(old, file);
    case ExportedFile::Kind::settings:
      return merge_settings(old, file);
  }
  return fail(ErrorKind::internal, "unknown kind of exported file");
}

}  // namespace

const std::vector<std::string>& claude_bypass_tools() {
  static const std::vector<std::string> tools = {
      "Bash",  "BashOutput",   "KillShell",    "Read", "Edit", "MultiEdit",
      "Write", "NotebookEdit", "NotebookRead", "Glob", "Grep", "LS"};
  return tools;
}

std::string shell_word(std::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+:@%,=").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

Result<Export> export_client(const policy::Remit& remit, const ExportOptions& options) {
  if (options.client == "claude") return export_claude(remit, options);
  if (std::find(kLater.begin(), kLater.end(), options.client) != kLater.end()) {
    return fail(ErrorKind::unavailable, "not yet available: " + options.client +
                                            "; available clients: " + available_clients());
  }
  return fail(ErrorKind::invalid_argument, "unknown client '" + escape_ascii(options.client) +
                                               "'; available clients: " + available_clients());
}

std::string to_text(const Export& exported) {
  std::string text;
  for (const ExportedFile& file : exported.files) {
    text += "==> " + file.path + " <==\n" + file.content;
    if (!file.content.ends_with('\n')) text += '\n';
    text += '\n';
  }
  for (const std::string& note : exported.notes) text += "note: " + note + "\n";
  text += "headless: " + exported.headless + "\n";
  text += "check: " + exported.check + "\n";
  return text;
}

Result<std::vector<std::string>> write_export(const Export& exported, const policy::Remit& remit,
                                              const std::string& project) {
  TRY(Fd root, fs::open_root(project));
  // Everything is computed before anything is written: a conflict leaves the project as it was.
  std::vector<std::pair<std::string, std::string>> writes;
  for (const ExportedFile& file : exported.files) {
    TRY(std::optional<std::string> old, existing(root, file.path));
    TRY(std::string content, merged(old, file, remit));
    writes.emplace_back(file.path, std::move(content));
  }
  std::vector<std::string> written;
  for (const auto& [path, content] : writes) {
    const std::string_view parent = fs::parent_of(path);
    TRY(const Fd folder,
        parent.empty() ? fs::resolve(root, "") : fs::make_directories(root, parent));
    TRY_DO(fs::replace_file(folder, std::string(fs::base_name(path)), content, 0644, fs::Expect{}));
    written.push_back(path);
  }
  return written;
}

}  // namespace remit::server
