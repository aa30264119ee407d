// Over 400 lines because the pass over the lines and what is concluded from it share one state.
#include "tools/diagnostics/log_patterns.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "tools/diagnostics/log_auth.h"
#include "tools/diagnostics/log_signals.h"
#include "tools/diagnostics/log_templates.h"

namespace remit::diagnostics {

namespace {

constexpr std::size_t kExamples = 3;
constexpr std::size_t kBursts = 3;
constexpr std::size_t kNewTemplates = 10;  // findings of one kind
constexpr std::size_t kAuthFindings = 20;
constexpr std::size_t kFieldValues = 10'000;
constexpr std::size_t kDistinctSecrets = 10'000;
constexpr std::size_t kCheckEvery = 4096;      // lines between looks at clock and stop
constexpr std::uint64_t kRegularBaseline = 5;  // occurrences that make a template regular

// What is known of one form of message, later of one template.
struct Stat {
  std::uint64_t count = 0, baseline = 0;
  Level level = Level::unknown;
  std::array<Spot, kExamples> examples;
  Spot last, baseline_last;
  Histogram histogram;

  void merge(const Stat& o) {
    count += o.count;
    baseline += o.baseline;
    level = std::max(level, o.level);
    std::array<Spot, 2 * kExamples> all;
    std::copy(examples.begin(), examples.end(), all.begin());
    std::copy(o.examples.begin(), o.examples.end(), all.begin() + kExamples);
    // Not earlier(): with dated and undated spots it is no order (a before b before c before a).
    const auto place = [](const Spot& s) {
      return std::tuple(!s, s.time_ms == 0, s.time_ms, s.file, s.line);
    };
    std::sort(all.begin(), all.end(),
              [&place](const Spot& a, const Spot& b) { return place(a) < place(b); });
    std::copy_n(all.begin(), kExamples, examples.begin());
    if (o.last && (!last || earlier(last, o.last))) last = o.last;
    if (o.baseline_last && (!baseline_last || earlier(baseline_last, o.baseline_last)))
      baseline_last = o.baseline_last;
    histogram.merge(o.histogram);
  }
};

struct Occurrence {
  std::uint64_t count = 0;
  Spot first, last;
  void add(const Spot& spot) {
    if (count++ == 0) first = spot;
    last = spot;
  }
};

// What a masked text was classified as, in TemplateMiner's note.
constexpr std::uint16_t kClassified = 1;
std::uint16_t note_of(Level level, Resource resource) {
  return static_cast<std::uint16_t>(kClassified | (static_cast<unsigned>(level) << 1) |
                                    (static_cast<unsigned>(resource) << 5));
}
Level noted_level(std::uint16_t note) {
  return static_cast<Level>((note >> 1) & 15);
}
Resource noted_resource(std::uint16_t note) {
  return static_cast<Resource>(note >> 5);
}

std::string time_text(const Spot& spot) {
  return spot.time_ms == 0 ? "undated" : rfc3339(spot.time_ms);
}

std::string decimal(double value) {
  std::string s = std::to_string(value);
  return s.substr(0, s.find('.') + 2);
}

class Pass {
 public:
  Pass(LogFiles files, const PatternsQuery& query, const Redactor& redactor, const Clock& clock,
       std::stop_token stop)
      : files_(std::move(files)),
        query_(query),
        redactor_(redactor),
        clock_(clock),
        stop_(std::move(stop)) {}

  Result<PatternsAnswer> run() {
    const std::int64_t begun = clock_.monotonic_ms();
    draft_.coverage.could_not_look = std::move(files_.could_not_look);
    std::uint64_t left = limits::kLogBytes;
    for (std::uint32_t i = 0; i < files_.files.size(); ++i) {
      const LogFile& file = files_.files[i];
      if (left == 0 || late_) {
        missed(file.path, late_ ? Reason::timeout : Reason::cap, "not reached", "narrow `source`");
        continue;
      }
      TRY_DO(read(i, left, begun));
    }
    conclude();
    draft_.limits.rows = lines_;
    draft_.limits.ms = static_cast<std::uint64_t>(clock_.monotonic_ms() - begun);
    return PatternsAnswer{std::move(draft_), std::move(text_)};
  }

 private:
  void missed(std::string what, Reason reason, std::string detail, std::string remedy = {}) {
    draft_.coverage.could_not_look.push_back(
        {std::move(what), reason, std::move(detail), std::move(remedy)});
  }

