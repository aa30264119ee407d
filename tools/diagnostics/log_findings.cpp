// What a pass over logs concludes from what it gathered.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/limits.h"
#include "base/text.h"
#include "tools/diagnostics/log_pass.h"

namespace remit::diagnostics {
namespace {

constexpr std::size_t kBursts = 3;
constexpr std::size_t kNewTemplates = 10;  // findings of one kind
constexpr std::size_t kAuthFindings = 20;
constexpr std::uint64_t kRegularBaseline = 5;  // occurrences that make a template regular

std::string decimal(double value) {
  std::string s = std::to_string(value);
  return s.substr(0, s.find('.') + 2);
}

}  // namespace

std::string time_text(const Spot& spot) {
  return spot.time_ms == 0 ? "undated" : rfc3339(spot.time_ms);
}

Evidence Pass::cite(const Spot& spot, std::size_t number) {
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

void Pass::cite_all(Finding& f, const std::vector<Spot>& spots) {
  for (const Spot& spot : spots) f.evidence.push_back(cite(spot, f.evidence.size() + 1));
  std::vector<Spot> dated;
  std::copy_if(spots.begin(), spots.end(), std::back_inserter(dated),
               [](const Spot& s) { return s.time_ms != 0; });
  if (dated.empty()) return;
  const auto [low, high] = std::minmax_element(dated.begin(), dated.end(), earlier);
  f.first_seen = rfc3339(low->time_ms);
  f.last_seen = rfc3339(high->time_ms);
}

std::string Pass::place(const Spot& spot) const {
  return files_.files[spot.file].path + ":" + std::to_string(spot.line);
}

Finding Pass::finding(const char* code, Severity severity, Confidence level, std::string why) {
  Finding f;
  f.code = code;
  f.severity = severity;
  f.confidence = {level, std::move(why)};
  f.target = files_.files.empty()       ? ""
             : files_.files.size() == 1 ? files_.files[0].path
                                        : std::to_string(files_.files.size()) + " files";
  return f;
}

void Pass::silence(const LogFile& file, const Intervals& intervals) {
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

void Pass::conclude() {
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

void Pass::bursts() {
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
    f.summary = with_commas(b.count) + " error records within " + decimal(b.seconds) + " s from " +
                time_text(b.first) + ", " + decimal(ratio) + " times the baseline rate";
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

const Pass::Template* Pass::most_in(const Rates::Burst& b) const {
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

void Pass::resources() {
  for (std::size_t i = 1; i < resources_.size(); ++i) {
    const Occurrence& o = resources_[i];
    if (o.count == 0) continue;
    const char* name = to_string(static_cast<Resource>(i));
    Finding f = finding("log.resource_exhaustion", Severity::high, Confidence::likely,
                        "the program itself states it; the host was not looked at");
    f.object = name;
    f.summary = with_commas(o.count) + (o.count == 1 ? " line states" : " lines state") + " that " +
                name + " ran out, first at " + time_text(o.first);
    f.count = o.count;
    f.metrics["count"] = count_metric(o.count);
    cite_all(f, o.count == 1 ? std::vector<Spot>{o.first} : std::vector<Spot>{o.first, o.last});
    keep(std::move(f));
  }
}

void Pass::baseline_changes() {
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

void Pass::secret_findings() {
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

void Pass::auth_findings() {
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
    Finding f =
        finding("auth.account_lockout", Severity::low, Confidence::confirmed, "the log states it");
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

std::string Pass::network_of(const std::string& source) {
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

}  // namespace remit::diagnostics
