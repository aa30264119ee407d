// packaging/nginx/remit.conf run by Debian's nginx in front of the server of toys, everything on
// unix sockets in a folder of its own that goes with it. Throws std::runtime_error where that
// cannot be.
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

// Remit's server of toys with the shipped configuration in front.
class Proxied {
 public:
  // So many clients at once; nginx needs two descriptors for one that is served.
  explicit Proxied(int clients = 4000) {
    char name[] = "/tmp/remit-nginx-XXXXXX";
    folder_ = ::mkdtemp(name);
    if (run({kOpenssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", folder_ + "/key", "-out",
             folder_ + "/cert"}) != 0)
      throw std::runtime_error("openssl makes no certificate");
    const char* source = std::getenv("REMIT_SOURCE");
    std::ifstream shipped(std::string(source != nullptr ? source : ".") +
                          "/packaging/nginx/remit.conf");
    std::stringstream text;
    text << shipped.rdbuf();
    std::string conf = text.str();
    replace(conf, "unix:/run/remit/remit.sock;", "unix:" + folder_ + "/remit;");
    replace(conf, "listen 443 ssl http2;",
            "listen unix:" + folder_ + "/tls ssl http2; listen unix:" + plain() + ";");
    replace(conf, "server_name remit.example.org;", "server_name localhost;");
    replace(conf, "/etc/remit/tls/fullchain.pem", folder_ + "/cert");
    replace(conf, "/etc/remit/tls/privkey.pem", folder_ + "/key");
    // All clients of this test have one address.
    replace(conf, "limit_conn remit_address 128;",
            "limit_conn remit_address " + std::to_string(3 * clients) + ";");
    std::ofstream(folder_ + "/remit.conf") << conf;
    std::ofstream(folder_ + "/nginx.conf")
        << "daemon off; master_process off; pid " << folder_ << "/pid; error_log " << folder_
        << "/log;\n"
        << "worker_rlimit_nofile " << clients + 96 << "; events { worker_connections " << clients
        << "; }\nhttp { access_log off;\n"
        << "client_body_temp_path " << folder_ << "/body; proxy_temp_path " << folder_
        << "/proxy;\n"
        << "fastcgi_temp_path " << folder_ << "/f; uwsgi_temp_path " << folder_
        << "/u; scgi_temp_path " << folder_ << "/s;\ninclude " << folder_ << "/remit.conf; }\n";
    server_ = std::make_unique<HttpProcess>(std::vector<std::string>{
        server_path(), "--socket", folder_ + "/remit", "--heartbeat", "50"});
    nginx_ = ::fork();
    if (nginx_ == 0) {
      ::execl(kNginx, "nginx", "-p", folder_.c_str(), "-c", (folder_ + "/nginx.conf").c_str(), "-e",
              (folder_ + "/log").c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 500 && HttpClient(plain()).fd() < 0; ++i) ::usleep(10'000);
  }
  ~Proxied() {
    ::kill(nginx_, SIGKILL);
    ::waitpid(nginx_, nullptr, 0);
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  Proxied(const Proxied&) = delete;
  Proxied& operator=(const Proxied&) = delete;

  std::string plain() const { return folder_ + "/plain"; }
  const std::string& folder() const { return folder_; }
  const HttpProcess& server() const { return *server_; }
  // Requests that reached Remit, refused ones included, without those that ask.
  long requests() {
    HttpClient direct(folder_ + "/remit");
    direct.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string text = direct.read().body;
    long sum = 0;
    for (std::size_t at = 0;
         (at = text.find("\nremit_http_requests_total{", at)) != std::string::npos; ++at)
      sum += std::atol(text.c_str() + text.find("} ", at) + 2);
    return sum - asked_++;
  }

 private:
  std::string folder_;
  std::unique_ptr<HttpProcess> server_;
  pid_t nginx_ = -1;
  long asked_ = 0;
};

}  // namespace remit::wire_test
