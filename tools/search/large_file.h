// One large file through one pattern on several threads: the file is cut into stretches of whole
// lines, each is scanned as if it were a file, and the results are joined in their order, so that
// the answer is the one scan() gives. For single lines only: a match that spans lines and context
// around a match reach beyond a stretch.
//
// Threads: scan_large blocks; its helpers end before it returns, and at most a few stretches per
// thread wait for an earlier one, which bounds the memory.
#pragma once

#include <cstdint>
#include <functional>

#include "base/fs.h"
#include "base/result.h"
#include "tools/search/pattern.h"
#include "tools/search/scan.h"

namespace remit::search {

// Is a file of `size` bytes worth several threads, and do the question and the file's encoding
// (UTF-16 is transcoded whole) allow them? False too if it cannot be read: scan() tells why.
bool is_large(const Fd& fd, std::uint64_t size, const Pattern& pattern, const ScanOptions& options);

// The file's first `size` bytes, on the calling thread and up to `helpers` more. `should_stop` is
// called on the calling thread alone. Errors: as scan().
Result<Scanned> scan_large(const Fd& fd, std::uint64_t size, const Pattern& pattern,
                           const ScanOptions& options, std::size_t helpers,
                           const std::function<bool()>& should_stop);

}  // namespace remit::search
