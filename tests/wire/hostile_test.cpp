// What a hostile or broken client may send, on both transports: each thing has one exact answer,
// the server lives on and takes at most 64 MiB. Transcripts have the same for what needs no count
// and no large input (malformed.jsonl, cancel.jsonl, ends*.jsonl).
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"
#include "base/limits.h"
#include "tests/wire/http_client.h"
#include "tests/wire/http_server_path.h"
#include "tests/within.h"

namespace remit::wire_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr long kPeakMib = 64;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // shadow memory is not the server's
#else
constexpr bool kSanitized = false;
#endif

// A server on two pipes that has been initialized (2025-11-25).
class StdioServer {
 public:
  StdioServer() {
    int in[2], out[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    const char* path = std::getenv("REMIT_STDIO_FIXTURE");
    REQUIRE(path != nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execl(path, "fixture_server", nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
    ::fcntl(to_, F_SETFL, O_NONBLOCK);
    say(R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":)"
        R"("2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})"
        "\n"
        R"({"jsonrpc":"2.0","method":"notifications/initialized"})"
        "\n");
    REQUIRE(line().find("\"init\"") != std::string::npos);
  }
  ~StdioServer() {
    end_input();
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(from_);
  }
  StdioServer(const StdioServer&) = delete;
  StdioServer& operator=(const StdioServer&) = delete;

  enum class Reads { yes, no };
  // Writes all of it, reading meanwhile or not; false if the server took no more for `patience`.
  bool say(const std::string& bytes, Reads reads = Reads::yes, milliseconds patience = kPatience) {
    std::size_t at = 0;
    while (at < bytes.size()) {
      pollfd watched[2] = {{to_, POLLOUT, 0}, {reads == Reads::yes ? from_ : -1, POLLIN, 0}};
      if (::poll(watched, 2, static_cast<int>(patience.count())) <= 0) return false;
      if (watched[1].revents != 0 && !fill()) return false;
      if ((watched[0].revents & ~POLLOUT) != 0) return false;
      if ((watched[0].revents & POLLOUT) == 0) continue;
      const ssize_t written = ::write(to_, bytes.data() + at, bytes.size() - at);
      if (written < 0 && errno != EAGAIN) return false;
      if (written > 0) at += static_cast<std::size_t>(written);
    }
    return true;
  }
  // The next message; empty if none comes within `patience`.
  std::string line(milliseconds patience = kPatience) {
    std::size_t end = 0;
    while ((end = read_.find('\n')) == std::string::npos) {
      pollfd ready{from_, POLLIN, 0};
      if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0 || !fill()) return {};
    }
    std::string out = read_.substr(0, end);
    read_.erase(0, end + 1);
    return out;
  }
  void end_input() {
    if (to_ >= 0) ::close(to_);
    to_ = -1;
  }
  long peak_mib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string text; std::getline(status, text);)
      if (text.starts_with("VmHWM:")) return std::atol(text.c_str() + 6) / 1024;
    return -1;
  }
  // Its exit code, -1 if it runs on; `peak` gets the most memory it had, in MiB.
  int wait(long* peak) {
    int status = 0;
    rusage used{};
    const bool ended =
        within(kPatience, [&] { return ::wait4(pid_, &status, WNOHANG, &used) == pid_; });
    if (!ended) return -1;
    pid_ = -1;
    *peak = used.ru_maxrss / 1024;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  bool fill() {
    char piece[65536];
    const ssize_t got = ::read(from_, piece, sizeof piece);
    if (got <= 0) return false;
    read_.append(piece, static_cast<std::size_t>(got));
    return true;
  }
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string read_;
};

std::string call(const std::string& id, const std::string& tool, const std::string& arguments) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":)" + arguments + "}}";
}
std::string modern_call(const std::string& id, const std::string& tool,
                        const std::string& arguments) {
  std::string text = call(id, tool, arguments);
  text.insert(text.size() - 2,
              R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
              R"("io.modelcontextprotocol/clientCapabilities":{}})");
  return text;
}
std::string fields(const std::string& tool) {
  return "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: " + tool + "\r\n";
}
std::string cancelled(const std::string& id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id +
         "}}";
}
std::string refusal(int code, const std::string& message, const std::string& id = {}) {
  std::string text = R"({"jsonrpc":"2.0",)";
  if (!id.empty()) text += "\"id\":" + id + ",";
  text += R"("error":{"code":)" + std::to_string(code) + R"(,"message":)";
  append_json_string(text, message);
  return text + "}}";
}
std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}
std::vector<std::string> http_command() {
  return {server_path(), "--http", "127.0.0.1:0"};
}
std::string open_session(HttpClient& client) {
  client.send(post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
      R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})"));
  return "Mcp-Session-Id: " + client.read().field("mcp-session-id") + "\r\n";
}
void check_memory(const HttpProcess& server) {
  if (const auto peak = server.peak_rss_mib()) CHECK(*peak < kPeakMib);
}

