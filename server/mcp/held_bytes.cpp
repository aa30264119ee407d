#include "server/mcp/held_bytes.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "server/limits.h"

namespace remit::mcp {
namespace {

// A share of that size was a document of many small values, or a few huge ones: the allocator keeps
// what they took in whichever of its arenas it was, and the next one may be another's.
constexpr std::size_t kTrimFrom = 8u << 20;
// What may be held beside a message that needs everything.
constexpr std::size_t kAlone = 1u << 20;

}  // namespace

bool HeldBytes::Share::grow_beside(std::size_t bytes, std::size_t promised) {
  if (bytes <= mine_ || held_ == nullptr) return bytes <= mine_;
  const std::size_t more = bytes - mine_;
  std::size_t before = held_->all_;
  do {
    const std::size_t others = before - mine_ + *held_->unread_ + promised;
    // A message within its own bounds is always served alone.
    if (others + bytes > limits::kHeldBytes && others > kAlone) return false;
  } while (!held_->all_.compare_exchange_weak(before, before + more));
  mine_ = bytes;
  return true;
}

bool HeldBytes::Share::grow(std::size_t bytes) {
  return grow_beside(bytes, held_ != nullptr ? held_->promised_.load() : 0);
}

bool HeldBytes::Share::grow_in_turn(std::size_t bytes) {
  if (grow(bytes)) return true;
  std::size_t nobody = 0;
  if (held_ == nullptr || !held_->promised_.compare_exchange_strong(nobody, bytes - mine_))
    return false;
  // Looked at again and again: unread answers go without telling anybody here.
  constexpr std::chrono::milliseconds kLook{5};
  const auto deadline = std::chrono::steady_clock::now() + limits::kHeldWait;
  bool grown = false;
  while (!(grown = grow_beside(bytes, 0)) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(kLook);
  held_->promised_ = 0;
  return grown;
}

void HeldBytes::Share::shrink(std::size_t bytes) {
  if (bytes >= mine_) return;
  held_->all_ -= mine_ - bytes;
  mine_ = bytes;
}

HeldBytes::Share HeldBytes::Share::split(std::size_t bytes) {
  if (held_ == nullptr) return {};
  bytes = std::min(bytes, mine_);
  mine_ -= bytes;
  return {*held_, bytes};
}

void HeldBytes::Share::release() {
  if (held_ == nullptr) return;
  if (mine_ >= kTrimFrom) ::malloc_trim(0);
  held_->all_ -= mine_;
  held_ = nullptr;
  mine_ = 0;
}

}  // namespace remit::mcp
