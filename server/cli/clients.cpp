#include "server/cli/clients.h"

#include <algorithm>

#include "server/cli/client_formats.h"

namespace remit::server {

const std::vector<Client>& clients() {
  static const std::vector<Client> rows = {
      {"claude",
       fill_claude,
       examine_claude,
       false,
       {"${"},
       "user-level and managed settings, plugins, command-line flags"},
      {"claude-sdk", fill_claude_sdk, nullptr, true, {}, "the program that uses these options"},
      {"codex",
       fill_codex,
       examine_codex,
       true,
       {},
       "whether you trust this project (until then codex reads nothing of it), your own and "
       "managed "
       "configuration, profiles, command-line flags"},
      {"gemini",
       fill_gemini,
       examine_gemini,
       true,
       {"$"},
       "whether you trust this folder (until then gemini reads nothing of it), your own and "
       "managed "
       "settings and policies, extensions, command-line flags"},
      {"opencode",
       fill_opencode,
       examine_opencode,
       true,
       {"{env:", "{file:"},
       "global and managed configuration, OPENCODE_* variables, plugins, command-line flags"},
      {"copilot",
       fill_copilot,
       nullptr,
       true,
       {"$"},
       "the repository's and organisation's settings on github.com, command-line flags",
       kCopilotTokenVariable},
      {"vscode",
       fill_vscode,
       examine_vscode,
       true,
       {"$"},  // it writes Copilot's file, too
       "user-level settings and profiles, extensions, what is ticked in the tools picker"},
      {"cursor",
       fill_cursor,
       examine_cursor,
       true,
       {"${"},
       "user-level settings, rules, command-line flags"},
      {"openai-agents", fill_openai_agents, nullptr, true, {}, "the program that uses this agent"},
      {"langchain", fill_langchain, nullptr, true, {}, "the program that uses these tools"},
      {"inspector", fill_inspector, nullptr, true, {}, "anything: a person works in it, no model"},
      {"json", fill_json, nullptr, true, {"${"}, "the client that reads it"},
  };
  return rows;
}

const Client* find_client(std::string_view name) {
  const auto named = [&](const Client& client) { return client.name == name; };
  const auto found = std::find_if(clients().begin(), clients().end(), named);
  return found == clients().end() ? nullptr : &*found;
}

std::vector<std::string> client_names() {
  std::vector<std::string> names;
  for (const Client& client : clients()) names.emplace_back(client.name);
  return names;
}

std::string marker_line(std::string_view comment, std::string_view client) {
  return std::string(comment) + " " + std::string(kMarker) + " " + std::string(client) +
         "`; change the persona, then export again\n";
}

OrderedJson server_object(const ExportOptions& options) {
  OrderedJson server;
  server["command"] = options.binary;
  server["args"] = OrderedJson::array({"serve"});
  for (const std::string& arg : options.serve_args) server["args"].push_back(arg);
  return server;
}

OrderedJson remote_object(const ExportOptions& options, std::string_view token,
                          std::string_view key) {
  OrderedJson server;
  server[std::string(key)] = options.url;
  server["headers"] = {{"Authorization", "Bearer " + std::string(token)}};
  return server;
}

OrderedJson typed_server(const ExportOptions& options, std::string_view token) {
  const bool remote = !options.url.empty();
  OrderedJson server{{"type", remote ? "http" : "stdio"}};
  server.update(remote ? remote_object(options, token) : server_object(options));
  return server;
}

OrderedJson command_list(const ExportOptions& options) {
  OrderedJson list = OrderedJson::array({options.binary, "serve"});
  for (const std::string& arg : options.serve_args) list.push_back(arg);
  return list;
}

namespace {

OrderedJson document_of(const std::vector<Entry>& entries) {
  OrderedJson root = OrderedJson::object();
  for (const Entry& entry : entries) root[OrderedJson::json_pointer(entry.pointer)] = entry.value;
  return root;
}

}  // namespace

ExportedFile settings_file(std::string path, std::vector<Entry> entries) {
  std::string content = dump_pretty(document_of(entries)) + "\n";
  return {ExportedFile::Format::settings, std::move(path), std::move(content), std::move(entries)};
}

ExportedFile toml_file(std::string path, std::string_view client, std::vector<Entry> entries) {
  std::string content = marker_line("#", client) + to_toml(document_of(entries));
  return {ExportedFile::Format::toml, std::move(path), std::move(content), std::move(entries)};
}

ExportedFile agent_file(std::string path, std::string front, const policy::Remit& remit) {
  return {ExportedFile::Format::agent,
          std::move(path),
          "---\n" + std::move(front) + "---\n" + remit.body,
          {}};
}

OrderedJson tool_names(const ExportOptions& options, std::string_view prefix,
                       std::string_view suffix) {
  OrderedJson names = OrderedJson::array();
  for (const std::string& tool : options.tools) {
    names.push_back(std::string(prefix) + tool + std::string(suffix));
  }
  return names;
}

Entry server_entry(std::string pointer, OrderedJson server) {
  return {Entry::How::server, std::move(pointer), std::move(server), DoctorSeverity::broken,
          "the agent has no tools of Remit"};
}

}  // namespace remit::server
