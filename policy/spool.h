// Spool: all that a command printed on one stream. The first page stays in memory; when there is
// more, everything goes to a file of spill/ in the state directory, at most kOutputSpill bytes.
// What is beyond is counted and hashed, not kept. One thread at a time.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/fs.h"

namespace remit::policy {

class Spool {
 public:
  // `name`: the file's name in `directory`, used only if a file is needed.
  Spool(const Fd& directory, std::string name) : directory_(directory), name_(std::move(name)) {}
  void write(std::string_view bytes);
  std::uint64_t bytes() const { return bytes_; }
  bool spilled() const { return static_cast<bool>(file_); }
  const std::string& name() const { return name_; }
  // Of everything that was printed, kept or not. Call once, at the end.
  std::string sha256() { return hash_.finish_hex(); }

 private:
  const Fd& directory_;
  std::string name_;
  std::string head_;
  Fd file_;
  bool failed_ = false;
  std::uint64_t bytes_ = 0, kept_ = 0;
  Sha256 hash_;
};

// Kept longer than kResultKept: gone for its readers, whether or not a sweep has been there.
bool is_expired(const struct stat& status, std::int64_t now_unix_ms);

// Removes what is expired. For start-up.
void sweep_spools(const Fd& directory, std::int64_t now_unix_ms);

}  // namespace remit::policy
