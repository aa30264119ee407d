#include "server/console/sessions.h"

#include <chrono>

#include <doctest/doctest.h>

#include "base/limits.h"

namespace remit::console {
namespace {

std::int64_t ms(std::chrono::milliseconds time) {
  return time.count();
}

TEST_CASE("a cookie names its session until it is renewed, ends or is idle") {
  ManualClock clock;
  Sessions sessions(clock);
  const auto [session, cookie] = sessions.open();
  CHECK(sessions.find(cookie) == session);
  CHECK(!sessions.find(cookie + "x"));
  CHECK(!sessions.find(""));
  const std::string next = sessions.renew(*session);
  CHECK(!sessions.find(cookie));
  CHECK(sessions.find(next) == session);
  clock.advance_ms(ms(limits::kConsoleIdle) - 1);
  CHECK(sessions.find(next) == session);
  clock.advance_ms(ms(limits::kConsoleIdle) - 1);
  CHECK(sessions.stands(*session));  // looking is no use
  clock.advance_ms(1);
  CHECK(!sessions.stands(*session));
  CHECK(!sessions.find(next));
  const auto other = sessions.open();
  sessions.end(*other.session);
  CHECK(!sessions.find(other.cookie));
}

TEST_CASE("no session lasts for ever, however much it is used") {
  ManualClock clock;
  Sessions sessions(clock);
  const auto opened = sessions.open();
  const auto step = ms(limits::kConsoleIdle) / 2;
  for (std::int64_t past = step; past < ms(limits::kConsoleSession); past += step) {
    clock.advance_ms(step);
    CHECK(sessions.find(opened.cookie));
  }
  clock.advance_ms(step);
  CHECK(!sessions.find(opened.cookie));
}

TEST_CASE("the least recently used session makes room") {
  ManualClock clock;
  Sessions sessions(clock);
  std::vector<std::string> cookies;
  for (std::size_t i = 0; i < limits::kConsoleSessions; ++i) {
    cookies.push_back(sessions.open().cookie);
    clock.advance_ms(1);
  }
  CHECK(sessions.find(cookies[0]));
  sessions.open();
  CHECK(sessions.find(cookies[0]));
  CHECK(!sessions.find(cookies[1]));
}

TEST_CASE("a token is for one session, one purpose, one time") {
  ManualClock clock;
  Sessions sessions(clock);
  const auto mine = sessions.open(), other = sessions.open();
  const std::string token = sessions.token(*mine.session, "approve 1");
  CHECK(token != sessions.token(*mine.session, "approve 1"));
  CHECK(!sessions.take(*mine.session, token, "approve 2"));
  CHECK(!sessions.take(*other.session, token, "approve 1"));
  for (const std::string& forged : {std::string(), std::string("."), token + "0", token.substr(1),
                                    "x" + token.substr(token.find('.'))})
    CHECK(!sessions.take(*mine.session, forged, "approve 1"));
  CHECK(sessions.take(*mine.session, token, "approve 1"));
  CHECK(!sessions.take(*mine.session, token, "approve 1"));
}

TEST_CASE("a session that has used up its forms ends") {
  ManualClock clock;
  Sessions sessions(clock);
  const auto opened = sessions.open();
  for (std::size_t i = 0; i < limits::kConsoleFormsUsed; ++i) {
    CHECK(sessions.find(opened.cookie));
    CHECK(sessions.take(*opened.session, sessions.token(*opened.session, "x"), "x"));
  }
  CHECK(!sessions.find(opened.cookie));
}

TEST_CASE("a login form fits its cookie, for a while") {
  ManualClock clock;
  Sessions sessions(clock), others(clock);
  const std::string nonce = sessions.login_nonce(), token = sessions.login_token(nonce);
  CHECK(sessions.login_fits(nonce, token));
  CHECK(!sessions.login_fits(sessions.login_nonce(), token));
  CHECK(!sessions.login_fits("", sessions.login_token("")));
  CHECK(!others.login_fits(nonce, token));
  CHECK(!sessions.login_fits(nonce, ""));
  clock.advance_ms(ms(limits::kConsoleLoginForm) - 1);
  CHECK(sessions.login_fits(nonce, token));
  clock.advance_ms(1);
  CHECK(!sessions.login_fits(nonce, token));
}

}  // namespace
}  // namespace remit::console
