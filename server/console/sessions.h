// Sessions: who has logged in, and which forms were made for them. All of it is in memory: a
// console that is started again knows nobody.
//
// A cookie names a session and is good for one change: each POST that counts gives another one. A
// form carries a token that is made for one session and one purpose ("approve ID DIGEST") and is
// taken once. A session shows; what decides asks for the PIN again, because a browser sends cookies
// of one host to every port of it, also to a server that an agent has started there.
//
// Threads: safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace remit::console {

class Session {
 public:
  // What was done last, to be told once on the next page.
  void tell(std::string what);
  std::string told();

 private:
  friend class Sessions;
  std::mutex mutex_;
  std::string key_, told_;     // key_: of the forms' tokens; constant
  std::string cookie_sha256_;  // these four: guarded by Sessions::mutex_
  std::int64_t began_ms_ = 0, used_ms_ = 0;
  std::set<std::string> taken_;  // nonces of forms that came back
};

class Sessions {
 public:
  explicit Sessions(const Clock& clock);

  struct Opened {
    std::shared_ptr<Session> session;
    std::string cookie;
  };
  // After a PIN. The least recently used one ends if there are kConsoleSessions.
  Opened open();
  // The session of a cookie, which counts as use of it; nullptr: there is none, or its time is
  // over.
  std::shared_ptr<Session> find(std::string_view cookie);
  // Whether it still stands. Not a use.
  bool stands(const Session& session);
  // The cookie that names the session from now on; the one before no longer does.
  std::string renew(Session& session);
  void end(Session& session);

  // A token for one form of the session.
  std::string token(const Session& session, std::string_view purpose) const;
  // True once for each token made for this session and purpose.
  bool take(Session& session, std::string_view token, std::string_view purpose);
  // Whether a token that was taken was made less than kPasskeyForm ago: a
  // passkey signs what a person sees now, not what stood in a window since the morning.
  bool is_recent(std::string_view token) const;

  // The same before there is a session: `nonce` is the cookie that goes with the login form, which
  // is good for kConsoleLoginForm. A passkey opens one session with it (take_login): what it signed
  // would otherwise open others.
  std::string login_nonce() const;
  std::string login_token(std::string_view nonce) const;
  bool login_fits(std::string_view nonce, std::string_view token) const;
  bool take_login(std::string_view nonce);

 private:
  bool over(const Session& session) const;
  void forget(const Session& session);

  const Clock& clock_;
  const std::string key_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Session>> all_;
  std::map<std::string, std::int64_t, std::less<>> logins_;  // nonces taken, until when they count
};

}  // namespace remit::console
