#include "tools/search/scan.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/limits.h"
#include "base/text.h"
#include "tools/search/newlines.h"

namespace remit::search {

namespace {

std::string_view without_cr(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

class Scanner {
 public:
  Scanner(const Pattern& pattern, const ScanOptions& options, unsigned& noise, Scanned& out,
          const std::function<bool()>& should_stop)
      : pattern_(pattern), options_(options), out_(out), should_stop_(should_stop), noise_(noise) {}

  // False: enough was seen.
  bool piece(std::string_view text) {
    text_ = text;
    if (text_.ends_with('\n')) text_.remove_suffix(1);
    counted_to_ = 0;
    end_from_ = 1, end_ = 0;  // nothing
    const bool more = pattern_.multiline() ? across_lines(text) : by_line();
    if (options_.want == Want::lines) {
      // The next piece begins one line further on.
      line_number(text_.size());
      if (options_.before > 0) remember_tail();
      ++line_;
    }
    return more;
  }

  // Lines of the pieces so far (want lines).
  std::uint64_t lines() const { return line_ - 1; }

 private:
  // Number of the line that holds offset `at`; offsets must not decrease within a piece.
  std::uint64_t line_number(std::size_t at) {
    line_ += count_newlines(text_.substr(counted_to_, at - counted_to_));
    counted_to_ = at;
    return line_;
  }

  // Remembered, since a long line may hold a match at each byte.
  std::size_t line_end(std::size_t at) {
    if (at >= end_from_ && at <= end_) return end_;
    const std::size_t end = text_.find('\n', at);
    end_from_ = at;
    end_ = end == std::string_view::npos ? text_.size() : end;
    return end_;
  }

  void emit(std::uint64_t number, bool is_match, std::string_view line, Span match) {
    if (out_.lines.size() >= options_.keep_lines) return emit_shown(number, is_match, {});
    emit_shown(number, is_match, shown_line(without_cr(line), match, out_.lossy));
  }

  void emit_shown(std::uint64_t number, bool is_match, std::string text) {
    ++out_.entries;
    const bool adjacent = last_emitted_ != 0 && number <= last_emitted_ + 1;
    last_emitted_ = number;
    if (out_.lines.size() >= options_.keep_lines) return;
    Line entry;
    entry.number = number;
    entry.is_match = is_match;
    entry.group_start = !adjacent && (options_.before > 0 || options_.after > 0);
    entry.text = std::move(text);
    out_.lines.push_back(std::move(entry));
  }

  bool by_line() {
    std::size_t at = 0;
    for (;;) {
      const std::optional<Span> line = pattern_.next_line(text_, at, noise_);
      if (options_.want == Want::lines) after_context(at, line ? line->begin : text_.size() + 1);
      if (!line) return true;
      ++out_.matching_lines;
      if (options_.want == Want::presence) return false;
      if (options_.want == Want::lines) matched_line(*line);
      if (line->end >= text_.size()) return true;
      at = line->end + 1;
    }
  }

  // Lines after a match that are owed, from `at` up to (not including) the line at `limit`.
  void after_context(std::size_t at, std::size_t limit) {
    while (owed_after_ > 0 && at < limit && at <= text_.size()) {
      const std::size_t end = line_end(at);
      emit(line_number(at), false, text_.substr(at, end - at), {});
      --owed_after_;
      at = end + 1;
    }
  }

  void before_context(std::size_t begin, std::uint64_t number) {
    std::size_t wanted = options_.before;
    if (last_emitted_ != 0) wanted = std::min<std::size_t>(wanted, number - 1 - last_emitted_);
    wanted = std::min<std::size_t>(wanted, number - 1);
    std::vector<std::string_view> lines;
    std::size_t end = begin;  // start of the line that follows
    while (lines.size() < wanted && end > 0) {
      const std::size_t newline = end >= 2 ? text_.rfind('\n', end - 2) : std::string_view::npos;
      const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
      lines.push_back(text_.substr(start, end - 1 - start));
      end = start;
    }
    // Still wanted: the last lines of the piece before.
    const std::size_t carried = std::min(wanted - lines.size(), tail_.size());
    std::uint64_t first = number - lines.size() - carried;
    for (std::size_t i = tail_.size() - carried; i < tail_.size(); ++i)
      emit_shown(first++, false, tail_[i]);
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) emit(first++, false, *line, {});
  }

  void matched_line(Span line) {
    const std::string_view content = text_.substr(line.begin, line.end - line.begin);
    const std::uint64_t number = line_number(line.begin);
    if (options_.only_matching) {
      std::size_t from = 0;
      while (const std::optional<Span> match = pattern_.next_match(content, from)) {
        if (match->end > match->begin) {
          const std::string_view part = content.substr(match->begin, match->end - match->begin);
          emit(number, true, part, {});
          from = match->end;
        } else {
          from = match->end + 1;
        }
      }
      return;
    }
    before_context(line.begin, number);
    Span match{};
    if (content.size() > limits::kGrepLineShown)
      match = pattern_.next_match(content, 0).value_or(Span{});
    emit(number, true, content, match);
    owed_after_ = options_.after;
  }

  // Matches may span lines: every line that a match touches is a matching line.
  bool across_lines(std::string_view whole) {
    std::size_t from = 0;
    std::size_t next_unseen = 0;  // start of the first line not yet reported
    std::size_t matches = 0;
    while (const std::optional<Span> match = pattern_.next_match(whole, from)) {
      // One piece is a whole file here, and RE2 may need milliseconds for each empty match in it.
      if (++matches % kMatchesBetweenStops == 0 && should_stop_()) {
        out_.interrupted = true;
        return false;
      }
      // The end of the text after a final newline is no line.
      if (match->begin >= whole.size() && whole.ends_with('\n')) break;
      if (options_.want == Want::presence) {
        ++out_.matching_lines;
        return false;
      }
      const bool empty = match->end == match->begin;
      if (options_.only_matching) {
        if (!empty) matched_parts(whole, *match, next_unseen);
      } else {
        matched_range(*match, empty, next_unseen);
      }
      from = match->end;
      if (empty) {
        ++from;
        while (from < whole.size() && (static_cast<unsigned char>(whole[from]) & 0xc0) == 0x80)
          ++from;
      }
    }
    if (options_.want == Want::lines) after_context(next_unseen, text_.size() + 1);
    return true;
  }

  std::size_t line_start(std::size_t at) const {
    if (at == 0) return 0;
    const std::size_t newline = text_.rfind('\n', at - 1);
    return newline == std::string_view::npos ? 0 : newline + 1;
  }

  void matched_range(Span match, bool empty, std::size_t& next_unseen) {
    const std::size_t last = empty ? match.begin : match.end - 1;
    std::size_t at = match.begin < next_unseen ? next_unseen : line_start(match.begin);
    while (at <= last && at <= text_.size()) {
      const std::size_t end = line_end(at);
      ++out_.matching_lines;
      if (options_.want == Want::lines) {
        after_context(next_unseen, at);
        const std::uint64_t number = line_number(at);
        if (number > last_emitted_ + 1 || last_emitted_ == 0) before_context(at, number);
        emit(number, true, text_.substr(at, end - at), {});
        owed_after_ = options_.after;
      }
      at = next_unseen = end + 1;
    }
  }

  void matched_parts(std::string_view whole, Span match, std::size_t& next_unseen) {
    std::size_t at = match.begin;
    while (at < match.end) {
      const std::size_t end = std::min(line_end(at), match.end);
      if (at >= next_unseen) {
        ++out_.matching_lines;
        next_unseen = line_end(at) + 1;
      }
      if (options_.want == Want::lines) emit(line_number(at), true, whole.substr(at, end - at), {});
      at = end + 1;
    }
  }

  void remember_tail() {
    std::vector<std::string> tail;  // last line first
    std::size_t end = text_.size() + 1;
    while (tail.size() < options_.before && end > 0) {
      const std::size_t newline = end >= 2 ? text_.rfind('\n', end - 2) : std::string_view::npos;
      const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
      tail.push_back(shown_line(without_cr(text_.substr(start, end - 1 - start)), {}, out_.lossy));
      end = start;
    }
    while (tail.size() < options_.before && !tail_.empty()) {
      tail.push_back(std::move(tail_.back()));
      tail_.pop_back();
    }
    std::reverse(tail.begin(), tail.end());
    tail_ = std::move(tail);
  }

  static constexpr std::size_t kMatchesBetweenStops = 64;

  const Pattern& pattern_;
  const ScanOptions& options_;
  Scanned& out_;
  const std::function<bool()>& should_stop_;
  std::string_view text_;   // the piece without its last newline
  std::uint64_t line_ = 1;  // number of the line at counted_to_
  std::size_t counted_to_ = 0;
  std::size_t end_from_ = 1;  // every place from here to end_ has its line end at end_
  std::size_t end_ = 0;
  std::uint64_t last_emitted_ = 0;  // 0: none
  std::size_t owed_after_ = 0;
  unsigned& noise_;
  std::vector<std::string> tail_;  // last lines of the piece before as shown, for -B
};

}  // namespace

std::string shown_line(std::string_view line, Span match, bool& lossy) {
  bool replaced = false;
  if (line.size() <= limits::kGrepLineShown) {
    std::string text = to_utf8(line, &replaced);
    lossy = lossy || replaced;
    return text;
  }
  // A third of the window stands before the match.
  const std::size_t lead = limits::kGrepLineShown / 3;
  std::size_t begin = match.begin > lead ? match.begin - lead : 0;
  begin = std::min(begin, line.size() - limits::kGrepLineShown);
  std::size_t end = begin + limits::kGrepLineShown;
  const auto inside = [&line](std::size_t at) {
    return at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80;
  };
  for (int i = 0; i < 3 && inside(begin); ++i) ++begin;
  for (int i = 0; i < 3 && inside(end); ++i) --end;
  std::string text = begin > 0 ? "…" : "";
  text += to_utf8(line.substr(begin, end - begin), &replaced);
  lossy = lossy || replaced;
  if (end < line.size()) text += "…";
  text += " [line of " + with_commas(line.size()) + " bytes]";
  return text;
}

std::uint64_t scan_text(std::string_view text, const Pattern& pattern, const ScanOptions& options,
                        unsigned& noise, Scanned& out) {
  const std::function<bool()> never = [] { return false; };
  Scanner scanner(pattern, options, noise, out, never);
  scanner.piece(text);
  return scanner.lines();
}

Result<Scanned> scan(Reader& reader, const Fd& fd, std::uint64_t size, const Pattern& pattern,
                     const ScanOptions& options, const std::function<bool()>& should_stop) {
  Scanned out;
  unsigned noise = 0;
  Scanner scanner(pattern, options, noise, out, should_stop);
  reader.start(fd, size, pattern.multiline() ? Pieces::whole_file : Pieces::lines);
  for (;;) {
    TRY(const std::optional<Reader::Piece> piece, reader.next());
    if (!piece || !scanner.piece(piece->text)) break;
    if (should_stop()) {
      out.interrupted = !piece->last;
      break;
    }
  }
  out.binary = reader.binary();
  out.bytes = reader.bytes();
  return out;
}

}  // namespace remit::search
