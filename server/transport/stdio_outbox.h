// StdioOutbox: replies on their way to a client that may not read. A message is written at once, by
// the thread that sends it, when nothing waits before it and the pipe has room; otherwise it is
// kept and the reading thread writes it when poll() says so. Nobody ever blocks in write().
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "base/fs.h"
#include "server/mcp/held_bytes.h"
#include "server/mcp/outbox.h"

namespace remit::transport {

// Sockets are read and written without waiting by a flag of each call.
bool is_socket(int fd);

class StdioOutbox final : public mcp::Outbox {
 public:
  // `waits`: a write to `out` may block, because no O_NONBLOCK description of our own was to be
  // had.
  StdioOutbox(const Fd& out, bool waits, mcp::HeldBytes::Unread unread);
  ~StdioOutbox() override { *unread_ -= bytes_; }

  // Keeps the answer that the thread which made this gives to a request, until let_go() or the end:
  // written last, it finds the server ready for the request that the client sends on reading it.
  class Late {
   public:
    explicit Late(StdioOutbox& outbox);
    ~Late() { let_go(); }
    Late(const Late&) = delete;
    Late& operator=(const Late&) = delete;
    void let_go();

   private:
    friend class StdioOutbox;
    StdioOutbox& outbox_;
    std::optional<std::string> answer_;
  };

  void send(std::string message) override;
  void answer(std::string message, mcp::Step step) override;
  bool wait_for_room(std::stop_token stop) override;

  // --- for the reading thread ---
  // Becomes readable when there is a backlog to write or the client is gone.
  int wake_fd() const { return wake_.get(); }
  void drain_wake() const;
  bool has_backlog() const;
  // Writes what the pipe takes now.
  void write_more();
  // The pipe is broken, or more than kOutboxMaxBytes are unread.
  bool broken() const;

 private:
  // Writes as much of text[*at..] as goes; false if the pipe is broken.
  bool write_some(const std::string& text, std::size_t& at) const;
  void wake() const;

  const int out_;
  const bool waits_;
  const bool socket_;
  const mcp::HeldBytes::Unread unread_;  // where bytes_ count, too
  Fd wake_;
  mutable std::mutex
      mutex_;  // held while writing: messages must not interleave; writes do not block
  std::condition_variable_any room_;
  std::deque<std::string> backlog_;
  std::size_t first_at_ = 0;  // bytes of backlog_.front() already written
  std::size_t bytes_ = 0;     // in the backlog
  bool broken_ = false;
};

}  // namespace remit::transport
