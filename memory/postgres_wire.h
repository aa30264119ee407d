// What a process that uses documents in PostgreSQL and its keeper (memory/postgres_keeper.h) say to
// one another: frames on a stream socket, a length of four bytes and then fields, each an integer
// or a text with its length. Neither side trusts a length or a count.
//
// One exchange: a request (its Ask, then arguments), for a commit any number of questions back,
// then one answer. A watch is answered by any number of frames.
//
// Threads: pure values; one thread at a time for each socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/document_transfer.h"
#include "memory/store.h"

namespace remit::memory::wire {

enum class Ask : std::int64_t {
  hello = 1,
  read,
  page,
  commit,
  recorded,
  history,
  version_body,
  version_sent,
  purge,
  is_own,
  watch,
  load,
};
// The first field of what comes back.
enum class Say : std::int64_t { done = 1, failed, edit, check, next };

class Writer {
 public:
  Writer& number(std::int64_t value);
  Writer& text(std::string_view value);
  Writer& author(const Author& author);
  Writer& version(const KeptVersion& version);
  Writer& error(const Error& error);
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// After the first field that is not there everything reads as 0 or "" and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::int64_t number();
  std::string text();
  Author author();
  KeptVersion version();
  Error error();
  // As many as the rest could hold at most.
  std::size_t count();
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

// Errors: unavailable (code "lost") if the other side is gone or says what is no frame; timeout.
Result<void> send_frame(int socket, std::string_view frame);
// `most` empty: waits for ever.
Result<std::string> receive_frame(int socket,
                                  std::optional<std::chrono::milliseconds> most = std::nullopt);

}  // namespace remit::memory::wire
