// Connection: one sqlite3 handle with its cached statements. Private to memory/sqlite*.cpp; used by
// one thread at a time (the gates of memory/sqlite.h see to that).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <sqlite3.h>

#include "memory/sqlite.h"

namespace remit::memory {

// What a caller is told when another process holds the database for limits::kStateLockWait.
Error locked_error();

// Between two tries of what another process holds; nothing here can be waited for.
void sleep_us(std::int64_t us);

class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<std::unique_ptr<Connection>> open(const std::string& file);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Statement prepare(std::string_view text);
  Result<void> execute(const char* text);
  Result<std::string> ask(const char* text);
  Error error(int code, std::string_view what) const;
  sqlite3* handle() const { return handle_; }
  void wait_until(Clock::time_point deadline) { deadline_ = deadline; }

 private:
  Connection() = default;
  // SQLite's own busy timeout sleeps up to 100 ms between tries, which starves a writer among eight
  // others; its locks cannot be waited for, so this tries again after 0.2 to 3 ms, jittered.
  static int on_busy(void* self, int tries);
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  sqlite3* handle_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::unordered_map<std::string, sqlite3_stmt*, Hash, std::equal_to<>> cache_;
};

}  // namespace remit::memory
