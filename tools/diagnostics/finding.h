// What every diagnostic returns: findings with cited evidence, facts, and what was not looked at.
//
// A library fills a Draft with raw text; finish() is the only way to a Report, and it enforces what
// no author may forget: a finding without its evidence, with an undeclared code or with a reference
// that does not resolve is an error (code diag.no_evidence, diag.undeclared_code); the verdict,
// `partial` and the counts of redactions are computed; text is redacted first and cut afterwards;
// findings, evidence and coverage have one order, so equal input gives equal bytes.
//
// Threads: plain values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/redaction.h"
#include "base/result.h"
#include "base/schema.h"

namespace remit::diagnostics {

enum class Severity { critical, high, medium, low, info };  // in the order of answers
enum class Confidence { confirmed, likely, possible };
enum class Unit { count, ratio, bytes, ms, s, days, per_s, rows, xids, bits, pages, cost };
enum class EvidenceKind { file, sql, http, tls, dns, proc, token, doc };
enum class Reason {
  permission,
  timeout,
  missing_extension,
  cap,
  unreachable,
  policy,
  unparsed,
  not_configured
};
enum class Verdict { problems, healthy, inconclusive };
enum class HashOf { raw, redacted };

const char* to_string(Severity severity);
const char* to_string(Reason reason);
const char* to_string(Verdict verdict);

// A number with its unit. Counts, bytes and the like are integers; a ratio is 0..1, never percent.
struct Metric {
  Json value;
  Unit unit = Unit::count;
};
Metric count_metric(std::uint64_t value, Unit unit = Unit::count);
Metric real_metric(double value, Unit unit);  // ratio: 4 decimals, others: 3

// One thing to look at. In a Draft `excerpt` is the whole raw text; finish() redacts and cuts it.
struct Evidence {
  std::string id;  // "E1".. in its finding
  EvidenceKind kind = EvidenceKind::file;
  Json ref = Json::object();  // by kind; file: path, line_start, line_end, inode, offset, tz
  std::string excerpt;        // at most limits::kExcerptBytes
  std::string sha256;
  HashOf sha256_of = HashOf::raw;
};

struct Because {
  Confidence level = Confidence::possible;
  std::string why;
};
struct RuledOut {
  std::string hypothesis;
  std::vector<std::string> by;  // evidence ids
};
struct NextStep {
  std::string tool;
  Json args = Json::object();
  std::string why;
};

struct Finding {
  std::string id;  // "F-" and 12 hex of SHA-256(code NUL target NUL object)
  std::string code;
  Severity severity = Severity::info;
  Because confidence;
  std::string target, object, summary;
  std::map<std::string, Metric> metrics;
  std::optional<std::string> first_seen, last_seen;
  std::optional<std::uint64_t> count;
  std::vector<Evidence> evidence;
  std::vector<RuledOut> ruled_out;
  std::vector<NextStep> next;
};

struct NotLooked {
  std::string what;
  Reason reason = Reason::unparsed;
  std::string detail, remedy;
};
struct Coverage {
  std::vector<std::string> looked;
  std::vector<NotLooked> could_not_look;
  bool partial = false;
};
struct Bounds {
  std::uint64_t rows = 0, bytes = 0, ms = 0;
  bool truncated = false;
};
struct Report {
  Verdict verdict = Verdict::inconclusive;
  std::vector<Finding> findings;
  Json facts = Json::object();
  Coverage coverage;
  Bounds limits;
  std::map<std::string, std::uint64_t> redactions;
  std::string result_uri;  // where the whole body is, if it was stored
};

// What a library knows; everything else of a Report is computed.
struct Draft {
  std::vector<Finding> findings;
  Json facts = Json::object();
  Coverage coverage;
  Bounds limits;
};

// A code of manifests/findings.yaml with what it requires (a test compares the two).
struct DeclaredCode {
  const char* code;
  std::size_t min_evidence;
};
const std::vector<DeclaredCode>& declared_codes();

Result<Report> finish(Draft draft, const Redactor& redactor);

// The same facts as text: verdict, facts (already rendered, redacted here), findings with their
// evidence, coverage; cut at a line end to `max_chars`, and says so.
std::string render(const Report& report, const std::string& facts, std::size_t max_chars);

// Cuts `text` to at most `max` bytes on a character boundary, with "..." if something was cut.
std::string cut(std::string text, std::size_t max);

}  // namespace remit::diagnostics

