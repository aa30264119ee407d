// A server process and raw connections to it, for the tests of HTTP: bytes in, bytes out, nothing
// made nicer on the way.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace remit::wire_test {

// One response as it came. `fields` in lower case.
struct Answer {
  int status = 0;  // 0: the connection ended without one
  std::map<std::string, std::string> fields;
  std::string body;       // unchunked
  bool complete = false;  // its last byte has come, or its last chunk
  std::string field(const std::string& name) const;
};

class HttpClient {
 public:
  // "127.0.0.1:PORT" or the path of a unix socket.
  explicit HttpClient(const std::string& address);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  bool send(const std::string& bytes);
  // The next response, whole (an event stream: up to its end).
  Answer read(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // Only its head; what follows comes by read_until().
  Answer read_head(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // Whether `text` comes, or has come; nothing is taken from what read() gives.
  bool has_come(const std::string& text,
                std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // Reads until `text` has come, which is then behind us; false at the end or when time is up.
  bool read_until(const std::string& text,
                  std::chrono::milliseconds timeout = std::chrono::seconds(10));
  const std::string& seen() const { return buffer_; }
  // True if the peer ends the connection within `timeout` without another byte.
  bool ends(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  void close();
  int fd() const { return fd_; }

 private:
  bool fill(std::chrono::steady_clock::time_point deadline);
  int fd_ = -1;
  std::string buffer_;
};

// A running server; killed at the end. `argv[0]` is its path; it prints its URL first.
class HttpProcess {
 public:
  explicit HttpProcess(std::vector<std::string> argv);
  ~HttpProcess();
  HttpProcess(const HttpProcess&) = delete;
  HttpProcess& operator=(const HttpProcess&) = delete;
  const std::string& address() const { return address_; }
  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Its exit code, -1 if it runs after `timeout`, 128 + signal if it was killed.
  int wait(std::chrono::milliseconds timeout);
  // The most memory it has had; none if the process cannot be looked at, or if it was built with a
  // sanitizer, whose own memory that would be.
  std::optional<long> peak_rss_mib() const;
  // Requests being answered, beside the one that asks. -1 if it does not say.
  int requests_in_flight() const;

 private:
  pid_t pid_ = -1;
  std::string address_;
};

// A POST of `body` to /mcp with the usual fields and `more` ("Name: value\r\n" each).
std::string post(const std::string& body, const std::string& more = {});

}  // namespace remit::wire_test
