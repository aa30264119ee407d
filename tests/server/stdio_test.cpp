// serve_stdio() in this process: who does the work, and that somebody always reads meanwhile.
#include "server/transport/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "tests/wire/toy_service.h"

namespace remit::transport {
namespace {

enum class Input { pipe, socket, waiting_pipe };

std::string call(const std::string& id, const std::string& tool, const std::string& arguments) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":)" + arguments + "}}\n";
}

std::string cancel(const std::string& id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id +
         "}}\n";
}

// A client and its server, on two threads of this process.
class Served {
 public:
  explicit Served(Input input = Input::pipe) : service_(wire_test::toy_service()) {
    int in[2], out[2];
    REQUIRE((input == Input::socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, in)
                                    : ::pipe2(in, O_CLOEXEC)) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    ProtocolPipe pipe;
    pipe.in.reset(in[0]);
    to_.reset(in[1]);
    from_.reset(out[0]);
    pipe.out.reset(out[1]);
    pipe.in_socket = input == Input::socket;
    pipe.in_waits = input != Input::pipe;
    if (input == Input::pipe) REQUIRE(::fcntl(in[0], F_SETFL, O_NONBLOCK) == 0);
    pipe.parent = ::getppid();
    // Each tool notes the thread that runs it.
    for (tools::Tool& tool : service_.tools) {
      tool.run = [this, run = tool.run](const nlohmann::json& arguments, tools::Call& made) {
        {
          const std::lock_guard held(mutex_);
          workers_.insert(std::this_thread::get_id());
        }
        return run(arguments, made);
      };
    }
    thread_ = std::thread([this, pipe = std::move(pipe)]() mutable {
      mcp::Server server(service_);
      exit_code_ = serve_stdio(std::move(pipe), server);
    });
    send(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":)"
         R"("2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})"
         "\n");
    REQUIRE(answers(1).contains("0"));
  }
  ~Served() { end(); }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  void send(const std::string& bytes) const {
    REQUIRE(::write(to_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  // The next `count` answers by their id.
  std::map<std::string, std::string> answers(std::size_t count) {
    std::map<std::string, std::string> out;
    while (out.size() < count) {
      const std::size_t end = read_.find('\n');
      if (end == std::string::npos) {
        pollfd ready{from_.get(), POLLIN, 0};
        REQUIRE(::poll(&ready, 1, 20'000) == 1);
        char bytes[65536];
        const ssize_t got = ::read(from_.get(), bytes, sizeof bytes);
        REQUIRE(got > 0);
        read_.append(bytes, static_cast<std::size_t>(got));
        continue;
      }
      const std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      const std::size_t id = line.find("\"id\":") + 5;
      const auto made = out.emplace(line.substr(id, line.find(',', id) - id), line);
      CHECK(made.second);  // each is answered once
    }
    return out;
  }
  // Closes the input; true if serving then ended as it should.
  bool end() {
    to_.reset();
    if (thread_.joinable()) thread_.join();
    return exit_code_ == 0;
  }
  std::set<std::thread::id> workers() {
    const std::lock_guard held(mutex_);
    return workers_;
  }
  std::thread::id serving() const { return thread_.get_id(); }

 private:
  mcp::Service service_;
  Fd to_, from_;
  std::string read_;
  std::mutex mutex_;
  std::set<std::thread::id> workers_;
  int exit_code_ = -1;
  std::thread thread_;
};

TEST_CASE("a call is done by a thread that waits at the pipe, whatever the pipe is") {
  for (const Input input : {Input::pipe, Input::socket, Input::waiting_pipe}) {
    CAPTURE(static_cast<int>(input));
    Served served(input);
    for (int id = 1; id <= 100; ++id) {
      served.send(call(std::to_string(id), "echo", R"({"text":"hello"})"));
      CHECK(served.answers(1).begin()->second.find("hello") != std::string::npos);
    }
    CHECK(served.workers().contains(served.serving()));
    CHECK(served.end());
  }
}

TEST_CASE("while one call works at the pipe, others are read, answered and cancelled") {
  Served served;
  served.send(call("1", "slow", R"({"ms":100000})"));
  for (const char* id : {"2", "3", "4"}) {
    served.send(call(id, "echo", R"({"text":"still here"})"));
    CHECK(served.answers(1).contains(id));
  }
  served.send(call("5", "slow", R"({"ms":100000})"));
  served.send(R"({"jsonrpc":"2.0","id":6,"method":"ping"})"
              "\n");
  CHECK(served.answers(1).contains("6"));
  served.send(cancel("1"));
  served.send(cancel("5"));
  // Both ids are free again, which an id in flight is not.
  served.send(call("1", "echo", R"({"text":"again"})"));
  served.send(call("5", "echo", R"({"text":"again"})"));
  for (const auto& [id, line] : served.answers(2)) CHECK(line.find("again") != std::string::npos);
  CHECK(served.end());
}

TEST_CASE("the end of input ends a call that works at the pipe") {
  for (const bool second_works : {false, true}) {
    CAPTURE(second_works);
    Served served;
    if (second_works) served.send(call("1", "slow", R"({"ms":100000})"));
    served.send(call("2", "slow", R"({"ms":100000})"));
    served.send(R"({"jsonrpc":"2.0","id":3,"method":"ping"})"
                "\n");
    CHECK(served.answers(1).contains("3"));
    CHECK(served.end());
  }
}

TEST_CASE("calls that come in bursts are answered once each") {
  Served served;
  for (int round = 0; round < 60; ++round) {
    std::string burst;
    for (int n = 0; n < 30; ++n) {
      const std::string id = std::to_string(1000 + round * 30 + n);
      burst += call(id, n % 7 == 0 ? "slow" : "echo", R"({"text":"x","ms":1})");
    }
    // In two pieces, cut anywhere.
    const std::size_t cut = burst.size() * static_cast<std::size_t>(round) / 60;
    served.send(burst.substr(0, cut));
    served.send(burst.substr(cut));
    CHECK(served.answers(30).size() == 30);
  }
  CHECK(served.end());
}

TEST_CASE("input that ends in the middle of a line is read to its end") {
  for (const Input input : {Input::pipe, Input::socket, Input::waiting_pipe}) {
    for (int times = 0; times < 50; ++times) {
      Served served(input);
      served.send(R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
      CHECK(served.end());
      CHECK(served.answers(1).contains("1"));
    }
  }
}

TEST_CASE("input that cannot be waited for is read to its end") {
  std::string name = "/tmp/remit-stdio-XXXXXX";
  Fd file(::mkstemp(name.data()));
  REQUIRE(file);
  REQUIRE(::unlink(name.c_str()) == 0);
  const std::string line = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  REQUIRE(::write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  REQUIRE(::lseek(file.get(), 0, SEEK_SET) == 0);
  int out[2];
  REQUIRE(::pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0);
  ProtocolPipe pipe;
  pipe.in = std::move(file);
  pipe.out.reset(out[1]);
  pipe.parent = ::getppid();
  const Fd from(out[0]);
  mcp::Server server(wire_test::toy_service());
  CHECK(serve_stdio(std::move(pipe), server) == 0);
  char bytes[4096];
  const ssize_t got = ::read(from.get(), bytes, sizeof bytes);
  REQUIRE(got > 0);
  CHECK(std::string(bytes, static_cast<std::size_t>(got)).find("\"id\":1") != std::string::npos);
}

}  // namespace
}  // namespace remit::transport
