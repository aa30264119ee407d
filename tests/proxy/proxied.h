// The configurations of packaging/nginx run by Debian's nginx, on unix sockets in a folder of its
// own that goes with it: remit.conf in front of the server of toys. Throws std::runtime_error where
// that cannot be.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/wire/http_client.h"
#include "tests/wire/http_server_path.h"

namespace remit::wire_test {

inline constexpr const char* kNginx = "/usr/sbin/nginx";
inline constexpr const char* kOpenssl = "/usr/bin/openssl";

inline void replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("the configuration has no " + from);
  text.replace(at, from.size(), to);
}

inline int run(std::vector<std::string> argv) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> words;
    for (std::string& word : argv) words.push_back(word.data());
    words.push_back(nullptr);
    const int null = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) ::dup2(null, fd);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// A shipped configuration in a folder of its own, and nginx with it; killed at the end.
class Nginx {
 public:
  // `clients`: at once; it needs two descriptors for one that is served.
  explicit Nginx(std::string file, int clients = 4000) : file_(std::move(file)), clients_(clients) {
    char name[] = "/tmp/remit-nginx-XXXXXX";
    folder_ = ::mkdtemp(name);
    if (run({kOpenssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", folder_ + "/key", "-out",
             folder_ + "/cert"}) != 0)
      throw std::runtime_error("openssl makes no certificate");
  }
  ~Nginx() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  // `changes`: what stands in the file and what a test needs there. Nginx listens on plain() and,
  // with TLS, on folder() + "/tls".
  void start(std::vector<std::pair<std::string, std::string>> changes) {
    const char* source = std::getenv("REMIT_SOURCE");
    std::ifstream shipped(std::string(source != nullptr ? source : ".") + "/packaging/nginx/" +
                          file_);
    std::stringstream text;
    text << shipped.rdbuf();
    std::string conf = text.str();
    changes.emplace_back("listen 443 ssl http2;",
                         "listen unix:" + folder_ + "/tls ssl http2; listen unix:" + plain() + ";");
    for (const auto& [from, to] : changes) replace(conf, from, to);
    std::ofstream(folder_ + "/shipped.conf") << conf;
    std::ofstream(folder_ + "/nginx.conf")
        << "daemon off; master_process off; pid " << folder_ << "/pid; error_log " << folder_
        << "/log;\n"
        << "worker_rlimit_nofile " << clients_ + 96 << "; events { worker_connections " << clients_
        << "; }\nhttp { access_log off;\n"
        << "client_body_temp_path " << folder_ << "/body; proxy_temp_path " << folder_
        << "/proxy;\n"
        << "fastcgi_temp_path " << folder_ << "/f; uwsgi_temp_path " << folder_
        << "/u; scgi_temp_path " << folder_ << "/s;\ninclude " << folder_ << "/shipped.conf; }\n";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl(kNginx, "nginx", "-p", folder_.c_str(), "-c", (folder_ + "/nginx.conf").c_str(), "-e",
              (folder_ + "/log").c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 500 && HttpClient(plain()).fd() < 0; ++i) ::usleep(10'000);
  }
  std::string plain() const { return folder_ + "/plain"; }
  const std::string& folder() const { return folder_; }

 private:
  const std::string file_;
  const int clients_;
  std::string folder_;
  pid_t pid_ = -1;
};

// Remit's server of toys with the shipped configuration in front.
class Proxied {
 public:
  explicit Proxied(int clients = 4000) : nginx_("remit.conf", clients) {
    server_ = std::make_unique<HttpProcess>(std::vector<std::string>{
        server_path(), "--socket", folder() + "/remit", "--heartbeat", "50"});
    nginx_.start({{"unix:/run/remit/remit.sock;", "unix:" + folder() + "/remit;"},
                  {"server_name remit.example.org;", "server_name localhost;"},
                  {"/etc/remit/tls/fullchain.pem", folder() + "/cert"},
                  {"/etc/remit/tls/privkey.pem", folder() + "/key"},
                  // All clients of this test have one address.
                  {"limit_conn remit_address 128;",
                   "limit_conn remit_address " + std::to_string(3 * clients) + ";"}});
  }

  std::string plain() const { return nginx_.plain(); }
  const std::string& folder() const { return nginx_.folder(); }
  const HttpProcess& server() const { return *server_; }
  // Requests that reached Remit, refused ones included, without those that ask.
  long requests() {
    HttpClient direct(folder() + "/remit");
    direct.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string text = direct.read().body;
    long sum = 0;
    for (std::size_t at = 0;
         (at = text.find("\nremit_http_requests_total{", at)) != std::string::npos; ++at)
      sum += std::atol(text.c_str() + text.find("} ", at) + 2);
    return sum - asked_++;
  }

 private:
  Nginx nginx_;
  std::unique_ptr<HttpProcess> server_;
  long asked_ = 0;
};

}  // namespace remit::wire_test