  // --- the pass ---

  Result<void> read(std::uint32_t number, std::uint64_t& left, std::int64_t begun) {
    const LogFile& file = files_.files[number];
    LineReader reader(file.fd, left);
    LineReader::Line line;
    Intervals intervals;
    const LineContext context{file.changed_ms, file.day_first};
    bool open_record = false, dated = false, unzoned = false;
    std::uint64_t in_file = 0;
    record_ = Record{};
    while (reader.next(&line)) {
      ++in_file;
      if (in_file % kCheckEvery == 0) {
        if (stop_.stop_requested())
          return fail(ErrorKind::cancelled, "cancelled while reading logs");
        if (clock_.monotonic_ms() - begun > limits::kLogDeadline.count()) {
          late_ = true;
          break;
        }
      }
      if (line.text.empty() || line.text == "\r") continue;
      const LogLine parsed = parse_line(line.text, context);
      ++formats_[static_cast<std::size_t>(parsed.format)];
      if (parsed.format == LineFormat::plain && !parsed.time_ms) {
        if (open_record && continues_record(line.text) && record_.lines < limits::kLogRecordLines) {
          continued();
          secrets(line, number);
          continue;
        }
        ++undated_;
      }
      open_record = true;
      dated = dated || parsed.time_ms.has_value();
      unzoned = unzoned || (parsed.time_ms && !parsed.zoned);
      record(parsed, line, number, intervals);
    }
    lines_ += in_file;
    left -= std::min(left, reader.bytes());
    draft_.limits.bytes += reader.bytes();
    if (in_file > 0)
      draft_.coverage.looked.push_back(file.path + " (" + with_commas(in_file) + " lines)");
    else if (reader.error().empty())
      draft_.coverage.looked.push_back(file.path + " (empty)");
    if (!reader.error().empty()) missed(file.path, Reason::unreachable, reader.error());
    if (reader.at_limit() && reader.bytes() < file.size)
      cut_short(file, Reason::cap, reader.bytes());
    else if (late_)
      cut_short(file, Reason::timeout, reader.bytes());
    else if (reader.bytes() < file.size)
      missed(file.path, Reason::unparsed, "the file was truncated while it was read");
    if (in_file > 0 && !dated)
      missed(file.path, Reason::unparsed,
             "no line has a time: rates, gaps and windows do not cover it");
    const bool windowed = query_.window.from || query_.window.to || query_.baseline;
    if (unzoned && windowed)
      missed(file.path, Reason::unparsed, "its times name no zone and were taken as UTC",
             "shift `from` and `to` if the host's clock is not UTC");
    silence(file, intervals);
    return {};
  }

  void cut_short(const LogFile& file, Reason reason, std::uint64_t bytes) {
    draft_.limits.truncated = true;
    draft_.facts["next_offset"][file.path] = bytes;
    missed(file.path, reason, "read " + human_bytes(bytes) + " of " + human_bytes(file.size),
           "narrow `source`");
  }

  struct Record {
    std::uint32_t form = 0, lines = 1;
    std::uint64_t line = 0;
  };