constexpr const char* kIdRule =
    "invalid request: an id is a string of at most 1024 bytes or an integer within +-(2^53 - 1)";
constexpr const char* kBusyCount = "busy: 64 requests are in flight; retry when one is answered";
constexpr const char* kBusyMemory =
    "busy: the requests in flight hold all the memory that they may; retry when one is answered";

struct Row {
  const char* what;
  std::string frame;
  std::string answer;
};

// Frames whose answer is the same on every transport; over HTTP its status is 400.
std::vector<Row> hostile_frames() {
  const std::string ping = R"(,"method":"ping"})";
  const std::string head = R"({"jsonrpc":"2.0","id":)";
  const auto not_json = [](std::size_t at, const std::string& why) {
    return refusal(-32700,
                   "parse error: not valid JSON at byte " + std::to_string(at) + ": " + why);
  };
  const auto twice = [](const std::string& key, const std::string& id) {
    return refusal(-32600, "invalid request: the key \"" + key + "\" stands twice", id);
  };
  const std::string deep = refusal(-32700, "parse error: JSON nested deeper than 128 levels");
  return {
      {"invalid UTF-8", head + "\"\xff\"" + ping,
       not_json(24, "invalid string: ill-formed UTF-8 byte")},
      {"a cut UTF-8 sequence", head + "\"\xe2\x82\"" + ping,
       not_json(26, "invalid string: ill-formed UTF-8 byte")},
      {"an overlong NUL", head + "\"\xc0\x80\"" + ping,
       not_json(24, "invalid string: ill-formed UTF-8 byte")},
      {"a NUL byte in a string", head + std::string("\"a\0b\"", 5) + ping,
       not_json(25, "NUL byte")},
      {"a NUL byte after the message", head + "1" + ping + std::string(1, '\0'),
       not_json(41, "NUL byte")},
      {"100,000 arrays", repeated("[", 100'000), deep},
      {"100,000 arrays, closed", repeated("[", 100'000) + repeated("]", 100'000), deep},
      {"100,000 objects", repeated("{\"a\":", 100'000), deep},
      {"100,000 arrays as parameters",
       head + R"(1,"method":"ping","params":{"x":)" + repeated("[", 100'000), deep},
      {"200,001 values", "[" + repeated("1,", 200'000) + "1]",
       refusal(-32700, "parse error: more than 200000 JSON values")},
      {"two ids", head + R"(1,"id":2)" + ping, twice("id", "")},
      {"two ids alike", head + R"(1,"id":1)" + ping, twice("id", "")},
      {"two methods", head + R"(1,"method":"tools/list")" + ping, twice("method", "1")},
      {"two methods, one escaped", head + R"(1,"m\u0065thod":"tools/list")" + ping,
       twice("method", "1")},
      {"two versions", R"({"jsonrpc":"2.0","jsonrpc":"2.0","id":1)" + ping, twice("jsonrpc", "1")},
      {"two params", head + R"(1,"params":{},"params":{})" + ping, twice("params", "1")},
      {"id null", head + "null" + ping, refusal(-32600, kIdRule)},
      {"id 1.0", head + "1.0" + ping, refusal(-32600, kIdRule)},
      {"id 1.5", head + "1.5" + ping, refusal(-32600, kIdRule)},
      {"id 1e0", head + "1e0" + ping, refusal(-32600, kIdRule)},
      {"id -0.0", head + "-0.0" + ping, refusal(-32600, kIdRule)},
      {"id 2^53", head + "9007199254740992" + ping, refusal(-32600, kIdRule)},
      {"id 2^64", head + "18446744073709551616" + ping, refusal(-32600, kIdRule)},
      {"id true", head + "true" + ping, refusal(-32600, kIdRule)},
      {"id {}", head + "{}" + ping, refusal(-32600, kIdRule)},
      {"id []", head + "[]" + ping, refusal(-32600, kIdRule)},
      {"an id of 1,025 bytes", head + "\"" + std::string(1025, 'i') + "\"" + ping,
       refusal(-32600, kIdRule)},
      {"half a message", head + "1", not_json(24, "unexpected end of input; expected '}'")},
      {"two messages in one", head + "1" + ping + head + "2" + ping,
       not_json(41, "unexpected '{'; expected end of input")},
  };
}

TEST_CASE("hostile frames over stdio: one exact answer each") {
  StdioServer server;
  for (const Row& row : hostile_frames()) {
    CAPTURE(row.what);
    REQUIRE(server.say(row.frame + "\n"));
    CHECK(server.line() == row.answer);
  }
  const std::string large = std::to_string(limits::kFrameBytes);
  // 64 MiB: skipped to the newline; the next frame is read.
  REQUIRE(server.say(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":")" +
                     std::string(64u << 20, 'x') + "\"}}\n"));
  CHECK(server.line() ==
        refusal(-32600, "invalid request: a message has at most " + large + " bytes"));
  REQUIRE(server.say(call("2", "echo", R"({"text":"alive"})") + "\n"));
  CHECK(server.line().find("\"alive\"") != std::string::npos);
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
}

TEST_CASE("hostile bodies over HTTP: one exact answer each") {
  const HttpProcess server(http_command());
  HttpClient client(server.address());
  const std::string session = open_session(client);
  for (const Row& row : hostile_frames()) {
    CAPTURE(row.what);
    for (const std::string& more : {std::string("MCP-Protocol-Version: 2026-07-28\r\n"), session}) {
      HttpClient one(server.address());
      REQUIRE(one.send(post(row.frame, more)));
      const Answer answer = one.read();
      CHECK(answer.status == 400);
      CHECK(answer.field("content-type") == "application/json");
      CHECK(answer.body == row.answer);
    }
  }
  {
    HttpClient large(server.address());
    large.send(post(std::string(64u << 20, 'x'), session));
    const Answer answer = large.read();
    CHECK(answer.status == 413);
    CHECK(answer.body == refusal(-32600, "a message has at most 8388608 bytes"));
  }
  client.send(post(call("2", "echo", R"({"text":"alive"})"), session));
  CHECK(client.read().status == 200);
  check_memory(server);
}

TEST_CASE("the largest messages that are served stay within the bound") {
  const std::string text = R"({"text":")" + std::string(limits::kFrameBytes - 512, 'a') + "\"}";
  std::string keys = R"({"text":"x")";
  for (int i = 0; i < 198'000; ++i) keys += ",\"k" + std::to_string(i) + "\":{}";
  keys += "}";
  for (const std::string& arguments : {text, keys}) {
    CAPTURE(arguments.size());
    StdioServer server;
    REQUIRE(server.say(call("1", "echo", arguments) + "\n"));
    CHECK(server.line().find(R"("id":1,"result":)") != std::string::npos);
    if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
    const HttpProcess http(http_command());
    HttpClient client(http.address());
    REQUIRE(client.send(post(modern_call("1", "echo", arguments), fields("echo"))));
    CHECK(client.read().status == 200);
    check_memory(http);
  }
}

TEST_CASE("arguments that come as a string are parsed within bounds of their own") {
  StdioServer server;
  std::string deep = "\"{\\\"text\\\":" + repeated("[", 100'000) + repeated("]", 100'000) + "}\"";
  std::string wide = "\"{\\\"text\\\":[" + repeated("1,", 100'000) + "1]}\"";
  for (const std::string& arguments : {deep, wide}) {
    REQUIRE(server.say(call("1", "echo", arguments) + "\n"));
    CHECK(server.line() == refusal(-32602, "params.arguments must be an object", "1"));
  }
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
}

TEST_CASE("partial frames: a byte at a time, and input that ends in the middle") {
  StdioServer server;
  for (const char c : call("1", "echo", R"({"text":"slowly"})") + "\n")
    REQUIRE(server.say(std::string(1, c)));
  CHECK(server.line().find("slowly") != std::string::npos);
  REQUIRE(server.say(R"({"jsonrpc":"2.0","id":2,)"));
  server.end_input();
  CHECK(server.line() ==
        refusal(-32700,
                "parse error: not valid JSON at byte 25: unexpected end of input; expected "
                "string literal"));
  long peak = 0;
  CHECK(server.wait(&peak) == 0);

  const HttpProcess http(http_command());
  HttpClient cut(http.address());
  cut.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
           fields("echo") + "Content-Length: 100\r\n\r\n{");
  ::shutdown(cut.fd(), SHUT_WR);
  const Answer answer = cut.read();
  CHECK(answer.status == 400);
  CHECK(answer.body ==
        refusal(-32600, "bad request: the body ends early, is malformed or too slow"));
}

TEST_CASE("a notification to the method of a request is accepted and does nothing") {
  const HttpProcess server(http_command());
  HttpClient client(server.address());
  const std::string session = open_session(client);
  const std::string legacy =
      R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"slow","arguments":{"ms":60000}}})";
  std::string modern = modern_call("1", "slow", R"({"ms":60000})");
  modern.erase(modern.find(R"("id":1,)"), 7);
  for (const auto& [body, more] : {std::pair(legacy, session), std::pair(modern, fields("slow"))}) {
    client.send(post(body, more));
    const Answer answer = client.read();
    CHECK(answer.status == 202);
    CHECK(answer.body.empty());
  }
  CHECK(within(kPatience, [&] { return server.requests_in_flight() == 0; }));
}

TEST_CASE("an id in flight: refused in a session, another request's where there is none") {
  const HttpProcess server(http_command());
  HttpClient first(server.address()), second(server.address());
  const std::string session = open_session(first);
  first.send(post(call("7", "slow", R"({"ms":1500})"), session));
  REQUIRE(within(kPatience, [&] { return server.requests_in_flight() == 1; }));
  second.send(post(call("7", "echo", R"({"text":"x"})"), session));
  const Answer refused = second.read();
  CHECK(refused.status == 400);
  CHECK(refused.body == refusal(-32600, "a request with this id is in flight", "7"));
  CHECK(first.read().body.find("waited") != std::string::npos);
  first.send(post(modern_call("7", "slow", R"({"ms":1500})"), fields("slow")));
  REQUIRE(within(kPatience, [&] { return server.requests_in_flight() == 1; }));
  second.send(post(modern_call("7", "echo", R"({"text":"x"})"), fields("echo")));
  CHECK(second.read().status == 200);
  CHECK(first.read().status == 200);
}

TEST_CASE("stdio: a client that never reads is given up, in bounded memory") {
  for (const bool large : {true, false}) {
    CAPTURE(large);
    StdioServer server;
    const std::string one = large ? call("1", "big", R"({"bytes":1000000})") + "\n"
                                  : "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
    std::string all;
    for (int i = 0; i < (large ? 60 : 1'000'000); ++i) {
      all += one;
      if (large) all.replace(all.rfind("\"id\":1,"), 7, "\"id\":" + std::to_string(i) + ",");
    }
    // It may end before it has taken everything.
    static_cast<void>(server.say(all, StdioServer::Reads::no, seconds(5)));
    if (large) server.end_input();
    long peak = 0;
    CHECK(server.wait(&peak) == 0);
    if (!kSanitized) CHECK(peak < kPeakMib);
  }
}

TEST_CASE("HTTP: clients that never read are served around, in bounded memory") {
  const HttpProcess server(http_command());
  std::vector<std::unique_ptr<HttpClient>> silent;
  for (int i = 0; i < 64; ++i) {
    silent.push_back(std::make_unique<HttpClient>(server.address()));
    silent.back()->send(post(modern_call("1", "big", R"({"bytes":1000000})"), fields("big")));
  }
  // Whoever reads is answered: served, or told to come back while what is unread fills the memory.
  bool served = false;
  CHECK(within(kPatience, [&] {
    HttpClient live(server.address());
    live.send(post(modern_call("1", "echo", R"({"text":"x"})"), fields("echo")));
    const Answer answer = live.read();
    served = answer.status == 200;
    if (served) return true;
    REQUIRE(answer.status == 503);
    CHECK(answer.field("retry-after") == "1");
    CHECK(answer.body ==
          refusal(-32603, "busy: too many answers wait to be read; read some and retry", "1"));
    return false;
  }));
  CHECK(served);
  // One that reads late gets what it asked for.
  const Answer late = silent.front()->read();
  CHECK((late.status == 200 || late.status == 503));
  check_memory(server);
}

TEST_CASE("thousands of requests at once: 64 are served, each of the others is told so") {
  StdioServer server;
  std::string all;
  for (int i = 0; i < 5000; ++i) all += call(std::to_string(i), "slow", R"({"ms":600000})") + "\n";
  REQUIRE(server.say(all));
  for (int i = 64; i < 5000; ++i)
    REQUIRE(server.line() == refusal(-32603, kBusyCount, std::to_string(i)));
  all.clear();
  for (int i = 0; i < 64; ++i) all += cancelled(std::to_string(i)) + "\n";
  REQUIRE(server.say(all + R"({"jsonrpc":"2.0","id":"p","method":"ping"})" + "\n"));
  CHECK(server.line() == R"({"jsonrpc":"2.0","id":"p","result":{}})");
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);

  const HttpProcess http(http_command());
  HttpClient client(http.address());
  const std::string session = open_session(client);
  std::vector<std::unique_ptr<HttpClient>> many;
  for (int i = 0; i < 200; ++i) {
    many.push_back(std::make_unique<HttpClient>(http.address()));
    many.back()->send(post(call(std::to_string(i), "slow", R"({"ms":600000})"), session));
  }
  // Whoever was first: 136 are refused.
  CHECK(within(kPatience, [&] { return http.requests_in_flight() == 64; }));
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    HttpClient& one = *many[static_cast<std::size_t>(i)];
    pollfd ready{one.fd(), POLLIN, 0};
    if (::poll(&ready, 1, 0) != 1) continue;
    const Answer answer = one.read_head();
    if (answer.status != 503) continue;  // a stream, begun because the call takes its time
    CHECK(answer.field("retry-after") == "1");
    CHECK(one.has_come(refusal(-32603, kBusyCount, std::to_string(i))));
    ++refused;
  }
  CHECK(refused == 136);
  check_memory(http);
}

TEST_CASE("large requests at once: no more than the memory they may hold") {
  StdioServer server;
  const std::string megabyte(1u << 20, 'x');
  std::string all;
  for (int i = 0; i < 64; ++i)
    all += call(std::to_string(i), "slow", R"({"ms":600000,"x":")" + megabyte + "\"}") + "\n";
  REQUIRE(server.say(all));
  for (int i = 15; i < 64; ++i)
    REQUIRE(server.line() == refusal(-32603, kBusyMemory, std::to_string(i)));
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
  // Once they are cancelled and gone there is room again.
  all.clear();
  for (int i = 0; i < 15; ++i) all += cancelled(std::to_string(i)) + "\n";
  REQUIRE(server.say(all));
  CHECK(within(kPatience, [&] {
    REQUIRE(server.say(call("\"again\"", "echo", R"({"text":")" + megabyte + "\"}") + "\n"));
    return server.line().find("result") != std::string::npos;
  }));
}

