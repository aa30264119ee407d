#include "base/unified_diff.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace remit {

namespace {

using Lines = std::vector<std::string_view>;
constexpr std::size_t kContext = 3;

// The first `most` lines of `text`, each with its newline.
Lines lines_of(std::string_view text, std::size_t most) {
  Lines out;
  while (!text.empty() && out.size() < most) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

std::size_t count_lines(std::string_view text) {
  return count_byte(text, '\n') + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

bool begins_line(std::string_view text, std::size_t at) {
  return at == 0 || text[at - 1] == '\n';
}

// Bytes of the whole lines that both texts begin with.
std::size_t common_front(std::string_view a, std::string_view b) {
  const auto at = static_cast<std::size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const std::size_t newline = at == 0 ? std::string_view::npos : a.rfind('\n', at - 1);
  return newline == std::string_view::npos ? 0 : newline + 1;
}

// The same of the lines that both end with. The texts differ, and begin with no common line.
std::size_t common_back(std::string_view a, std::string_view b) {
  auto size = static_cast<std::size_t>(
      std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first - a.rbegin());
  while (size > 0 && !(begins_line(a, a.size() - size) && begins_line(b, b.size() - size))) {
    const std::size_t newline = a.find('\n', a.size() - size);
    size = newline == std::string_view::npos ? 0 : a.size() - newline - 1;
  }
  return size;
}

// The lines of a text that a diff may show.
struct Window {
  Lines lines;             // context, the lines that differ (or the first of them), context
  std::size_t differ = 0;  // how many lines differ, held or not
  std::size_t held = 0;    // how many of them are in `lines`
};

Window window_of(std::string_view front, std::string_view middle, std::string_view back,
                 std::size_t most) {
  Window out;
  out.lines = lines_of(front, kContext);
  const Lines differing = lines_of(middle, most);
  out.lines.insert(out.lines.end(), differing.begin(), differing.end());
  const Lines behind = lines_of(back, kContext);
  out.lines.insert(out.lines.end(), behind.begin(), behind.end());
  out.differ = count_lines(middle);
  out.held = differing.size();
  return out;
}

// The last kContext lines of a text of whole lines.
std::string_view last_lines(std::string_view text) {
  std::size_t from = text.size();
  for (std::size_t n = 0; n < kContext && from > 0; ++n) {
    const std::size_t newline = from == 1 ? std::string_view::npos : text.rfind('\n', from - 2);
    from = newline == std::string_view::npos ? 0 : newline + 1;
  }
  return text.substr(from);
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
  if (before == after) return out;
  // What is common is not taken apart: a file can have millions of lines.
  const std::size_t front_bytes = common_front(before, after);
  const std::string_view front = before.substr(0, front_bytes);
  before.remove_prefix(front_bytes);
  after.remove_prefix(front_bytes);
  const std::size_t back_bytes = common_back(before, after);
  const std::string_view back = before.substr(before.size() - back_bytes);
  before.remove_suffix(back_bytes);
  after.remove_suffix(back_bytes);
  const std::string_view near = last_lines(front);
  const std::size_t ahead = count_lines(near), skipped = count_lines(front) - ahead;

  const bool too_many = std::max(count_lines(before), count_lines(after)) > limits::kDiffCompared;
  const std::size_t most = too_many ? most_lines : limits::kDiffCompared;
  const Window old = window_of(near, before, back, most), now = window_of(near, after, back, most);
  const Lines &a = old.lines, &b = now.lines;
  const auto differing = [&](const Window& of) {
    const auto begin = of.lines.begin() + static_cast<std::ptrdiff_t>(ahead);
    return Lines(begin, begin + static_cast<std::ptrdiff_t>(of.held));
  };
  bool too_far = too_many;
  std::vector<Step> script;
  if (!too_many) script = shortest(differing(old), differing(now), ahead, too_far);
  // Of one replacement no more is made than will be shown.
  std::size_t left_a = 0, left_b = 0;
  if (too_far) {
    const std::size_t made_a = std::min(old.held, most_lines);
    const std::size_t made_b = std::min(now.held, most_lines);
    for (std::size_t i = 0; i < made_a; ++i) script.push_back({'-', ahead + i, ahead});
    for (std::size_t i = 0; i < made_b; ++i) script.push_back({'+', ahead + old.held, ahead + i});
    left_a = old.differ - made_a;
    left_b = now.differ - made_b;
  }
  std::vector<Step> steps;
  for (std::size_t i = 0; i < ahead; ++i) steps.push_back({' ', i, i});
  steps.insert(steps.end(), script.begin(), script.end());
  for (std::size_t i = ahead + old.held, j = ahead + now.held; i < a.size(); ++i, ++j)
    steps.push_back({' ', i, j});
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
    hunk.old_start = skipped + steps[begin].before + 1;
    hunk.new_start = skipped + steps[begin].after + 1;
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
