// What a client notices of a server on stdio, against @modelcontextprotocol/server-filesystem in
// the same run: time from start to first answer, memory at rest, cost of a small read, time from
// the end of input to the process's end; and the protocol layer alone (a server of toys) against
// the official TypeScript SDK's server, both with one echo tool. The two servers take turns (A B A
// B), so that a busy machine slows both; figures are medians over the rounds. Prints one JSON row
// per measurement (see ./dev bench).
//
// Environment: REMIT_BINARY (build/remit), REMIT_NODE (node binary), REMIT_NODE_DIR (pinned
// packages), REMIT_SOURCE (source tree, for the shipped persona).
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "tests/bench/server_process.h"

namespace {

using remit::Json;
using remit::bench::die;
using remit::bench::handshake;
using remit::bench::kInitialize;
using remit::bench::Server;
using Clock = std::chrono::steady_clock;

constexpr int kStarts = 15;                          // cold starts of each server
constexpr int kRounds = 5;                           // rounds of reads of each server
constexpr std::chrono::milliseconds kReadFor{1500};  // length of one round
constexpr std::chrono::milliseconds kRest{500};      // before memory is looked at

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') die(std::string(name) + " is not set; run ./dev bench");
  return value;
}

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A process and its descendants: a server may work in several.
std::vector<pid_t> tree_of(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream in(entry.path() / "stat");
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const std::size_t after_name = text.rfind(") ");
    if (after_name == std::string::npos) continue;
    std::istringstream rest(text.substr(after_name + 4));  // skips the state letter
    pid_t parent = 0;
    rest >> parent;
    children.emplace(parent, std::stoi(name));
  }
  std::vector<pid_t> all = {root};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto [from, to] = children.equal_range(all[i]);
    for (auto child = from; child != to; ++child) all.push_back(child->second);
  }
  return all;
}

// Resident memory of the tree in MB; shared pages count once per process, so this is no favour.
double resident_mb(pid_t root) {
  double kib = 0;
  for (const pid_t pid : tree_of(root)) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("VmRSS:")) kib += std::strtod(line.c_str() + 6, nullptr);
    }
  }
  return kib / 1000 * 1.024;
}

double cpu_us(pid_t root) {
  double ticks = 0;
  for (const pid_t pid : tree_of(root)) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    std::istringstream rest(text.substr(std::min(text.size(), text.rfind(") ") + 2)));
    std::string skipped;
    for (int field = 3; field < 14; ++field) rest >> skipped;
    double user = 0;
    double system = 0;
    rest >> user >> system;
    ticks += user + system;
  }
  return ticks * 1e6 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

const char* const kList = R"({"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}})";

struct Side {
  std::vector<std::string> command;
  std::string read;  // one tools/call line
  std::vector<double> starts, per_call_us, cpu_per_call_us, p99_us, ends;
  double rest_mb = 0, worked_mb = 0;  // before and after the first 200 reads
  bool gave_content = true;
};

void measure_start(Side& side) {
  const auto begin = Clock::now();
  Server server(side.command);
  server.ask(kInitialize);
  side.starts.push_back(ms_since(begin));
}

void measure_rest(Side& side) {
  Server server(side.command);
  handshake(server);
  server.ask(kList);
  std::this_thread::sleep_for(kRest);
  side.rest_mb = resident_mb(server.pid());
  for (int i = 0; i < 200; ++i) server.ask(side.read);
  std::this_thread::sleep_for(kRest);
  side.worked_mb = resident_mb(server.pid());
}

void measure_reads(Side& side, const std::string& content) {
  Server server(side.command);
  handshake(server);
  for (int i = 0; i < 50; ++i) server.ask(side.read);  // warm
  const double cpu = cpu_us(server.pid());
  const auto begin = Clock::now();
  int calls = 0;
  std::vector<double> each;
  while (Clock::now() - begin < kReadFor) {
    const auto asked = Clock::now();
    if (server.ask(side.read).find(content) == std::string::npos) side.gave_content = false;
    each.push_back(ms_since(asked) * 1000);
    ++calls;
  }
  const double wall = ms_since(begin) * 1000;
  std::sort(each.begin(), each.end());
  side.p99_us.push_back(each[each.size() * 99 / 100]);
  side.per_call_us.push_back(wall / calls);
  side.cpu_per_call_us.push_back((cpu_us(server.pid()) - cpu) / calls);
}

