// Outbox: where the messages of one connection go. Implemented by each transport.
//
// Threads: safe from any thread. send() never waits for the client: what cannot be written now is
// kept, in order.
#pragma once

#include <stop_token>
#include <string>

namespace remit::mcp {

class Outbox {
 public:
  virtual ~Outbox() = default;
  // One whole JSON message, without a newline.
  virtual void send(std::string message) = 0;
  // Waits until the client has read enough that a new call may start; false if `stop` fired or the
  // client is gone. Called by pool threads only.
  virtual bool wait_for_room(std::stop_token stop) = 0;
};

}  // namespace remit::mcp
