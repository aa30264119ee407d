#include "tools/diagnostics/log_auth.h"

#include <algorithm>
#include <charconv>

namespace remit::diagnostics {

namespace {

constexpr std::size_t kWindow = 10;              // failures ...
constexpr std::int64_t kWindowMs = 10 * 60'000;  // ... within this make a brute force
constexpr std::int64_t kBreachMs = 60 * 60'000;
constexpr std::uint64_t kBreachFailures = 5;
constexpr std::size_t kBreaches = 100;
constexpr std::size_t kNameBytes = 128;

// The text behind `key` up to the next space; empty if `key` is not in `s`.
std::string_view behind(std::string_view s, std::string_view key) {
  const std::size_t at = s.find(key);
  if (at == std::string_view::npos) return {};
  s.remove_prefix(at + key.size());
  return s.substr(0, std::min({s.find(' '), s.size(), kNameBytes}));
}
bool starts(std::string_view s, std::string_view with) {
  return s.substr(0, with.size()) == with;
}
bool contains(std::string_view s, std::string_view what) {
  return s.find(what) != std::string_view::npos;
}

std::string_view unquoted(std::string_view s) {
  while (!s.empty() && (s.front() == '"' || s.front() == '\'')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == '"' || s.back() == '\'' || s.back() == ',')) s.remove_suffix(1);
  return s;
}

// "... for [invalid user ]NAME from ADDRESS port N": the name is what stands between, spaces
// included.
bool for_from(std::string_view s, AuthEvent* event) {
  const std::size_t from = s.rfind(" from ");
  const std::size_t begin = s.find(" for ");
  if (from == std::string_view::npos || begin == std::string_view::npos || begin + 5 > from)
    return false;
  std::string_view name = s.substr(begin + 5, from - begin - 5);
  for (const std::string_view word : {"invalid user ", "illegal user "})
    if (starts(name, word)) name.remove_prefix(word.size());
  event->user = name.substr(0, kNameBytes);
  event->source = behind(s.substr(from), " from ");
  return !event->source.empty();
}

}  // namespace

std::optional<AuthEvent> auth_event(const LogLine& line) {
  std::string_view s = line.content;
  AuthEvent event;
  if (starts(s, "message repeated ")) {
    const std::size_t open = s.find("[ ");
    if (open == std::string_view::npos) return std::nullopt;
    std::from_chars(s.data() + 17, s.data() + s.size(), event.times);
    s = s.substr(open + 2);
    if (!s.empty() && s.back() == ']') s.remove_suffix(1);
  }
  if (starts(s, "Failed ") || starts(s, "error: PAM: Authentication failure for ")) {
    event.method = "ssh";
    if (for_from(s, &event)) return event;
    return std::nullopt;
  }
  if (starts(s, "Accepted ")) {
    event.outcome = AuthEvent::Outcome::success;
    event.method = "ssh";
    if (for_from(s, &event)) return event;
    return std::nullopt;
  }
  if (contains(s, "authentication failure;")) {
    event.method = "pam";
    event.user = behind(s, " user=");
    event.source = behind(s, "rhost=");
    if (event.source.empty()) event.source = "local";
    return event;
  }
  if (contains(s, "maximum authentication attempts exceeded") || contains(s, "account locked") ||
      contains(s, "Account locked") || contains(s, "account temporarily locked") ||
      contains(s, "account is locked")) {
    event.outcome = AuthEvent::Outcome::lockout;
    event.method = "lockout";
    event.user = behind(s, " for ");
    if (event.user == "invalid") event.user = behind(s, "invalid user ");
    if (event.user.empty()) event.user = unquoted(behind(s, "user="));
    if (event.user.empty()) event.user = unquoted(behind(s, "user "));
    return event;
  }
  if (contains(s, "password authentication failed for user ") || contains(s, "role \"")) {
    if (!contains(s, "authentication failed")) return std::nullopt;
    event.method = "postgres";
    event.user = unquoted(behind(s, "for user "));
    event.source = behind(s, "host=");
    if (event.source.empty())
      event.source = line.host.empty() ? std::string_view("unknown") : line.host;
    return event;
  }
  if (contains(s, "incorrect password attempt")) {
    event.method = "sudo";
    event.user = s.substr(0, std::min(s.find(' '), kNameBytes));
    event.source = "local";
    return event;
  }
  if (line.format == LineFormat::clf && contains(s, "\" 401 ")) {
    event.method = "web";
    event.source = line.host;
    return event;
  }
  return std::nullopt;
}

void AuthTracker::add(const AuthEvent& event, const Spot& spot) {
  const std::string user(event.user), source(event.source);
  if (event.outcome == AuthEvent::Outcome::lockout) {
    if (lockouts_.size() >= kSources && !lockouts_.contains(user)) {
      ++not_tracked_;
      return;
    }
    Lockout& l = lockouts_[user];
    if (l.count == 0) l.first = spot;
    l.last = spot;
    l.count += event.times;
    return;
  }
  if (by_source_.size() >= kSources && !by_source_.contains(source)) {
    ++not_tracked_;
    return;
  }
  Source& s = by_source_[source][event.method];
  User* u = nullptr;
  if (const auto it = s.users.find(user); it != s.users.end())
    u = &it->second;
  else if (s.users.size() < kUsers)
    u = &s.users[user];
  else
    s.users_cut = true;

  if (event.outcome == AuthEvent::Outcome::success) {
    ++s.successes;
    if (u != nullptr && u->recent >= kBreachFailures && breaches_.size() < kBreaches &&
        spot.time_ms != 0 && spot.time_ms - u->first.time_ms <= kBreachMs)
      breaches_.push_back({source, user, u->recent, u->first, u->last, spot});
    if (u != nullptr) u->recent = 0;
    return;
  }
  if (s.failures == 0) s.first = spot;
  s.last = spot;
  s.failures += event.times;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(event.times, kWindow); ++i) {
    if (s.window.size() == kWindow) s.window.erase(s.window.begin());
    s.window.push_back(spot);
  }
  if (s.window.size() == kWindow && spot.time_ms != 0 && s.window.front().time_ms != 0 &&
      spot.time_ms - s.window.front().time_ms <= kWindowMs)
    s.brute = true;
  if (u == nullptr) return;
  // Failures of the last hour: a longer pause starts a new count.
  if (u->recent == 0 || spot.time_ms - u->first.time_ms > kBreachMs) {
    u->recent = 0;
    u->first = spot;
  }
  u->recent += event.times;
  u->failures += event.times;
  u->last = spot;
}

std::map<std::string, const AuthTracker::Source*> AuthTracker::sources() const {
  std::map<std::string, const Source*> out;
  for (const auto& [name, methods] : by_source_)
    for (const auto& [method, source] : methods) {
      const Source*& best = out[name];
      if (best == nullptr || source.failures > best->failures) best = &source;
    }
  return out;
}

}  // namespace remit::diagnostics
