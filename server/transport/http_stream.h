// EventStream: messages on their way to one HTTP client: the answer to one POST with what precedes
// it, or what a session says unasked (GET). A reader takes them; how they look on the wire (one
// JSON body, or server-sent events) is the reader's business.
//
// A stream of an initialize-era session keeps what it gave (a ring of kHttpRingEvents or
// kHttpRingBytes), so that a client that lost its connection can ask for what came after the last
// event it has: a lost connection cancels nothing there. Other streams keep nothing.
//
// Threads: the Outbox side is safe from any thread and never waits; one reader at a time, and who
// attaches takes the stream over from the reader before.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/limits.h"
#include "server/mcp/held_bytes.h"
#include "server/mcp/outbox.h"
#include "server/transport/http_wire.h"

namespace remit::transport {

// A part of what all streams and answers hold together, given back at its end.
class KeptShare {
 public:
  KeptShare(mcp::HeldBytes::Unread all, std::size_t mine) : all_(std::move(all)), mine_(mine) {
    *all_ += mine_;
  }
  ~KeptShare() { *all_ -= mine_; }
  KeptShare(const KeptShare&) = delete;
  KeptShare& operator=(const KeptShare&) = delete;

 private:
  const mcp::HeldBytes::Unread all_;
  const std::size_t mine_;
};

class EventStream final : public mcp::Outbox {
 public:
  enum class Keep { nothing, ring };
  // Bytes that are held by all streams and by answers that are being written.
  using Kept = mcp::HeldBytes::Unread;
  EventStream(Keep keep, Kept kept) : keep_(keep), kept_(std::move(kept)) {}
  ~EventStream() override;

  void send(std::string message) override;
  void answer(std::string message, mcp::Step step) override;
  void abandon() override;
  bool wait_for_room(std::stop_token stop) override;
  bool crowded() const override { return *kept_ > limits::kUnreadBytes; }
  // Nothing without allow_release().
  void release() override;
  bool carries_one_request() const override { return keep_ == Keep::nothing; }

  // For a client that takes events and knows the one without data: it gets a number to come back
  // with before the stream lets go of it. Any other would lose the answer.
  void allow_release();

  // --- for the reader ---
  struct Event {
    std::uint64_t number = 0;  // 1, 2, …
    std::string message;
  };
  struct Taken {
    std::vector<Event> events;
    bool ended = false;       // nothing follows these
    bool taken_over = false;  // by another reader, or the stream let go of this one
    bool answered = false;    // the last event is the answer, given at `step`
    mcp::Step step = mcp::Step::served;
  };
  // Becomes the reader: `wake` rings when there is something to take. Gets what follows event
  // `after`, or what no reader took; false if some of that is gone.
  bool attach(const Wake& wake, std::optional<std::uint64_t> after = std::nullopt);
  void detach(const Wake& wake);
  Taken take(const Wake& wake);
  // Has bytes that were taken count until they are written.
  std::unique_ptr<KeptShare> while_written(std::size_t bytes) const {
    return std::make_unique<KeptShare>(kept_, bytes);
  }
  // No more events: what is sent from now on is dropped. For streams that answer nothing.
  void end();
  // Nothing follows, and nobody is reading: whoever had to has the end, or may come back for it.
  bool finished() const;

 private:
  void push(std::string message);
  void trim();
  void end_locked();

  const Keep keep_;
  const Kept kept_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  std::deque<Event> events_;  // the ring, and what is not taken yet
  std::uint64_t next_ = 1;    // number of the next event
  std::uint64_t taken_ = 0;   // number of the last event that was taken
  std::size_t bytes_ = 0;     // in events_
  std::size_t waiting_ = 0;   // of them, not taken
  const Wake* reader_ = nullptr;
  bool answered_ = false, ended_ = false, may_release_ = false;
  mcp::Step step_ = mcp::Step::served;
};

}  // namespace remit::transport
