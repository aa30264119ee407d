// One pass of log_patterns: what it knows while it reads, and what it concludes. Private to this
// folder; a Pass serves one call on one thread. The .cpp files are
//   log_patterns.cpp   reading: lines to records, templates, counts
//   log_findings.cpp   concluding: bursts, silence, exhaustion, secrets, attacks on sign-ins
//   log_facts.cpp      the facts and their text
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/diagnostics/log_auth.h"
#include "tools/diagnostics/log_patterns.h"
#include "tools/diagnostics/log_signals.h"
#include "tools/diagnostics/log_templates.h"

namespace remit::diagnostics {

inline constexpr std::size_t kExamples = 3;  // places kept of each template

// What is known of one form of message, later of one template.
struct Stat {
  std::uint64_t count = 0, baseline = 0;
  Level level = Level::unknown;
  std::array<Spot, kExamples> examples;
  Spot last, baseline_last;
  Histogram histogram;

  void merge(const Stat& o);
};

struct Occurrence {
  std::uint64_t count = 0;
  Spot first, last;
  void add(const Spot& spot) {
    if (count++ == 0) first = spot;
    last = spot;
  }
};

// A time for people: RFC 3339, or "undated".
std::string time_text(const Spot& spot);

class Pass {
 public:
  Pass(LogFiles files, const PatternsQuery& query, const Redactor& redactor, const Clock& clock,
       std::stop_token stop)
      : files_(std::move(files)),
        query_(query),
        redactor_(redactor),
        clock_(clock),
        stop_(std::move(stop)) {}

  Result<PatternsAnswer> run();

 private:
  struct Record {
    std::uint32_t form = 0, lines = 1;
    std::uint64_t line = 0;
  };

  struct SecretSeen {
    Occurrence where;
    std::set<std::uint64_t> distinct;
  };

  struct Template {
    std::string text;
    Stat stat;
  };

  void missed(std::string what, Reason reason, std::string detail, std::string remedy = {}) {
    draft_.coverage.could_not_look.push_back(
        {std::move(what), reason, std::move(detail), std::move(remedy)});
  }
  void keep(Finding f) { draft_.findings.push_back(std::move(f)); }

  Result<void> read(std::uint32_t number, std::uint64_t& left, std::int64_t begun);
  void cut_short(const LogFile& file, Reason reason, std::uint64_t bytes);
  void record(const LogLine& parsed, const LineReader::Line& line, std::uint32_t file,
              Intervals& intervals);
  // A line that belongs to the record above it: the places that cite the record grow.
  void continued();
  void field_value(const LogLine& parsed, const Spot& spot);
  void secrets(const LineReader::Line& line, std::uint32_t file, std::int64_t time_ms = 0);

  Evidence cite(const Spot& spot, std::size_t number);
  void cite_all(Finding& f, const std::vector<Spot>& spots);
  std::string place(const Spot& spot) const;
  Finding finding(const char* code, Severity severity, Confidence level, std::string why);
  void silence(const LogFile& file, const Intervals& intervals);
  void conclude();
  void bursts();
  // The error template that began within the burst or was most frequent around it.
  const Template* most_in(const Rates::Burst& b) const;
  void resources();
  void baseline_changes();
  void secret_findings();
  void auth_findings();
  // a.b.c.d -> a.b.c.0/24; the first four groups of an IPv6 address as /64; else the name.
  static std::string network_of(const std::string& source);

  Json counts_of(const Occurrence& o, const std::string& key, const std::string& name);
  void facts();
  void field_facts();
  void template_facts();

  LogFiles files_;
  const PatternsQuery& query_;
  const Redactor& redactor_;
  const Clock& clock_;
  std::stop_token stop_;

  Draft draft_;
  std::string text_;
  TemplateMiner miner_;
  std::vector<Stat> stats_;  // by form
  std::vector<Template> templates_;
  Record record_;
  Rates rates_;
  Occurrence errors_;
  std::uint64_t baseline_errors_ = 0;
  std::array<Occurrence, 7> resources_;
  std::map<std::string, SecretSeen> secrets_;
  std::map<std::string, Occurrence> fields_;
  AuthTracker auth_;
  std::uint64_t auth_events_ = 0, lines_ = 0, records_ = 0, undated_ = 0;
  std::array<std::uint64_t, 8> levels_{};
  std::array<std::uint64_t, kLineFormats> formats_{};
  Spot first_, last_;
  std::int64_t histogram_start_ = 0;
  bool late_ = false;
};

}  // namespace remit::diagnostics
