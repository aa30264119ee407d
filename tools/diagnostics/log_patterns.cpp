// The pass over the lines; log_findings.cpp concludes from what it gathered.
#include "tools/diagnostics/log_patterns.h"

#include <algorithm>
#include <tuple>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "tools/diagnostics/log_pass.h"

namespace remit::diagnostics {
namespace {

constexpr std::size_t kFieldValues = 10'000;
constexpr std::size_t kDistinctSecrets = 10'000;
constexpr std::size_t kCheckEvery = 4096;  // lines between looks at clock and stop

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

}  // namespace

void Stat::merge(const Stat& o) {
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

Result<PatternsAnswer> Pass::run() {
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

Result<void> Pass::read(std::uint32_t number, std::uint64_t& left, std::int64_t begun) {
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
      if (stop_.stop_requested()) return fail(ErrorKind::cancelled, "cancelled while reading logs");
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

void Pass::cut_short(const LogFile& file, Reason reason, std::uint64_t bytes) {
  draft_.limits.truncated = true;
  draft_.facts["next_offset"][file.path] = bytes;
  missed(file.path, reason, "read " + human_bytes(bytes) + " of " + human_bytes(file.size),
         "narrow `source`");
}

void Pass::record(const LogLine& parsed, const LineReader::Line& line, std::uint32_t file,
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

void Pass::continued() {
  ++record_.lines;
  if (record_.line == 0) return;
  Stat& stat = stats_[record_.form];
  for (Spot& e : stat.examples)
    if (e.line == record_.line && e.file == stat.last.file) e.lines = record_.lines;
  if (stat.last.line == record_.line) stat.last.lines = record_.lines;
}

void Pass::field_value(const LogLine& parsed, const Spot& spot) {
  const std::string_view value = query_.field == LogField::host        ? parsed.host
                                 : query_.field == LogField::component ? parsed.component
                                                                       : parsed.pid;
  std::string key(value.empty() ? std::string_view("(none)") : value.substr(0, 128));
  if (fields_.size() >= kFieldValues && !fields_.contains(key)) key = "(others)";
  fields_[key].add(spot);
}

void Pass::secrets(const LineReader::Line& line, std::uint32_t file, std::int64_t time_ms) {
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

Result<PatternsAnswer> log_patterns(LogFiles files, const PatternsQuery& query,
                                    const Redactor& redactor, const Clock& clock,
                                    std::stop_token stop) {
  return Pass(std::move(files), query, redactor, clock, std::move(stop)).run();
}

}  // namespace remit::diagnostics
