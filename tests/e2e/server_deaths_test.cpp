// However a client or a server ends, nothing of it stays: no process of its tree, no mount, no
// control group, no half-written file, and a ledger that verifies. Each round starts a client
// process that starts a server, has it write files and run or wait for something, and ends one of
// the two at a random moment. 50 rounds; 6,000 with REMIT_FULL, 1,000 of each end. What is asserted
// is that an end comes; how long it took is printed.
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>

#include <doctest/doctest.h>

#include "tests/e2e/served.h"
#include "tests/left_behind.h"

namespace remit::e2e {
namespace {

constexpr int kRounds = 50, kRoundsFull = 6000;  // 1,000 of each end

enum class Work { idle, command, background, question };
enum class Death {
  client_killed,
  server_killed,
  terminated,
  interrupted,
  input_ended,
  parent_only
};

constexpr Work kWorks[] = {Work::command, Work::background, Work::question, Work::idle};
constexpr Death kDeaths[] = {Death::client_killed, Death::server_killed, Death::terminated,
                             Death::interrupted,   Death::input_ended,   Death::parent_only};
constexpr const char* kDeathNames[] = {"client kill -9", "server kill -9",
                                       "SIGTERM",        "SIGINT",
                                       "end of input",   "parent death, pipes open"};
constexpr const char* kWorkNames[] = {"idle", "command", "background shell", "question"};

std::string request(int id, const char* method, const Json& params) {
  return dump(Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}) + "\n";
}

std::string call(int id, const char* tool, const Json& arguments) {
  return request(id, "tools/call", {{"name", tool}, {"arguments", arguments}});
}

// Everything that the client says, at once: it never reads an answer.
std::string script(Work work, const std::string& pipe_name) {
  std::string text = request(0, "initialize",
                             {{"protocolVersion", "2025-11-25"},
                              {"capabilities", Json::object()},
                              {"clientInfo", {{"name", "t"}, {"version", "1"}}}});
  text += R"({"jsonrpc":"2.0","method":"notifications/initialized"})"
          "\n";
  // Blocks in open(2) until a writer comes, which none does: a tree that costs the machine nothing.
  const std::string waits = "cat " + pipe_name + " | cat " + pipe_name;
  if (work == Work::command) text += call(1, "Bash", {{"command", waits}});
  if (work == Work::background) {
    text += call(1, "Bash", {{"command", waits}, {"run_in_background", true}});
  }
  if (work == Work::question) text += call(1, "Bash", {{"command", "perl -e 'print 1'"}});
  for (int id = 2; id < 10; ++id) {
    text += call(id, "Write",
                 {{"file_path", "out-" + std::to_string(id) + ".txt"},
                  {"content", std::string(10'000, 'x') + "\nend\n"}});
  }
  return text;
}

// A client in a process of its own and the server that it started. SIGUSR1 makes it close its input
// to the server.
struct Pair {
  Pair(const House& house, const std::string& said, bool pipes_stay_open) {
    int in[2], out[2], news[2];
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(pipe2(news, O_CLOEXEC) == 0);
    client = fork();
    REQUIRE(client >= 0);
    if (client == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      // Until exec the server is a copy of this test, whose handlers would report a crash of it.
      for (const int ending : {SIGTERM, SIGINT}) std::signal(ending, SIG_DFL);
      sigset_t usual;
      sigemptyset(&usual);
      sigaddset(&usual, SIGUSR1);
      sigprocmask(SIG_BLOCK, &usual, nullptr);
      const pid_t started = fork();
      if (started == 0) become_server(house, in[0], out[1]);
      static_cast<void>(!write(news[1], &started, sizeof started));
      static_cast<void>(!write(in[1], said.data(), said.size()));
      int signal = 0;
      sigwait(&usual, &signal);
      close(in[1]);
      waitpid(started, nullptr, 0);
      _exit(0);
    }
    for (const int fd : {in[0], out[1], news[1]}) close(fd);
    REQUIRE(read(news[0], &server, sizeof server) == static_cast<ssize_t>(sizeof server));
    close(news[0]);
    if (pipes_stay_open) {
      held = {in[1], out[0]};
    } else {
      close(in[1]);
      close(out[0]);
    }
  }
  ~Pair() {
    kill(client, SIGKILL);
    waitpid(client, nullptr, 0);
    for (const int fd : held) close(fd);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void end(Death death) const {
    switch (death) {
      case Death::client_killed:
      case Death::parent_only:
        kill(client, SIGKILL);
        break;
      case Death::server_killed:
        kill(server, SIGKILL);
        break;
      case Death::terminated:
        kill(server, SIGTERM);
        break;
      case Death::interrupted:
        kill(server, SIGINT);
        break;
      case Death::input_ended:
        kill(client, SIGUSR1);
        break;
    }
  }

  pid_t client = 0, server = 0;
  std::vector<int> held;

 private:
  [[noreturn]] static void become_server(const House& house, int in, int out) {
    dup2(in, 0);
    dup2(out, 1);
    dup2(open((house.path + "/stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    const std::string binary = variable("REMIT_BINARY"), state = house.path + "/state";
    execl(binary.c_str(), "remit", "serve", "--agent", house.persona.c_str(), "--workspace",
          house.workspace.c_str(), "--state", state.c_str(), "--instruction", "inst_20260110_001",
          nullptr);
    _exit(127);
  }
};

// A killed process stays a zombie until its parent looks; it has no command line any more.
bool gone(const House& house, const std::string& pipe_name) {
  return alive(house.path) == 0 && alive(pipe_name) == 0;
}

// Whether the server has asked to be told of its parent's death: it ignores SIGPIPE right after
// that (take_stdio). Of a parent that was gone before, and whose pipes somebody else holds, nothing
// tells.
bool watches_parent(pid_t server) {
  const std::string status = slurp("/proc/" + std::to_string(server) + "/status");
  const std::string name = "SigIgn:";
  const std::size_t at = status.find(name);
  if (at == std::string::npos) return false;
  const auto ignored = std::strtoull(status.c_str() + at + name.size(), nullptr, 16);
  return (ignored >> (SIGPIPE - 1) & 1) != 0;
}

std::string listing(const std::string& folder) {
  std::string text;
  for (const auto& entry : files::recursive_directory_iterator(folder)) {
    text += entry.path().string() + "\n";
  }
  return text;
}

TEST_CASE("nothing outlives a client or a server, however it ends") {
  const House house;
  const std::string pipe_name = "waits-" + std::to_string(getpid());
  REQUIRE(mkfifo((house.workspace + "/" + pipe_name).c_str(), 0600) == 0);
  const int rounds = std::getenv("REMIT_FULL") != nullptr ? kRoundsFull : kRounds;
  std::minstd_rand random(20260110);
  std::map<std::string, std::vector<double>> took;
  int caught = 0;
  for (int round = 0; round < rounds; ++round) {
    const Work work = kWorks[round % 4];
    const Death death = kDeaths[(round / 4 + round) % 6];
    const std::string what = std::string(kDeathNames[static_cast<int>(death)]) + ", " +
                             kWorkNames[static_cast<int>(work)];
    CAPTURE(what);
    const Pair pair(house, script(work, pipe_name), death == Death::parent_only);
    // Every other time at work, else at any moment from before the first byte on.
    const bool running = work == Work::command || work == Work::background;
    if (running && random() % 2 == 0) {
      CHECK(within(kPatience, [&] { return alive(pipe_name) >= 2; }));
      ++caught;
    } else {
      usleep(static_cast<useconds_t>(random() % 120'000));
    }
    if (death == Death::parent_only)
      CHECK(within(kPatience, [&] { return watches_parent(pair.server); }));
    const auto asked = Steady::now();
    pair.end(death);
    const bool ended = within(kPatience, [&] { return gone(house, pipe_name); });
    CHECK(ended);
    const std::chrono::duration<double, std::milli> time = Steady::now() - asked;
    took[std::string(kDeathNames[static_cast<int>(death)]) +
         (work == Work::idle ? ", idle" : ", at work")]
        .push_back(time.count());
    for (const auto& entry : files::directory_iterator(house.workspace)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("out-")) CHECK_MESSAGE(slurp(entry.path()).ends_with("end\n"), name);
    }
  }
  CHECK(caught > 0);
  for (auto& [what, times] : took) {
    std::sort(times.begin(), times.end());
    MESSAGE(what << ": median " << times[times.size() / 2] << " ms, longest " << times.back()
                 << " ms of " << times.size());
  }

  // The next start finds nothing but what a server keeps on purpose.
  {
    Client next(house);
    CHECK(has(next.works("Bash", {{"command", "echo back"}}), "back"));
    CHECK(within(kPatience, [] { return left_groups() == 0; }));
  }
  CHECK(mounts_of(house.path) == "");
  CHECK_MESSAGE(!has(listing(house.workspace), ".remit-tmp-"), listing(house.workspace));
  const std::string state = listing(house.path + "/state");
  for (const char* leftover : {"/writing/", "/wake/", "/scratch-", ".remit-tmp-"}) {
    CHECK_MESSAGE(!has(state, leftover), state);
  }
  CHECK(shell("'" + variable("REMIT_BINARY") + "' ledger verify --state '" + house.path +
              "/state' >/dev/null") == 0);
}

}  // namespace
}  // namespace remit::e2e
