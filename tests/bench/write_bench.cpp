// Writes of documents, and what decides them. `write.document_16`: 16 writers of one server, each
// with one memory_write in flight, every document on the disk before its answer; against write_file
// of @modelcontextprotocol/server-filesystem, which syncs nothing. `write.ownership`: decide() on a
// document, of a persona with the engineer's lines and of one with 200.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "policy/decide.h"
#include "tests/bench/server_process.h"

namespace {

using namespace remit;
using namespace remit::bench;
using Clock = std::chrono::steady_clock;

constexpr int kWriters = 16, kRounds = 5, kWrites = 800, kFirstId = 10;
constexpr std::size_t kBytes = 1024;

constexpr const char* kPersona =
    "---\nname: bench-writer\ndescription: Writes documents.\ntools: Read\n---\n"
    "## Memory Ownership\n\n### Writes\n- `Agent_Memory/{instruction_id}/outputs/partial/`\n";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) die(std::string(name) + " is not set; run ./dev bench write.");
  return value;
}

double us_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  return all[all.size() / 2];
}

void row(const char* name, double ours, double theirs, const std::string& peer, bool same) {
  std::printf(
      "{\"name\":\"%s\",\"ours\":%.2f,\"peer_name\":\"%s\",\"peer\":%.2f,\"unit\":\"us\","
      "\"ratio\":%.2f,\"same\":%s}\n",
      name, ours, peer.c_str(), theirs, ours > 0 ? theirs / ours : 0, same ? "true" : "false");
}

struct Side {
  std::vector<std::string> command;
  std::function<Json(const std::string& name)> arguments;
  std::string tool, folder;
  std::vector<double> per_write_us, p99_us;
  bool wrote_all = true;
};

// kWrites documents, kWriters of them always under way.
void measure(Side& side, int round) {
  Server server(side.command);
  handshake(server);
  const std::string body(kBytes, 'd');
  std::map<int, Clock::time_point> sent;
  std::vector<double> took;
  int next = 0;
  const auto send_one = [&] {
    const std::string name = "r" + std::to_string(round) + "_" + std::to_string(next) + ".md";
    Json arguments = side.arguments(name);
    arguments["content"] = body;
    const int id = kFirstId + next++;
    sent[id] = Clock::now();
    server.send(dump(Json{{"jsonrpc", "2.0"},
                          {"id", id},
                          {"method", "tools/call"},
                          {"params", {{"name", side.tool}, {"arguments", arguments}}}}));
  };
  const auto began = Clock::now();
  while (next < kWriters) send_one();
  for (int done = 0; done < kWrites; ++done) {
    const Json reply = Json::parse(server.reply());
    const int id = reply["id"].get<int>();
    took.push_back(us_between(sent[id], Clock::now()));
    if (reply.contains("error") || reply["result"].value("isError", false)) {
      die("a write failed: " + dump(reply));
    }
    if (next < kWrites) send_one();
  }
  side.per_write_us.push_back(us_between(began, Clock::now()) / kWrites);
  std::ranges::sort(took);
  side.p99_us.push_back(took[took.size() * 99 / 100]);
  for (int n = 0; n < kWrites; ++n) {
    const std::string name = "r" + std::to_string(round) + "_" + std::to_string(n) + ".md";
    std::error_code none;
    side.wrote_all =
        side.wrote_all && std::filesystem::file_size(side.folder + "/" + name, none) == kBytes;
  }
}

double cpu_us() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

// What decide() takes for a write that the last of `lines` lines grants.
double ownership_us(int lines) {
  constexpr int kDecisions = 200'000;
  const policy::Origin origin{"persona.md", 4, 8};
  policy::Remit remit;
  remit.slug = "bench";
  remit.tools.push_back({"memory_write", origin});
  remit.memory_heading = origin;
  for (int n = 0; n < lines; ++n) {
    policy::MemoryRule rule;
    auto pattern = memory::DocPattern::compile(
        "_knowledge/procedural/document_" + std::to_string(n) + ".yaml", {});
    if (!pattern) die(pattern.error().message);
    rule.pattern = std::move(*pattern);
    rule.create = rule.replace = rule.append = rule.list = true;
    rule.origin = origin;
    remit.memory.push_back(std::move(rule));
  }
  const policy::Principal who{"uid:0", "bench", "inst_1", "s"};
  policy::Action action;
  action.tool = "memory_write";
  action.verb = policy::Verb::replace;
  action.op = policy::ReplaceOp::append;
  action.space = policy::Space::memory;
  action.path = "_knowledge/procedural/document_" + std::to_string(lines - 1) + ".yaml";
  const double before = cpu_us();
  for (int n = 0; n < kDecisions; ++n) {
    if (!policy::decide(remit, who, action).allowed()) die("the write is denied");
  }
  return (cpu_us() - before) / kDecisions;
}

}  // namespace

int main() {
  // The engineer has five lines; no public persona has 200.
  row("write.ownership", ownership_us(5), 1, "the figure of 1 us", true);
  row("write.ownership_200_lines", ownership_us(200), 1, "the figure of 1 us", true);

  std::string folder = std::filesystem::temp_directory_path().string() + "/remit-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) die("mkdtemp failed");
  const std::string workspace = folder + "/workspace", theirs_folder = folder + "/theirs";
  std::filesystem::create_directories(workspace + "/Agent_Memory");
  std::filesystem::create_directories(theirs_folder);
  std::ofstream(folder + "/bench-writer.md") << kPersona;
  const std::string peer =
      environment("REMIT_NODE_DIR") + "/node_modules/@modelcontextprotocol/server-filesystem";
  Side ours;
  ours.tool = "memory_write";
  ours.folder = workspace + "/Agent_Memory/inst_bench/outputs/partial";
  ours.command = {environment("REMIT_BINARY"),
                  "serve",
                  "--agent",
                  folder + "/bench-writer.md",
                  "--workspace",
                  workspace,
                  "--memory",
                  workspace + "/Agent_Memory",
                  "--state",
                  folder + "/state",
                  "--instruction",
                  "inst_bench"};
  ours.arguments = [](const std::string& name) {
    return Json{{"path", "inst_bench/outputs/partial/" + name}, {"op", "create"}};
  };
  Side theirs;
  theirs.tool = "write_file";
  theirs.folder = theirs_folder;
  theirs.command = {environment("REMIT_NODE"), peer + "/dist/index.js", theirs_folder};
  theirs.arguments = [&](const std::string& name) {
    return Json{{"path", theirs_folder + "/" + name}};
  };
  std::ifstream package(peer + "/package.json");
  const std::string name =
      "server-filesystem " + Json::parse(package).value("version", std::string("?"));
  for (int round = 0; round < kRounds; ++round) {
    measure(ours, round);
    measure(theirs, round);
  }
  const bool same = ours.wrote_all && theirs.wrote_all;
  row("write.document_16", median(ours.per_write_us), median(theirs.per_write_us), name, same);
  row("write.document_16_p99", median(ours.p99_us), median(theirs.p99_us), name, same);
  std::filesystem::remove_all(folder);
  return 0;
}
