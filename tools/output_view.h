// What of a command's output a model is shown: head and tail with an exact mark of the cut.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace remit::tools {

// Keeps the first and the last bytes of a stream within kOutputKept; counts all. Not thread-safe.
class OutputView {
 public:
  void write(std::string_view bytes);
  std::uint64_t bytes() const { return total_; }
  // Text of at most `max_chars` characters: all of it, or 60 % head and 40 % tail with
  // "[... 1,234 bytes, 56 lines omitted ...]" between. Control bytes are escaped, malformed UTF-8
  // becomes U+FFFD. *cut tells whether anything is missing.
  std::string text(std::size_t max_chars, bool* cut) const;

 private:
  std::string head_, tail_;
  std::uint64_t total_ = 0;
  std::uint64_t dropped_lines_ = 0;
};

}  // namespace remit::tools
