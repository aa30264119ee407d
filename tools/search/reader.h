// Reader: the bytes of one file in pieces that end at line ends, through one buffer that is reused
// from file to file. read(2), never mmap: mapping small files is twice as slow, and a file that is
// truncated under a mapping kills the process.
//
//   reader.start(fd);
//   while (TRY piece = reader.next(); piece) scan(*piece);
//
// A UTF-16 file with a byte order mark is transcoded (as ripgrep does), which takes it whole into
// memory; a UTF-8 mark is skipped. The text ends at the first NUL: the line that holds it and what
// follows are binary and are not given out.
//
// Threads: one Reader per worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace remit::search {

enum class Pieces { lines, whole_file };  // whole_file: one piece, for matches that span lines

class Reader {
 public:
  // Borrows `fd` until the last next(). The file is read from its current offset, which is 0, to
  // the end that it has by then. `size`, as fstat(2) told it, saves the read that would say "no
  // more" of a file that fits the buffer; 0: unknown.
  void start(const Fd& fd, std::uint64_t size, Pieces pieces);

  struct Piece {
    std::string_view text;  // whole lines; valid until the next call
    bool last = false;
    bool ends_open = false;  // last piece without a final newline
  };
  // nullopt: the end. Errors: errno of read(2); too_large with code "line" or "file" when a line
  // exceeds limits::kSearchLineBytes or a file that must be whole limits::kSearchWholeBytes.
  Result<std::optional<Piece>> next();

  std::uint64_t bytes() const { return bytes_; }  // read so far
  bool binary() const { return binary_; }         // a NUL ended it
  bool transcoded() const { return transcoded_; }

 private:
  Result<bool> fill();  // false: end of file
  Result<void> open_encoding();
  Result<void> read_rest(std::size_t max_bytes);

  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // unread bytes in the buffer
  int fd_ = -1;
  std::uint64_t size_ = 0;
  Pieces pieces_ = Pieces::lines;
  std::uint64_t bytes_ = 0;
  bool started_ = false, ended_ = false, at_eof_ = false, binary_ = false, transcoded_ = false;
  std::string whole_;
};

}  // namespace remit::search
