#include "tools/diagnostics/finding.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <set>
#include <tuple>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/redaction_rules.h"
#include "base/text.h"

namespace remit::diagnostics {

namespace {

constexpr std::size_t kIdHex = 12;

template <class E>
const char* name_of(E value) {
  for (const auto& [known, name] : EnumNames<E>::list)
    if (known == value) return name;
  return "";
}

double rounded(double value, double scale) {
  return std::round(value * scale) / scale;
}

// Redacts and counts.
class Cleaner {
 public:
  Cleaner(const Redactor& redactor, std::map<std::string, std::uint64_t>& counts)
      : redactor_(redactor), counts_(counts) {}

  std::string text(const std::string& raw, bool* low_entropy = nullptr) {
    Redacted out = redactor_.redact(to_utf8(raw));
    for (const auto& [kind, count] : out.counts) {
      counts_[kind] += count;
      if (low_entropy != nullptr && redaction::low_entropy(kind)) *low_entropy = true;
    }
    return std::move(out.text);
  }
  // Every string in a value; the depth is that of what a library built, not of outside input.
  void value(Json& json) {
    if (json.is_string()) {
      json = text(json.get<std::string>());
    } else if (json.is_structured()) {
      for (Json& child : json) value(child);
    }
  }

 private:
  const Redactor& redactor_;
  std::map<std::string, std::uint64_t>& counts_;
};

Result<void> check(const Finding& f) {
  const auto& codes = declared_codes();
  const auto declared = std::find_if(codes.begin(), codes.end(),
                                     [&](const DeclaredCode& d) { return f.code == d.code; });
  if (declared == codes.end())
    return fail(ErrorKind::internal,
                "finding code " + f.code + " is not declared in manifests/findings.yaml", "",
                "diag.undeclared_code");
  if (f.evidence.size() < declared->min_evidence)
    return fail(ErrorKind::internal,
                "finding " + f.code + " cites " + std::to_string(f.evidence.size()) +
                    " pieces of evidence, needs " + std::to_string(declared->min_evidence),
                "", "diag.no_evidence");
  for (const RuledOut& r : f.ruled_out)
    for (const std::string& id : r.by)
      if (std::none_of(f.evidence.begin(), f.evidence.end(),
                       [&](const Evidence& e) { return e.id == id; }))
        return fail(ErrorKind::internal,
                    "finding " + f.code + " rules out by " + id + ", which it does not cite", "",
                    "diag.no_evidence");
  return {};
}

std::string line_of(const Json& ref) {
  std::string out = ref.value("path", std::string());
  if (ref.contains("line_start"))
    out += ":" + std::to_string(ref["line_start"].get<std::uint64_t>());
  return out;
}

std::string number(const Json& value) {
  return value.is_number_float() ? dump(value) : value.dump();
}

}  // namespace

const char* to_string(Severity severity) {
  return name_of(severity);
}
const char* to_string(Reason reason) {
  return name_of(reason);
}
const char* to_string(Verdict verdict) {
  return name_of(verdict);
}

Metric count_metric(std::uint64_t value, Unit unit) {
  return {Json(value), unit};
}
Metric real_metric(double value, Unit unit) {
  return {Json(rounded(value, unit == Unit::ratio ? 1e4 : 1e3)), unit};
}

const std::vector<DeclaredCode>& declared_codes() {
  static const std::vector<DeclaredCode> codes{
      {"log.error_burst", 2},
      {"log.new_template", 1},
      {"log.template_vanished", 1},
      {"log.resource_exhaustion", 1},
      {"log.gap", 2},
      {"log.time_backwards", 2},
      {"secret.in_log", 1},
      {"auth.brute_force", 2},
      {"auth.password_spray", 2},
      {"auth.success_after_failures", 3},
      {"auth.impossible_order", 1},
      {"auth.account_lockout", 1},
  };
  return codes;
}

std::string cut(std::string text, std::size_t max) {
  if (text.size() <= max) return text;
  text.resize(utf8_boundary(text, max - 3));
  return text + "...";
}

Result<Report> finish(Draft draft, const Redactor& redactor) {
  Report report;
  Cleaner clean(redactor, report.redactions);
  for (Finding& f : draft.findings) {
    std::sort(f.evidence.begin(), f.evidence.end(), [](const Evidence& a, const Evidence& b) {
      return std::make_pair(a.id.size(), a.id) < std::make_pair(b.id.size(), b.id);
    });
    TRY_DO(check(f));
    for (Evidence& e : f.evidence) {
      bool low_entropy = false;
      const std::string raw = std::move(e.excerpt);
      const std::string whole = clean.text(raw, &low_entropy);
      // The hash of a text with a guessable secret in it would be an oracle for that secret.
      e.sha256_of = low_entropy ? HashOf::redacted : HashOf::raw;
      e.sha256 = sha256_hex(low_entropy ? whole : raw);
      e.excerpt = cut(printable(whole), limits::kExcerptBytes);
      clean.value(e.ref);
    }
    f.object = cut(clean.text(f.object), limits::kSummaryBytes);
    f.target = clean.text(f.target);
    f.summary = cut(clean.text(f.summary), limits::kSummaryBytes);
    f.confidence.why = clean.text(f.confidence.why);
    for (RuledOut& r : f.ruled_out) r.hypothesis = clean.text(r.hypothesis);
    for (NextStep& n : f.next) {
      clean.value(n.args);
      n.why = clean.text(n.why);
    }
    const std::string identity =
        f.code + std::string(1, '\0') + f.target + std::string(1, '\0') + f.object;
    f.id = "F-" + sha256_hex(identity).substr(0, kIdHex);
  }
  std::sort(draft.findings.begin(), draft.findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.severity, a.confidence.level, a.code, a.object, a.target) <
           std::tie(b.severity, b.confidence.level, b.code, b.object, b.target);
  });
  report.findings = std::move(draft.findings);
  report.facts = std::move(draft.facts);
  clean.value(report.facts);
  report.coverage = std::move(draft.coverage);
  for (std::string& what : report.coverage.looked) what = clean.text(what);
  for (NotLooked& n : report.coverage.could_not_look) {
    n.what = clean.text(n.what);
    n.detail = clean.text(n.detail);
    n.remedy = clean.text(n.remedy);
  }
  std::sort(report.coverage.looked.begin(), report.coverage.looked.end());
  std::sort(report.coverage.could_not_look.begin(), report.coverage.could_not_look.end(),
            [](const NotLooked& a, const NotLooked& b) {
              return std::tie(a.what, a.reason, a.detail) < std::tie(b.what, b.reason, b.detail);
            });
  report.limits = draft.limits;
  report.coverage.partial = report.limits.truncated || !report.coverage.could_not_look.empty();
  const bool problem = std::any_of(report.findings.begin(), report.findings.end(),
                                   [](const Finding& f) { return f.severity != Severity::info; });
  report.verdict = problem                   ? Verdict::problems
                   : report.coverage.partial ? Verdict::inconclusive
                                             : Verdict::healthy;
  return report;
}

