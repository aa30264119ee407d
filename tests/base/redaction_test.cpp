#include "base/redaction.h"

#include <time.h>

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/redaction_rules.h"

using remit::Redactor;

namespace {

Redactor redactor() {
  return Redactor(std::string(32, 'k'));
}

struct Canary {
  const char* kind;
  const char* text;
  const char* secret;  // must not be in the result
};

// Every form that the table of kinds names, and the ways they are written in logs and source.
const Canary kCanaries[] = {
    {"jwt", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.s1gNatur3_x done", "eyJzdWIi"},
    {"jwt", "none eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0. end", "eyJzdWIi"},
    {"jwt", "jwe eyJhbGciOiJkaXIifQ..aXYtaXYtaXY.Y2lwaGVydGV4dA.dGFn-canary end", "tagcanary-dGFn"},
    {"jwt", "cut eyJhbGciOiJIUzI1NiJ9eyJ.eyJzdWIiOiIxMjM0NTY3ODk", "eyJzdWIi"},
    {"bearer", "Authorization: Bearer c4n4ryTok.en~x\r\nAccept: */*", "c4n4ryTok"},
    {"bearer", "authorization: c4n4ry", "c4n4ry"},
    {"bearer", R"({"Authorization":"Bearer c4n4ry-opaque","a":1})", "c4n4ry"},
    {"bearer", R"(curl -H 'Authorization: Bearer c4n4ry' https://x/)", "c4n4ry"},
    {"bearer", R"(Authorization: Digest username="c4n4ry", response="c4n4ry")", "c4n4ry"},
    {"bearer", "Proxy-Authorization: Bearer c4n4ry", "c4n4ry"},
    {"bearer", "sent Bearer c4n4ry0123456789abcd to upstream", "c4n4ry"},
    {"basic", "Authorization: Basic dXNlcjpjNG40cnk=", "dXNlcjpjNG40cnk"},
    {"basic", "curl -sS -u admin:c4n4ry https://host/", "c4n4ry"},
    {"basic", "curl --user admin:c4n4ry https://host/", "c4n4ry"},
    {"basic", "GET https://bob:c4n4ry@host/path", "c4n4ry"},
    {"api_key", "key AKIAC4N4RYC4N4RYC4N4 used", "C4N4RY"},
    {"api_key", "key ASIAC4N4RYC4N4RYC4N4 used", "C4N4RY"},
    {"api_key", "ghp_c4n4ry0123456789c4n4ry0123456789abcd", "c4n4ry"},
    {"api_key", "x github_pat_11AAAAAAA0c4n4ry0123456789_abcdef", "c4n4ry"},
    {"api_key", "glpat-c4n4ry0123456789abcd", "c4n4ry"},
    {"api_key", "xoxb-123456789012-c4n4ry", "c4n4ry"},
    {"api_key", "sk_live_c4n4ry0123456789", "c4n4ry"},
    {"api_key", "sk-proj-c4n4ry0123456789abcdef", "c4n4ry"},
    {"api_key", "AIzaSyC4n4ry0123456789C4n4ry0123456789a", "C4n4ry"},
    {"api_key", "whsec_c4n4ry0123456789abcdef", "c4n4ry"},
    {"api_key", "npm_c4n4ry0123456789c4n4ry0123456789", "c4n4ry"},
    {"private_key", "a\n-----BEGIN RSA PRIVATE KEY-----\nc4n4ry\n-----END RSA PRIVATE KEY-----\nb",
     "c4n4ry"},
    {"private_key", "-----BEGIN PRIVATE KEY-----\nc4n4ry\nand no end", "c4n4ry"},
    {"private_key",
     R"("key":"-----BEGIN EC PRIVATE KEY-----\nc4n4ry\n-----END EC PRIVATE KEY-----\n")", "c4n4ry"},
    {"password", "ALTER ROLE app PASSWORD 'c4n4ry'", "c4n4ry"},
    {"password", "create user x identified by 'c4n4ry'", "c4n4ry"},
    {"password", "create user x identified by \"c4n4ry\"", "c4n4ry"},
    {"password", "login user=bob password=c4n4ry host=x", "c4n4ry"},
    {"password", "db_passwd: c4n4ry", "c4n4ry"},
    {"password", "pwd=c4n4ry;server=x", "c4n4ry"},
    {"password", "password=c4,n4ry next", "c4,n4ry"},
    {"password", "{user=bob, password=c4n4ry}", "c4n4ry"},
    {"password", R"({"password":"c4\"n4ry"})", "n4ry"},
    {"password", R"({"body":"{\"client_secret\":\"c4n4ry\",\"a\":1}"})", "c4n4ry"},
    {"password", R"({"body":"{\"password\":\"c4\\\"n4ry\"}"})", "n4ry"},
    {"password", R"({"token": 123456789})", "123456789"},
    {"password", "{'api_key': 'c4n4ry'}", "c4n4ry"},
    {"password", "GET /cb?code=1&access_token=c4n4ry&state=2 HTTP/1.1", "c4n4ry"},
    {"password", "X-Api-Key: c4n4ry", "c4n4ry"},
    {"password", "mysql --password c4n4ry db", "c4n4ry"},
    {"password", "mysql --password=c4n4ry db", "c4n4ry"},
    {"password", "export API_KEY=c4n4ry", "c4n4ry"},
    {"password", "password = \"c4n4ry with spaces\"", "spaces"},
    {"password", "password=\"c4n4ry never closed", "closed"},
    {"password", "host=db dbname=x user=y password='c4n4ry z'", "c4n4ry"},
    {"password", "secret := \"c4n4ry\"", "c4n4ry"},
    {"password", "login failed (password=c4n4ry)", "c4n4ry"},
    {"dsn", "postgres://app:c4n4ry@db:5432/main?sslmode=off", "c4n4ry"},
    {"dsn", "amqp://app:c4/n4ry@mq/", "n4ry"},
    {"dsn", "redis://:c4n4ry@cache:6379/0", "c4n4ry"},
    {"cookie", "Cookie: sid=c4n4ry; theme=c4n4ry2", "c4n4ry"},
    {"cookie", "Set-Cookie: sid=c4n4ry; Path=/; HttpOnly", "c4n4ry"},
    {"cookie", R"({"set-cookie":["sid=c4n4ry; Path=/"],"x":1})", "c4n4ry"},
    {"cookie", R"({"cookie": "a=c4n4ry; b=c4n4ry"})", "c4n4ry"},
    {"pan", "card 4111111111111111 declined", "4111111111111111"},
    {"pan", "card=4111 1111 1111 1111,", "1111"},
    {"pan", "5500-0000-0000-0004", "0004"},
    {"pan", "amex 3782 822463 10005.", "822463"},
    {"email", "mail to Jane.Doe+x@Example.co.uk failed", "Doe"},
    {"email", "<bob@example.org>", "bob"},
    {"iban", "to DE89370400440532013000 now", "DE8937"},
    {"iban", "to DE89 3704 0044 0532 0130 00 now", "0532"},
};

// Text that diagnosis needs and that must stay as it is.
const char* const kStays[] = {
    "10.251.73.220:50010 is added to blk_-6952295868487656571 size 67108864",
    "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass; user unknown",
    "request_id=0f4dd1f8-3e14-4f3e-9c0a-4111111111111111 user_id=12345",
    "order-4111111111111111 and x4111111111111111",
    "4111111111111112 fails the checksum",
    "token = next_token();",
    "std::string token::name() == password::kind",
    "\"password\": null, token: undefined",
    "password=",
    "password: ********",
    "PWD=/srv/app OLDPWD=/",
    "FastLeaderElection@774] - Notification time out: 3200",
    "java.lang.Object@1b2c3d4 and pkg@1.2.3",
    "tokens: 15, max_tokens=100",
    "http://host:8080/path and postgres://host/db?user=x",
    "a risk-free disk-based task-oriented-scheduler-thing",
    "eyJ is not a token, nor is eyJabc.def",
    "DE89 is a code, GB82WEST12345698765433 has a wrong sum",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "basic bearer tests cookie jar",
    "sort -u file; user -u a",
};

}  // namespace

