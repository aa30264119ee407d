// HeldBytes: how much memory clients make this process hold, all connections together: bodies that
// are being received, messages that are parsed and worked on, answers that nobody has read. One
// budget, kHeldBytes, because each of them alone may be large while the sum must stay bounded: a
// client may have kInFlight requests open and a message may have kFrameBytes.
//
// Threads: safe from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace remit::mcp {

class HeldBytes {
 public:
  // Answers that wait to be read: what transports add to and take from. Shared, because a task
  // keeps its stream for longer than the server has sessions.
  using Unread = std::shared_ptr<std::atomic<std::size_t>>;

  // One message's part of it, given back at its end.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : held_(std::exchange(other.held_, nullptr)), mine_(std::exchange(other.mine_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      if (this != &other) {
        release();
        held_ = std::exchange(other.held_, nullptr);
        mine_ = std::exchange(other.mine_, 0);
      }
      return *this;
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { release(); }

    // Makes it at least `bytes`; false if there is no room for that, and then it stays as it is.
    [[nodiscard]] bool grow(std::size_t bytes);
    // The same, and waits up to kHeldWait for room, one share at a time: meanwhile what it needs is
    // promised to it, and others that find no room are refused at once and so give theirs back. Of
    // many messages that came at the same moment, each with a part of what another needs, one is
    // served. Blocks: not for a thread that others' messages need.
    [[nodiscard]] bool grow_in_turn(std::size_t bytes);
    // Makes it at most `bytes`.
    void shrink(std::size_t bytes);
    std::size_t size() const { return mine_; }
    // A part of this one as a share of its own.
    Share split(std::size_t bytes);

   private:
    friend class HeldBytes;
    Share(HeldBytes& held, std::size_t mine) : held_(&held), mine_(mine) {}
    bool grow_beside(std::size_t bytes, std::size_t promised);
    void release();
    HeldBytes* held_ = nullptr;
    std::size_t mine_ = 0;
  };

  // An empty one, to grow.
  Share open() { return {*this, 0}; }
  const Unread& unread() const { return unread_; }

 private:
  std::atomic<std::size_t> all_ = 0;
  std::atomic<std::size_t> promised_ = 0;  // to the share that waits; 0: none does
  const Unread unread_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace remit::mcp
