// A PostgreSQL server of a test's own: Debian's binaries, data and socket in a scratch directory,
// no network, an ordinary user (the server refuses root). It knows nothing of a cluster that
// Debian's package may have started, and ends with the test.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "memory/postgres_session.h"

namespace remit::memory {

class PostgresCluster {
 public:
  // The folder of initdb and postgres; "" if they are not installed.
  static std::string programs() {
    std::vector<std::filesystem::path> found;
    std::error_code ignored;
    for (const auto& version :
         std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
      if (std::filesystem::exists(version.path() / "bin/initdb", ignored))
        found.push_back(version.path() / "bin");
    }
    if (found.empty()) return {};
    return std::max_element(found.begin(), found.end())->string();
  }

  // nullptr if it does not start; why is on stderr.
  static std::unique_ptr<PostgresCluster> start() {
    std::unique_ptr<PostgresCluster> out(new PostgresCluster());
    std::string name = (std::filesystem::temp_directory_path() / "remit-pg-XXXXXX").string();
    if (programs().empty() || ::mkdtemp(name.data()) == nullptr) return nullptr;
    out->folder_ = name;
    if (::geteuid() == 0 && ::chown(name.c_str(), kNobody, kNobody) != 0) return nullptr;
    const pid_t maker = out->run({programs() + "/initdb", "-D", name + "/data", "-A", "trust", "-U",
                                  "remit", "-E", "UTF8", "--locale=C", "--no-sync"});
    int status = 0;
    if (::waitpid(maker, &status, 0) != maker || status != 0 || !out->resume()) return nullptr;
    return out;
  }
  ~PostgresCluster() {
    stop(SIGINT);
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  // `signal`: SIGINT ends its clients, SIGQUIT ends without a word (as a crash would).
  void stop(int signal) {
    if (server_ < 0) return;
    ::kill(server_, signal);
    ::waitpid(server_, nullptr, 0);
    server_ = -1;
  }
  bool resume() {
    // Synced writes are for power failures, which no test has.
    server_ = run({programs() + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-c",
                   "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      if (PostgresSession::open(url("postgres"))) return true;
      if (::waitpid(server_, nullptr, WNOHANG) == server_) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  PostgresUrl url(const std::string& database) const {
    return parse_postgres_url("postgresql://remit@/" + database + "?host=" + folder_).value();
  }
  const std::string& folder() const { return folder_; }
  // A new, empty database.
  PostgresUrl make_database() {
    const std::string name = "d" + std::to_string(++databases_);
    auto session = PostgresSession::open(url("postgres")).value();
    if (const auto made = session->run("create database " + name + " strategy file_copy"); !made)
      std::fprintf(stderr, "create database: %s\n", made.error().message.c_str());
    return url(name);
  }

 private:
  PostgresCluster() = default;

  pid_t run(std::vector<std::string> words) const {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string log = folder_ + "/log";
    const bool root = ::geteuid() == 0;
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (root && (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0))
      ::_exit(1);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(1);
  }

  static constexpr unsigned kNobody = 65534;
  std::string folder_;
  pid_t server_ = -1;
  int databases_ = 0;
};

}  // namespace remit::memory
