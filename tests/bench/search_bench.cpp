// One search as one process, the way an agent's shell would run it: `remit grep` (its ledger row
// included) against ripgrep on the same generated tree. The two take turns (A B A B); figures are
// medians of wall time and, in the rows *_cpu, of the time that processors worked (user and
// kernel), which a busy machine changes less. `same` compares the sorted output. Prints JSON rows.
//
// The rows search.warm.* ask a running server over MCP (Grep, files_with_matches) what a client
// without it would spawn ripgrep for; `same` then says that both counted the same files.
//
//   REMIT_BINARY=build/remit REMIT_SOURCE=. build/tests/bench/search_bench [rounds]
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "tests/bench/server_process.h"

namespace {

using remit::bench::die;
using Clock = std::chrono::steady_clock;

constexpr int kFolders = 200, kFilesInFolder = 100;  // 20,000 files
constexpr int kLinesInFile = 60;                     // about 3 KiB each
constexpr int kRareEvery = 2500;                     // files between two that hold the rare word
constexpr int kLogLines = 1'000'000;                 // one log of about 90 MB

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Seeded, so that two runs search the same bytes.
void make_tree(const std::string& root) {
  constexpr const char* kWords[] = {"return",  "const",   "session", "timeout", "value",  "index",
                                    "request", "handler", "Connect", "buffer",  "struct", "error",
                                    "retry",   "queue",   "account", "ledger"};
  std::mt19937 random(20);
  int file = 0;
  for (int folder = 0; folder < kFolders; ++folder) {
    const std::string path =
        root + "/module" + std::to_string(folder / 10) + "/part" + std::to_string(folder % 10);
    std::filesystem::create_directories(path);
    for (int each = 0; each < kFilesInFolder; ++each, ++file) {
      std::string text;
      for (int line = 0; line < kLinesInFile; ++line) {
        text += "  ";
        for (int word = 0; word < 6; ++word) {
          text += kWords[random() % std::size(kWords)];
          text += ' ';
        }
        text += std::to_string(random() % 100'000) + ";\n";
      }
      if (file % kRareEvery == 7) text += "  raise DeadlockDetected(lock_42)\n";
      std::ofstream(path + "/file" + std::to_string(each) + (each % 3 == 0 ? ".py" : ".cpp"))
          << text;
    }
  }
}

void make_log(const std::string& path) {
  std::mt19937 random(21);
  std::ofstream out(path);
  for (int line = 0; line < kLogLines; ++line) {
    out << "2026-03-14T09:" << 10 + line / 60000 % 50 << ":" << 10 + line / 1000 % 50
        << ".123Z INFO  worker-" << random() % 64 << " served request " << random() << " in "
        << random() % 900 << " ms\n";
    if (line % 100'000 == 99'999) out << "2026-03-14T09:59:59.000Z ERROR pool exhausted\n";
  }
}

double ms_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

struct Run {
  double ms = 0, cpu_ms = 0;
  int exit_code = -1;
  std::string sorted;  // the lines of its output
};

Run run(const std::vector<std::string>& command) {
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) die("pipe2 failed");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const auto begin = Clock::now();
  pid_t pid = 0;
  if (::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) {
    die("cannot start " + command[0]);
  }
  ::close(out[1]);
  std::string text;
  char bytes[65536];
  for (ssize_t got = 0; (got = ::read(out[0], bytes, sizeof bytes)) > 0;) {
    text.append(bytes, static_cast<std::size_t>(got));
  }
  int status = 0;
  struct rusage used{};
  ::wait4(pid, &status, 0, &used);
  Run result;
  result.cpu_ms = ms_of(used.ru_utime) + ms_of(used.ru_stime);
  result.ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  ::close(out[0]);
  posix_spawn_file_actions_destroy(&actions);
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) result.sorted += line + "\n";
  return result;
}

void row(const std::string& name, double ours, const std::string& peer_name, double peer,
         bool same) {
  std::printf(
      "{\"name\":\"%s\",\"ours\":%.1f,\"peer_name\":\"%s\",\"peer\":%.1f,\"unit\":\"ms\","
      "\"ratio\":%.2f,\"same\":%s}\n",
      name.c_str(), ours, peer_name.c_str(), peer, peer / ours, same ? "true" : "false");
  std::fflush(stdout);
}

struct Question {
  const char* name;
  std::vector<std::string> flags;  // the same for both
  const char* pattern;
  bool log = false;
};

