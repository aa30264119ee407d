// What one small tools/call costs over HTTP (2026-07-28, one POST a call, kept connections): a
// server of toys on the product's protocol layer against the official TypeScript SDK's server, both
// with one echo tool, on 1 and on 32 connections. The two take turns (A B A B); figures are medians
// over the rounds. And what idle and slow clients in front of the shipped nginx configuration cost
// a live one: tests/proxy/crowd.h. Prints one JSON row per measurement (see ./dev bench).
//
//   http_bench [crowd]     crowd: that part alone
//
// Environment: REMIT_NODE, REMIT_NODE_DIR, REMIT_SOURCE.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/bench/server_process.h"
#include "tests/proxy/proxied.h"

namespace {

using remit::bench::die;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kFor{2000};  // length of one round

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') die(std::string(name) + " is not set; run ./dev bench");
  return value;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A server that prints where it listens: a port, or a URL with one.
class HttpServer {
 public:
  explicit HttpServer(const std::vector<std::string>& command) {
    int out[2];
    if (::pipe2(out, O_CLOEXEC) != 0) die("pipe2 failed");
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(out[0]);
    const std::size_t colon = line.rfind(':');
    port_ = std::atoi(line.c_str() + (colon == std::string::npos ? 0 : colon + 1));
    if (port_ <= 0) die(command[0] + " does not listen");
  }
  ~HttpServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int connect() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      die("cannot connect");
    const int yes = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
  }
  double cpu_us() const {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
      die("no CPU clock");
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  }

 private:
  pid_t pid_ = -1;
  int port_ = 0;
};

const std::string kWords(64, 'e');

std::string request() {
  const std::string body =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":")" +
      kWords +
      R"("},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
  return "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
         "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct Client {
  int fd = -1;
  std::string read;
  Clock::time_point asked;
};

// Whether a whole response (with a length) has come; takes it, and says whether it holds the words.
bool take(std::string& read, bool& right) {
  const std::size_t end = read.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  std::size_t at = read.find("ontent-");
  while (at != std::string::npos && at < end &&
         ::strncasecmp(read.c_str() + at, "ontent-length:", 14) != 0)
    at = read.find("ontent-", at + 1);
  if (at == std::string::npos || at > end) die("a response without a length");
  const std::size_t size = std::strtoul(read.c_str() + at + 14, nullptr, 10);
  if (read.size() < end + 4 + size) return false;
  right = right && read.find(kWords) < end + 4 + size;
  read.erase(0, end + 4 + size);
  return true;
}

struct Side {
  std::vector<std::string> command;
  std::vector<double> per_call_us, p99_us, cpu_us;
  bool right = true;
};

void measure(Side& side, int connections) {
  const HttpServer server(side.command);
  const std::string text = request();
  std::vector<Client> clients(static_cast<std::size_t>(connections));
  std::vector<pollfd> watched(clients.size());
  const auto ask = [&](Client& client) {
    client.asked = Clock::now();
    if (::send(client.fd, text.data(), text.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(text.size()))
      die("a server takes no request");
  };
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].fd = server.connect();
    watched[i] = {clients[i].fd, POLLIN, 0};
    ask(clients[i]);
  }
  std::vector<double> each;
  // The first half second warms the peer's compiler up.
  Clock::time_point begin = Clock::now() + std::chrono::milliseconds(500);
  double cpu = 0;
  bool counting = false;
  for (Clock::time_point now = Clock::now(); now < begin + kFor; now = Clock::now()) {
    if (!counting && now >= begin) {
      counting = true;
      begin = now;
      each.clear();
      cpu = server.cpu_us();
    }
    if (::poll(watched.data(), watched.size(), 5000) <= 0) die("a server answers no more");
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (watched[i].revents == 0) continue;
      char piece[16384];
      const ssize_t got = ::recv(clients[i].fd, piece, sizeof piece, 0);
      if (got <= 0) die("a server closed a connection");
      clients[i].read.append(piece, static_cast<std::size_t>(got));
      if (!take(clients[i].read, side.right)) continue;
      each.push_back(
          std::chrono::duration<double, std::micro>(Clock::now() - clients[i].asked).count());
      ask(clients[i]);
    }
  }
  const double wall = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
  const double used = server.cpu_us() - cpu;
  for (const Client& client : clients) ::close(client.fd);
  if (each.empty()) die("no call was answered");
  side.per_call_us.push_back(wall / static_cast<double>(each.size()));
  side.cpu_us.push_back(used / static_cast<double>(each.size()));
  std::sort(each.begin(), each.end());
  side.p99_us.push_back(each[each.size() * 99 / 100]);
}

std::string version_of(const std::string& package_json) {
  std::ifstream in(package_json);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto parsed = remit::parse_json(text);
  return parsed ? parsed->value("version", "?") : "?";
}

void row(const std::string& name, double ours, double peer, const std::string& peer_name,
         bool same) {
  std::printf(
      "{\"name\":\"%s\",\"ours\":%.4g,\"peer_name\":\"%s\",\"peer\":%.4g,\"unit\":\"us\","
      "\"ratio\":%.3g,\"same\":%s}\n",
      name.c_str(), ours, peer_name.c_str(), peer, peer / ours, same ? "true" : "false");
  std::fflush(stdout);
}

// --- a crowd in front of nginx ---

constexpr int kIdle = 10'000, kSlow = 5'000;

struct Waited {
  double p50 = 0, p99 = 0;  // us
  bool right = true;
};

