#include "memory/pin_rows.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/ledger.h"
#include "memory/private_file.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

constexpr const char* kFile = "pin";
constexpr std::size_t kFileBytes = 256;
constexpr std::size_t kSaltBytes = 16;

LedgerRecord record(std::string verdict, std::string rule) {
  return {.kind = "approval",
          .call_id = "",
          .principal = "operator",
          .verdict = std::move(verdict),
          .rule = std::move(rule),
          .origin = "",
          .fields = "{}"};
}

}  // namespace

// "scrypt SALT HASH\n", both hex. nullopt: none set.
Result<std::optional<std::string>> PinRows::stored() {
  return read_private(state_, kFile, kFileBytes, "the PIN's file",
                      "remove it and set the PIN again with remit pin");
}

Result<bool> PinRows::is_set() {
  // Looked at, not read: a server that has locked itself in may not open the hash, and a lock does
  // not hide that the file is there. verify() judges its owner and mode before trusting it.
  struct stat st{};
  if (::fstatat(state_.directory_fd().get(), kFile, &st, AT_SYMLINK_NOFOLLOW) == 0)
    return S_ISREG(st.st_mode);
  if (errno == ENOENT) return false;
  return fail_errno(errno, "look for the PIN's hash");
}

Result<void> PinRows::count_attempt() {
  const std::int64_t now = state_.clock().unix_ms();
  TRY(Transaction transaction, state_.database().write());
  Statement guard = transaction.sql("select failures, locked_until_ms from pin_guard where id = 1");
  TRY_DO(guard.step());
  const std::int64_t failures = guard.integer(0) + 1, locked_until = guard.integer(1);
  // A clock that was set back must not lock for longer than kPinLock.
  const std::int64_t lock = std::chrono::milliseconds(limits::kPinLock).count();
  if (now < locked_until && locked_until - now <= lock) {
    return fail(ErrorKind::unavailable,
                "too many wrong PINs; try again in " +
                    std::to_string((locked_until - now + 999) / 1000) + " s",
                {}, "pin_locked");
  }
  const bool full = failures >= limits::kPinFailures;
  TRY_DO(transaction.sql("update pin_guard set failures = ?, locked_until_ms = ? where id = 1")
             .bind(full ? 0 : failures)
             .bind(full ? now + lock : 0)
             .run());
  if (full) TRY_DO(append_in(transaction, state_.clock(), record("deny", "pin.locked")));
  return transaction.commit(Sync::durable);
}

Result<void> PinRows::check(std::string_view pin) {
  TRY(const std::optional<std::string> text, stored());
  if (!text) {
    return fail(ErrorKind::unavailable, "no PIN is set; set one with remit pin", {}, "pin_not_set");
  }
  const std::vector<std::string_view> parts = split(trim(*text), ' ');
  if (parts.size() != 3 || parts[0] != "scrypt") {
    return fail(ErrorKind::unavailable,
                "the PIN's file in the state directory is damaged; remove it "
                "and set the PIN again with remit pin");
  }
  TRY_DO(count_attempt());
  // Longer ones are cut, so that a huge input costs nothing.
  TRY(const std::string hash, scrypt_hex(pin.substr(0, limits::kPinMax + 1), parts[1]));
  if (!equal_constant_time(hash, parts[2])) {
    return fail(ErrorKind::denied, "wrong PIN", {}, "pin_wrong");
  }
  TRY(Transaction transaction, state_.database().write());
  TRY_DO(
      transaction.sql("update pin_guard set failures = 0, locked_until_ms = 0 where id = 1").run());
  return transaction.commit(Sync::cached);
}

Result<void> PinRows::set(std::string_view pin, const std::optional<std::string>& old) {
  const bool printable = std::ranges::none_of(
      pin, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (pin.size() < limits::kPinMin || pin.size() > limits::kPinMax || !printable) {
    return fail(ErrorKind::invalid_argument, "a PIN has " + std::to_string(limits::kPinMin) +
                                                 " to " + std::to_string(limits::kPinMax) +
                                                 " printable characters");
  }
  TRY(const bool before, is_set());
  if (before) TRY_DO(check(old.value_or("")));
  const std::string salt = random_hex(kSaltBytes);
  TRY(const std::string hash, scrypt_hex(pin, salt));
  const std::string text = "scrypt " + salt + " " + hash + "\n";
  {
    TRY(Transaction transaction, state_.database().write());
    TRY_DO(append_in(transaction, state_.clock(),
                     record("allow", before ? "pin.changed" : "pin.set")));
    TRY_DO(transaction.commit(Sync::durable));
  }
  // Two first settings at once: one of them wins, the other is told.
  return fs::replace_file(state_.directory_fd(), kFile, text, 0600,
                          before ? fs::Expect{} : fs::Expect::absent(), &state_.unfinished());
}

}  // namespace remit::memory
