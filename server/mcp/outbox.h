// Outbox: where the messages of one connection go. Implemented by each transport.
//
// Threads: safe from any thread. send() never waits for the client: what cannot be written now is
// kept, in order.
#pragma once

#include <stop_token>
#include <string>
#include <utility>

namespace remit::mcp {

// The step of the ladder (docs/protocol.md) at which a request was answered: HTTP has a status for
// each.
enum class Step {
  message,   // JSON, the message's shape, its id
  envelope,  // version, _meta, header fields, what the client can do
  method,    // there is no such method
  capacity,  // too much is in flight
  served,    // by its handler, errors included
};

class Outbox {
 public:
  virtual ~Outbox() = default;
  // One whole JSON message, without a newline.
  virtual void send(std::string message) = 0;
  // The answer to a request, after which nothing of that request follows.
  virtual void answer(std::string message, Step /*step*/) { send(std::move(message)); }
  // The request was cancelled: it gets no answer.
  virtual void abandon() {}
  // Waits until the client has read enough that a new call may start; false if `stop` fired or the
  // client is gone. Called by the thread that does a request's work, never by one that only reads.
  virtual bool wait_for_room(std::stop_token stop) = 0;
  // Answers that nobody reads hold all the memory that they may: no more of them.
  virtual bool crowded() const { return false; }
  // Lets go of the client, but not of its request, where it can come back for the rest (an
  // initialize era over HTTP); nothing otherwise.
  virtual void release() {}
  // True for a stream that ends with the answer to its one request (HTTP), false for a shared pipe.
  virtual bool carries_one_request() const { return false; }
};

}  // namespace remit::mcp
