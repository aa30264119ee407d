#include "base/unified_diff.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace remit {

namespace {

using Lines = std::vector<std::string_view>;
constexpr std::size_t kContext = 3;

Lines lines_of(std::string_view text) {
  Lines out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      out.push_back(text);
      break;
    }
    out.push_back(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  return out;
}

// One step of the script, in order: ' ' both, '-' only before, '+' only after.
struct Step {
  char kind;
  std::size_t before, after;
};

// Shortest edit script of a[0,n) to b[0,m), or empty with *too_far set.
std::vector<Step> shortest(const Lines& a, const Lines& b, std::size_t base, bool& too_far) {
  const auto n = static_cast<std::ptrdiff_t>(a.size()), m = static_cast<std::ptrdiff_t>(b.size());
  const std::ptrdiff_t most =
      std::min<std::ptrdiff_t>(n + m, static_cast<std::ptrdiff_t>(limits::kDiffEdits));
  std::vector<std::ptrdiff_t> reach(static_cast<std::size_t>(2 * most + 3), 0);
  auto at = [&](std::ptrdiff_t k) -> std::ptrdiff_t& {
    return reach[static_cast<std::size_t>(k + most + 1)];
  };
  std::vector<std::vector<std::ptrdiff_t>> history;
  for (std::ptrdiff_t d = 0; d <= most; ++d) {
    std::vector<std::ptrdiff_t> row(static_cast<std::size_t>(2 * d + 1));
    for (std::ptrdiff_t k = -d; k <= d; k += 2) {
      std::ptrdiff_t x = k == -d || (k != d && at(k - 1) < at(k + 1)) ? at(k + 1) : at(k - 1) + 1;
      while (x < n && x - k < m &&
             a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(x - k)])
        ++x;
      at(k) = x;
      row[static_cast<std::size_t>(k + d)] = x;
      if (x < n || x - k < m) continue;
      history.push_back(std::move(row));
      // Walk back from the end.
      std::vector<Step> steps;
      std::ptrdiff_t px = n, py = m;
      for (std::ptrdiff_t back = d; back > 0; --back) {
        const std::vector<std::ptrdiff_t>& last = history[static_cast<std::size_t>(back - 1)];
        auto old = [&](std::ptrdiff_t diagonal) {
          const std::ptrdiff_t index = diagonal + back - 1;
          return index < 0 || index >= static_cast<std::ptrdiff_t>(last.size())
                     ? -1
                     : last[static_cast<std::size_t>(index)];
        };
        const std::ptrdiff_t diagonal = px - py;
        const bool down =
            diagonal == -back || (diagonal != back && old(diagonal - 1) < old(diagonal + 1));
        const std::ptrdiff_t from = down ? diagonal + 1 : diagonal - 1;
        const std::ptrdiff_t fx = old(from), fy = fx - from;
        const std::ptrdiff_t mx = down ? fx : fx + 1, my = down ? fy + 1 : fy;
        while (px > mx && py > my) {
          --px, --py;
          steps.push_back(
              {' ', base + static_cast<std::size_t>(px), base + static_cast<std::size_t>(py)});
        }
        steps.push_back({down ? '+' : '-', base + static_cast<std::size_t>(fx),
                         base + static_cast<std::size_t>(fy)});
        px = fx, py = fy;
      }
      while (px > 0 && py > 0) {
        --px, --py;
        steps.push_back(
            {' ', base + static_cast<std::size_t>(px), base + static_cast<std::size_t>(py)});
      }
      std::reverse(steps.begin(), steps.end());
      return steps;
    }
    history.push_back(std::move(row));
  }
  too_far = true;
  return {};
}

std::string shown(char kind, std::string_view line) {
  std::string text(1, kind);
  const bool open = !line.ends_with('\n');
  if (!open) line.remove_suffix(1);
  if (line.size() > limits::kGrepLineShown) {
    text += line.substr(0, utf8_boundary(line, limits::kGrepLineShown));
    text += "… [line of " + with_commas(line.size()) + " bytes]";
  } else {
    text += line;
  }
  if (open) text += " [no newline at the end]";
  return text;
}

}  // namespace

