// What one small tools/call costs the protocol layer alone: a server of toys on stdio, called one
// call after the other, in both eras. Prints one JSON row per era: CPU time of the server's process
// per call (all threads), and the calls per second that this driver got.
//
//   stdio_echo_bench [SERVER [CALLS]]     SERVER: tests/wire/fixture_server of the same build
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

constexpr int kDefaultCalls = 20'000;

[[noreturn]] void die(const char* why) {
  std::fprintf(stderr, "stdio_echo_bench: %s\n", why);
  std::exit(1);
}

class Child {
 public:
  explicit Child(char* server) {
    int to[2];
    int from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) die("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(to[0], 0);
      ::dup2(from[1], 1);
      char bare[] = "--bare";
      char* argv[] = {server, bare, nullptr};
      ::execv(server, argv);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = from[0];
  }
  ~Child() {
    ::close(in_);
    ::close(out_);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void send(const std::string& line) const {
    if (::write(in_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      die("the server reads no more");
  }
  // Reads one line; true if it holds `needle`.
  bool answer_has(const char* needle) {
    std::size_t size = 0;
    do {
      const ssize_t got = ::read(out_, buffer_ + size, sizeof buffer_ - size - 1);
      if (got <= 0) die("the server ended");
      size += static_cast<std::size_t>(got);
    } while (buffer_[size - 1] != '\n');
    buffer_[size] = '\0';
    return std::strstr(buffer_, needle) != nullptr;
  }
  double cpu_seconds() const {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
      die("no CPU clock");
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  char buffer_[65536]{};
};

// The server of toys that was built with this program.
std::string beside_us() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) die("no /proc/self/exe; name the server");
  std::string folder(path, static_cast<std::size_t>(size));
  folder.erase(folder.rfind('/'));
  return folder + "/../wire/fixture_server";
}

void measure(char* server, const char* name, const char* meta, int calls) {
  Child child(server);
  child.send(
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
      R"("capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})"
      "\n");
  if (!child.answer_has("protocolVersion")) die("no handshake");
  const auto call = [&](int id) {
    child.send(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
               R"(,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"})" +
               meta + "}}\n");
    if (!child.answer_has("\"hello\"")) die("a wrong answer");
  };
  for (int i = 1; i <= 200; ++i) call(i);
  const double cpu = child.cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) call(1000 + i);
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf(R"({"name":"stdio.%s","ours":%.1f,"unit":"us CPU per call","calls_per_s":%.0f})"
              "\n",
              name, (child.cpu_seconds() - cpu) / calls * 1e6, calls / wall);
}

}  // namespace

int main(int argc, char** argv) {
  std::string server = argc > 1 ? argv[1] : beside_us();
  const int calls = argc > 2 ? std::atoi(argv[2]) : kDefaultCalls;
  if (calls <= 0) die("CALLS must be a number above 0");
  measure(server.data(), "echo.legacy", "", calls);
  measure(server.data(), "echo.modern",
          R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
          R"("io.modelcontextprotocol/clientCapabilities":{}})",
          calls);
}
