// The product as a client sees it: a house of its own (workspace, Agent_Memory, state directory,
// the shipped persona), a client on two pipes, the operator's commands on a pseudo-terminal, and
// what the kernel says of processes. Environment: REMIT_BINARY, REMIT_PTY, REMIT_SOURCE.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"
#include "tests/within.h"

namespace remit::e2e {

using Steady = std::chrono::steady_clock;
namespace files = std::filesystem;

inline std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline std::string field_of(const std::string& status, const std::string& name) {
  const std::size_t at = status.find("\n" + name + ":");
  if (at == std::string::npos) return "";
  const std::size_t from = status.find_first_not_of("\t ", at + name.size() + 2);
  return status.substr(from, status.find('\n', from) - from);
}

struct House {
  House() {
    std::string name = (files::temp_directory_path() / "remit-locked-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = files::canonical(name).string();
    workspace = path + "/work";
    files::create_directories(workspace + "/sub/deep");
    files::create_directories(workspace + "/Agent_Memory/_knowledge/semantic");
    put("notes.txt", "first line\nsecond line\n");
    put(".env", "SECRET=top\n");
    put("sub/deep/.env.local", "SECRET=nested\n");
    put("Agent_Memory/_knowledge/semantic/known_issues.yaml", "issues: [others]\n");
    std::string log;
    for (int i = 0; i < 300; ++i) {
      log += "2026-01-10T14:00:00.000Z " +
             std::string(i % 50 == 7 ? "ERROR pool exhausted" : "INFO served") + "\n";
    }
    put("logs/api.log", log);
    const std::string from =
        variable("REMIT_SOURCE") + "/agent_definitions/technical-support-engineer";
    persona = path + "/technical-support-engineer.md";
    files::copy_file(from + ".md", persona);
    files::copy_file(from + ".manifest.yaml", path + "/technical-support-engineer.manifest.yaml");
  }
  ~House() {
    std::error_code ignored;
    files::remove_all(path, ignored);
  }
  void put(const std::string& name, const std::string& text) const {
    files::create_directories(files::path(workspace + "/" + name).parent_path());
    std::ofstream(workspace + "/" + name) << text;
  }
  std::string path, workspace, persona;
};

// A client on two pipes. Answers are taken in any order.
class Client {
 public:
  explicit Client(const House& house, const std::vector<std::string>& flags = {}) {
    int in[2], out[2];
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    errors_ = house.path + "/stderr";
    pid = fork();
    if (pid == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      const int err = open(errors_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(err, 2);
      std::vector<std::string> words = {"remit",         "serve",
                                        "--agent",       house.persona,
                                        "--workspace",   house.workspace,
                                        "--state",       house.path + "/state",
                                        "--instruction", "inst_20260110_001"};
      words.insert(words.end(), flags.begin(), flags.end());
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      execv(variable("REMIT_BINARY").c_str(), arguments.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = out[0];
    send(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
    static_cast<void>(take(0));
    send(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }
  ~Client() { end(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& line) const {
    const std::string text = line + "\n";
    REQUIRE(write(to_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  int start(const std::string& tool, const Json& arguments) {
    const int id = ++ids_;
    send(dump(Json{{"jsonrpc", "2.0"},
                   {"id", id},
                   {"method", "tools/call"},
                   {"params", {{"name", tool}, {"arguments", arguments}}}}));
    return id;
  }
  // The whole response for `id`, within a minute.
  Json take(int id) {
    for (;;) {
      const Json message = next();
      if (!message.contains("id") || message.contains("method")) {
        notes_.push_back(message.value("method", ""));
        told_.push_back(dump(message));
        continue;
      }
      if (message["id"] == id) return message;
      if (message["id"].is_number()) unasked_.push_back(message["id"].get<int>());
    }
  }
  // What any other method answers.
  Json result_of(const std::string& method, const Json& params) {
    const int id = ++ids_;
    send(dump(Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}));
    return take(id)["result"];
  }
  // Waits for a notification, within a minute; one that has come already counts, once.
  bool told(const std::string& method) {
    for (;;) {
      const auto at = std::find(notes_.begin(), notes_.end(), method);
      if (at != notes_.end()) {
        notes_.erase(at);
        return true;
      }
      const Json message = next();
      if (message.contains("method"))
        notes_.push_back(message["method"].get<std::string>());
      else if (message["id"].is_number())
        unasked_.push_back(message["id"].get<int>());
    }
  }
  // The text of the answer; a refusal begins with "ERROR ".
  std::string text_of(const Json& answer) const {
    if (!answer.contains("result")) return "ERROR " + dump(answer);
    std::string text = answer["result"].value("isError", false) ? "ERROR " : "";
    for (const Json& part : answer["result"]["content"]) text += part.value("text", "");
    return text;
  }
  std::string call(const std::string& tool, const Json& arguments) {
    return text_of(take(start(tool, arguments)));
  }
  // Works, and says so.
  std::string works(const std::string& tool, const Json& arguments) {
    const std::string text = call(tool, arguments);
    CHECK_MESSAGE(!text.starts_with("ERROR"), tool << ": " << text);
    return text;
  }
  // Whether a notification of this method comes that holds `part`.
  bool hears(const std::string& method, const std::string& part) {
    return within(kPatience, [&] {
      send(R"({"jsonrpc":"2.0","id":901,"method":"ping"})");
      static_cast<void>(take(901));
      return std::any_of(told_.begin(), told_.end(), [&](const std::string& line) {
        return line.find(method) != std::string::npos && line.find(part) != std::string::npos;
      });
    });
  }
  // Whether an answer to `id` has come that nobody took.
  bool was_answered(int id) const {
    return std::find(unasked_.begin(), unasked_.end(), id) != unasked_.end();
  }
  int end() {
    if (pid <= 0) return 0;
    close(to_);
    int status = 0;
    waitpid(pid, &status, 0);
    close(from_);
    pid = 0;
    return status;
  }
  std::string errors() const { return slurp(errors_); }

  pid_t pid = 0;

 private:
  Json next() {
    const auto until = Steady::now() + std::chrono::seconds(60);
    for (;;) {
      if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
        auto message = parse_json(buffer_.substr(0, end));
        buffer_.erase(0, end + 1);
        REQUIRE(message);
        return *message;
      }
      pollfd waiting{from_, POLLIN, 0};
      REQUIRE(Steady::now() < until);
      if (poll(&waiting, 1, 1000) <= 0) continue;
      char bytes[65536];
      const ssize_t got = read(from_, bytes, sizeof bytes);
      REQUIRE_MESSAGE(got > 0, slurp(errors_));
      buffer_.append(bytes, static_cast<std::size_t>(got));
    }
  }

  int to_ = -1, from_ = -1, ids_ = 0;
  std::string buffer_, errors_;
  std::vector<std::string> notes_;  // methods of notifications that nobody asked about
  std::vector<int> unasked_;
  std::vector<std::string> told_;
};

inline int shell(const std::string& command) {
  return WEXITSTATUS(std::system(command.c_str()));
}

inline std::string pty(const House& house, const std::string& steps, const std::string& command,
                       int* code) {
  const std::string out = house.path + "/pty";
  *code = shell("'" + variable("REMIT_PTY") + "' " + steps + " -- '" + variable("REMIT_BINARY") +
                "' " + command + " --state '" + house.path + "/state' > '" + out + "' 2>&1");
  return slurp(out);
}

constexpr const char* kPin = "4917";

inline void set_pin(const House& house) {
  const std::string typed = std::string(" --secret ") + kPin;
  int code = 0;
  pty(house, "--expect 'new PIN:'" + typed + " --expect again:" + typed, "pin", &code);
  REQUIRE(code == 0);
}

// The first question that waits for a person.
inline Json pending(const House& house) {
  const std::string out = house.path + "/pending";
  Json question;
  REQUIRE_MESSAGE(
      within(kPatience,
             [&] {
               REQUIRE(shell("'" + variable("REMIT_BINARY") + "' approvals --json --state '" +
                             house.path + "/state' > '" + out + "'") == 0);
               const Json all = *parse_json(slurp(out));
               if (!all["pending"].empty()) question = all["pending"][0];
               return !all["pending"].empty();
             }),
      "no question came");
  return question;
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Processes whose command line holds `mark`.
inline int alive(const std::string& mark) {
  int count = 0;
  for (const auto& entry : files::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (has(slurp(entry.path() / "cmdline"), mark)) ++count;
  }
  return count;
}

}  // namespace remit::e2e
