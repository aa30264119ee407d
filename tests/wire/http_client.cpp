#include "tests/wire/http_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/text.h"

namespace remit::wire_test {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

int connect_to(const std::string& address) {
  sockaddr_storage where{};
  socklen_t size = 0;
  if (address.starts_with('/')) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address.copy(name.sun_path, sizeof name.sun_path - 1);
    std::memcpy(&where, &name, size = sizeof name);
  } else {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port =
        htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + address.find(':') + 1)));
    std::memcpy(&where, &name, size = sizeof name);
  }
  const int fd = ::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), size) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

std::string Answer::field(const std::string& name) const {
  const auto at = fields.find(name);
  return at == fields.end() ? "" : at->second;
}

HttpClient::HttpClient(const std::string& address) : fd_(connect_to(address)) {}
HttpClient::~HttpClient() {
  close();
}

void HttpClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool HttpClient::send(const std::string& bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t sent = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += static_cast<std::size_t>(sent);
  }
  return true;
}

bool HttpClient::fill(SteadyClock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now()).count();
  pollfd watched{fd_, POLLIN, 0};
  if (left <= 0 || ::poll(&watched, 1, static_cast<int>(left)) <= 0) return false;
  char piece[16384];
  const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
  if (got <= 0) return false;
  buffer_.append(piece, static_cast<std::size_t>(got));
  return true;
}

Answer HttpClient::read_head(milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill(deadline)) return {};
  Answer out;
  std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  out.status = std::atoi(head.c_str() + std::strlen("HTTP/1.1 "));
  if (out.status == 100) return read_head(timeout);
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t line_end = head.find("\r\n", at);
    const std::string line = head.substr(at, line_end - at);
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos)
      out.fields[lower_ascii(line.substr(0, colon))] = line.substr(colon + 2);
    at = line_end + 2;
  }
  return out;
}

Answer HttpClient::read(milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  Answer out = read_head(timeout);
  if (out.status == 0) return out;
  if (out.field("transfer-encoding") == "chunked") {
    for (;;) {
      std::size_t line = 0;
      while ((line = buffer_.find("\r\n")) == std::string::npos)
        if (!fill(deadline)) return out;
      const std::size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
      while (buffer_.size() < line + 4 + size)
        if (!fill(deadline)) return out;
      out.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 4 + size);
      if (size == 0) {
        out.complete = true;
        return out;
      }
    }
  }
  if (!out.fields.contains("content-length")) {  // until the end
    while (fill(deadline)) {
    }
    out.complete = SteadyClock::now() < deadline;
    out.body = std::move(buffer_);
    buffer_.clear();
    return out;
  }
  const std::size_t size = std::strtoul(out.field("content-length").c_str(), nullptr, 10);
  while (buffer_.size() < size)
    if (!fill(deadline)) return out;
  out.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  out.complete = true;
  return out;
}

bool HttpClient::has_come(const std::string& text, milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  while (buffer_.find(text) == std::string::npos)
    if (!fill(deadline)) return false;
  return true;
}

bool HttpClient::read_until(const std::string& text, milliseconds timeout) {
  if (!has_come(text, timeout)) return false;
  buffer_.erase(0, buffer_.find(text) + text.size());
  return true;
}

bool HttpClient::ends(milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  if (fill(deadline)) return false;
  return SteadyClock::now() < deadline;
}

HttpProcess::HttpProcess(std::vector<std::string> argv) {
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return;
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(out[1], 1);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  ::close(out[1]);
  std::string url;
  char c = 0;
  while (::read(out[0], &c, 1) == 1 && c != '\n') url += c;
  ::close(out[0]);
  if (url.starts_with("unix:")) address_ = url.substr(5);
  if (url.starts_with("http://")) address_ = url.substr(7, url.rfind('/') - 7);
}

HttpProcess::~HttpProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void HttpProcess::signal(int number) const {
  ::kill(pid_, number);
}

int HttpProcess::wait(milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (SteadyClock::now() >= deadline) return -1;
    ::usleep(2000);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::optional<long> HttpProcess::peak_rss_mib() const {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::nullopt;
#endif
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with("VmHWM:")) return std::atol(line.c_str() + 6) / 1024;
  return std::nullopt;
}

int HttpProcess::requests_in_flight() const {
  HttpClient probe(address_);
  probe.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string text = probe.read().body, name = "\nremit_http_requests_in_flight ";
  const std::size_t at = text.find(name);
  return at == std::string::npos ? -1 : std::atoi(text.c_str() + at + name.size()) - 1;
}

std::string post(const std::string& body, const std::string& more) {
  return "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Accept: application/json, text/event-stream\r\n" +
         more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace remit::wire_test