// What one live client waits for its answers.
Waited live(const std::string& address) {
  using remit::wire_test::HttpClient;
  constexpr std::size_t kRequests = 500;  // of one connection: nginx ends it after 1,000
  auto client = std::make_unique<HttpClient>(address);
  const std::string text = request();
  std::vector<double> each;
  Waited out;
  for (const auto begin = Clock::now(); Clock::now() < begin + kFor;) {
    if (each.size() % kRequests == kRequests - 1) client = std::make_unique<HttpClient>(address);
    const auto asked = Clock::now();
    client->send(text);
    const auto answer = client->read();
    if (answer.status != 200)
      die("nginx answers " + std::to_string(answer.status) + ": " + answer.body.substr(0, 300));
    out.right = out.right && answer.body.find(kWords) != std::string::npos;
    each.push_back(std::chrono::duration<double, std::micro>(Clock::now() - asked).count());
  }
  std::sort(each.begin(), each.end());
  out.p50 = each[each.size() / 2];
  out.p99 = each[each.size() * 99 / 100];
  return out;
}

// From a signal to the process's end, idle and with a call at work that would last a minute.
void end_rows(const std::vector<std::string>& command) {
  using namespace remit::wire_test;
  const std::string slow =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","arguments":{"ms":60000},)"
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
  for (const bool busy : {false, true}) {
    for (const auto& [suffix, signal] : {std::pair("_term", SIGTERM), {"_int", SIGINT}}) {
      std::vector<double> ends;
      for (int i = 0; i < kRounds; ++i) {
        HttpProcess server(command);
        HttpClient client(server.address());
        if (busy)
          client.send(post(slow,
                           "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
                           "Mcp-Name: slow\r\n"));
        while (server.requests_in_flight() != (busy ? 1 : 0)) ::usleep(1000);
        const auto begin = Clock::now();
        server.signal(signal);
        if (server.wait(std::chrono::seconds(10)) != 0) die("a server did not end in order");
        ends.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
      }
      std::printf("{\"name\":\"http.end_%s%s\",\"ours\":%.3g,\"unit\":\"ms\"}\n",
                  busy ? "busy" : "idle", suffix, median(ends));
    }
  }
}

void crowd_rows() {
  using remit::wire_test::HttpClient;
  // packaging/nginx/remit.conf asks for 24,000 clients; a sixteenth of them must stay free, or
  // nginx ends idle ones early.
  constexpr rlim_t kWanted = 24'000, kLeast = 16'500, kOthers = 200;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < kLeast + kOthers || ::access(remit::wire_test::kNginx, X_OK) != 0) {
    std::fprintf(stderr, "http_bench: no crowd: it needs nginx and %d descriptors\n",
                 static_cast<int>(kLeast + kOthers));
    return;
  }
  files.rlim_cur = std::min(files.rlim_max, kWanted + kOthers);
  ::setrlimit(RLIMIT_NOFILE, &files);
  remit::wire_test::Proxied house(static_cast<int>(files.rlim_cur - kOthers));
  const Waited alone = live(house.plain());
  std::vector<std::unique_ptr<HttpClient>> crowd;
  // Idle: served once, by nginx alone, and silent since. It keeps them for 75 s.
  for (int i = 0; i < kIdle; ++i) {
    crowd.push_back(std::make_unique<HttpClient>(house.plain()));
    crowd.back()->send("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (crowd.back()->read().status != 404) die("nginx turns an idle client away");
  }
  // Slow: half a head. It gives them 5 s.
  for (int i = 0; i < kSlow; ++i) {
    crowd.push_back(std::make_unique<HttpClient>(house.plain()));
    if (!crowd.back()->send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nA: "))
      die("nginx turns a slow client away");
  }
  const Waited beside = live(house.plain());
  int open = 0;
  for (const auto& one : crowd) {
    char byte = 0;
    open += ::recv(one->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN ? 1 : 0;
  }
  if (open < kIdle + kSlow)
    std::fprintf(stderr, "http_bench: %d of %d clients were still there at the end\n", open,
                 kIdle + kSlow);
  const bool same = alone.right && beside.right;
  row("http.crowd_p50", beside.p50, alone.p50, "alone", same);
  row("http.crowd_p99", beside.p99, alone.p99, "alone", same);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string packages = environment("REMIT_NODE_DIR") + "/node_modules/";
  const std::string peer_name =
      "TypeScript SDK " + version_of(packages + "@modelcontextprotocol/server/package.json");
  const std::string toys =
      std::filesystem::canonical("/proc/self/exe").parent_path().parent_path() /
      "wire/http_fixture_server";
  const bool crowd_alone = argc > 1 && std::string(argv[1]) == "crowd";
  for (const int connections : {1, 32}) {
    if (crowd_alone) break;
    Side ours, theirs;
    ours.command = {toys, "--http", "127.0.0.1:0"};
    theirs.command = {environment("REMIT_NODE"),
                      environment("REMIT_SOURCE") + "/tests/bench/echo_peer.mjs", "http"};
    for (int i = 0; i < kRounds; ++i) {
      measure(ours, connections);
      measure(theirs, connections);
    }
    const bool same = ours.right && theirs.right;
    const std::string name = "http.echo_" + std::to_string(connections);
    row(name, median(ours.per_call_us), median(theirs.per_call_us), peer_name, same);
    row(name + "_p99", median(ours.p99_us), median(theirs.p99_us), peer_name, same);
    row(name + "_cpu", median(ours.cpu_us), median(theirs.cpu_us), peer_name, same);
  }
  if (!crowd_alone) end_rows({toys, "--http", "127.0.0.1:0"});
  ::setenv("REMIT_HTTP_FIXTURE", toys.c_str(), 1);
  crowd_rows();
}
