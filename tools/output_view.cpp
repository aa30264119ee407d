#include "tools/output_view.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace remit::tools {
namespace {

constexpr std::size_t kHeadKept = limits::kOutputKept * 6 / 10;
constexpr std::size_t kTailKept = limits::kOutputKept - kHeadKept;

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

// How many bytes of the front (or back) of `text` print within `chars` characters.
std::size_t fitting(std::string_view text, std::size_t chars, bool back) {
  std::size_t bytes = std::min(chars, text.size());
  while (bytes > 0) {
    const std::string_view part = back ? text.substr(text.size() - bytes) : text.substr(0, bytes);
    const std::size_t printed = count_chars(printable(part));
    if (printed <= chars) break;
    bytes = std::min(bytes - 1, bytes * chars / printed);
  }
  return bytes;
}

}  // namespace

void OutputView::write(std::string_view bytes) {
  total_ += bytes.size();
  if (head_.size() < kHeadKept) {
    const std::size_t take = std::min(bytes.size(), kHeadKept - head_.size());
    head_ += bytes.substr(0, take);
    bytes.remove_prefix(take);
  }
  tail_ += bytes;
  // Trimmed rarely: erasing from the front costs the length of the rest.
  if (tail_.size() > 2 * kTailKept) {
    const std::size_t drop = tail_.size() - kTailKept;
    dropped_lines_ += lines_in(std::string_view(tail_).substr(0, drop));
    tail_.erase(0, drop);
  }
}

std::string OutputView::text(std::size_t max_chars, bool* cut) const {
  const bool whole = head_.size() + tail_.size() == total_;
  if (whole) {
    std::string all = printable(head_ + tail_);
    if (count_chars(all) <= max_chars) return all;
  }
  *cut = true;
  // Cut the raw bytes: the mark then counts what was printed, not what it looks like escaped.
  const std::string_view head_source = head_;
  const std::string joined = whole ? head_ + tail_ : tail_;
  const std::size_t head_chars = max_chars * 6 / 10, tail_chars = max_chars - head_chars;
  std::size_t head_bytes = utf8_boundary(head_source, fitting(head_source, head_chars, false));
  std::size_t tail_bytes = fitting(joined, tail_chars, true);
  if (const std::size_t line = head_source.substr(0, head_bytes).rfind('\n');
      line != std::string_view::npos && line > head_bytes / 2) {
    head_bytes = line + 1;
  }
  std::string_view tail_source = joined;
  // The tail never reaches back into the head, though both are shorter than their share when
  // escaping is what made the text too long.
  if (whole) tail_source.remove_prefix(head_bytes);
  tail_bytes = std::min(tail_bytes, tail_source.size());
  if (tail_source.size() > tail_bytes) {
    std::size_t from = tail_source.size() - tail_bytes;
    if (const std::size_t line = tail_source.find('\n', from); line != std::string_view::npos &&
                                                               line + 1 < tail_source.size() &&
                                                               line - from < tail_bytes / 2) {
      from = line + 1;
    }
    while (from < tail_source.size() &&
           (static_cast<unsigned char>(tail_source[from]) & 0xC0u) == 0x80u) {
      ++from;
    }
    tail_source.remove_prefix(from);
  }
  const std::uint64_t omitted = total_ - head_bytes - tail_source.size();
  std::uint64_t lines = dropped_lines_ + lines_in(head_source.substr(head_bytes));
  lines += lines_in(tail_);
  lines -= std::min(lines, lines_in(tail_source));
  return printable(head_source.substr(0, head_bytes)) + "[... " + with_commas(omitted) +
         " bytes, " + with_commas(lines) + " lines omitted ...]\n" + printable(tail_source);
}

}  // namespace remit::tools