TEST_CASE("a storm of cancellations: nothing is answered twice, and nothing is left") {
  StdioServer server;
  std::string all;
  for (int i = 0; i < 5000; ++i) {
    all += call(std::to_string(i), "slow", R"({"ms":600000})") + "\n";
    all += cancelled(std::to_string(i)) + "\n" + cancelled("\"none\"") + "\n";
  }
  all += call("\"last\"", "echo", R"({"text":"alive"})") + "\n";
  REQUIRE(server.say(all));
  // A call that found 128 handlers still winding down was refused; no other is answered.
  std::set<std::string> answered;
  for (std::string line = server.line(); line.find("\"last\"") == std::string::npos;
       line = server.line()) {
    REQUIRE(!line.empty());
    const auto message = parse_json(line);
    REQUIRE(message);
    const std::string id = dump((*message)["id"]);
    CHECK(line == refusal(-32603, kBusyCount, id));
    CHECK(answered.insert(id).second);
  }
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);

  const HttpProcess http(http_command());
  for (int i = 0; i < 300; ++i) {
    HttpClient leaving(http.address());
    leaving.send(post(modern_call("1", "slow", R"({"ms":600000})"), fields("slow")));
  }
  CHECK(within(kPatience, [&] { return http.requests_in_flight() == 0; }));
  HttpClient client(http.address());
  client.send(post(modern_call("1", "echo", R"({"text":"alive"})"), fields("echo")));
  CHECK(client.read().status == 200);
  check_memory(http);
}

TEST_CASE("each signal that ends a server ends one over HTTP, too") {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    HttpProcess server(http_command());
    server.signal(number);
    CHECK(server.wait(kPatience) == 0);
  }
}

}  // namespace
}  // namespace remit::wire_test
