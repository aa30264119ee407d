#include "tools/log_patterns.h"

#include <string>

#include <doctest/doctest.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "tests/diagnostics/folder_access.h"
#include "tools/diagnostics/log_files.h"
#include "tools/diagnostics/log_signals.h"

using namespace remit;
using diagnostics_test::FolderAccess;
using diagnostics_test::Scratch;

namespace {

class NoAsker : public tools::Asker {
 public:
  bool available() const override { return false; }
  Result<Answer> ask(const policy::Question&, std::stop_token) override {
    return fail(ErrorKind::unavailable, "no");
  }
};
class NoProgress : public tools::Progress {
 public:
  void report(double, std::optional<double>, std::string) override {}
};

const Redactor& redactor() {
  static const Redactor r(std::string(32, 'k'));
  return r;
}

Result<tools::Reply> call(const Scratch& scratch, const std::string& arguments,
                          std::string* kept = nullptr, std::size_t page = limits::kPageChars) {
  FolderAccess access(scratch.path());
  NoAsker asker;
  NoProgress progress;
  tools::Call c{{"01CALL", "log_patterns"}, access, asker, progress, {}, page};
  auto reply = tools::make_log_patterns(redactor()).run(*parse_json(arguments), c);
  if (kept != nullptr) *kept = access.kept;
  return reply;
}

const Json* with_code(const Json& report, const std::string& code) {
  for (const Json& f : report["findings"])
    if (f["code"] == code) return &f;
  return nullptr;
}

std::string stamp(std::int64_t second) {
  return rfc3339(1'700'000'000'000 + second * 1000);
}

}  // namespace

