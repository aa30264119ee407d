// Many agents behind one address: a front over a copy of the shipped personas, its processes, and
// calls to one agent of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/e2e/served.h"
#include "tests/wire/http_client.h"

namespace remit::e2e {

inline constexpr const char* kEngineer = "technical-support-engineer";
inline constexpr const char* kFirst = "inst_20260110_001";
inline constexpr const char* kSecond = "inst_20260110_002";

struct Said {
  int code = 0;
  std::string text;
};

struct Process {
  pid_t pid = 0;
  std::string command;
};

inline std::string command_line(pid_t pid) {
  std::string text = slurp("/proc/" + std::to_string(pid) + "/cmdline");
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

// A front over a copy of the shipped personas, with the house's workspace and state.
struct Front : House {
  explicit Front(const std::string& more = "") {
    agents = path + "/agents";
    files::create_directories(agents);
    for (const auto& entry :
         files::directory_iterator(variable("REMIT_SOURCE") + "/agent_definitions"))
      files::copy_file(entry.path(), agents + "/" + entry.path().filename().string());
    options = more;
  }
  ~Front() { end(); }
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  std::string credential(const std::string& agent, const std::string& instructions = "") const {
    const Said made = run("credential " + agent + " --file '" + path + "/credentials'" +
                          (instructions.empty() ? "" : " --instructions '" + instructions + "'"));
    REQUIRE_MESSAGE(made.code == 0, made.text);
    return made.text.substr(0, made.text.find('\n'));
  }
  Said run(const std::string& command) const {
    const std::string out = path + "/run";
    Said said;
    said.code = shell("cd '" + workspace + "' && '" + variable("REMIT_BINARY") + "' " + command +
                      " > '" + out + "' 2>&1 </dev/null");
    said.text = slurp(out);
    return said;
  }
  void start() {
    log = path + "/stderr";
    files::remove(log);
    const std::string command = "exec '" + variable("REMIT_BINARY") + "' serve --agents '" +
                                agents + "' --workspace '" + workspace + "' --state '" + path +
                                "/state' --instruction " + kFirst + " " + where +
                                " --token-file '" + path + "/credentials' " + options + " 2> '" +
                                log + "' </dev/null >/dev/null";
    pid = fork();
    if (pid == 0) {
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    REQUIRE_MESSAGE(within(kPatience, [&] { return has(slurp(log), "\"listening\""); }),
                    slurp(log));
    const std::string text = slurp(log);
    const std::size_t said = text.find("\"listening\"");
    for (const std::string mark : {"http://", "unix:"}) {
      const std::size_t at = text.find(mark, said);
      if (at == std::string::npos) continue;
      const std::size_t from = at + mark.size();
      const char* const ends = mark == "unix:" ? "\"" : "/";
      address = text.substr(from, text.find(ends, from) - from);
    }
  }
  int end() {
    if (pid <= 0) return 0;
    ::kill(pid, SIGTERM);
    int status = 0;
    ::waitpid(std::exchange(pid, 0), &status, 0);
    return status;
  }
  // Everything that this front has started.
  std::vector<Process> processes(const std::string& part) const {
    std::vector<Process> out;
    for (const auto& entry : files::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const pid_t one = std::atoi(name.c_str());
      const std::string command = command_line(one);
      if (has(command, path + "/state") && has(command, part)) out.push_back({one, command});
    }
    return out;
  }
  // Workers have starters, with the same command line: the parent is the worker.
  pid_t worker(const std::string& agent, const std::string& instruction) const {
    const auto all = processes("worker --agent " + agents + "/" + agent + ".md");
    for (const Process& one : all) {
      if (!has(one.command, instruction)) continue;
      const std::string parent =
          field_of(slurp("/proc/" + std::to_string(one.pid) + "/status"), "PPid");
      if (!has(command_line(std::atoi(parent.c_str())), " worker ")) return one.pid;
    }
    return 0;
  }

  std::string agents, address, options, log, where = "--http 127.0.0.1:0";
  pid_t pid = 0;
};

struct Ask {
  std::string agent = kEngineer, token = {}, fields = {}, path = {};
};

inline std::string request(const Ask& ask, const std::string& method, const Json& given) {
  Json params = given;
  params["_meta"] = {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"},
                     {"io.modelcontextprotocol/clientCapabilities", Json::object()}};
  const std::string body =
      dump(Json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}});
  const std::string path = ask.path.empty() ? "/agents/" + ask.agent + "/mcp" : ask.path;
  std::string out = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                    "Content-Type: application/json\r\n"
                    "Accept: application/json, text/event-stream\r\n"
                    "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: " +
                    method + "\r\n";
  if (given.contains("name")) out += "Mcp-Name: " + given["name"].get<std::string>() + "\r\n";
  if (!ask.token.empty()) out += "Authorization: Bearer " + ask.token + "\r\n";
  return out + ask.fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline wire_test::Answer send(const Front& front, const Ask& ask, const std::string& method,
                              const Json& params) {
  wire_test::HttpClient client(front.address);
  REQUIRE(client.send(request(ask, method, params)));
  return client.read(std::chrono::seconds(60));
}

// The result of a tool, from JSON or from the last event.
inline Json result_of(const wire_test::Answer& answer) {
  std::string text = answer.body;
  if (const std::size_t at = text.rfind("data: "); at != std::string::npos)
    text = text.substr(at + 6, text.find('\n', at) - at - 6);
  const auto parsed = parse_json(text);
  REQUIRE_MESSAGE(parsed, answer.status << " " << answer.body);
  return *parsed;
}

struct Called {
  int status = 0;
  bool worked = false;
  std::string text;
  Json data;
};
inline Called call(const Front& front, const Ask& ask, const std::string& tool,
                   const Json& arguments) {
  const auto answer = send(front, ask, "tools/call", {{"name", tool}, {"arguments", arguments}});
  Called out;
  out.status = answer.status;
  if (answer.status != 200 || answer.body.empty()) {
    out.text = answer.body;
    return out;
  }
  const Json message = result_of(answer);
  if (!message.contains("result")) {
    out.text = dump(message);
    return out;
  }
  for (const Json& part : message["result"]["content"]) out.text += part.value("text", "");
  out.worked = !message["result"].value("isError", false);
  out.data = message["result"].value("structuredContent", Json::object());
  return out;
}

inline std::string tools_of(const Front& front, const Ask& ask) {
  const auto answer = send(front, ask, "tools/list", Json::object());
  REQUIRE_MESSAGE(answer.status == 200, answer.body);
  std::string out;
  const Json message = result_of(answer);
  for (const Json& tool : message["result"]["tools"]) out += tool["name"].get<std::string>() + " ";
  return out;
}

}  // namespace remit::e2e
