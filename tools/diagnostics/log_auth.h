// Sign-ins in a log: who failed from where, and what that adds up to.
//
// Reads the messages of OpenSSH, PAM, sudo, PostgreSQL and access logs (status 401). One failure
// that two of them report (sshd and PAM do) is counted by the reporter that saw more of that
// source.
//
// Threads: one tracker belongs to one call. Memory: at most kSources sources, 64 users each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/diagnostics/log_signals.h"

namespace remit::diagnostics {

struct AuthEvent {
  enum class Outcome { failure, success, lockout } outcome = Outcome::failure;
  std::string_view user, source;
  const char* method = "";
  std::uint64_t times = 1;  // "message repeated N times"
};
// What a message says about a sign-in, if anything.
std::optional<AuthEvent> auth_event(const LogLine& line);

class AuthTracker {
 public:
  static constexpr std::size_t kSources = 10'000;
  static constexpr std::size_t kUsers = 64;  // per source

  struct User {
    std::uint64_t failures = 0;
    Spot first, last;  // failures of the last hour
    std::uint64_t recent = 0;
  };
  struct Source {
    std::uint64_t failures = 0, successes = 0;
    Spot first, last;
    std::map<std::string, User, std::less<>> users;
    bool users_cut = false;
    std::vector<Spot> window;  // the last 10 failures
    bool brute = false;        // they once came within 10 minutes
  };
  struct Breach {
    std::string source, user;
    std::uint64_t failures = 0;
    Spot first, last, success;
  };
  struct Lockout {
    std::uint64_t count = 0;
    Spot first, last;
  };

  void add(const AuthEvent& event, const Spot& spot);

  // Keyed by source; the method with most failures stands for each.
  std::map<std::string, const Source*> sources() const;
  const std::vector<Breach>& breaches() const { return breaches_; }
  const std::map<std::string, Lockout>& lockouts() const { return lockouts_; }
  std::uint64_t not_tracked() const { return not_tracked_; }

 private:
  std::map<std::string, std::map<std::string, Source>> by_source_;  // source -> method
  std::vector<Breach> breaches_;
  std::map<std::string, Lockout> lockouts_;
  std::uint64_t not_tracked_ = 0;
};

}  // namespace remit::diagnostics
