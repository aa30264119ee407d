// HeldBytes: how much memory the requests in flight take, all connections together. A client may
// have kInFlight of them open and a message may have kFrameBytes: without a bound of their sum, one
// client could make the process hold half a gigabyte.
//
// Threads: safe from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/limits.h"

namespace remit::mcp {

class HeldBytes {
 public:
  // A request's part of it, given back at its end.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept : all_(std::exchange(other.all_, nullptr)), mine_(other.mine_) {}
    Share& operator=(Share&&) = delete;
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() {
      if (all_ != nullptr) *all_ -= mine_;
    }

   private:
    friend class HeldBytes;
    Share(std::atomic<std::size_t>& all, std::size_t mine) : all_(&all), mine_(mine) {}
    std::atomic<std::size_t>* all_ = nullptr;
    std::size_t mine_ = 0;
  };

  // None beyond kInFlightBytes, unless nothing else is in flight: a message within its own bounds
  // is always served alone.
  std::optional<Share> take(std::size_t bytes) {
    if (bytes == 0) return Share();
    std::size_t before = all_;
    do {
      if (before != 0 && before + bytes > limits::kInFlightBytes) return std::nullopt;
    } while (!all_.compare_exchange_weak(before, before + bytes));
    return Share(all_, bytes);
  }

 private:
  std::atomic<std::size_t> all_ = 0;
};

}  // namespace remit::mcp
