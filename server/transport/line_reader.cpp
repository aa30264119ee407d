#include "server/transport/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace remit::transport {
namespace {

constexpr std::size_t kUsual = 64u << 10;  // a pipe's capacity: one read empties it

}  // namespace

void LineReader::clear() {
  begin_ = scanned_ = end_ = 0;
  if (buffer_.size() <= 4 * kUsual) return;
  buffer_.clear();
  buffer_.shrink_to_fit();
}

LineReader::Room LineReader::room() {
  if (buffer_.size() - end_ < kUsual / 4) {
    if (begin_ != 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      scanned_ -= begin_;
      begin_ = 0;
    }
    if (buffer_.size() - end_ < kUsual / 4)
      buffer_.resize(std::max(kUsual, std::min(buffer_.size() * 2, max_line_ + kUsual)));
    // next() never leaves more than max_line_ unfinished bytes, so the buffer has room now.
  }
  return {buffer_.data() + end_, buffer_.size() - end_};
}

LineReader::Got LineReader::next(std::string_view& line) {
  for (;;) {
    const void* found =
        scanned_ == end_ ? nullptr : std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_);
    if (found == nullptr) {
      scanned_ = end_;
      if (begin_ == end_) clear();
      if (end_ - begin_ <= max_line_ && !skipping_) return Got::nothing;
      clear();  // too long, or the rest of what was: nothing of it is kept
      return std::exchange(skipping_, true) ? Got::nothing : Got::oversize;
    }
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
    line = std::string_view(buffer_).substr(begin_, at - begin_);
    begin_ = scanned_ = at + 1;
    if (std::exchange(skipping_, false)) continue;
    return line.size() > max_line_ ? Got::oversize : Got::line;
  }
}

LineReader::Got LineReader::rest(std::string_view& line) {
  if (skipping_ || begin_ == end_) return Got::nothing;
  line = std::string_view(buffer_).substr(begin_, end_ - begin_);
  begin_ = scanned_ = end_;
  return Got::line;
}

}  // namespace remit::transport
