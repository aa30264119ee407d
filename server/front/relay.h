// One request on its way through the front: to a worker, and the answer back, byte for byte, while
// three things are watched at once: the worker, the client (who cancels by leaving) and the end of
// the front. Neither side is trusted: of the request only the fields that MCP knows go on, never
// the token; of the answer only those that a client needs.
//
// Whether a worker that has gone had read the request is known from the kernel: closing a unix
// socket with unread bytes resets the other end (unix(7)), and a request counts only when it was
// read to its end. So one that was not read may be sent again, and one that was read never is.
//
// Threads: one request on one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "server/front/table.h"
#include "server/transport/http_site.h"

namespace remit::front {

// What a worker answers, up to its body.
struct WorkerHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // for the client
  std::string type;
  transport::Framing framing = transport::Framing::length;
  std::uint64_t length = 0;
  bool keep_alive = true;
};

// Reads the head of a response, up to and with the blank line. nullopt: it is none.
std::optional<WorkerHead> parse_worker_head(std::string_view text);

// The request as the worker of `to` gets it.
std::string worker_request(const transport::Head& head, const Destination& to,
                           std::size_t body_bytes);

class Relay {
 public:
  // `allowed`: asked again when turn.wake rings.
  Relay(const transport::HttpTurn& turn, Fd socket, std::function<bool()> allowed)
      : turn_(turn), socket_(std::move(socket)), allowed_(std::move(allowed)) {}

  // unread: the worker went without having read it all; gone: having read it; over: the client has
  // left, may not call any more, or the front ends.
  enum class Asked { answered, unread, gone, over };
  Asked ask(std::string_view request, std::string_view body);
  const WorkerHead& head() const { return head_; }

  // The next bytes of the answer's body, at most `size`; 0: its end; -1: it breaks off.
  std::ptrdiff_t read_body(char* to, std::size_t size);
  // After the end: the connection, if the worker keeps it.
  std::optional<Fd> leave();

 private:
  enum class Ready { yes, over };
  Ready wait(short events);
  bool send_all(std::string_view text);  // false: the worker reads no more
  std::ptrdiff_t receive();              // into input_; 0: the end; -1: a reset; -2: over

  const transport::HttpTurn turn_;
  Fd socket_;
  const std::function<bool()> allowed_;
  WorkerHead head_;
  std::string input_;  // not yet taken
  std::uint64_t left_ = 0;
  transport::ChunkDecoder chunks_;
  bool over_ = false, ended_ = false;
  std::optional<std::chrono::steady_clock::time_point> drain_deadline_;
};

}  // namespace remit::front