TEST_CASE("a canary of every kind is replaced and named") {
  const Redactor r = redactor();
  for (const Canary& c : kCanaries) {
    CAPTURE(std::string(c.text));
    const auto out = r.redact(c.text);
    CHECK(out.text.find(c.secret) == std::string::npos);
    CHECK(out.counts.count(c.kind) == 1);
    CHECK(out.text.find(std::string("[redacted:") + c.kind + ":") != std::string::npos);
    // Again: nothing changes, so several choke points on one way do no harm.
    CHECK(r.redact(out.text).text == out.text);
  }
}

TEST_CASE("a canary is found in the middle of a large text and at its very end") {
  const Redactor r = redactor();
  const std::string around(70'000, '.');
  for (const Canary& c : kCanaries) {
    CAPTURE(std::string(c.text));
    CHECK(r.redact(around + "\n" + c.text + "\n" + around).text.find(c.secret) ==
          std::string::npos);
    CHECK(r.redact(around + "\n" + c.text).text.find(c.secret) == std::string::npos);
  }
}

TEST_CASE("what diagnosis needs stays") {
  const Redactor r = redactor();
  for (const char* text : kStays) {
    CAPTURE(std::string(text));
    const auto out = r.redact(text);
    CHECK(out.text == text);
    CHECK(out.counts.empty());
  }
}

TEST_CASE("what surrounds a secret stays") {
  const Redactor r = redactor();
  const auto shape = [&](const char* text) {
    std::string out = r.redact(text).text;
    for (std::size_t at; (at = out.find("[redacted:")) != std::string::npos;)
      out.replace(at, out.find(']', at) - at + 1, "#");
    return out;
  };
  CHECK(shape("Authorization: Bearer abc\r\nAccept: x") == "Authorization: Bearer #\r\nAccept: x");
  CHECK(shape("postgres://u:p@h:5432/d") == "postgres://u:#@h:5432/d");
  CHECK(shape("a=1&token=x&b=2") == "a=1&token=#&b=2");
  CHECK(shape("Set-Cookie: sid=x; Path=/; Secure") == "Set-Cookie: sid=#; Path=/; Secure");
  CHECK(shape("Cookie: a=x; b=y") == "Cookie: a=#; b=#");
  CHECK(shape(R"({"password":"x\"y","b":2})") == R"({"password":"#","b":2})");
  CHECK(shape(R"({\"password\":\"x\",\"b\":2})") == R"({\"password\":\"#\",\"b\":2})");
  CHECK(shape("password=x, user=y") == "password=#, user=y");
  CHECK(shape("pwd=x;server=y") == "pwd=#;server=y");
}

TEST_CASE("the same value gives the same token within a case and another in the next") {
  const Redactor r = redactor(), other(std::string(32, 'z'));
  const std::string a = r.redact("mail Bob@example.org").text,
                    b = r.redact("mail bob@EXAMPLE.org").text;
  CHECK(a == b);
  CHECK(r.redact("mail carol@example.org").text != a);
  CHECK(other.redact("mail Bob@example.org").text != a);
  CHECK(r.redact("4111 1111 1111 1111").text == r.redact("4111111111111111").text);
}

TEST_CASE("a loaded secret is found in every form and inside other secrets") {
  Redactor r = redactor();
  const std::string secret = "Z#q\"9/p+w7~x";
  r.add_secret(secret + "\n");
  r.add_secret("tiny");
  const std::vector<std::string> hidden{secret,
                                        "pre" + secret + "post",
                                        "Z%23q%229%2Fp%2Bw7~x",
                                        "Z#q\\\"9/p+w7~x",
                                        "WiNxIjkvcCt3N354" /* base64 begins */,
                                        "dXNlcjpaI3EiOS9wK3c3fng=" /* user:SECRET */,
                                        "eDpaI3EiOS9wK3c3fng=" /* x:SECRET */};
  for (const std::string& text : hidden) {
    CAPTURE(std::string(text));
    const auto out = r.redact(text);
    CHECK(out.counts.count("known_secret") == 1);
    CHECK(out.text.find("9/p+w7") == std::string::npos);
  }
  CHECK(r.redact("tiny things").text == "tiny things");
  CHECK(r.redact("password=" + secret).text.find("known_secret") != std::string::npos);
}

TEST_CASE("two loaded secrets that overlap leave nothing") {
  Redactor r = redactor();
  r.add_secret("abcdefgh");
  r.add_secret("efghijkl");
  CHECK(r.redact("abcdefghijkl").text.find("ijkl]") == std::string::npos);
  CHECK(r.redact("abcdefghijkl").text.size() ==
        std::string("[redacted:known_secret:0123456789ab]").size());
}

TEST_CASE("find gives offsets of what redact replaces") {
  const Redactor r = redactor();
  const std::string text = "user bob@example.org password=hunter2x";
  const auto spans = r.find(text);
  REQUIRE(spans.size() == 2);
  CHECK(text.substr(spans[0].offset, spans[0].length) == "bob@example.org");
  CHECK(text.substr(spans[1].offset, spans[1].length) == "hunter2x");
}

TEST_CASE("time grows with the text, whatever it holds") {
  const Redactor r = redactor();
  // Processor time of this thread: what else runs does not count.
  const auto seconds = [&](const std::string& unit, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += unit;
    const auto now = [] {
      timespec time{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    };
    double least = 1e9;  // of three: a shared core may be slower for a while, never faster
    for (int n = 0; n < 3; ++n) {
      const double begin = now();
      (void)r.find(text);
      least = std::min(least, now() - begin);
    }
    return least;
  };
  // Sixteen times the text: sixteen times the time, where a quadratic scanner takes 256.
  for (const char* unit : {"eyJ",
                           "eyJeyJeyJ.",
                           "-----BEGIN ",
                           "://a:",
                           "password=\"",
                           "password=,",
                           "@a",
                           "a@b.",
                           "-u ",
                           "Cookie: a=",
                           "1234 ",
                           "4444",
                           "AB12",
                           "[redacted:",
                           "\\\"token\\\":\\\"",
                           "Authorization: ",
                           "sk-",
                           "IDENTIFIED BY '",
                           "token:'\\",
                           "a@a@a.bb@"}) {
    CAPTURE(std::string(unit));
    const double small = seconds(unit, 64u << 10), large = seconds(unit, 1u << 20);
    CHECK(large < 64 * std::max(small, 0.0005));
  }
}
