#include "tools/diagnostics/log_line.h"

#include <string>

#include <doctest/doctest.h>

#include "base/clock.h"
#include "tools/diagnostics/log_time.h"

using namespace remit::diagnostics;

namespace {

// The file was last changed on 2024-03-01.
const LineContext kContext{1'709'251'200'000, false};

struct Case {
  const char* line;
  LineFormat format;
  const char* time;  // "" = none
  Level level;
  const char* component;
  const char* content;
};

const Case kCases[] = {
    {"Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass; user unknown", LineFormat::syslog,
     "2023-06-14T15:16:01.000Z", Level::unknown, "sshd(pam_unix)", "check pass; user unknown"},
    {"Jan  5 01:02:03 host kernel: Out of memory: Killed process 1", LineFormat::syslog,
     "2024-01-05T01:02:03.000Z", Level::unknown, "kernel", "Out of memory: Killed process 1"},
    {"<11>Jan 15 01:02:03 host app[7]: text", LineFormat::syslog, "2024-01-15T01:02:03.000Z",
     Level::error, "app", "text"},
    {"<34>1 2003-10-11T22:14:15.003Z mymachine su - ID47 - su root failed", LineFormat::syslog5424,
     "2003-10-11T22:14:15.003Z", Level::critical, "su", "su root failed"},
    {"2024-01-02T03:04:05.678+02:00 host prog[9]: text here", LineFormat::syslog,
     "2024-01-02T01:04:05.678Z", Level::unknown, "prog", "text here"},
    {"[Sun Dec 04 04:47:44 2005] [error] mod_jk child init 1 -2", LineFormat::bracketed,
     "2005-12-04T04:47:44.000Z", Level::error, "", "mod_jk child init 1 -2"},
    {"2015-10-18 18:01:47,978 INFO [main] org.a.MRAppMaster: Created it", LineFormat::log4j,
     "2015-10-18T18:01:47.978Z", Level::info, "org.a.MRAppMaster", "Created it"},
    {"081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_3 "
     "terminating",
     LineFormat::hdfs, "2008-11-09T20:36:15.000Z", Level::info, "dfs.DataNode$PacketResponder",
     "PacketResponder 1 for block blk_3 terminating"},
    {"2015-07-29 17:41:44,747 - INFO  "
     "[QuorumPeer[myid=1]/0:0:0:0:0:0:0:0:2181:FastLeaderElection@774] - Notification time out: "
     "3200",
     LineFormat::log4j, "2015-07-29T17:41:44.747Z", Level::info, "", "Notification time out: 3200"},
    {"[10.30 16:49:06] chrome.exe - proxy.example:5070 open through proxy", LineFormat::bracketed,
     "2023-10-30T16:49:06.000Z", Level::unknown, "chrome.exe",
     "proxy.example:5070 open through proxy"},
    {"134681 node-246 unix.hw state_change.unavailable 1077804742 1 Component State Change",
     LineFormat::epoch, "2004-02-26T14:12:22.000Z", Level::unknown, "unix.hw",
     "Component State Change"},
    {R"({"time":"2024-01-02T03:04:05Z","level":"warn","msg":"disk \"a\" slow","n":1})",
     LineFormat::json, "2024-01-02T03:04:05.000Z", Level::warning, "", R"(disk \"a\" slow)"},
    {R"({"log":"hello\n","stream":"stdout","time":"2024-01-02T03:04:05.1Z"})", LineFormat::json,
     "2024-01-02T03:04:05.100Z", Level::unknown, "", "hello"},
    {R"(time=2024-01-02T03:04:05Z level=error msg="it broke" id=7)", LineFormat::logfmt,
     "2024-01-02T03:04:05.000Z", Level::error, "", "it broke"},
    {R"(10.0.0.1 - bob [10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.0" 500 12)", LineFormat::clf,
     "2000-10-10T20:55:36.000Z", Level::error, "", R"("GET /x HTTP/1.0" 500 12)"},
    {"2024/01/02 15:04:05 [error] 12#0: *1 connect() failed", LineFormat::nginx,
     "2024-01-02T15:04:05.000Z", Level::error, "", "12#0: *1 connect() failed"},
    {"E0102 15:04:05.123456   77 server.go:12] it broke", LineFormat::klog,
     "2024-01-02T15:04:05.123Z", Level::error, "server.go:12", "it broke"},
    {"2024-01-02 03:04:05.678 UTC [123] app@db FATAL:  remaining connection slots are reserved",
     LineFormat::log4j, "2024-01-02T03:04:05.678Z", Level::critical, "app@db",
     "remaining connection slots are reserved"},
    {"2024-01-02 03:04:05,678 - my.logger - WARNING - slow", LineFormat::log4j,
     "2024-01-02T03:04:05.678Z", Level::warning, "my.logger", "slow"},
    {"ERROR: something", LineFormat::plain, "", Level::error, "", "something"},
    {"just words, Error in the middle", LineFormat::plain, "", Level::unknown, "",
     "just words, Error in the middle"},
    {"", LineFormat::plain, "", Level::unknown, "", ""},
    {"[", LineFormat::plain, "", Level::unknown, "", "["},
    {"9999-99-99 99:99:99 x", LineFormat::plain, "", Level::unknown, "", "9999-99-99 99:99:99 x"},
};

}  // namespace

TEST_CASE("headers of each format are taken apart") {
  for (const Case& c : kCases) {
    CAPTURE(std::string(c.line));
    const LogLine line = parse_line(c.line, kContext);
    CHECK(std::string(to_string(line.format)) == to_string(c.format));
    CHECK((line.time_ms ? remit::rfc3339(*line.time_ms) : "") == c.time);
    CHECK(std::string(to_string(line.level)) == to_string(c.level));
    CHECK(std::string(line.component) == c.component);
    CHECK(std::string(line.content) == c.content);
  }
}

TEST_CASE("a carriage return at the end is no content") {
  CHECK(parse_line("2024-01-02 03:04:05 INFO x\r", kContext).content == "x");
}

TEST_CASE("a year is the latest that does not lie after the file's change") {
  // 2024-02-29 exists, and December of a file changed in March is last year's.
  CHECK(remit::rfc3339(*parse_line("Dec 31 23:59:59 h p: x", kContext).time_ms) ==
        "2023-12-31T23:59:59.000Z");
  CHECK(remit::rfc3339(*parse_line("Mar  1 00:00:01 h p: x", kContext).time_ms) ==
        "2024-03-01T00:00:01.000Z");
}

TEST_CASE("day first is a matter of the file") {
  CHECK(remit::rfc3339(*parse_line("03/04/2024 10:00:00 x", {kContext.changed_ms, true}).time_ms) ==
        "2024-04-03T10:00:00.000Z");
  CHECK(
      remit::rfc3339(*parse_line("03/04/2024 10:00:00 x", {kContext.changed_ms, false}).time_ms) ==
      "2024-03-04T10:00:00.000Z");
}

TEST_CASE("stack frames continue a record") {
  for (const char* line : {"\tat a.b.C(D.java:1)", "Caused by: x",
                           "Traceback (most recent call last):", "  File \"x.py\"",
                           "goroutine 1 [running]:", "... 12 more", "}"})
    CHECK(continues_record(line));
  for (const char* line : {"", "Error: x", "attention"}) CHECK_FALSE(continues_record(line));
}

TEST_CASE("dates count from 1970") {
  CHECK(days_from_civil(1970, 1, 1) == 0);
  CHECK(days_from_civil(2000, 3, 1) == 11017);
  CHECK(days_from_civil(2024, 2, 29) == 19782);
}