  void record(const LogLine& parsed, const LineReader::Line& line, std::uint32_t file,
              Intervals& intervals) {
    Spot spot;
    spot.file = file;
    spot.line = line.number;
    spot.offset = line.offset;
    spot.length = static_cast<std::uint32_t>(line.text.size());
    spot.time_ms = parsed.time_ms.value_or(0);
    record_ = Record{};
    intervals.add(spot);
    const bool in_window = spot.time_ms == 0 ? !(query_.window.from || query_.window.to)
                                             : query_.window.contains(spot.time_ms);
    const bool in_baseline =
        query_.baseline && spot.time_ms != 0 && query_.baseline->contains(spot.time_ms);
    if (!in_window && !in_baseline) return;

    const TemplateMiner::Added added = miner_.add(parsed.content);
    if ((*added.note & kClassified) == 0)
      *added.note = note_of(implied_level(parsed.content), resource_in(parsed.content));
    const Level level = parsed.level != Level::unknown ? parsed.level : noted_level(*added.note);
    if (level < query_.min_level) return;
    ++records_;
    if (stats_.size() <= added.form) stats_.resize(added.form + 1);
    Stat& stat = stats_[added.form];
    stat.level = std::max(stat.level, level);
    if (in_baseline) {
      ++stat.baseline;
      stat.baseline_last = spot;
      if (level >= Level::error) ++baseline_errors_;
    }
    if (!in_window) return;
    record_ = {added.form, 1, line.number};
    if (stat.count < kExamples) stat.examples[static_cast<std::size_t>(stat.count)] = spot;
    ++stat.count;
    stat.last = spot;
    ++levels_[static_cast<std::size_t>(level)];
    if (spot.time_ms != 0) {
      if (!first_ || spot.time_ms < first_.time_ms) first_ = spot;
      if (!last_ || spot.time_ms >= last_.time_ms) last_ = spot;
      if (histogram_start_ == 0) histogram_start_ = spot.time_ms;
      stat.histogram.add(
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, spot.time_ms - histogram_start_)) /
          1000);
      rates_.tick(spot.time_ms);
      if (level >= Level::error) rates_.add(spot);
    }
    if (level >= Level::error) errors_.add(spot);
    if (const Resource resource = noted_resource(*added.note); resource != Resource::none)
      resources_[static_cast<std::size_t>(resource)].add(spot);
    if (query_.group_by == GroupBy::field) field_value(parsed, spot);
    if (query_.auth)
      if (const auto event = auth_event(parsed)) {
        ++auth_events_;
        auth_.add(*event, spot);
      }
    secrets(line, file, spot.time_ms);
  }

  // A line that belongs to the record above it: the places that cite the record grow.
  void continued() {
    ++record_.lines;
    if (record_.line == 0) return;
    Stat& stat = stats_[record_.form];
    for (Spot& e : stat.examples)
      if (e.line == record_.line && e.file == stat.last.file) e.lines = record_.lines;
    if (stat.last.line == record_.line) stat.last.lines = record_.lines;
  }

  void field_value(const LogLine& parsed, const Spot& spot) {
    const std::string_view value = query_.field == LogField::host        ? parsed.host
                                   : query_.field == LogField::component ? parsed.component
                                                                         : parsed.pid;
    std::string key(value.empty() ? std::string_view("(none)") : value.substr(0, 128));
    if (fields_.size() >= kFieldValues && !fields_.contains(key)) key = "(others)";
    fields_[key].add(spot);
  }

  struct SecretSeen {
    Occurrence where;
    std::set<std::uint64_t> distinct;
  };
  void secrets(const LineReader::Line& line, std::uint32_t file, std::int64_t time_ms = 0) {
    for (const SecretSpan& span : redactor_.find(line.text)) {
      if (span.kind == "email" || span.kind == "iban" || span.kind == "pan")
        continue;  // personal, no credential
      SecretSeen& seen = secrets_[span.kind];
      Spot spot;
      spot.file = file;
      spot.line = line.number;
      spot.offset = line.offset;
      spot.length = static_cast<std::uint32_t>(line.text.size());
      spot.time_ms = time_ms;
      seen.where.add(spot);
      if (seen.distinct.size() < kDistinctSecrets)
        seen.distinct.insert(
            std::hash<std::string_view>{}(line.text.substr(span.offset, span.length)));
    }
  }

  // --- citing ---

  Evidence cite(const Spot& spot, std::size_t number) {
    const LogFile& file = files_.files[spot.file];
    Evidence e;
    e.id = "E" + std::to_string(number);
    e.ref["path"] = file.path;
    e.ref["line_start"] = spot.line;
    e.ref["line_end"] = spot.line + spot.lines - 1;
    e.ref["inode"] = file.inode;
    e.ref["offset"] = spot.offset;
    e.ref["tz"] = "UTC";
    auto raw = fs::read_at(file.fd, spot.offset, spot.length);
    e.excerpt = raw ? *raw : std::string();
    return e;
  }
  void cite_all(Finding& f, const std::vector<Spot>& spots) {
    for (const Spot& spot : spots) f.evidence.push_back(cite(spot, f.evidence.size() + 1));
    std::vector<Spot> dated;
    std::copy_if(spots.begin(), spots.end(), std::back_inserter(dated),
                 [](const Spot& s) { return s.time_ms != 0; });
    if (dated.empty()) return;
    const auto [low, high] = std::minmax_element(dated.begin(), dated.end(), earlier);
    f.first_seen = rfc3339(low->time_ms);
    f.last_seen = rfc3339(high->time_ms);
  }
  std::string place(const Spot& spot) const {
    return files_.files[spot.file].path + ":" + std::to_string(spot.line);
  }
  Finding finding(const char* code, Severity severity, Confidence level, std::string why) {
    Finding f;
    f.code = code;
    f.severity = severity;
    f.confidence = {level, std::move(why)};
    f.target = files_.files.empty()       ? ""
               : files_.files.size() == 1 ? files_.files[0].path
                                          : std::to_string(files_.files.size()) + " files";
    return f;
  }
  void keep(Finding f) { draft_.findings.push_back(std::move(f)); }

