#include "tools/diagnostics/log_signals.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/text.h"

namespace remit::diagnostics {

namespace {

constexpr std::uint64_t kBurstLines = 20;
constexpr double kBurstRatio = 3;
constexpr std::int64_t kBackStepMs = 1000;  // threads write in slightly different order
constexpr std::int64_t kSilenceMs = 60'000;

struct Phrase {
  std::string_view text;
  Resource resource;
};
// Lower case; what programs and the C library say, not what one product says.
constexpr std::array<Phrase, 30> kPhrases{{
    {"out of memory", Resource::memory},
    {"outofmemory", Resource::memory},
    {"oom-kill", Resource::memory},
    {"cannot allocate memory", Resource::memory},
    {"could not allocate memory", Resource::memory},
    {"memory exhausted", Resource::memory},
    {"enomem", Resource::memory},
    {"heap space", Resource::memory},
    {"no space left on device", Resource::disk},
    {"enospc", Resource::disk},
    {"disk full", Resource::disk},
    {"disk is full", Resource::disk},
    {"file system full", Resource::disk},
    {"filesystem full", Resource::disk},
    {"domain is full", Resource::disk},
    {"too many open files", Resource::files},
    {"emfile", Resource::files},
    {"file descriptors exhausted", Resource::files},
    {"too many connections", Resource::pool},
    {"remaining connection slots", Resource::pool},
    {"too many clients already", Resource::pool},
    {"pool exhausted", Resource::pool},
    {"pool is exhausted", Resource::pool},
    {"queuepool limit", Resource::pool},
    {"timeout waiting for connection from pool", Resource::pool},
    {"connection is not available, request timed out", Resource::pool},
    {"quota exceeded", Resource::quota},
    {"exceeded quota", Resource::quota},
    {"unable to create new native thread", Resource::threads},
    {"can't create thread", Resource::threads},
}};

bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Does a word of `text` (lower case) begin with `start`?
bool has_word(std::string_view text, std::string_view start) {
  for (std::size_t at = text.find(start); at != std::string_view::npos;
       at = text.find(start, at + 1))
    if (at == 0 || !letter(text[at - 1])) return true;
  return false;
}

}  // namespace

bool earlier(const Spot& a, const Spot& b) {
  if (a.time_ms != 0 && b.time_ms != 0 && a.time_ms != b.time_ms) return a.time_ms < b.time_ms;
  return a.file != b.file ? a.file < b.file : a.line < b.line;
}

const char* to_string(Resource resource) {
  switch (resource) {
    case Resource::none:
      return "none";
    case Resource::memory:
      return "memory";
    case Resource::disk:
      return "disk space";
    case Resource::files:
      return "file descriptors";
    case Resource::pool:
      return "connections";
    case Resource::quota:
      return "quota";
    case Resource::threads:
      return "threads";
  }
  return "none";
}

Resource resource_in(std::string_view content) {
  const std::string text = lower_ascii(content);
  for (const Phrase& p : kPhrases)
    if (has_word(text, p.text)) return p.resource;
  return Resource::none;
}

Level implied_level(std::string_view content) {
  const std::string text = lower_ascii(content);
  for (const std::string_view word : {"panic", "fatal"})
    if (has_word(text, word)) return Level::critical;
  for (const std::string_view word :
       {"error", "fail", "exception", "traceback", "refused", "abort", "denied", "segfault"})
    if (has_word(text, word)) return Level::error;
  // Joined names: "NullPointerException".
  if (text.find("exception") != std::string::npos) return Level::error;
  if (has_word(text, "warn")) return Level::warning;
  return Level::unknown;
}

std::size_t Rates::index(std::int64_t time_ms) {
  if (stretches_.empty()) {
    start_ms_ = time_ms / 1000 * 1000;
    stretches_.resize(kStretches);
  }
  const std::int64_t since = std::max<std::int64_t>(0, time_ms - start_ms_);
  while (since / width_ms_ >= static_cast<std::int64_t>(kStretches)) {
    for (std::size_t i = 0; i < kStretches / 2; ++i) {
      Stretch merged = stretches_[2 * i];
      const Stretch& second = stretches_[2 * i + 1];
      if (second.count > 0) {
        if (merged.count == 0 || earlier(second.first, merged.first)) merged.first = second.first;
        if (merged.count == 0 || earlier(merged.last, second.last)) merged.last = second.last;
        merged.count += second.count;
      }
      stretches_[i] = merged;
    }
    std::fill(stretches_.begin() + kStretches / 2, stretches_.end(), Stretch{});
    width_ms_ *= 2;
  }
  return static_cast<std::size_t>(since / width_ms_);
}

void Rates::tick(std::int64_t time_ms) {
  index(time_ms);
  last_ms_ = std::max(last_ms_, time_ms);
}

void Rates::add(const Spot& spot) {
  if (spot.time_ms == 0) return;
  Stretch& s = stretches_[index(spot.time_ms)];
  last_ms_ = std::max(last_ms_, spot.time_ms);
  if (s.count == 0 || earlier(spot, s.first)) s.first = spot;
  if (s.count == 0 || !earlier(spot, s.last)) s.last = spot;
  ++s.count;
}

std::vector<Rates::Burst> Rates::bursts(std::size_t most,
                                        std::optional<double> baseline_per_s) const {
  std::vector<Burst> found;
  if (stretches_.empty()) return found;
  const std::size_t used = std::min<std::size_t>(
      kStretches, static_cast<std::size_t>((last_ms_ - start_ms_) / width_ms_) + 1);
  std::vector<bool> taken(used, false);
  while (found.size() < most) {
    std::size_t peak = used;
    for (std::size_t i = 0; i < used; ++i)
      if (!taken[i] && stretches_[i].count > 0 &&
          (peak == used || stretches_[i].count > stretches_[peak].count))
        peak = i;
    if (peak == used) break;
    // From the peak outwards while it stays above a quarter; one weaker stretch may lie between.
    const std::uint64_t floor = std::max<std::uint64_t>(1, stretches_[peak].count / 4);
    std::size_t from = peak, to = peak;
    const auto strong = [&](std::size_t i) {
      return i < used && !taken[i] && stretches_[i].count >= floor;
    };
    while (from > 0 && (strong(from - 1) || (from > 1 && strong(from - 2))))
      from -= strong(from - 1) ? 1u : 2u;
    while (strong(to + 1) || strong(to + 2)) to += strong(to + 1) ? 1u : 2u;
    Burst b;
    std::uint64_t outside = 0;
    for (std::size_t i = 0; i < used; ++i) {
      if (i < from || i > to) {
        if (!taken[i]) outside += stretches_[i].count;
        continue;
      }
      const Stretch& s = stretches_[i];
      taken[i] = true;
      if (s.count == 0) continue;
      if (!b.first || earlier(s.first, b.first)) b.first = s.first;
      if (!b.last || earlier(b.last, s.last)) b.last = s.last;
      b.count += s.count;
    }
    const double width = static_cast<double>(width_ms_) / 1000.0;
    const double inside = static_cast<double>(to - from + 1) * width;
    const double rest = static_cast<double>(used) * width - inside;
    // The shortest time the records themselves span, not less than a second: the rate they came at.
    b.seconds =
        std::clamp(static_cast<double>(b.last.time_ms - b.first.time_ms) / 1000.0, 1.0, inside);
    b.rate = static_cast<double>(b.count) / b.seconds;
    if (baseline_per_s)
      b.baseline_rate = *baseline_per_s;
    else if (rest >= inside)
      b.baseline_rate = static_cast<double>(std::max<std::uint64_t>(outside, 1)) / rest;
    else
      break;  // nothing quiet to compare with
    if (b.count < kBurstLines) break;
    if (b.rate < kBurstRatio * b.baseline_rate) break;
    found.push_back(b);
  }
  return found;
}

void Intervals::add(const Spot& spot) {
  if (spot.time_ms == 0) return;
  if (previous_) {
    const std::int64_t step = spot.time_ms - previous_.time_ms;
    if (step <= -kBackStepMs) {
      ++backwards_;
      if (-step > back_.ms) back_ = {-step, previous_, spot};
    }
    if (step > longest_.ms) longest_ = {step, previous_, spot};
    if (step >= 0 && ++skipped_ >= stride_) {
      skipped_ = 0;
      sample_.push_back(step);
      if (sample_.size() >= kSample) {
        for (std::size_t i = 0; i < sample_.size() / 2; ++i) sample_[i] = sample_[2 * i];
        sample_.resize(sample_.size() / 2);
        stride_ *= 2;
      }
    }
  }
  previous_ = spot;
}

std::optional<Intervals::Silence> Intervals::silence(double* median_s) const {
  if (sample_.size() < 20 || longest_.ms < kSilenceMs) return std::nullopt;
  std::vector<std::int64_t> sorted = sample_;
  std::sort(sorted.begin(), sorted.end());
  const std::int64_t median = sorted[sorted.size() / 2], usual = sorted[sorted.size() * 9 / 10];
  if (longest_.ms < 10 * std::max<std::int64_t>(median, 1) ||
      usual > 10 * std::max<std::int64_t>(median, 1000))
    return std::nullopt;
  *median_s = static_cast<double>(median) / 1000.0;
  return longest_;
}

void Histogram::widen(std::uint32_t to_shift) {
  for (; shift < to_shift; ++shift) {
    for (std::size_t i = 0; i < column.size() / 2; ++i)
      column[i] = column[2 * i] + column[2 * i + 1];
    std::fill(column.begin() + column.size() / 2, column.end(), 0u);
  }
}

void Histogram::add(std::uint64_t units) {
  while ((units >> shift) >= column.size()) widen(shift + 1);
  ++column[static_cast<std::size_t>(units >> shift)];
}

void Histogram::merge(Histogram other) {
  widen(other.shift);
  other.widen(shift);
  for (std::size_t i = 0; i < column.size(); ++i) column[i] += other.column[i];
}

}  // namespace remit::diagnostics
