#include "memory/ledger_spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "memory/state.h"

namespace remit::memory {
namespace {

constexpr const char* kFolder = "spool";
constexpr std::size_t kSize = limits::kLedgerSpoolBytes;
constexpr std::size_t kLength = sizeof(std::uint32_t);
constexpr std::size_t kNumbers = 3 * sizeof(std::uint64_t);
constexpr std::size_t kNameBytes = 26;  // ULID

// A row begins at a multiple of 4, so that its length is one aligned store.
std::size_t padded(std::size_t bytes) {
  return (bytes + kLength - 1) / kLength * kLength;
}

template <class T>
char* store(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

std::uint32_t load_length(const char* at) {
  std::uint32_t length = 0;
  std::memcpy(&length, at, sizeof length);
  return length;
}

// Makes everything before it visible first, also to who reads the file after our death.
void publish_length(char* at, std::size_t length) {
  std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(at))
      .store(static_cast<std::uint32_t>(length), std::memory_order_release);
}

// The row behind its length; false if it is not one.
bool decode(std::string_view bytes, SpooledRow& row) {
  if (bytes.size() < kNumbers) return false;
  std::memcpy(&row.number, bytes.data(), sizeof row.number);
  std::memcpy(&row.at_unix_ms, bytes.data() + 8, sizeof row.at_unix_ms);
  std::memcpy(&row.monotonic_ms, bytes.data() + 16, sizeof row.monotonic_ms);
  bytes.remove_prefix(kNumbers);
  for (std::string_view& text : row.texts) {
    if (bytes.size() < kLength) return false;
    const std::size_t size = load_length(bytes.data());
    bytes.remove_prefix(kLength);
    if (bytes.size() < size) return false;
    text = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  return bytes.size() < kLength;  // the padding
}

// `whole`: false if they end in something else than the mark of the end.
std::vector<SpooledRow> decode_all(std::string_view bytes, bool* whole = nullptr) {
  std::vector<SpooledRow> out;
  if (whole != nullptr) *whole = true;
  while (bytes.size() >= kLength) {
    const std::size_t length = load_length(bytes.data());
    SpooledRow row;
    if (length == 0 || length > bytes.size() - kLength ||
        !decode(bytes.substr(kLength, length), row)) {
      if (whole != nullptr) *whole = length == 0;
      break;
    }
    out.push_back(row);
    bytes.remove_prefix(kLength + length);
  }
  return out;
}

Result<bool> lock(const Fd& file) {
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_OFD_SETLK, &whole) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return fail_errno(errno, "lock a spool of the ledger");
}

}  // namespace

Result<std::unique_ptr<LedgerSpool>> LedgerSpool::make(State& state) {
  std::unique_ptr<LedgerSpool> self(new LedgerSpool);
  TRY(self->folder_, state.subdirectory(kFolder));
  // Who looks for abandoned spools may find this one before its lock is taken, and remove it.
  for (bool ours = false; !ours;) {
    self->name_ = ulid(state.clock().unix_ms());
    self->file_ = Fd(::openat(self->folder_.get(), self->name_.c_str(),
                              O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!self->file_) return fail_errno(errno, "make a spool of the ledger");
    TRY(ours, lock(self->file_));
    TRY(const struct stat status, fs::stat_of(self->file_));
    ours = ours && status.st_nlink == 1;
  }
  if (const int refused = ::posix_fallocate(self->file_.get(), 0, kSize); refused != 0) {
    ::unlinkat(self->folder_.get(), self->name_.c_str(), 0);
    return fail_errno(refused, "make room for a spool of the ledger");
  }
  void* const map =
      ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, self->file_.get(), 0);
  if (map == MAP_FAILED) return fail_errno(errno, "map a spool of the ledger");
  self->map_ = static_cast<char*>(map);
  return self;
}

LedgerSpool::~LedgerSpool() {
  if (map_ == nullptr) return;
  if (empty()) ::unlinkat(folder_.get(), name_.c_str(), 0);
  ::munmap(map_, kSize);
}

bool LedgerSpool::put(std::int64_t at_unix_ms, std::int64_t monotonic_ms,
                      const LedgerTexts& texts) {
  std::size_t bytes = kNumbers;
  for (const std::string_view text : texts) bytes += kLength + text.size();
  bytes = padded(bytes);
  // Room for the end mark too.
  if (bytes > kSize || end_ + kLength + bytes + kLength > kSize) return false;
  char* const length = map_ + end_;
  char* at = store(length + kLength, next_);
  at = store(at, at_unix_ms);
  at = store(at, monotonic_ms);
  for (const std::string_view text : texts) {
    at = store(at, static_cast<std::uint32_t>(text.size()));
    at = std::copy(text.begin(), text.end(), at);
  }
  publish_length(length + kLength + bytes, 0);
  publish_length(length, bytes);
  end_ += kLength + bytes;
  ++next_;
  return true;
}

bool LedgerSpool::crowded() const {
  return end_ - begin_ > kSize / 2;
}

std::vector<SpooledRow> LedgerSpool::waiting() const {
  return decode_all({map_ + begin_, end_ - begin_});
}

void LedgerSpool::drop(std::uint64_t number) {
  for (const SpooledRow& row : waiting()) {
    if (row.number > number) return;
    begin_ += kLength + load_length(map_ + begin_);
  }
  begin_ = end_ = 0;
  publish_length(map_, 0);
}

Result<std::unique_ptr<AbandonedSpool>> abandoned_spool(State& state, const std::string& after) {
  TRY(const Fd folder, state.subdirectory(kFolder));
  std::vector<std::string> names;
  TRY_DO(fs::list_directory(folder, [&](std::string_view name, unsigned char) {
    if (name.size() == kNameBytes && name > after) names.emplace_back(name);
    return true;
  }));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    auto spool = std::make_unique<AbandonedSpool>();
    spool->name = name;
    spool->file = Fd(::openat(folder.get(), name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (!spool->file && errno == ENOENT) continue;
    if (!spool->file) return fail_errno(errno, "open a spool of the ledger");
    TRY(const bool free, lock(spool->file));
    // Somebody may have finished and removed it in between.
    if (!free) continue;
    TRY(const bool there, spool_exists(state, name));
    if (!there) continue;
    TRY(spool->bytes, fs::read_at(spool->file, 0, kSize));
    bool whole = true;
    spool->rows = decode_all(spool->bytes, &whole);
    spool->damaged = !whole;
    return spool;
  }
  return std::unique_ptr<AbandonedSpool>();
}

Result<void> remove_spool(State& state, const AbandonedSpool& spool) {
  TRY(const Fd folder, state.subdirectory(kFolder));
  if (spool.damaged) {
    log::error("ledger: a dead process's spool is damaged; it is kept",
               {{"spool", spool.name + ".damaged"}, {"rows", std::to_string(spool.rows.size())}});
    const std::string aside = spool.name + ".damaged";
    if (::renameat(folder.get(), spool.name.c_str(), folder.get(), aside.c_str()) == 0) return {};
    return fail_errno(errno, "put a damaged spool of the ledger aside");
  }
  if (::unlinkat(folder.get(), spool.name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, "remove a spool of the ledger");
}

Result<bool> spool_exists(State& state, const std::string& name) {
  TRY(const Fd folder, state.subdirectory(kFolder));
  if (::faccessat(folder.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  return fail_errno(errno, "look for a spool of the ledger");
}

}  // namespace remit::memory
