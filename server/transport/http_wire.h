// HttpWire: one accepted connection: heads and bodies in, one write per response out. Owns the
// socket. A whole head has kHttpHeadTime however slowly its bytes come; the body is counted and
// unframed here, so that nothing behind it can read past the end of a request.
//
// Threads: used by the one thread that holds the connection, except Wake, which is for others.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/fs.h"
#include "server/transport/http_head.h"

namespace remit::transport {

// Wakes the thread of a connection out of HttpWire::wait(). Safe from any thread.
class Wake {
 public:
  // Without a descriptor to be had it is none: fd() < 0, and it wakes nobody.
  Wake();
  void ring() const;
  void quiet() const;
  int fd() const { return event_.get(); }

 private:
  Fd event_;
};

class HttpWire {
 public:
  // `drain` becomes readable when the server ends.
  HttpWire(Fd socket, int drain);
  ~HttpWire();
  HttpWire(const HttpWire&) = delete;
  HttpWire& operator=(const HttpWire&) = delete;

  // Waits for the first byte of a request; false: none came in time, the peer left, or the server
  // drains.
  bool wait_request(std::chrono::milliseconds idle);
  bool has_input() const { return begin_ < end_; }
  enum class Gone { closed };
  std::variant<Head, Refusal, Gone> read_head();

  // --- the body of the head that was read last ---
  // Up to `size` bytes; 0 at its end; -1: it ends early, is malformed or too slow.
  std::ptrdiff_t read_body(char* to, std::size_t size);
  bool body_is_read() const { return body_done_; }

  // Collects; flush() writes.
  void write(std::string_view text);
  // False: the peer is gone or too slow.
  bool flush();
  bool broken() const { return broken_; }

  // Waits until `wake` rings, the peer leaves, the server drains (if `until_drain`), or the time is
  // over.
  enum class Woken { rung, peer_gone, draining, timeout, other };
  Woken wait(const Wake& wake, bool until_drain, std::chrono::milliseconds timeout);
  // The same, and `other` has what `events` (poll(2)) ask for, or has ended. Comes first.
  Woken wait(const Wake& wake, bool until_drain, std::chrono::milliseconds timeout, int other,
             short events);

  // Ends the connection so that the peer can still read the last response: what it still sends is
  // read and thrown away for a moment.
  void linger();

 private:
  // Reads what there is within `timeout`; false: nothing came or the peer left.
  bool fill(std::chrono::milliseconds timeout);
  void send_all(std::string_view text);
  std::string_view input() const { return std::string_view(buffer_).substr(begin_, end_ - begin_); }
  void begin_body(const Head& head);

  Fd socket_;
  const int drain_;
  std::string buffer_;  // input at [begin_, end_)
  std::size_t begin_ = 0, end_ = 0;
  std::string output_;
  bool broken_ = false;

  Framing framing_ = Framing::none;
  bool body_done_ = true, continue_due_ = false;
  std::uint64_t left_ = 0;
  ChunkDecoder chunks_;
  std::chrono::steady_clock::time_point body_deadline_;
};

}  // namespace remit::transport
