#include "tools/diagnostics/finding.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "base/limits.h"

using namespace remit;
using namespace remit::diagnostics;

namespace {

const Redactor& redactor() {
  static const Redactor r(std::string(32, 'k'));
  return r;
}

Finding finding(const char* code, Severity severity, std::size_t evidence,
                std::string object = "x") {
  Finding f;
  f.code = code;
  f.severity = severity;
  f.object = std::move(object);
  f.summary = "something";
  for (std::size_t i = 0; i < evidence; ++i) {
    Evidence e;
    e.id = "E" + std::to_string(i + 1);
    e.ref = {{"path", "a.log"}, {"line_start", i + 1}};
    e.excerpt = "line";
    f.evidence.push_back(std::move(e));
  }
  return f;
}

Result<Report> one(Finding f) {
  Draft d;
  d.findings.push_back(std::move(f));
  return finish(std::move(d), redactor());
}

}  // namespace

TEST_CASE("a finding without its evidence does not leave") {
  CHECK(one(finding("log.error_burst", Severity::high, 2)).has_value());
  const auto bare = one(finding("log.error_burst", Severity::high, 1));
  REQUIRE_FALSE(bare.has_value());
  CHECK(bare.error().code == "diag.no_evidence");
  CHECK(one(finding("log.resource_exhaustion", Severity::high, 0)).error().code ==
        "diag.no_evidence");
}

TEST_CASE("an undeclared code does not leave") {
  CHECK(one(finding("log.made_up", Severity::high, 3)).error().code == "diag.undeclared_code");
}

TEST_CASE("ruling out needs evidence that is cited") {
  Finding f = finding("log.gap", Severity::medium, 2);
  f.ruled_out.push_back({"a full disk", {"E3"}});
  CHECK(one(f).error().code == "diag.no_evidence");
  f.ruled_out[0].by = {"E2"};
  CHECK(one(f).has_value());
}

TEST_CASE("the verdict is computed and never reads as health what was not seen") {
  Draft clean;
  CHECK(finish(clean, redactor())->verdict == Verdict::healthy);
  Draft blind;
  blind.coverage.could_not_look.push_back({"a.log", Reason::policy, "not allowed", ""});
  CHECK(finish(blind, redactor())->verdict == Verdict::inconclusive);
  CHECK(finish(blind, redactor())->coverage.partial);
  Draft stopped;
  stopped.limits.truncated = true;
  CHECK(finish(stopped, redactor())->verdict == Verdict::inconclusive);
  CHECK(one(finding("log.new_template", Severity::info, 1))->verdict == Verdict::healthy);
  CHECK(one(finding("log.time_backwards", Severity::low, 2))->verdict == Verdict::problems);
}

TEST_CASE("findings stand in one order and have stable names") {
  Draft d;
  d.findings = {finding("log.time_backwards", Severity::low, 2),
                finding("secret.in_log", Severity::high, 1, "jwt"),
                finding("log.resource_exhaustion", Severity::high, 1, "memory")};
  const auto report = finish(d, redactor());
  REQUIRE(report.has_value());
  CHECK(report->findings[0].code == "log.resource_exhaustion");
  CHECK(report->findings[1].code == "secret.in_log");
  CHECK(report->findings[2].code == "log.time_backwards");
  CHECK(report->findings[0].id == finish(d, redactor())->findings[0].id);
  CHECK(report->findings[0].id.size() == 14);
}

TEST_CASE("an excerpt is redacted first and cut afterwards") {
  Finding f = finding("secret.in_log", Severity::high, 1);
  // The cut falls inside the secret: cut first, it would match no pattern.
  f.evidence[0].excerpt =
      std::string(limits::kExcerptBytes - 20, 'a') + " password=correcthorsebatterystaple";
  const auto report = one(f);
  REQUIRE(report.has_value());
  const Evidence& e = report->findings[0].evidence[0];
  CHECK(e.excerpt.size() <= limits::kExcerptBytes);
  CHECK(e.excerpt.find("correct") == std::string::npos);
  CHECK(e.sha256_of == HashOf::redacted);
  CHECK(report->redactions.at("password") == 1);
}

TEST_CASE("an excerpt ends on a character") {
  Finding f = finding("secret.in_log", Severity::high, 1);
  for (int i = 0; i < 300; ++i) f.evidence[0].excerpt += "\xc3\xa4";
  const auto report = one(f);
  const std::string& text = report->findings[0].evidence[0].excerpt;
  CHECK(text.size() <= limits::kExcerptBytes);
  CHECK(text.substr(text.size() - 3) == "...");
  CHECK(report->findings[0].evidence[0].sha256_of == HashOf::raw);
  CHECK_NOTHROW((void)Json(text).dump());
}

TEST_CASE("a report fits its own schema") {
  const auto report = one(finding("log.error_burst", Severity::high, 2));
  CHECK(schema::validate(schema_of<Report>(), encode(*report)).has_value());
}

TEST_CASE("the text is cut at a line end and says so") {
  const auto report = one(finding("log.error_burst", Severity::high, 2));
  const std::string text = render(*report, std::string(5000, 'f') + "\n", 1000);
  CHECK(text.size() <= 1000);
  CHECK(text.find("cut at the page budget") != std::string::npos);
  CHECK(render(*report, "facts\n", 10'000).find("[E1] a.log:1: line") != std::string::npos);
}

TEST_CASE("the declared codes are those of manifests/findings.yaml") {
  const char* source = std::getenv("REMIT_SOURCE");
  REQUIRE(source != nullptr);
  std::ifstream file(std::string(source) + "/manifests/findings.yaml");
  REQUIRE(file.good());
  std::map<std::string, std::size_t> declared;
  std::string line, code;
  while (std::getline(file, line)) {
    if (const auto at = line.find("- code: "); at != std::string::npos) code = line.substr(at + 8);
    if (const auto at = line.find("min_evidence: "); at != std::string::npos)
      declared[code] = static_cast<std::size_t>(std::stoul(line.substr(at + 14)));
  }
  std::map<std::string, std::size_t> known;
  for (const DeclaredCode& d : declared_codes()) known[d.code] = d.min_evidence;
  CHECK(known == declared);
}