namespace remit {

namespace diag = diagnostics;

template <>
struct EnumNames<diag::Severity> {
  static constexpr std::array list{
      std::pair{diag::Severity::critical, "critical"}, std::pair{diag::Severity::high, "high"},
      std::pair{diag::Severity::medium, "medium"}, std::pair{diag::Severity::low, "low"},
      std::pair{diag::Severity::info, "info"}};
};
template <>
struct EnumNames<diag::Confidence> {
  static constexpr std::array list{std::pair{diag::Confidence::confirmed, "confirmed"},
                                   std::pair{diag::Confidence::likely, "likely"},
                                   std::pair{diag::Confidence::possible, "possible"}};
};
template <>
struct EnumNames<diag::Unit> {
  static constexpr std::array list{
      std::pair{diag::Unit::count, "count"}, std::pair{diag::Unit::ratio, "ratio"},
      std::pair{diag::Unit::bytes, "bytes"}, std::pair{diag::Unit::ms, "ms"},
      std::pair{diag::Unit::s, "s"},         std::pair{diag::Unit::days, "days"},
      std::pair{diag::Unit::per_s, "per_s"}, std::pair{diag::Unit::rows, "rows"},
      std::pair{diag::Unit::xids, "xids"},   std::pair{diag::Unit::bits, "bits"},
      std::pair{diag::Unit::pages, "pages"}, std::pair{diag::Unit::cost, "cost"}};
};
template <>
struct EnumNames<diag::EvidenceKind> {
  static constexpr std::array list{
      std::pair{diag::EvidenceKind::file, "file"},   std::pair{diag::EvidenceKind::sql, "sql"},
      std::pair{diag::EvidenceKind::http, "http"},   std::pair{diag::EvidenceKind::tls, "tls"},
      std::pair{diag::EvidenceKind::dns, "dns"},     std::pair{diag::EvidenceKind::proc, "proc"},
      std::pair{diag::EvidenceKind::token, "token"}, std::pair{diag::EvidenceKind::doc, "doc"}};
};
template <>
struct EnumNames<diag::Reason> {
  static constexpr std::array list{std::pair{diag::Reason::permission, "permission"},
                                   std::pair{diag::Reason::timeout, "timeout"},
                                   std::pair{diag::Reason::missing_extension, "missing_extension"},
                                   std::pair{diag::Reason::cap, "cap"},
                                   std::pair{diag::Reason::unreachable, "unreachable"},
                                   std::pair{diag::Reason::policy, "policy"},
                                   std::pair{diag::Reason::unparsed, "unparsed"},
                                   std::pair{diag::Reason::not_configured, "not_configured"}};
};
template <>
struct EnumNames<diag::Verdict> {
  static constexpr std::array list{std::pair{diag::Verdict::problems, "problems"},
                                   std::pair{diag::Verdict::healthy, "healthy"},
                                   std::pair{diag::Verdict::inconclusive, "inconclusive"}};
};
template <>
struct EnumNames<diag::HashOf> {
  static constexpr std::array list{std::pair{diag::HashOf::raw, "raw"},
                                   std::pair{diag::HashOf::redacted, "redacted"}};
};

template <>
struct Fields<diag::Metric> {
  static constexpr auto list = std::tuple{required("value", &diag::Metric::value, "number"),
                                          required("unit", &diag::Metric::unit, "")};
};
template <>
struct Fields<diag::Evidence> {
  static constexpr auto list = std::tuple{required("id", &diag::Evidence::id, ""),
                                          required("kind", &diag::Evidence::kind, ""),
                                          required("ref", &diag::Evidence::ref, "where"),
                                          required("excerpt", &diag::Evidence::excerpt, ""),
                                          required("sha256", &diag::Evidence::sha256, ""),
                                          required("sha256_of", &diag::Evidence::sha256_of, "")};
};
template <>
struct Fields<diag::Because> {
  static constexpr auto list = std::tuple{required("level", &diag::Because::level, ""),
                                          required("why", &diag::Because::why, "")};
};
template <>
struct Fields<diag::RuledOut> {
  static constexpr auto list = std::tuple{required("hypothesis", &diag::RuledOut::hypothesis, ""),
                                          required("by", &diag::RuledOut::by, "evidence ids")};
};
template <>
struct Fields<diag::NextStep> {
  static constexpr auto list = std::tuple{required("tool", &diag::NextStep::tool, ""),
                                          required("args", &diag::NextStep::args, ""),
                                          required("why", &diag::NextStep::why, "")};
};
template <>
struct Fields<diag::Finding> {
  static constexpr auto list =
      std::tuple{required("id", &diag::Finding::id, ""),
                 required("code", &diag::Finding::code, ""),
                 required("severity", &diag::Finding::severity, ""),
                 required("confidence", &diag::Finding::confidence, ""),
                 required("target", &diag::Finding::target, ""),
                 required("object", &diag::Finding::object, ""),
                 required("summary", &diag::Finding::summary, ""),
                 required("metrics", &diag::Finding::metrics, ""),
                 field("first_seen", &diag::Finding::first_seen, "RFC 3339"),
                 field("last_seen", &diag::Finding::last_seen, "RFC 3339"),
                 field("count", &diag::Finding::count, ""),
                 required("evidence", &diag::Finding::evidence, ""),
                 required("ruled_out", &diag::Finding::ruled_out, ""),
                 required("next", &diag::Finding::next, "")};
};
template <>
struct Fields<diag::NotLooked> {
  static constexpr auto list = std::tuple{required("what", &diag::NotLooked::what, ""),
                                          required("reason", &diag::NotLooked::reason, ""),
                                          required("detail", &diag::NotLooked::detail, ""),
                                          required("remedy", &diag::NotLooked::remedy, "")};
};
template <>
struct Fields<diag::Coverage> {
  static constexpr auto list =
      std::tuple{required("looked", &diag::Coverage::looked, ""),
                 required("could_not_look", &diag::Coverage::could_not_look, ""),
                 required("partial", &diag::Coverage::partial, "")};
};
template <>
struct Fields<diag::Bounds> {
  static constexpr auto list = std::tuple{
      required("rows", &diag::Bounds::rows, ""), required("bytes", &diag::Bounds::bytes, ""),
      required("ms", &diag::Bounds::ms, ""), required("truncated", &diag::Bounds::truncated, "")};
};
template <>
struct Fields<diag::Report> {
  static constexpr auto list =
      std::tuple{required("verdict", &diag::Report::verdict, "healthy only if all was looked at"),
                 required("findings", &diag::Report::findings, ""),
                 required("facts", &diag::Report::facts, ""),
                 required("coverage", &diag::Report::coverage, ""),
                 required("limits", &diag::Report::limits, ""),
                 required("redactions", &diag::Report::redactions, "replaced secrets by kind"),
                 field("result_uri", &diag::Report::result_uri, "the whole body")};
};

}  // namespace remit
