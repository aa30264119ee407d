// What in a project undoes an export, for the clients whose exported files the doctor compares
// entry by entry.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

bool lists(const OrderedJson& list, std::string_view word) {
  return list.is_array() && std::find(list.begin(), list.end(), OrderedJson(word)) != list.end();
}

}  // namespace

// Denying by name is the only denial that codex has for servers: each other one is a way past.
Result<void> examine_codex(Examination& look) {
  const std::string path = ".codex/config.toml";
  TRY(const std::optional<OrderedJson> root, look.document(path));
  if (!root) return {};
  const OrderedJson servers = member(*root, "mcp_servers");
  for (const auto& [name, server] : servers.items()) {
    if (name == kServerName || member(server, "enabled") == OrderedJson(false)) continue;
    look.add(kBypass, path, Examination::line_of(look.text_of(path), name),
             "the server " + escape_ascii(name) + " gives the agent tools that Remit does not see",
             "remove mcp_servers." + escape_ascii(name) + " or set its enabled = false");
  }
  return {};
}

namespace {

// A rule of a policy about Remit's tools alone, each by its name.
bool names_only_ours(const OrderedJson& rule) {
  const OrderedJson tool = member(rule, "toolName");
  const OrderedJson names = tool.is_array() ? tool : OrderedJson::array({tool});
  return !names.empty() && std::all_of(names.begin(), names.end(), [](const OrderedJson& name) {
    return name.is_string() && name.get_ref<const std::string&>().starts_with(kGeminiPrefix) &&
           name.get_ref<const std::string&>().find('*') == std::string::npos;
  });
}

}  // namespace

Result<void> examine_gemini(Examination& look) {
  const std::string policy = ".gemini/remit-policy.toml", path = ".gemini/settings.json";
  TRY(const std::optional<OrderedJson> rules, look.document(policy));
  // The export's own rules, all of them first: another one of the same priority could win.
  const OrderedJson list = rules ? member(*rules, "rule") : OrderedJson(nullptr);
  const bool denies = list.is_array() && !list.empty() &&
                      member(list.front(), "toolName") == OrderedJson("*") &&
                      member(list.front(), "decision") == OrderedJson("deny");
  if (rules && !denies) {
    look.add(kBypass, policy, 1, "its first rule does not deny every tool", look.export_again());
  }
  for (std::size_t i = 1; denies && i < list.size(); ++i) {
    if (member(list[i], "decision") == OrderedJson("deny") || names_only_ours(list[i])) continue;
    look.add(kBypass, policy, 1,
             "rule " + std::to_string(i + 1) + " allows more than Remit's tools",
             look.export_again());
  }
  TRY(const std::optional<OrderedJson> root, look.document(path));
  if (!root) return {};
  const std::string& text = look.text_of(path);
  if (!member(member(*root, "tools"), "core").is_null()) {
    look.add(kBroken, path, Examination::line_of_value(text, "core"),
             "tools.core leaves out the tools of servers, Remit's too", "remove tools.core");
  }
  const OrderedJson mcp = member(*root, "mcp");
  const OrderedJson allowed = member(mcp, "allowed");
  if (lists(member(mcp, "excluded"), kServerName) ||
      (!allowed.is_null() && !lists(allowed, kServerName))) {
    look.add(kBroken, path, Examination::line_of_value(text, "mcp"),
             "the server \"remit\" is switched off", "let mcp.allowed and mcp.excluded let it in");
  }
  return {};
}

Result<void> examine_vscode(Examination& look) {
  const std::string path = ".vscode/settings.json";
  TRY(const std::optional<OrderedJson> root, look.document(path));
  if (!root) return {};
  for (const char* key : {"chat.tools.autoApprove", "chat.tools.global.autoApprove",
                          "chat.tools.terminal.autoApprove", "chat.tools.edits.autoApprove"}) {
    const OrderedJson value = member(*root, key);
    if (value.is_null() || value == OrderedJson(false) || value.empty()) continue;
    look.add(kBypass, path, Examination::line_of_value(look.text_of(path), key),
             std::string(key) + " lets the editor's own tools act without a question",
             "remove " + std::string(key));
  }
  return {};
}

Result<void> examine_cursor(Examination& look) {
  const std::string path = ".cursor/cli.json";
  TRY(const std::optional<OrderedJson> root, look.document(path));
  if (!root) return {};
  for (const OrderedJson& rule : member(member(*root, "permissions"), "allow")) {
    if (!rule.is_string()) continue;
    const auto& text = rule.get_ref<const std::string&>();
    if (text.starts_with("Mcp(remit:")) continue;
    look.add(kBypass, path, Examination::line_of_value(look.text_of(path), text),
             "permissions.allow lets " + escape_ascii(text) + " act past Remit",
             "remove it from permissions.allow");
  }
  return {};
}

}  // namespace remit::server