// From the end of input, or from `signal`, to the process's end, with a call at work that would
// last a minute if `busy` is one.
void measure_end(Side& side, const std::string& busy, int signal = 0) {
  Server server(side.command);
  handshake(server);
  server.ask(kList);
  if (!busy.empty()) {
    server.send(busy);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const auto begin = Clock::now();
  signal == 0 ? server.end_input() : server.end_by(signal);
  side.ends.push_back(ms_since(begin));
}

void row(const char* name, double ours, double peer, const char* unit, const std::string& peer_name,
         bool same) {
  std::printf(
      "{\"name\":\"%s\",\"ours\":%.3g,\"peer_name\":\"%s\",\"peer\":%.3g,\"unit\":\"%s\","
      "\"ratio\":%.3g,\"same\":%s}\n",
      name, ours, peer_name.c_str(), peer, unit, peer / ours, same ? "true" : "false");
  std::fflush(stdout);
}

std::string call_line(const char* tool, const char* argument, const std::string& path) {
  Json line;
  line["jsonrpc"] = "2.0";
  line["id"] = 3;
  line["method"] = "tools/call";
  line["params"]["name"] = tool;
  line["params"]["arguments"][argument] = path;
  return remit::dump(line);
}

std::string version_of(const std::string& package_json) {
  std::ifstream in(package_json);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto parsed = remit::parse_json(text);
  return parsed ? parsed->value("version", "?") : "?";
}

// However it is told to end; without a peer.
void end_rows(const std::string& name, const std::vector<std::string>& command,
              const std::string& busy) {
  for (const auto& [suffix, signal] : {std::pair("", 0), {"_term", SIGTERM}, {"_int", SIGINT}}) {
    if (busy.empty() && signal == 0) continue;  // it has a row with a peer
    Side side;
    side.command = command;
    for (int i = 0; i < kRounds; ++i) measure_end(side, busy, signal);
    std::printf("{\"name\":\"%s%s\",\"ours\":%.3g,\"unit\":\"ms\"}\n", name.c_str(), suffix,
                median(side.ends));
  }
}

// The protocol layer alone, in the initialize era.
void echo_rows(const std::string& packages) {
  const std::string words(64, 'e');
  Side ours, theirs;
  const std::string toys =
      std::filesystem::canonical("/proc/self/exe").parent_path().parent_path() /
      "wire/fixture_server";
  ours.command = {toys, "--bare"};
  theirs.command = {environment("REMIT_NODE"),
                    environment("REMIT_SOURCE") + "/tests/bench/echo_peer.mjs", "stdio"};
  ours.read = theirs.read = call_line("echo", "text", words);
  for (int i = 0; i < kRounds; ++i) {
    measure_reads(ours, words);
    measure_reads(theirs, words);
  }
  const bool same = ours.gave_content && theirs.gave_content;
  const std::string name =
      "TypeScript SDK " + version_of(packages + "@modelcontextprotocol/server/package.json");
  row("stdio.echo", median(ours.per_call_us), median(theirs.per_call_us), "us", name, same);
  row("stdio.echo_p99", median(ours.p99_us), median(theirs.p99_us), "us", name, same);
  row("stdio.echo_cpu", median(ours.cpu_per_call_us), median(theirs.cpu_per_call_us), "us", name,
      same);
  Json slow = Json::parse(call_line("slow", "text", ""));
  slow["params"]["arguments"] = {{"ms", 60'000}};
  end_rows("stdio.end_busy", ours.command, remit::dump(slow));
}

}  // namespace

int main() {
  std::string folder = std::filesystem::temp_directory_path().string() + "/remit-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) die("mkdtemp failed");
  const std::string workspace = folder + "/workspace";
  std::filesystem::create_directories(workspace + "/Agent_Memory");
  // One line of 1 KiB: the answer must hold it whole, however a server frames its lines.
  const std::string content(1023, 'r');
  std::ofstream(workspace + "/small.txt") << content << "\n";

  const std::string packages = environment("REMIT_NODE_DIR") + "/node_modules/";
  const std::string peer = packages + "@modelcontextprotocol/server-filesystem";
  Side ours;
  ours.command = {environment("REMIT_BINARY"),
                  "serve",
                  "--agent",
                  environment("REMIT_SOURCE") + "/agent_definitions/technical-support-engineer.md",
                  "--workspace",
                  workspace,
                  "--memory",
                  workspace + "/Agent_Memory",
                  "--state",
                  folder + "/state",
                  "--instruction",
                  "inst_bench"};
  ours.read = call_line("Read", "file_path", workspace + "/small.txt");
  Side theirs;
  theirs.command = {environment("REMIT_NODE"), peer + "/dist/index.js", workspace};
  theirs.read = call_line("read_text_file", "path", workspace + "/small.txt");
  const std::string peer_name = "server-filesystem " + version_of(peer + "/package.json");

  for (Side* side : {&ours, &theirs}) measure_start(*side);  // warm disk caches, make the state
  ours.starts.clear();
  theirs.starts.clear();
  for (int i = 0; i < kStarts; ++i) {
    measure_start(ours);
    measure_start(theirs);
  }
  row("stdio.cold_start", median(ours.starts), median(theirs.starts), "ms", peer_name, true);
  measure_rest(ours);
  measure_rest(theirs);
  row("stdio.idle_rss", ours.rest_mb, theirs.rest_mb, "MB", peer_name, true);
  row("stdio.worked_rss", ours.worked_mb, theirs.worked_mb, "MB", peer_name, true);
  for (int i = 0; i < kRounds; ++i) {
    measure_reads(ours, content);
    measure_reads(theirs, content);
  }
  const bool same = ours.gave_content && theirs.gave_content;
  row("stdio.read_1k", median(ours.per_call_us), median(theirs.per_call_us), "us", peer_name, same);
  row("stdio.read_1k_cpu", median(ours.cpu_per_call_us), median(theirs.cpu_per_call_us), "us",
      peer_name, same);
  for (int i = 0; i < kRounds; ++i) {
    measure_end(ours, "");
    measure_end(theirs, "");
  }
  row("stdio.end_idle", median(ours.ends), median(theirs.ends), "ms", peer_name, true);
  end_rows("stdio.end_idle", ours.command, "");
  echo_rows(packages);
  std::filesystem::remove_all(folder);
  return 0;
}