TEST_CASE("one burst in a hundred thousand lines is cited by file and line") {
  Scratch scratch;
  std::string log;
  for (int i = 1; i <= 100'000; ++i) {
    const bool burst = i >= 60'001 && i <= 60'400;
    log += stamp(i) +
           (burst ? " ERROR [w1] app.Pay: charge failed for order "
                  : " INFO [w1] app.Pay: charged order ") +
           std::to_string(i) + "\n";
  }
  scratch.write("app.log", log);
  const auto reply = call(scratch, R"({"source":["app.log"]})");
  REQUIRE(reply.has_value());
  const Json& report = *reply->structured;
  CHECK(report["verdict"] == "problems");
  const Json* burst = with_code(report, "log.error_burst");
  REQUIRE(burst != nullptr);
  CHECK((*burst)["severity"] == "high");
  CHECK((*burst)["count"] == 400);
  CHECK((*burst)["evidence"][0]["ref"]["line_start"] == 60'001);
  CHECK((*burst)["evidence"][1]["ref"]["line_start"] == 60'400);
  CHECK((*burst)["evidence"][0]["excerpt"].get<std::string>().find("order 60001") !=
        std::string::npos);
  CHECK((*burst)["first_seen"] == stamp(60'001));
  CHECK(report["facts"]["lines"] == 100'000);
  CHECK(report["facts"]["levels"]["error"] == 400);
  CHECK(report["facts"]["templates_total"] == 2);
  CHECK(reply->text.find("app.log:60001: ") != std::string::npos);
  CHECK(report["coverage"]["partial"] == false);
}

TEST_CASE("a quiet log is healthy, a refused file makes it inconclusive") {
  Scratch scratch;
  std::string log;
  for (int i = 0; i < 100; ++i) log += stamp(i) + " INFO ok " + std::to_string(i) + "\n";
  scratch.write("logs/a.log", log);
  scratch.write("logs/denied.log", log);
  CHECK((*call(scratch, R"({"source":["logs/a.log"]})")->structured)["verdict"] == "healthy");
  const auto reply = call(scratch, R"({"source":["logs/*.log"]})");
  const Json& report = *reply->structured;
  CHECK(report["verdict"] == "inconclusive");
  CHECK(report["coverage"]["could_not_look"][0]["reason"] == "policy");
  CHECK(report["coverage"]["could_not_look"][0]["what"] == "logs/denied.log");
  CHECK(reply->text.find("could not look: logs/denied.log") != std::string::npos);
}

TEST_CASE("a missing file, a glob without match and a compressed file are coverage, not health") {
  Scratch scratch;
  scratch.write("old.log.gz", std::string("\x1f\x8b\x08\0\0", 5));
  for (const char* source : {R"(["none.log"])", R"(["no*.log"])", R"(["old.log.gz"])"}) {
    CAPTURE(std::string(source));
    const auto reply = call(scratch, std::string(R"({"source":)") + source + "}");
    REQUIRE(reply.has_value());
    CHECK((*reply->structured)["verdict"] == "inconclusive");
    CHECK((*reply->structured)["coverage"]["could_not_look"].size() == 1);
  }
}

TEST_CASE("rotated files are read in the order of their times") {
  Scratch scratch;
  scratch.write("app.log", stamp(200) + " INFO c 1\n" + stamp(201) + " INFO c 2\n");
  scratch.write("app.log.1", stamp(100) + " INFO c 3\n");
  scratch.write("app.log.10", stamp(10) + " INFO c 4\n");
  const Json report = *call(scratch, R"({"source":["app.log*"]})")->structured;
  CHECK(report["facts"]["templates"][0]["examples"][0] == "app.log.10:1");
  CHECK(report["facts"]["templates"][0]["examples"][1] == "app.log.1:1");
  CHECK(report["facts"]["from"] == stamp(10));
  CHECK(report["facts"]["to"] == stamp(201));
}

TEST_CASE("a stack trace belongs to its record") {
  Scratch scratch;
  scratch.write("a.log",
                stamp(1) +
                    " ERROR x.Y: broke\njava.lang.E: m\n\tat a.b(C.java:1)\n\tat a.c(C.java:2)\n" +
                    stamp(2) + " INFO x.Y: on\n");
  const Json report = *call(scratch, R"({"source":["a.log"]})")->structured;
  CHECK(report["facts"]["records"] == 3);
  CHECK(report["facts"]["lines"] == 5);
}

TEST_CASE("exhausted resources are named with their first and last line") {
  Scratch scratch;
  scratch.write("a.log", stamp(1) + " INFO x\n" + stamp(2) +
                             " ERROR write /var/x: No space left on device\n" + stamp(3) +
                             " INFO y\n" + stamp(4) +
                             " ERROR write /var/y: No space left on device\n" + stamp(5) +
                             " WARN java.lang.OutOfMemoryError: Java heap space\n");
  const Json report = *call(scratch, R"({"source":["a.log"]})")->structured;
  std::string objects;
  for (const Json& f : report["findings"])
    if (f["code"] == "log.resource_exhaustion") {
      objects += f["object"].get<std::string>() + ";";
      if (f["object"] == "disk space") {
        CHECK(f["evidence"][0]["ref"]["line_start"] == 2);
        CHECK(f["evidence"][1]["ref"]["line_start"] == 4);
      }
    }
  CHECK(objects == "disk space;memory;");
}

TEST_CASE("secrets in a log are a finding that does not repeat them") {
  Scratch scratch;
  scratch.write("a.log", stamp(1) + " INFO start\n" + stamp(2) +
                             " DEBUG login password=hunter2zz ok\n" + stamp(3) +
                             " DEBUG login password=hunter2zz ok\n");
  const auto reply = call(scratch, R"({"source":["a.log"]})");
  const Json* f = with_code(*reply->structured, "secret.in_log");
  REQUIRE(f != nullptr);
  CHECK((*f)["metrics"]["count"]["value"] == 2);
  CHECK((*f)["metrics"]["distinct"]["value"] == 1);
  CHECK((*f)["evidence"][0]["ref"]["line_start"] == 2);
  CHECK(dump(*reply->structured).find("hunter2zz") == std::string::npos);
  CHECK(reply->text.find("hunter2zz") == std::string::npos);
}

TEST_CASE("silence and clocks that go back cite both lines") {
  Scratch scratch;
  std::string log;
  for (int i = 0; i < 50; ++i) log += stamp(i) + " INFO tick\n";
  for (int i = 0; i < 50; ++i) log += stamp(1000 + i) + " INFO tick\n";
  log += stamp(900) + " INFO tick\n";
  scratch.write("a.log", log);
  const Json report = *call(scratch, R"({"source":["a.log"]})")->structured;
  const Json* gap = with_code(report, "log.gap");
  REQUIRE(gap != nullptr);
  CHECK((*gap)["evidence"][0]["ref"]["line_start"] == 50);
  CHECK((*gap)["evidence"][1]["ref"]["line_start"] == 51);
  CHECK((*gap)["metrics"]["gap"]["value"] == 951.0);
  const Json* back = with_code(report, "log.time_backwards");
  REQUIRE(back != nullptr);
  CHECK((*back)["evidence"][1]["ref"]["line_start"] == 101);
}

TEST_CASE("a baseline shows what is new and what is gone") {
  Scratch scratch;
  std::string log;
  for (int i = 0; i < 30; ++i) log += stamp(i) + " INFO heartbeat ok\n";
  for (int i = 100; i < 110; ++i) log += stamp(i) + " ERROR replica lost\n";
  scratch.write("a.log", log);
  const std::string arguments = R"({"source":["a.log"],"from":")" + stamp(90) +
                                R"(","baseline":{"from":")" + stamp(0) + R"(","to":")" + stamp(90) +
                                R"("}})";
  const Json report = *call(scratch, arguments)->structured;
  const Json* fresh = with_code(report, "log.new_template");
  REQUIRE(fresh != nullptr);
  CHECK((*fresh)["severity"] == "medium");
  CHECK((*fresh)["evidence"][0]["ref"]["line_start"] == 31);
  const Json* gone = with_code(report, "log.template_vanished");
  REQUIRE(gone != nullptr);
  CHECK((*gone)["evidence"][0]["ref"]["line_start"] == 30);
}

TEST_CASE("attacks on sign-ins") {
  Scratch scratch;
  std::string log;
  const auto line = [&](int second, const std::string& text) {
    log += "Dec 10 06:" + std::string(second / 60 < 10 ? "0" : "") + std::to_string(second / 60) +
           ":" + (second % 60 < 10 ? "0" : "") + std::to_string(second % 60) +
           " h sshd[1]: " + text + "\n";
  };
  for (int i = 0; i < 12; ++i) line(i * 5, "Failed password for root from 10.0.0.9 port 1 ssh2");
  line(70, "Accepted password for root from 10.0.0.9 port 1 ssh2");
  for (int i = 0; i < 6; ++i)
    line(80 + i,
         "Failed password for invalid user u" + std::to_string(i) + " from 10.1.0.1 port 1 ssh2");
  line(100, "Failed password for bob from 10.2.0.1 port 1 ssh2");
  line(101, "Accepted password for bob from 10.2.0.1 port 1 ssh2");
  scratch.write("auth.log", log);
  const Json report = *call(scratch, R"({"source":["auth.log"],"profile":"auth"})")->structured;
  const Json* breach = with_code(report, "auth.success_after_failures");
  REQUIRE(breach != nullptr);
  CHECK((*breach)["severity"] == "critical");
  CHECK((*breach)["object"] == "source 10.0.0.9 user root");
  CHECK((*breach)["evidence"][0]["ref"]["line_start"] == 1);
  CHECK((*breach)["evidence"][1]["ref"]["line_start"] == 12);
  CHECK((*breach)["evidence"][2]["ref"]["line_start"] == 13);
  CHECK(report["findings"][0]["code"] == "auth.success_after_failures");
  const Json* brute = with_code(report, "auth.brute_force");
  REQUIRE(brute != nullptr);
  CHECK((*brute)["metrics"]["failures"]["value"] == 12);
  const Json* spray = with_code(report, "auth.password_spray");
  REQUIRE(spray != nullptr);
  CHECK((*spray)["object"] == "source 10.1.0.1");
  CHECK(report["facts"]["auth"]["sources"][0]["network"] == "10.0.0.0/24");
  // Without the profile nobody is accused.
  CHECK(with_code(*call(scratch, R"({"source":["auth.log"]})")->structured, "auth.brute_force") ==
        nullptr);
}

TEST_CASE("windows, levels and fields narrow what is counted") {
  Scratch scratch;
  std::string log;
  for (int i = 0; i < 100; ++i)
    log += stamp(i) + (i % 10 == 0 ? " ERROR [t] a.B: e\n" : " INFO [t] a.C: i\n");
  scratch.write("a.log", log);
  CHECK((*call(scratch, R"({"source":["a.log"],"min_level":"error"})")
              ->structured)["facts"]["records"] == 10);
  const std::string window =
      R"({"source":["a.log"],"from":")" + stamp(10) + R"(","to":")" + stamp(20) + R"("})";
  CHECK((*call(scratch, window)->structured)["facts"]["records"] == 10);
  const Json groups =
      (*call(scratch, R"({"source":["a.log"],"group_by":"field","field":"component"})")
            ->structured)["facts"]["groups"];
  CHECK(groups[0]["value"] == "a.C");
  CHECK(groups[0]["count"] == 90);
}

TEST_CASE("bad arguments are refused with their place") {
  Scratch scratch;
  CHECK(call(scratch, R"({"source":[]})").error().where == "/source");
  CHECK(call(scratch, R"({"source":["a"],"from":"yesterday"})").error().where == "/from");
  CHECK(call(scratch, R"({"source":["a"],"group_by":"field"})").error().where == "/field");
  CHECK(call(scratch, R"({"source":["a"],"colour":1})").error().kind ==
        ErrorKind::invalid_argument);
}

TEST_CASE("both views stay within the page, and the whole is kept") {
  Scratch scratch;
  std::string log;
  for (int i = 0; i < 2000; ++i)
    log += stamp(i) + " INFO " + std::string(40, static_cast<char>('a' + i % 26)) + " " +
           std::string(1 + static_cast<std::size_t>(i) % 40, 'x') + "\n";
  scratch.write("a.log", log);
  std::string kept;
  const auto reply = call(scratch, R"({"source":["a.log"],"top":500})", &kept, 4000);
  REQUIRE(reply.has_value());
  CHECK(reply->text.size() <= 4000);
  CHECK(dump(*reply->structured).size() <= 4000);
  CHECK((*reply->structured)["result_uri"] == "remit://result/01CALL");
  CHECK(parse_json(kept).has_value());
  CHECK(kept.size() > 4000);
}

TEST_CASE("the same input gives the same bytes apart from durations") {
  Scratch scratch;
  std::string log;
  for (int i = 0; i < 500; ++i)
    log += stamp(i * i % 977) + " WARN thing " + std::to_string(i % 7) + " from host" +
           std::to_string(i % 13) + "\n";
  scratch.write("a.log", log);
  Json a = *call(scratch, R"({"source":["a.log"]})")->structured,
       b = *call(scratch, R"({"source":["a.log"]})")->structured;
  a["limits"].erase("ms");
  b["limits"].erase("ms");
  CHECK(a == b);
}

TEST_CASE("lines are split at LF only and bounded") {
  Scratch scratch;
  const std::string long_line(5u << 20, 'x');
  scratch.write("a.log", "one\rtwo\n\n" + long_line + "\nlast");
  FolderAccess access(scratch.path());
  const policy::CallScope scope{"01CALL", "log_patterns"};
  auto files = diagnostics::open_logs(access, scope, {"a.log"}, {});
  REQUIRE(files.has_value());
  diagnostics::LineReader reader(files->files[0].fd, 1u << 30);
  diagnostics::LineReader::Line line;
  REQUIRE(reader.next(&line));
  CHECK(line.text == "one\rtwo");
  REQUIRE(reader.next(&line));
  CHECK(line.text.empty());
  REQUIRE(reader.next(&line));
  CHECK(line.text == std::string_view(long_line).substr(0, limits::kLogLineBytes));
  CHECK(line.number == 3);
  REQUIRE(reader.next(&line));
  CHECK(line.text == "last");
  CHECK(line.offset == 9 + long_line.size() + 1);
  CHECK_FALSE(reader.next(&line));
}

TEST_CASE("a histogram widens without losing a count") {
  diagnostics::Histogram h, g;
  for (std::uint64_t t : {0u, 23u, 24u, 100u}) h.add(t);
  CHECK(h.shift == 3);
  g.add(5000);
  h.merge(g);
  std::uint32_t sum = 0;
  for (const std::uint32_t c : h.column) sum += c;
  CHECK(sum == 5);
}
