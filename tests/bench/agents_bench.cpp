// What the front of many agents costs: one small Read over HTTP (2026-07-28, one POST a call, kept
// connections) through `remit serve --agents` against the same call to `remit serve --agent`, on 1
// and on 16 connections. The two take turns (A B A B); figures are medians over the rounds. CPU is
// that of all processes of a side. Prints one JSON row per measurement (see ./dev bench).
//
//   agents_bench     environment: REMIT_BINARY, REMIT_SOURCE
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "tests/bench/server_process.h"
#include "tests/wire/http_client.h"

namespace {

namespace files = std::filesystem;
using remit::bench::die;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr int kWarmUp = 300;
constexpr std::chrono::milliseconds kFor{1500};  // length of one round
constexpr const char* kAgent = "technical-support-engineer";

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') die(std::string(name) + " is not set; run ./dev bench");
  return value;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Side {
  Side(const std::string& given, const std::string& root, const std::vector<std::string>& more)
      : name(given) {
    state = root + "/" + name;
    log = root + "/" + name + ".log";
    std::vector<std::string> words{environment("REMIT_BINARY"),
                                   "serve",
                                   "--workspace",
                                   root + "/space",
                                   "--state",
                                   state,
                                   "--http",
                                   "127.0.0.1:0",
                                   "--no-auth",
                                   "--instruction",
                                   "inst_1"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid = ::fork();
    if (pid == 0) {
      const int to = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      const int null = ::open("/dev/null", O_RDWR);
      ::dup2(null, 0);
      ::dup2(null, 1);
      ::dup2(to, 2);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    const auto deadline = Clock::now() + std::chrono::seconds(30);
    for (;;) {
      const std::string text = slurp(log);
      if (const std::size_t at = text.find("\"listening\""); at != std::string::npos) {
        const std::size_t from = text.find("http://", at) + 7;
        address = text.substr(from, text.find('/', from) - from);
        return;
      }
      if (Clock::now() > deadline) die(name + " does not listen: " + text);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  ~Side() {
    ::kill(pid, SIGTERM);
    ::waitpid(pid, nullptr, 0);
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  // Of all its processes, by their command lines.
  double cpu_us() const {
    double sum = 0;
    for (const auto& entry : files::directory_iterator("/proc")) {
      const std::string number = entry.path().filename();
      if (number.find_first_not_of("0123456789") != std::string::npos) continue;
      if (slurp("/proc/" + number + "/cmdline").find(state) == std::string::npos) continue;
      clockid_t clock{};
      timespec time{};
      if (::clock_getcpuclockid(std::atoi(number.c_str()), &clock) == 0 &&
          ::clock_gettime(clock, &time) == 0)
        sum += static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
    }
    return sum;
  }

  std::string name, state, log, address, path;
  pid_t pid = -1;
  std::vector<double> call_us, p99_ms, cpu;  // one a round
};

std::string request(const std::string& path) {
  const std::string body =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"Read","arguments":{"file_path":"notes.txt"},)"
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
         "Mcp-Method: tools/call\r\nMcp-Name: Read\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Calls on one connection until `until`; the time of each, in us.
std::vector<double> calls(const Side& side, Clock::time_point until, int at_least) {
  std::vector<double> out;
  const std::string text = request(side.path);
  remit::wire_test::HttpClient client(side.address);
  while (at_least-- > 0 || Clock::now() < until) {
    const auto began = Clock::now();
    if (!client.send(text)) die(side.name + " ended the connection");
    const auto answer = client.read(std::chrono::seconds(30));
    if (answer.status != 200 || answer.body.find("a small file") == std::string::npos)
      die(side.name + " answered " + std::to_string(answer.status) + " " + answer.body);
    out.push_back(std::chrono::duration<double, std::micro>(Clock::now() - began).count());
  }
  return out;
}

void round(Side& side, int connections) {
  const double before = side.cpu_us();
  const auto began = Clock::now();
  std::vector<std::vector<double>> each(static_cast<std::size_t>(connections));
  std::vector<std::thread> threads;
  for (auto& mine : each)
    threads.emplace_back([&side, &mine, began] { mine = calls(side, began + kFor, 1); });
  for (std::thread& thread : threads) thread.join();
  const double took = std::chrono::duration<double, std::micro>(Clock::now() - began).count();
  std::vector<double> all;
  for (const auto& mine : each) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  const auto count = static_cast<double>(all.size());
  side.call_us.push_back(connections == 1 ? all[all.size() / 2] : took / count);
  side.p99_ms.push_back(all[all.size() * 99 / 100] / 1e3);
  side.cpu.push_back((side.cpu_us() - before) / count);
}

void row(const std::string& name, double ours, double peer, const char* unit) {
  std::printf(
      "{\"name\":\"agents.%s\",\"ours\":%.2f,\"peer_name\":\"remit serve --agent\",\"peer\":%.2f,"
      "\"unit\":\"%s\",\"ratio\":%.2f,\"same\":true}\n",
      name.c_str(), ours, peer, unit, peer / ours);
}

}  // namespace

int main() {
  std::string root = (files::temp_directory_path() / "remit-agents-XXXXXX").string();
  if (::mkdtemp(root.data()) == nullptr) die("no temporary folder");
  files::create_directories(root + "/space");
  std::ofstream(root + "/space/notes.txt") << "a small file\n";
  {
    const std::string folder = environment("REMIT_SOURCE") + "/agent_definitions";
    Side many("many", root, {"--agents", folder});
    Side one("one", root, {"--agent", folder + "/" + kAgent + ".md"});
    many.path = std::string("/agents/") + kAgent + "/mcp";
    one.path = "/mcp";
    for (const int connections : {1, 16}) {
      for (Side* side : {&many, &one}) {
        calls(*side, Clock::now(), kWarmUp);
        side->call_us.clear();
        side->p99_ms.clear();
        side->cpu.clear();
      }
      for (int i = 0; i < kRounds; ++i)
        for (Side* side : {&many, &one}) round(*side, connections);
      const std::string name = "read_" + std::to_string(connections);
      row(name, median(many.call_us), median(one.call_us), "us");
      row(name + "_p99", median(many.p99_ms), median(one.p99_ms), "ms");
      row(name + "_cpu", median(many.cpu), median(one.cpu), "us");
    }
  }
  std::error_code ignored;
  files::remove_all(root, ignored);
  return 0;
}
