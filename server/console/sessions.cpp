#include "server/console/sessions.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/crypto.h"
#include "base/limits.h"
#include "server/limits.h"

namespace remit::console {
namespace {

constexpr std::size_t kSecretBytes = 32, kNonceBytes = 16;

std::int64_t milliseconds(std::chrono::milliseconds time) {
  return time.count();
}

// "NONCE.MAC"
std::string seal(std::string_view key, const std::string& nonce, std::string_view purpose) {
  Sha256 all;
  all.field("remit console form");
  all.field(nonce);
  all.field(purpose);
  return nonce + "." + hmac_sha256_hex(key, all.finish_hex());
}

// When a login's nonce, whose token fits, ends.
std::int64_t end_of(std::string_view nonce) {
  std::int64_t until = 0;
  std::from_chars(nonce.data(), nonce.data() + nonce.size(), until);
  return until;
}

}  // namespace

void Session::tell(std::string what) {
  const std::lock_guard held(mutex_);
  told_ = std::move(what);
}

std::string Session::told() {
  const std::lock_guard held(mutex_);
  return std::exchange(told_, std::string());
}

Sessions::Sessions(const Clock& clock) : clock_(clock), key_(random_bytes(kSecretBytes)) {}

bool Sessions::over(const Session& session) const {
  const std::int64_t now = clock_.monotonic_ms();
  return now - session.used_ms_ >= milliseconds(limits::kConsoleIdle) ||
         now - session.began_ms_ >= milliseconds(limits::kConsoleSession) ||
         session.taken_.size() >= limits::kConsoleFormsUsed;
}

void Sessions::forget(const Session& session) {
  std::erase_if(all_, [&](const auto& one) { return one.get() == &session; });
}

Sessions::Opened Sessions::open() {
  auto session = std::make_shared<Session>();
  const std::string cookie = base64url(random_bytes(kSecretBytes));
  session->key_ = random_bytes(kSecretBytes);
  session->cookie_sha256_ = sha256_hex(cookie);
  session->began_ms_ = session->used_ms_ = clock_.monotonic_ms();
  const std::lock_guard held(mutex_);
  std::erase_if(all_, [&](const auto& one) { return over(*one); });
  if (all_.size() >= limits::kConsoleSessions)
    all_.erase(std::ranges::min_element(all_, {}, [](const auto& one) { return one->used_ms_; }));
  all_.push_back(session);
  return {std::move(session), cookie};
}

std::shared_ptr<Session> Sessions::find(std::string_view cookie) {
  const std::string digest = sha256_hex(cookie);
  const std::lock_guard held(mutex_);
  std::shared_ptr<Session> found;
  for (const auto& one : all_)
    if (equal_constant_time(one->cookie_sha256_, digest)) found = one;
  if (!found) return nullptr;
  if (over(*found)) {
    forget(*found);
    return nullptr;
  }
  found->used_ms_ = clock_.monotonic_ms();
  return found;
}

bool Sessions::stands(const Session& session) {
  const std::lock_guard held(mutex_);
  return !over(session) &&
         std::ranges::any_of(all_, [&](const auto& one) { return one.get() == &session; });
}

std::string Sessions::renew(Session& session) {
  const std::string cookie = base64url(random_bytes(kSecretBytes));
  const std::lock_guard held(mutex_);
  session.cookie_sha256_ = sha256_hex(cookie);
  return cookie;
}

void Sessions::end(Session& session) {
  const std::lock_guard held(mutex_);
  forget(session);
}

std::string Sessions::token(const Session& session, std::string_view purpose) const {
  return seal(session.key_, std::to_string(clock_.monotonic_ms()) + "-" + random_hex(kNonceBytes),
              purpose);
}

bool Sessions::take(Session& session, std::string_view token, std::string_view purpose) {
  const std::string nonce(token.substr(0, token.find('.')));
  if (!equal_constant_time(seal(session.key_, nonce, purpose), token)) return false;
  const std::lock_guard held(mutex_);
  return session.taken_.insert(nonce).second;
}

bool Sessions::is_recent(std::string_view token) const {
  std::int64_t made = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), made);
  const std::int64_t age = clock_.monotonic_ms() - made;
  return error == std::errc() && end != token.data() + token.size() && *end == '-' && age >= 0 &&
         age < milliseconds(limits::kPasskeyForm);
}

std::string Sessions::login_nonce() const {
  const auto until = clock_.monotonic_ms() + milliseconds(limits::kConsoleLoginForm);
  return std::to_string(until) + "-" + random_hex(kNonceBytes);
}

std::string Sessions::login_token(std::string_view nonce) const {
  return seal(key_, std::string(nonce), "login");
}

bool Sessions::login_fits(std::string_view nonce, std::string_view token) const {
  if (nonce.empty() || !equal_constant_time(login_token(nonce), token)) return false;
  return clock_.monotonic_ms() < end_of(nonce);
}

bool Sessions::take_login(std::string_view nonce) {
  const std::int64_t now = clock_.monotonic_ms();
  const std::lock_guard held(mutex_);
  std::erase_if(logins_, [&](const auto& one) { return one.second <= now; });
  return logins_.emplace(nonce, end_of(nonce)).second;
}

}  // namespace remit::console
