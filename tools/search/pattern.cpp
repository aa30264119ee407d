#include "tools/search/pattern.h"

#include <re2/re2.h>

#include "base/limits.h"
#include "base/text.h"
#include "tools/search/find.h"
#include "tools/search/literals.h"

namespace remit::search {

namespace {

constexpr std::int64_t kMaxMemory = 8 << 20;  // of RE2 for one program and its DFA cache
// Prefilter hits without a match after which a scan leaves lines to RE2 alone.
constexpr unsigned kNoiseLimit = 2000;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

// A newline that is asked for literally can never be found inside a line: say so, instead of an
// empty answer that looks like absence. Returns the position, or npos.
std::size_t literal_newline(std::string_view pattern) {
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\n' && !in_class) return i;
    if (c == '\\' && i + 1 < pattern.size()) {
      if (pattern[i + 1] == 'n' && !in_class) return i;
      ++i;
    } else if (c == '[' && !in_class) {
      in_class = true;
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') ++i;
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') ++i;
    } else if (c == ']') {
      in_class = false;
    }
  }
  return std::string_view::npos;
}

// \C would match half a character.
bool has_any_byte(std::string_view pattern) {
  for (std::size_t i = 0; i + 1 < pattern.size(); ++i) {
    if (pattern[i] != '\\') continue;
    if (pattern[i + 1] == 'C') return true;
    ++i;
  }
  return false;
}

std::string hint_for(const RE2& re, std::string_view pattern) {
  const std::string& fragment = re.error_arg();
  switch (re.error_code()) {
    case RE2::ErrorBadPerlOp:
      return "; lookaround is not supported: match more and narrow with a second search";
    case RE2::ErrorBadEscape:
      if (fragment.size() == 2 && fragment[1] >= '1' && fragment[1] <= '9') {
        return "; backreferences are not supported";
      }
      return "; set -F: true to search for the text literally";
    case RE2::ErrorMissingParen:
    case RE2::ErrorUnexpectedParen:
    case RE2::ErrorMissingBracket:
    case RE2::ErrorRepeatArgument:
      return "; set -F: true to search for the text literally, or escape with '\\'";
    case RE2::ErrorRepeatSize:
      return "; a repetition may be at most 1000";
    case RE2::ErrorPatternTooLarge:
      return "; use smaller repetitions or fewer alternatives";
    case RE2::ErrorBadUTF8:
      return "; the pattern is not UTF-8";
    case RE2::NoError:
    case RE2::ErrorInternal:
    case RE2::ErrorBadCharClass:
    case RE2::ErrorBadCharRange:
    case RE2::ErrorTrailingBackslash:
    case RE2::ErrorRepeatOp:
    case RE2::ErrorBadNamedCapture:
      break;
  }
  (void)pattern;
  return {};
}

}  // namespace

struct Pattern::Compiled {
  std::unique_ptr<RE2> re;
  std::optional<Finder> finder;
  bool whole = false;  // the finder's hit is the match
  std::size_t whole_length = 0;
  bool multiline = false;
};

Pattern::Pattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;
bool Pattern::multiline() const {
  return compiled_->multiline;
}

Result<Pattern> Pattern::compile(const PatternOptions& options) {
  const std::string_view text = options.text;
  if (text.size() > limits::kPatternBytes) {
    return fail(ErrorKind::invalid_argument,
                "pattern is " + with_commas(text.size()) + " bytes long; at most " +
                    with_commas(limits::kPatternBytes) + " are accepted",
                "/pattern");
  }
  if (!valid_utf8(text))
    return fail(ErrorKind::invalid_argument, "pattern is not UTF-8", "/pattern");
  if (!options.multiline) {
    const bool newline = options.literal ? text.find('\n') != std::string_view::npos
                                         : literal_newline(text) != std::string_view::npos;
    if (newline) {
      return fail(ErrorKind::invalid_argument,
                  "pattern asks for a newline, which no line contains; set multiline: true",
                  "/pattern");
    }
  }
  if (!options.literal && has_any_byte(text)) {
    return fail(ErrorKind::invalid_argument, "\\C is not supported: it would split characters",
                "/pattern");
  }
  RE2::Options re;
  re.set_log_errors(false);
  re.set_max_mem(kMaxMemory);
  re.set_case_sensitive(!options.ignore_case);
  re.set_never_nl(!options.multiline);
  re.set_dot_nl(options.multiline);
  std::string source = "(?m)";
  source += options.literal ? RE2::QuoteMeta(piece(text)) : std::string(text);
  auto compiled = std::make_unique<Compiled>();
  compiled->re = std::make_unique<RE2>(source, re);
  if (!compiled->re->ok()) {
    return fail(ErrorKind::invalid_argument,
                "bad pattern: " + printable(compiled->re->error()) + hint_for(*compiled->re, text),
                "/pattern");
  }
  compiled->multiline = options.multiline;
  if (options.prefilter) {
    RequiredLiterals required = required_literals(text, options.ignore_case, options.literal);
    if (!required.any_of.empty()) {
      compiled->whole = required.whole;
      compiled->whole_length = required.any_of[0].size();
      compiled->finder.emplace(std::move(required.any_of), required.folded);
    }
  }
  return Pattern(std::move(compiled));
}

std::optional<Span> Pattern::next_match(std::string_view text, std::size_t from) const {
  if (from > text.size()) return std::nullopt;
  if (compiled_->whole) {
    const std::size_t at = compiled_->finder->find(text, from);
    if (at == Finder::npos) return std::nullopt;
    return Span{at, at + compiled_->whole_length};
  }
  // In multiline mode the text is a whole file: a required literal that is absent settles it.
  if (compiled_->finder && compiled_->multiline &&
      compiled_->finder->find(text, from) == Finder::npos) {
    return std::nullopt;
  }
  re2::StringPiece found;
  if (!compiled_->re->Match(piece(text), from, text.size(), RE2::UNANCHORED, &found, 1)) {
    return std::nullopt;
  }
  const auto begin = static_cast<std::size_t>(found.data() - text.data());
  return Span{begin, begin + found.size()};
}

std::optional<Span> Pattern::next_line(std::string_view text, std::size_t from,
                                       unsigned& noise) const {
  auto line_around = [text](std::size_t at) {
    const std::size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    const std::size_t after = text.find('\n', at);
    return Span{before == std::string_view::npos ? 0 : before + 1,
                after == std::string_view::npos ? text.size() : after};
  };
  if (compiled_->finder) {
    while (noise < kNoiseLimit) {
      const std::size_t at = compiled_->finder->find(text, from);
      if (at == Finder::npos) return std::nullopt;
      const Span line = line_around(at);
      if (compiled_->whole) return line;
      const std::string_view content = text.substr(line.begin, line.end - line.begin);
      if (compiled_->re->Match(piece(content), 0, content.size(), RE2::UNANCHORED, nullptr, 0)) {
        noise = 0;
        return line;
      }
      ++noise;
      if (line.end >= text.size()) return std::nullopt;
      from = line.end + 1;
    }
  }
  if (from > text.size()) return std::nullopt;
  re2::StringPiece found;
  if (!compiled_->re->Match(piece(text), from, text.size(), RE2::UNANCHORED, &found, 1)) {
    return std::nullopt;
  }
  return line_around(static_cast<std::size_t>(found.data() - text.data()));
}

}  // namespace remit::search
