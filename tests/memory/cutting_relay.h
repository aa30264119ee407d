// A way to a PostgreSQL server that breaks when told to: between client and server, on a socket of
// its own, it passes bytes until a client says a word, and then cuts before or after the server has
// heard it. What a failing network does to a COMMIT.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/fs.h"

namespace remit::memory {

class CuttingRelay {
 public:
  enum class Cut { never, before_server, before_client };

  // Listens in `folder` and passes on to the server's socket in `server`.
  CuttingRelay(const std::string& folder, const std::string& server)
      : server_(server + "/.s.PGSQL.5432") {
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un name = name_of(folder + "/.s.PGSQL.5432");
    REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    REQUIRE(::listen(listener_.get(), 16) == 0);
    accepting_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }
  ~CuttingRelay() {
    accepting_.request_stop();
    accepting_.join();
    for (std::jthread& thread : passing_) thread.request_stop();
  }
  // The next message that holds `word` is cut, once.
  void cut(Cut how, const std::string& word) {
    word_ = word;
    cut_ = how;
  }

 private:
  static sockaddr_un name_of(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    return name;
  }

  void accept_all(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd watched{listener_.get(), POLLIN, 0};
      if (::poll(&watched, 1, 20) <= 0) continue;
      Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) continue;
      passing_.emplace_back(
          [this, from = std::move(client)](const std::stop_token& ending) { pass(from, ending); });
    }
  }

  void pass(const Fd& client, const std::stop_token& stop) {
    const Fd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un name = name_of(server_);
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return;
    std::vector<char> buffer(64u << 10);
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> watched{{{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}}};
      if (::poll(watched.data(), 2, 20) <= 0) continue;
      const bool asks = watched[0].revents != 0;
      const ssize_t size = ::read(asks ? client.get() : server.get(), buffer.data(), buffer.size());
      if (size <= 0) return;
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
      Cut how = Cut::never;
      if (asks && cut_ != Cut::never && bytes.find(word_) != std::string_view::npos)
        how = cut_.exchange(Cut::never);
      if (how == Cut::before_server) return;
      if (!fs::write_all(asks ? server.get() : client.get(), bytes)) return;
      // The server has heard it and answers; nobody hears the answer.
      if (how == Cut::before_client) {
        [[maybe_unused]] const ssize_t unheard = ::read(server.get(), buffer.data(), buffer.size());
        return;
      }
    }
  }

  const std::string server_;
  std::string word_;
  std::atomic<Cut> cut_{Cut::never};
  Fd listener_;
  std::vector<std::jthread> passing_;
  std::jthread accepting_;
};

}  // namespace remit::memory