  // --- conclusions ---

  void silence(const LogFile& file, const Intervals& intervals) {
    double median = 0;
    if (const auto gap = intervals.silence(&median)) {
      Finding f =
          finding("log.gap", Severity::medium, Confidence::possible,
                  "one signal: the log is silent; whether the program was is not known from it");
      f.target = file.path;
      f.object = file.path;
      const double seconds = static_cast<double>(gap->ms) / 1000.0;
      f.summary = file.path + " is silent for " + decimal(seconds) + " s, its median interval is " +
                  decimal(median) + " s";
      f.metrics["gap"] = real_metric(seconds, Unit::s);
      f.metrics["median_interval"] = real_metric(median, Unit::s);
      cite_all(f, {gap->before, gap->after});
      keep(std::move(f));
    }
    if (intervals.backwards() > 0) {
      Finding f = finding("log.time_backwards", Severity::low, Confidence::confirmed,
                          "both lines are read from the same file");
      f.target = file.path;
      f.object = file.path;
      const auto& step = intervals.largest_step_back();
      const double seconds = static_cast<double>(step.ms) / 1000.0;
      f.summary = "the time in " + file.path + " steps back " + with_commas(intervals.backwards()) +
                  " times, by up to " + decimal(seconds) + " s";
      f.metrics["count"] = count_metric(intervals.backwards());
      f.metrics["largest_step"] = real_metric(seconds, Unit::s);
      f.count = intervals.backwards();
      cite_all(f, {step.before, step.after});
      keep(std::move(f));
    }
  }

  void conclude() {
    miner_.settle();
    std::unordered_map<std::uint32_t, Stat> merged;
    for (std::uint32_t form = 0; form < stats_.size(); ++form) {
      if (stats_[form].count == 0 && stats_[form].baseline == 0) continue;
      const std::uint32_t group = miner_.group(form);
      const auto [at, fresh] = merged.try_emplace(group, stats_[form]);
      if (!fresh) at->second.merge(stats_[form]);
    }
    stats_.clear();
    for (auto& [group, stat] : merged) templates_.push_back({miner_.text(group), std::move(stat)});
    std::sort(templates_.begin(), templates_.end(), [](const Template& a, const Template& b) {
      return a.stat.count != b.stat.count ? a.stat.count > b.stat.count : a.text < b.text;
    });
    bursts();
    resources();
    baseline_changes();
    secret_findings();
    if (query_.auth) auth_findings();
    facts();
  }

  void bursts() {
    std::optional<double> baseline;
    if (query_.baseline && query_.baseline->from && query_.baseline->to &&
        *query_.baseline->to > *query_.baseline->from)
      baseline = static_cast<double>(std::max<std::uint64_t>(baseline_errors_, 1)) /
                 (static_cast<double>(*query_.baseline->to - *query_.baseline->from) / 1000.0);
    for (const Rates::Burst& b : rates_.bursts(kBursts, baseline)) {
      const double ratio = b.rate / b.baseline_rate;
      Finding f = finding("log.error_burst", ratio >= 10 ? Severity::high : Severity::medium,
                          Confidence::confirmed,
                          baseline ? "counted, against the given baseline"
                                   : "counted, against the rest of what was read");
      f.object = "errors from " + time_text(b.first);
      f.summary = with_commas(b.count) + " error records within " + decimal(b.seconds) +
                  " s from " + time_text(b.first) + ", " + decimal(ratio) +
                  " times the baseline rate";
      if (const Template* top = most_in(b)) f.summary += "; most frequent: " + cut(top->text, 80);
      f.count = b.count;
      f.metrics["count"] = count_metric(b.count);
      f.metrics["rate"] = real_metric(b.rate, Unit::per_s);
      f.metrics["baseline_rate"] = real_metric(b.baseline_rate, Unit::per_s);
      f.metrics["duration"] = real_metric(b.seconds, Unit::s);
      cite_all(f, {b.first, b.last});
      keep(std::move(f));
    }
  }