UnifiedDiff unified_diff(std::string_view before, std::string_view after, std::string_view name,
                         std::size_t most_lines) {
  UnifiedDiff out;
  const Lines a = lines_of(before), b = lines_of(after);
  std::size_t front = 0, back = 0;
  while (front < a.size() && front < b.size() && a[front] == b[front]) ++front;
  while (back + front < a.size() && back + front < b.size() &&
         a[a.size() - 1 - back] == b[b.size() - 1 - back])
    ++back;
  const auto offset = [](std::size_t i) { return static_cast<std::ptrdiff_t>(i); };
  const Lines middle_a(a.begin() + offset(front), a.end() - offset(back));
  const Lines middle_b(b.begin() + offset(front), b.end() - offset(back));
  if (middle_a.empty() && middle_b.empty()) return out;
  bool too_far = false;
  std::vector<Step> script = shortest(middle_a, middle_b, front, too_far);
  // Of one replacement no more is made than will be shown: a file can have millions of lines.
  std::size_t left_a = 0, left_b = 0;
  if (too_far) {
    const std::size_t made_a = std::min(middle_a.size(), most_lines);
    const std::size_t made_b = std::min(middle_b.size(), most_lines);
    for (std::size_t i = 0; i < made_a; ++i) script.push_back({'-', front + i, front});
    for (std::size_t i = 0; i < made_b; ++i)
      script.push_back({'+', front + middle_a.size(), front + i});
    left_a = middle_a.size() - made_a;
    left_b = middle_b.size() - made_b;
  }
  std::vector<Step> steps;
  for (std::size_t i = front - std::min(front, kContext); i < front; ++i)
    steps.push_back({' ', i, i});
  steps.insert(steps.end(), script.begin(), script.end());
  for (std::size_t i = 0; i < std::min(back, kContext); ++i) {
    steps.push_back({' ', a.size() - back + i, b.size() - back + i});
  }
  // Hunks: changes with context, merged when their contexts touch.
  std::size_t at = 0;
  while (at < steps.size()) {
    while (at < steps.size() && steps[at].kind == ' ') ++at;
    if (at == steps.size()) break;
    const std::size_t begin = at - std::min(at, kContext);
    std::size_t end = at, quiet = 0;
    for (std::size_t i = at; i < steps.size() && quiet <= 2 * kContext; ++i) {
      quiet = steps[i].kind == ' ' ? quiet + 1 : 0;
      if (quiet == 0) end = i + 1;
    }
    const std::size_t last = std::min(end + kContext, steps.size());
    DiffHunk hunk;
    hunk.old_start = steps[begin].before + 1;
    hunk.new_start = steps[begin].after + 1;
    for (std::size_t i = begin; i < last; ++i) {
      const Step& step = steps[i];
      if (step.kind != '+') ++hunk.old_lines;
      if (step.kind != '-') ++hunk.new_lines;
      hunk.lines.push_back(shown(step.kind, step.kind == '+' ? b[step.after] : a[step.before]));
    }
    hunk.old_lines += left_a;  // of the one hunk there is then
    hunk.new_lines += left_b;
    out.hunks.push_back(std::move(hunk));
    at = last;
  }
  std::vector<std::string> lines{"--- " + std::string(name), "+++ " + std::string(name)};
  for (const DiffHunk& hunk : out.hunks) {
    lines.push_back("@@ -" + std::to_string(hunk.old_start) + "," + std::to_string(hunk.old_lines) +
                    " +" + std::to_string(hunk.new_start) + "," + std::to_string(hunk.new_lines) +
                    " @@");
    lines.insert(lines.end(), hunk.lines.begin(), hunk.lines.end());
  }
  if (lines.size() > most_lines) {
    const std::size_t left = lines.size() - (most_lines - 1) + left_a + left_b;
    lines.resize(most_lines - 1);
    lines.push_back("[" + with_commas(left) + " more lines of the diff are not shown]");
    out.whole = false;
    out.hunks.clear();
  }
  out.text = join_text(lines, "\n");
  return out;
}

}  // namespace remit