std::string render(const Report& report, const std::string& facts, std::size_t max_chars) {
  std::string out = "verdict: " + std::string(to_string(report.verdict)) +
                    (report.coverage.partial ? " (partial)" : "") + "\n";
  out += facts;
  for (const Finding& f : report.findings) {
    out += "\n" + std::string(to_string(f.severity)) + " " + f.code + " " + f.id + "\n  " +
           f.summary + "\n";
    out += "  " + std::string(name_of(f.confidence.level)) + ": " + f.confidence.why + "\n";
    std::string metrics;
    for (const auto& [name, metric] : f.metrics)
      metrics += (metrics.empty() ? "  " : ", ") + name + " " + number(metric.value) +
                 (metric.unit == Unit::count ? "" : std::string(" ") + name_of(metric.unit));
    if (!metrics.empty()) out += metrics + "\n";
    for (const Evidence& e : f.evidence)
      out += "  [" + e.id + "] " + line_of(e.ref) + ": " + e.excerpt + "\n";
  }
  out += "\nlooked:";
  for (const std::string& what : report.coverage.looked) out += " " + what;
  if (report.coverage.looked.empty()) out += " nothing";
  out += "\n";
  for (const NotLooked& n : report.coverage.could_not_look)
    out += "could not look: " + n.what + " (" + to_string(n.reason) + "): " + n.detail +
           (n.remedy.empty() ? "" : "; " + n.remedy) + "\n";
  if (report.limits.truncated)
    out += "stopped at a limit: the numbers above are of what was read\n";
  if (!report.result_uri.empty())
    out += "whole result: " + report.result_uri + " (evidence: cite its last part as call_id)\n";
  if (count_chars(out) <= max_chars) return out;
  static constexpr std::string_view kCut =
      "(cut at the page budget; narrow `source`, `from`/`to` or `top`)\n";
  std::string_view head = prefix_chars(out, max_chars > kCut.size() ? max_chars - kCut.size() : 0);
  const std::size_t line = head.rfind('\n');
  return std::string(line == std::string_view::npos ? head : head.substr(0, line + 1)) +
         std::string(kCut);
}

}  // namespace remit::diagnostics
