// The product from outside, locked in: every tool works under the lock, the process carries it, a
// changed persona changes nothing, a high risk needs the PIN, and nothing survives its end.
// Environment: REMIT_BINARY, REMIT_PTY, REMIT_SOURCE.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"

namespace {

using remit::Json;
using Steady = std::chrono::steady_clock;
namespace files = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string field_of(const std::string& status, const std::string& name) {
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
      log += "2026-01-10T14:00:00.000Z " + std::string(i % 50 == 7 ? "ERROR pool exhausted" : "INFO served") + "\n";
    }
    put("logs/api.log", log);
    const std::string from = variable("REMIT_SOURCE") + "/agent_definitions/technical-support-engineer";
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
  explicit Client(const House& house) {
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
      const std::string binary = variable("REMIT_BINARY"), state = house.path + "/state";
      execl(binary.c_str(), "remit", "serve", "--agent", house.persona.c_str(), "--workspace",
            house.workspace.c_str(), "--state", state.c_str(), "--instruction", "inst_20260110_001", nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = out[0];
    send(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
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
    send(remit::dump(Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", "tools/call"},
                          {"params", {{"name", tool}, {"arguments", arguments}}}}));
    return id;
  }
  // The whole response for `id`, within a minute.
  Json take(int id) {
    const auto until = Steady::now() + std::chrono::seconds(60);
    for (;;) {
      for (std::size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
        const std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        auto message = remit::parse_json(line);
        REQUIRE(message);
        if (message->contains("id") && (*message)["id"] == id && !message->contains("method")) return *message;
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
  // The text of the answer; a refusal begins with "ERROR ".
  std::string text_of(const Json& answer) const {
    if (!answer.contains("result")) return "ERROR " + remit::dump(answer);
    std::string text = answer["result"].value("isError", false) ? "ERROR " : "";
    for (const Json& part : answer["result"]["content"]) text += part.value("text", "");
    return text;
  }
  std::string call(const std::string& tool, const Json& arguments) { return text_of(take(start(tool, arguments))); }
  // Works, and says so.
  std::string works(const std::string& tool, const Json& arguments) {
    const std::string text = call(tool, arguments);
    CHECK_MESSAGE(!text.starts_with("ERROR"), tool << ": " << text);
    return text;
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
  int to_ = -1, from_ = -1, ids_ = 0;
  std::string buffer_, errors_;
};

int shell(const std::string& command) { return WEXITSTATUS(std::system(command.c_str())); }

std::string pty(const House& house, const std::string& steps, const std::string& command, int* code) {
  const std::string out = house.path + "/pty";
  *code = shell("'" + variable("REMIT_PTY") + "' " + steps + " -- '" + variable("REMIT_BINARY") + "' " + command +
                " --state '" + house.path + "/state' > '" + out + "' 2>&1");
  return slurp(out);
}

Json pending(const House& house) {
  const std::string out = house.path + "/pending";
  for (int tries = 0; tries < 200; ++tries) {
    REQUIRE(shell("'" + variable("REMIT_BINARY") + "' approvals --json --state '" + house.path + "/state' > '" +
                  out + "'") == 0);
    const Json all = *remit::parse_json(slurp(out));
    if (!all["pending"].empty()) return all["pending"][0];
    usleep(50'000);
  }
  FAIL("no question came");
  return {};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("every tool works in a process that is locked in") {
  const House house;
  int code = 0;
  pty(house, "--expect 'new PIN:' --secret 4917 --expect again: --secret 4917", "pin", &code);
  REQUIRE(code == 0);
  Client client(house);
  const std::string status = slurp("/proc/" + std::to_string(client.pid) + "/status");
  CHECK(field_of(status, "NoNewPrivs") == "1");
  CHECK(field_of(status, "Seccomp") == "2");
  CHECK(!has(client.errors(), "not locked in"));
  if (geteuid() == 0) CHECK(std::strtoull(field_of(status, "CapEff").c_str(), nullptr, 16) == 0x2bULL);

  CHECK(has(client.works("Read", {{"file_path", "notes.txt"}}), "second line"));
  CHECK(has(client.works("Grep", {{"pattern", "exhausted"}, {"output_mode", "content"}}), "logs/api.log"));
  CHECK(has(client.works("Glob", {{"pattern", "**/*.txt"}}), "notes.txt"));
  client.works("Write", {{"file_path", "made.txt"}, {"content", "made\n"}});
  CHECK(slurp(house.workspace + "/made.txt") == "made\n");
  CHECK(client.call("Read", {{"file_path", "/etc/passwd"}}).starts_with("ERROR"));
  CHECK(client.call("Read", {{"file_path", house.path + "/state/keys/approval"}}).starts_with("ERROR"));
  CHECK(client.call("Read", {{"file_path", ".env"}}).starts_with("ERROR"));
  client.works("memory_list", {{"prefix", ""}});
  const std::string patterns = client.works("log_patterns", {{"source", {"logs/api.log"}}});
  CHECK(has(patterns, "exhausted"));
  client.works("memory_write", {{"path", "inst_20260110_001/tasks/completed/technical_resolution.yaml"},
                                {"op", "create"}, {"content", "resolution: restarted\n"}});

  // Bash: what policy allows runs at once, sees neither secrets nor others' memory nor the server's world.
  const std::string see = client.works("Bash", {{"command", "ls Agent_Memory; echo ok"}});
  CHECK(!has(see, "known_issues"));
  CHECK(has(see, "ok"));
  const std::string far = client.works("Bash", {{"command", "seq 1 20000"}});
  const std::size_t uri = far.find("remit://bash/");
  REQUIRE_MESSAGE(uri != std::string::npos, far);
  const std::string name = far.substr(uri, far.find_first_of(" \n,;)]\"", uri) - uri);
  CHECK(has(client.works("Read", {{"file_path", name}, {"offset", 19990}, {"limit", 5}}), "19991"));
  client.works("Bash", {{"command", "cd sub/deep"}});
  CHECK(has(client.works("Bash", {{"command", "pwd"}}), "/sub/deep"));

  // High risk: the PIN, then its changes are applied and its deletion is held.
  const std::string command = "cd " + house.workspace + " && python3 --version >/dev/null; cat .env sub/deep/.env.local; rm notes.txt; printf hi > new.txt";
  const int waiting = client.start("Bash", {{"command", command}});
  const Json question = pending(house);
  CHECK(question["risk"] == "high");
  const std::string yes = "approve " + question["id"].get<std::string>() + " --digest " +
                          question["sha256"].get<std::string>();
  CHECK(shell("'" + variable("REMIT_BINARY") + "' " + yes + " --state '" + house.path +
              "/state' </dev/null >/dev/null 2>&1") != 0);
  pty(house, "--expect PIN: --secret 0000", yes, &code);
  CHECK(code != 0);
  const std::string said = pty(house, "--expect PIN: --secret 4917", yes, &code);
  CHECK_MESSAGE(code == 0, said);
  CHECK(has(said, "printf hi"));
  const std::string ran = client.text_of(client.take(waiting));
  CHECK_MESSAGE(!ran.starts_with("ERROR"), ran);
  CHECK(slurp(house.workspace + "/new.txt") == "hi");
  CHECK(files::exists(house.workspace + "/notes.txt"));
  CHECK(has(ran, "held"));
  CHECK(!has(ran, "SECRET"));

  // Background: started, read, ended with its server.
  const std::string started = client.works("Bash", {{"command", "seq 1 99999999999 >/dev/null"}, {"run_in_background", true}});
  CHECK(has(started, "background"));

  // The files that made this server change: nothing is read again.
  std::ofstream(house.persona, std::ios::trunc) << "---\nname: other\ntools: Read\n---\n";
  std::ofstream(house.path + "/technical-support-engineer.manifest.yaml", std::ios::trunc) << "version: 1\nlog_roots: [/]\n";
  client.works("Write", {{"file_path", "after.txt"}, {"content", "still\n"}});
  CHECK(client.call("Read", {{"file_path", "/etc/hostname"}}).starts_with("ERROR"));

  const auto asked = Steady::now();
  kill(client.pid, SIGTERM);
  client.end();
  CHECK(Steady::now() - asked < std::chrono::seconds(5));
  CHECK(shell("'" + variable("REMIT_BINARY") + "' ledger verify --state '" + house.path + "/state' >/dev/null") == 0);
}

// Processes whose command line holds `mark`.
int alive(const std::string& mark) {
  int count = 0;
  for (const auto& entry : files::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (has(slurp(entry.path() / "cmdline"), mark)) ++count;
  }
  return count;
}

TEST_CASE("a server that is killed leaves no process, and its questions end") {
  const House house;
  int code = 0;
  pty(house, "--expect 'new PIN:' --secret 4917 --expect again: --secret 4917", "pin", &code);
  REQUIRE(code == 0);
  const std::string mark = "99" + std::to_string(getpid()) + "0000000";
  Client client(house);
  client.works("Bash", {{"command", "seq 1 " + mark + " >/dev/null"}, {"run_in_background", true}});
  for (int tries = 0; tries < 100 && alive(mark) == 0; ++tries) usleep(50'000);
  CHECK(alive(mark) > 0);
  client.start("Bash", {{"command", "python3 -c 'print(1)'"}});
  const Json question = pending(house);
  kill(client.pid, SIGKILL);
  client.end();
  for (int tries = 0; tries < 40 && alive(mark) != 0; ++tries) usleep(50'000);
  CHECK(alive(mark) == 0);
  const std::string said = pty(house, "--expect PIN: --secret 4917",
                               "approve " + question["id"].get<std::string>() + " --digest " +
                                   question["sha256"].get<std::string>(), &code);
  CHECK_MESSAGE(code != 0, said);
  Client again(house);
  CHECK(has(again.works("Bash", {{"command", "echo back"}}), "back"));
}

}  // namespace