  struct Template {
    std::string text;
    Stat stat;
  };
  // The error template that began within the burst or was most frequent around it.
  const Template* most_in(const Rates::Burst& b) const {
    const Template* best = nullptr;
    std::uint64_t best_count = 0;
    for (const Template& t : templates_) {
      if (t.stat.level < Level::error) continue;
      const auto unit = [&](std::int64_t ms) {
        return static_cast<std::size_t>(
            (static_cast<std::uint64_t>(std::max<std::int64_t>(0, ms - histogram_start_)) / 1000) >>
            t.stat.histogram.shift);
      };
      std::uint64_t count = 0;
      for (std::size_t i = unit(b.first.time_ms);
           i <= unit(b.last.time_ms) && i < t.stat.histogram.column.size(); ++i)
        count += t.stat.histogram.column[i];
      if (count > best_count) {
        best_count = count;
        best = &t;
      }
    }
    return best;
  }

  void resources() {
    for (std::size_t i = 1; i < resources_.size(); ++i) {
      const Occurrence& o = resources_[i];
      if (o.count == 0) continue;
      const char* name = to_string(static_cast<Resource>(i));
      Finding f = finding("log.resource_exhaustion", Severity::high, Confidence::likely,
                          "the program itself states it; the host was not looked at");
      f.object = name;
      f.summary = with_commas(o.count) + (o.count == 1 ? " line states" : " lines state") +
                  " that " + name + " ran out, first at " + time_text(o.first);
      f.count = o.count;
      f.metrics["count"] = count_metric(o.count);
      cite_all(f, o.count == 1 ? std::vector<Spot>{o.first} : std::vector<Spot>{o.first, o.last});
      keep(std::move(f));
    }
  }

  void baseline_changes() {
    if (!query_.baseline) return;
    std::size_t fresh = 0, gone = 0;
    for (const Template& t : templates_) {
      if (t.stat.count > 0 && t.stat.baseline == 0 && fresh < kNewTemplates) {
        ++fresh;
        Finding f = finding("log.new_template",
                            t.stat.level >= Level::error ? Severity::medium : Severity::info,
                            Confidence::confirmed, "counted in both windows");
        f.object = t.text;
        f.summary =
            "not in the baseline, " + with_commas(t.stat.count) + " times in the window: " + t.text;
        f.count = t.stat.count;
        f.metrics["count"] = count_metric(t.stat.count);
        cite_all(f, {t.stat.examples[0]});
        keep(std::move(f));
      }
      if (t.stat.count == 0 && t.stat.baseline >= kRegularBaseline && gone < kNewTemplates) {
        ++gone;
        Finding f = finding("log.template_vanished", Severity::low, Confidence::confirmed,
                            "counted in both windows");
        f.object = t.text;
        f.summary =
            with_commas(t.stat.baseline) + " times in the baseline, never in the window: " + t.text;
        f.metrics["baseline_count"] = count_metric(t.stat.baseline);
        cite_all(f, {t.stat.baseline_last});
        keep(std::move(f));
      }
    }
  }

  void secret_findings() {
    for (const auto& [kind, seen] : secrets_) {
      Finding f =
          finding("secret.in_log", Severity::high, Confidence::confirmed, "recognised by its form");
      f.object = kind;
      f.summary = with_commas(seen.where.count) +
                  (seen.where.count == 1 ? " credential" : " credentials") + " of kind " + kind +
                  " stand in the log, first at " + place(seen.where.first);
      f.count = seen.where.count;
      f.metrics["count"] = count_metric(seen.where.count);
      f.metrics["distinct"] = count_metric(seen.distinct.size());
      cite_all(f, {seen.where.first});
      keep(std::move(f));
    }
  }

