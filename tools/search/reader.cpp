#include "tools/search/reader.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "base/text.h"
#include "tools/search/wide_text.h"

namespace remit::search {

void Reader::start(const Fd& fd, std::uint64_t size, Pieces pieces) {
  fd_ = fd.get();
  size_ = size;
  pieces_ = pieces;
  begin_ = end_ = 0;
  bytes_ = 0;
  started_ = ended_ = at_eof_ = binary_ = transcoded_ = false;
  if (buffer_.empty()) buffer_.resize(limits::kSearchBuffer);
  // One huge file must not keep its memory for the rest of the walk.
  if (buffer_.size() > 4 * limits::kSearchBuffer) {
    buffer_.resize(limits::kSearchBuffer);
    buffer_.shrink_to_fit();
  }
  whole_.clear();
  whole_.shrink_to_fit();
}

Result<bool> Reader::fill() {
  while (!at_eof_ && end_ < buffer_.size()) {
    const ssize_t got = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "read the file");
    }
    if (got == 0) {
      at_eof_ = true;
      break;
    }
    const auto count = static_cast<std::size_t>(got);
    bytes_ += count;
    // A short read that ends where the file ended when it was opened.
    if (bytes_ == size_ && end_ + count < buffer_.size()) at_eof_ = true;
    if (!transcoded_) {
      if (const void* nul = std::memchr(buffer_.data() + end_, 0, count);
          nul != nullptr && started_) {
        end_ = static_cast<std::size_t>(static_cast<const char*>(nul) - buffer_.data());
        binary_ = true;
        at_eof_ = true;
        return true;
      }
    }
    end_ += count;
    if (!started_) return true;  // the first bytes decide how the rest is read
  }
  return end_ > begin_;
}

// Looks at the first bytes: marks of UTF-8 and UTF-16, and a NUL among them.
Result<void> Reader::open_encoding() {
  TRY_DO(fill());
  started_ = true;
  const std::string_view head(buffer_.data(), end_);
  const bool little = head.starts_with("\xff\xfe"), big = head.starts_with("\xfe\xff");
  if (little || big) {
    transcoded_ = true;
    TRY_DO(read_rest(limits::kSearchWholeBytes));
    whole_ = wide_to_utf8(std::string_view(buffer_.data(), end_).substr(2),
                          big ? Wide::utf16be : Wide::utf16le);
    // What was read now stands in whole_; the buffer is not looked at again.
    begin_ = end_ = 0;
    if (const std::size_t nul = whole_.find('\0'); nul != std::string::npos) {
      whole_.resize(nul);
      binary_ = true;
    }
    return {};
  }
  if (const std::size_t nul = head.find('\0'); nul != std::string_view::npos) {
    end_ = nul;
    binary_ = true;
    at_eof_ = true;
  }
  if (head.starts_with("\xef\xbb\xbf")) begin_ = 3;
  return {};
}

Result<void> Reader::read_rest(std::size_t max_bytes) {
  for (;;) {
    TRY_DO(fill());
    if (at_eof_) return {};
    if (buffer_.size() >= max_bytes) {
      return fail(ErrorKind::too_large,
                  "the file is larger than " + human_bytes(max_bytes) + " and must be read whole",
                  {}, "file");
    }
    buffer_.resize(std::min(buffer_.size() * 4, max_bytes));
  }
}

Result<std::optional<Reader::Piece>> Reader::next() {
  if (ended_) return std::optional<Piece>{};
  if (!started_) {
    TRY_DO(open_encoding());
    if (!transcoded_ && pieces_ == Pieces::whole_file) TRY_DO(read_rest(limits::kSearchWholeBytes));
  }
  Piece piece;
  if (transcoded_ || pieces_ == Pieces::whole_file) {
    ended_ = true;
    piece.text = transcoded_ ? std::string_view(whole_)
                             : std::string_view(buffer_.data() + begin_, end_ - begin_);
    piece.last = true;
  } else {
    // Move the carried-over part of a line to the front, then read behind it.
    if (begin_ > 0 && !at_eof_) {
      // The first piece of a small file needs no move: its end of file is seen by the read below.
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    std::size_t searched = 0;
    for (;;) {
      TRY_DO(fill());
      if (at_eof_) {
        ended_ = true;
        piece.text = std::string_view(buffer_.data() + begin_, end_ - begin_);
        piece.last = true;
        begin_ = end_;
        break;
      }
      const std::string_view unread(buffer_.data() + begin_ + searched, end_ - begin_ - searched);
      const std::size_t newline = unread.rfind('\n');
      if (newline != std::string_view::npos) {
        const std::size_t length = searched + newline + 1;
        piece.text = std::string_view(buffer_.data() + begin_, length);
        begin_ += length;
        break;
      }
      searched = end_ - begin_;
      if (buffer_.size() >= limits::kSearchLineBytes) {
        return fail(ErrorKind::too_large,
                    "a line is longer than " + human_bytes(limits::kSearchLineBytes), {}, "line");
      }
      buffer_.resize(std::min(buffer_.size() * 4, limits::kSearchLineBytes));
    }
  }
  if (piece.last && binary_) {
    // The line that holds the NUL is binary.
    const std::size_t newline = piece.text.rfind('\n');
    piece.text =
        newline == std::string_view::npos ? std::string_view{} : piece.text.substr(0, newline + 1);
  }
  piece.ends_open = piece.last && !piece.text.ends_with('\n');
  if (piece.text.empty()) return std::optional<Piece>{};
  return std::optional<Piece>{piece};
}

}  // namespace remit::search