// Grep of a server that already runs against spawning ripgrep for each question.
void measure_warm(const std::string& tree, const std::string& folder, int rounds,
                  const std::string& peer_name) {
  const char* const source = std::getenv("REMIT_SOURCE");
  if (source == nullptr) die("REMIT_SOURCE is not set; run ./dev bench");
  std::filesystem::create_directories(folder + "/Agent_Memory");
  remit::bench::Server server(
      {std::getenv("REMIT_BINARY"), "serve", "--agent",
       std::string(source) + "/agent_definitions/technical-support-engineer.md", "--workspace",
       tree, "--memory", folder + "/Agent_Memory", "--state", folder + "/warm", "--instruction",
       "inst_bench"});
  remit::bench::handshake(server);
  const std::vector<Question> questions = {
      {"search.warm.literal_rare", {}, "DeadlockDetected"},
      {"search.warm.literal_none", {}, "NoSuchWordAnywhere"},
      {"search.warm.literal_common", {}, "timeout"},
      {"search.warm.regex_rare", {}, "Dead\\w+\\(lock_[0-9]+\\)"},
  };
  for (const Question& question : questions) {
    remit::Json call{{"jsonrpc", "2.0"}, {"id", 3}, {"method", "tools/call"}};
    call["params"] = {{"name", "Grep"}, {"arguments", {{"pattern", question.pattern}}}};
    const std::string line = remit::dump(call);
    std::vector<double> our_ms, their_ms;
    bool same = true;
    for (int round = -1; round < rounds; ++round) {
      const auto begin = Clock::now();
      const std::string answer = server.ask(line);
      const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
      const Run theirs = run({"rg", "-l", question.pattern, tree});
      const auto files =
          static_cast<std::uint64_t>(std::count(theirs.sorted.begin(), theirs.sorted.end(), '\n'));
      const std::string told =
          files == 0 ? std::string("no matches") : " of " + remit::with_commas(files) + " files";
      same = same && answer.find(told) != std::string::npos;
      if (round < 0) continue;
      our_ms.push_back(ms);
      their_ms.push_back(theirs.ms);
    }
    row(question.name, median(our_ms), peer_name, median(their_ms), same);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 9;
  const char* const binary = std::getenv("REMIT_BINARY");
  if (binary == nullptr) die("REMIT_BINARY is not set; run ./dev bench");
  std::string folder = std::filesystem::temp_directory_path().string() + "/remit-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) die("mkdtemp failed");
  // Its own state: the ledger rows of these searches belong nowhere else.
  ::setenv("XDG_STATE_HOME", (folder + "/state").c_str(), 1);
  const std::string tree = folder + "/tree", log = folder + "/app.log";
  make_tree(tree);
  make_log(log);
  std::string peer_name = run({"rg", "--version"}).sorted;
  const std::size_t at = peer_name.find("ripgrep ");
  peer_name = at == std::string::npos
                  ? "ripgrep"
                  : peer_name.substr(at, peer_name.find_first_of(" (\n", at + 8) - at);

  const std::vector<Question> questions = {
      {"search.oneshot.literal_rare", {"-l"}, "DeadlockDetected"},
      {"search.oneshot.literal_none", {"-l"}, "NoSuchWordAnywhere"},
      {"search.oneshot.literal_common", {"-l"}, "timeout"},
      {"search.oneshot.ignore_case", {"-l", "-i"}, "deadlockdetected"},
      {"search.oneshot.regex_rare", {"-l"}, "Dead\\w+\\(lock_[0-9]+\\)"},
      {"search.oneshot.one_type", {"-l", "-t", "py"}, "DeadlockDetected"},
      {"search.log.literal_rare", {"-n"}, "pool exhausted", true},
      {"search.log.regex_rare", {"-n"}, "ERROR .*exhaust", true},
  };
  for (const Question& question : questions) {
    std::vector<std::string> words = question.flags;
    words.emplace_back(question.pattern);
    words.push_back(question.log ? log : tree);
    std::vector<std::string> ours = {binary, "grep"}, theirs = {"rg"};
    ours.insert(ours.end(), words.begin(), words.end());
    theirs.insert(theirs.end(), words.begin(), words.end());
    std::vector<double> our_ms, their_ms, our_cpu, their_cpu;
    bool same = true;
    for (int round = -1; round < rounds; ++round) {  // the first warms the page cache
      const Run a = run(ours), b = run(theirs);
      same = same && a.exit_code == b.exit_code && a.sorted == b.sorted;
      if (round < 0) continue;
      our_ms.push_back(a.ms);
      their_ms.push_back(b.ms);
      our_cpu.push_back(a.cpu_ms);
      their_cpu.push_back(b.cpu_ms);
    }
    row(question.name, median(our_ms), peer_name, median(their_ms), same);
    row(std::string(question.name) + "_cpu", median(our_cpu), peer_name, median(their_cpu), same);
  }
  measure_warm(tree, folder, rounds, peer_name);
  std::filesystem::remove_all(folder);
  return 0;
}
