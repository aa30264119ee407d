// The largest messages at work at the product itself, whose handlers hold copies of their own: what
// 64 clients write at once stays in the memory that a server may have.
#include <csignal>
#include <thread>

#include "tests/e2e/served.h"
#include "tests/wire/http_client.h"

namespace remit::e2e {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // shadow memory is not the server's
#else
constexpr bool kSanitized = false;
#endif
constexpr long kPeakKib = 64'000'000 / 1024;
constexpr std::size_t kFrame = 8u << 20;  // as base/limits.h has it

// `remit serve --http` over a house, killed at the end.
class Served {
 public:
  explicit Served(const House& house) : errors_(house.path + "/stderr") {
    pid = ::fork();
    if (pid == 0) {
      const int err = ::open(errors_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      const int nothing = ::open("/dev/null", O_RDWR);
      ::dup2(nothing, 0);
      ::dup2(nothing, 1);
      ::dup2(err, 2);
      const std::string state = house.path + "/state";
      ::execl(variable("REMIT_BINARY").c_str(), "remit", "serve", "--agent", house.persona.c_str(),
              "--workspace", house.workspace.c_str(), "--state", state.c_str(), "--http",
              "127.0.0.1:0", "--no-auth", nullptr);
      ::_exit(127);
    }
    const std::string scheme = "http://";
    REQUIRE(within(kPatience, [&] {
      const std::string said = slurp(errors_);
      const std::size_t at = said.find(scheme);
      if (at == std::string::npos || said.find("/mcp", at) == std::string::npos) return false;
      const std::size_t from = at + scheme.size();
      address = said.substr(from, said.find('/', from) - from);
      return true;
    }));
  }
  ~Served() {
    ::kill(pid, SIGTERM);
    ::waitpid(pid, nullptr, 0);
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  long peak_kib() const {
    return std::stol(field_of(slurp("/proc/" + std::to_string(pid) + "/status"), "VmHWM"));
  }

  pid_t pid = -1;
  std::string address;

 private:
  const std::string errors_;
};

std::string write_call(const std::string& version, const std::string& content) {
  const std::string arguments =
      R"({"file_path":"large.txt","if_version":")" + version + R"(","content":")" + content + "\"}";
  const std::string body =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"Write","arguments":)" +
      arguments +
      R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
  return wire_test::post(body,
                         "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
                         "Mcp-Name: Write\r\n");
}

// Sends it from 64 clients at once; the version that the one which was served left.
std::string write_at_once(const Served& server, const std::string& request) {
  std::vector<wire_test::Answer> answers(64);
  std::vector<std::thread> clients;
  for (wire_test::Answer& answer : answers) {
    clients.emplace_back([&] {
      wire_test::HttpClient client(server.address);
      static_cast<void>(client.send(request));
      answer = client.read(kPatience);
    });
  }
  for (std::thread& client : clients) client.join();
  std::string version;
  for (const wire_test::Answer& answer : answers) {
    // Refused before it is read, a client may still be sending: it then sees the end only.
    CHECK((answer.status == 200 || answer.status == 503 || answer.status == 0));
    const std::size_t at = answer.body.find("version=");
    if (at != std::string::npos && answer.body.find("isError") == std::string::npos)
      version = answer.body.substr(at + 8, 64);
  }
  return version;
}

TEST_CASE("64 clients write 8 MiB at once, over nothing, over other text, over millions of lines") {
  const House house;
  const Served server(house);
  const std::string one(kFrame - 1024, 'x'), other(kFrame - 1024, 'y');
  std::string lines;
  while (lines.size() < kFrame - 1024) lines += "\\n";
  std::string version;
  for (const std::string& content : {one, other, lines, "first\\n" + lines.substr(8), other}) {
    version = write_at_once(server, write_call(version, content));
    CHECK(version.size() == 64);
    CAPTURE(files::file_size(house.workspace + "/large.txt"));
    if (!kSanitized) CHECK(server.peak_kib() < kPeakKib);
  }
}

}  // namespace
}  // namespace remit::e2e
