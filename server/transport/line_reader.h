// LineReader: frames out of a stream of bytes, one per line, with a bounded buffer. A line longer
// than the bound is skipped up to its newline and reported once. Used by one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace remit::transport {

class LineReader {
 public:
  explicit LineReader(std::size_t max_line) : max_line_(max_line) {}

  // Where to read the next bytes to: at least one byte of room.
  struct Room {
    char* at;
    std::size_t size;
  };
  Room room();
  void received(std::size_t bytes) { end_ += bytes; }

  enum class Got { nothing, line, oversize };
  // The next whole line, without its newline; valid until the next call.
  Got next(std::string_view& line);
  // At the end of input: what stands after the last newline.
  Got rest(std::string_view& line);

 private:
  // Everything was taken: begins anew, without the memory of a rare huge message.
  void clear();

  const std::size_t max_line_;
  std::string buffer_;
  std::size_t begin_ = 0, scanned_ = 0, end_ = 0;
  bool skipping_ = false;
};

}  // namespace remit::transport