  void auth_findings() {
    std::size_t made = 0;
    for (const auto& [name, source] : auth_.sources()) {
      const double seconds =
          source->last.time_ms > source->first.time_ms
              ? static_cast<double>(source->last.time_ms - source->first.time_ms) / 1000.0
              : 0.0;
      const auto metrics = [&](Finding& f) {
        f.object = "source " + name;
        f.count = source->failures;
        f.metrics["failures"] = count_metric(source->failures);
        f.metrics["users"] = count_metric(source->users.size());
        f.metrics["duration"] = real_metric(seconds, Unit::s);
        cite_all(f, {source->first, source->last});
      };
      const std::string users = std::to_string(source->users.size()) +
                                (source->users_cut ? " or more" : "") +
                                (source->users.size() == 1 ? " user" : " users");
      if (source->brute && made < kAuthFindings) {
        ++made;
        Finding f = finding("auth.brute_force", Severity::high, Confidence::confirmed,
                            "counted: 10 failures came within 10 minutes");
        f.summary = with_commas(source->failures) + " failed sign-ins from " + name + " for " +
                    users + " within " + decimal(seconds) + " s";
        metrics(f);
        keep(std::move(f));
      }
      std::uint64_t most = 0, tried = 0;
      for (const auto& [user, u] : source->users) {
        if (u.failures == 0) continue;
        ++tried;
        most = std::max(most, u.failures);
      }
      if (tried >= 5 && most <= 3 && made < kAuthFindings) {
        ++made;
        Finding f = finding("auth.password_spray", Severity::high, Confidence::likely,
                            "many users, few tries each, one source");
        f.summary =
            name + " fails for " + users + ", at most " + std::to_string(most) + " tries each";
        metrics(f);
        keep(std::move(f));
      }
    }
    for (const auto& b : auth_.breaches()) {
      Finding f = finding("auth.success_after_failures", Severity::critical, Confidence::likely,
                          "failures and the success have the same source and user; a person who "
                          "mistyped looks the same");
      f.object = "source " + b.source + " user " + b.user;
      f.summary = b.user + " signs in from " + b.source + " after " + std::to_string(b.failures) +
                  " failures, at " + time_text(b.success);
      f.metrics["failures"] = count_metric(b.failures);
      f.metrics["duration"] =
          real_metric(static_cast<double>(b.success.time_ms - b.first.time_ms) / 1000.0, Unit::s);
      f.count = b.failures;
      cite_all(f, {b.first, b.last, b.success});
      keep(std::move(f));
    }
    for (const auto& [user, lockout] : auth_.lockouts()) {
      if (made++ >= 2 * kAuthFindings) break;
      Finding f = finding("auth.account_lockout", Severity::low, Confidence::confirmed,
                          "the log states it");
      f.object = "user " + user;
      f.summary = "the account " + user + " is locked out " + with_commas(lockout.count) + " times";
      f.metrics["count"] = count_metric(lockout.count);
      f.count = lockout.count;
      cite_all(f, lockout.count == 1 ? std::vector<Spot>{lockout.first}
                                     : std::vector<Spot>{lockout.first, lockout.last});
      keep(std::move(f));
    }
    if (auth_.not_tracked() > 0)
      missed("sign-ins", Reason::cap,
             with_commas(auth_.not_tracked()) + " events of further sources were not tracked",
             "narrow the window");
    Json sources = Json::array();
    std::vector<std::pair<std::string, const AuthTracker::Source*>> order;
    for (const auto& s : auth_.sources()) order.emplace_back(s);
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      if (a.second->failures != b.second->failures) return a.second->failures > b.second->failures;
      return a.first < b.first;
    });
    for (std::size_t i = 0; i < std::min(order.size(), query_.top); ++i) {
      const auto& [name, s] = order[i];
      sources.push_back({{"source", name},
                         {"network", network_of(name)},
                         {"failures", s->failures},
                         {"successes", s->successes},
                         {"users", s->users.size()}});
    }
    draft_.facts["auth"] = {{"events", auth_events_}, {"sources", std::move(sources)}};
  }

  // a.b.c.d -> a.b.c.0/24; the first four groups of an IPv6 address as /64; else the name.
  static std::string network_of(const std::string& source) {
    const auto parts = split(source, '.');
    if (parts.size() == 4 && std::all_of(source.begin(), source.end(),
                                         [](char c) { return (c >= '0' && c <= '9') || c == '.'; }))
      return source.substr(0, source.rfind('.')) + ".0/24";
    const auto groups = split(source, ':');
    if (groups.size() >= 5) {
      std::string out;
      for (std::size_t i = 0; i < 4; ++i) out += std::string(groups[i]) + ":";
      return out + ":/64";
    }
    return source;
  }

  // --- facts ---

  Json counts_of(const Occurrence& o, const std::string& key, const std::string& name) {
    return {{key, name}, {"count", o.count}, {"first", place(o.first)}, {"last", place(o.last)}};
  }

  void facts() {
    Json& facts = draft_.facts;
    facts["lines"] = lines_;
    facts["records"] = records_;
    if (first_) facts["from"] = rfc3339(first_.time_ms);
    if (last_) facts["to"] = rfc3339(last_.time_ms);
    facts["unparsed"] = undated_;
    Json levels = Json::object(), formats = Json::object();
    std::string level_text, format_text;
    for (std::size_t i = levels_.size(); i-- > 0;)
      if (levels_[i] > 0) {
        levels[to_string(static_cast<Level>(i))] = levels_[i];
        level_text += (level_text.empty() ? "" : ", ") +
                      std::string(to_string(static_cast<Level>(i))) + " " + with_commas(levels_[i]);
      }
    for (std::size_t i = 0; i < formats_.size(); ++i)
      if (formats_[i] > 0) {
        formats[to_string(static_cast<LineFormat>(i))] = formats_[i];
        format_text += (format_text.empty() ? "" : ", ") +
                       std::string(to_string(static_cast<LineFormat>(i))) + " " +
                       with_commas(formats_[i]);
      }
    facts["levels"] = std::move(levels);
    facts["formats"] = std::move(formats);
    facts["templates_total"] = std::count_if(templates_.begin(), templates_.end(),
                                             [](const Template& t) { return t.stat.count > 0; });
    text_ = with_commas(lines_) + " lines, " + with_commas(records_) + " records" +
            (first_ ? " from " + rfc3339(first_.time_ms) + " to " + rfc3339(last_.time_ms) : "") +
            "\n";
    if (!level_text.empty()) text_ += "levels: " + level_text + "\n";
    if (!format_text.empty()) text_ += "formats: " + format_text + "\n";
    if (query_.group_by == GroupBy::field) return field_facts();
    if (query_.group_by == GroupBy::level) return;
    template_facts();
  }

  void field_facts() {
    std::vector<std::pair<std::string, Occurrence>> order(fields_.begin(), fields_.end());
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return a.second.count != b.second.count ? a.second.count > b.second.count : a.first < b.first;
    });
    Json groups = Json::array();
    for (std::size_t i = 0; i < std::min(order.size(), query_.top); ++i) {
      groups.push_back(counts_of(order[i].second, "value", order[i].first));
      text_ += "  " + with_commas(order[i].second.count) + "  " + order[i].first + "  " +
               place(order[i].second.first) + "\n";
    }
    draft_.facts["groups"] = std::move(groups);
  }

  void template_facts() {
    Json list = Json::array();
    std::size_t shown = 0;
    text_ += "templates: " + draft_.facts["templates_total"].dump() + ", the most frequent:\n";
    for (const Template& t : templates_) {
      if (shown >= query_.top) break;
      if (t.stat.count == 0) continue;
      ++shown;
      Json one;
      // The name of the redacted text, as `remit logs templates` prints it.
      const std::string text = redactor_.redact(to_utf8(t.text)).text;
      one["id"] = "E" + sha256_hex(text).substr(0, 8);
      one["text"] = text;
      one["count"] = t.stat.count;
      one["level"] = to_string(t.stat.level);
      one["first"] = time_text(t.stat.examples[0]);
      one["last"] = time_text(t.stat.last);
      one["histogram"] = t.stat.histogram.column;
      one["histogram_s"] = std::uint64_t{1} << t.stat.histogram.shift;
      Json examples = Json::array();
      for (const Spot& e : t.stat.examples)
        if (e) examples.push_back(place(e));
      one["examples"] = std::move(examples);
      list.push_back(std::move(one));
      text_ += "  " + with_commas(t.stat.count) + "x " +
               (t.stat.level == Level::unknown ? "" : std::string(to_string(t.stat.level)) + " ") +
               cut(text, 200) + "  [" + place(t.stat.examples[0]) + " .. " + place(t.stat.last) +
               "]\n";
    }
    draft_.facts["templates"] = std::move(list);
    draft_.facts["histogram_start"] =
        histogram_start_ == 0 ? Json() : Json(rfc3339(histogram_start_));
  }

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

}  // namespace

Result<PatternsAnswer> log_patterns(LogFiles files, const PatternsQuery& query,
                                    const Redactor& redactor, const Clock& clock,
                                    std::stop_token stop) {
  return Pass(std::move(files), query, redactor, clock, std::move(stop)).run();
}

}  // namespace remit::diagnostics
