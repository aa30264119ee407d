// Grep: which files or lines match a regular expression.
#include <chrono>
#include <optional>

#include "base/limits.h"
#include "base/text.h"
#include "tools/file_tools.h"
#include "tools/page.h"
#include "tools/search/query.h"
#include "tools/search_answer.h"
#include "tools/tool_builder.h"

namespace remit::tools {

namespace {

enum class Mode { files_with_matches, content, count };

struct GrepArgs {
  std::string pattern;
  std::string path;
  std::string glob;
  std::string type;
  Mode output_mode = Mode::files_with_matches;
  std::optional<int> after, before, around, context;
  bool line_numbers = true;
  bool ignore_case = false;
  bool only_matching = false;
  bool multiline = false;
  int head_limit = static_cast<int>(limits::kGrepHeadLimit);
  int offset = 0;
  bool fixed = false;
  bool no_ignore = false;
  std::optional<std::string> cursor;
};

struct GrepResult {
  Mode mode = Mode::files_with_matches;
  std::vector<std::string> filenames;
  std::string content;
  std::uint64_t numFiles = 0, numLines = 0, numMatches = 0;
  std::uint64_t totalFiles = 0, totalLines = 0, totalMatches = 0;
  bool countIsComplete = true;
  std::uint64_t appliedLimit = 0, appliedOffset = 0;
  bool timedOut = false, truncated = false, changedSinceFirstPage = false, lossy = false;
  std::optional<std::uint64_t> nextOffset;
  std::optional<std::string> cursor;
  std::uint64_t durationMs = 0;
  Searched searched;
  Skipped skipped;
};

}  // namespace
}  // namespace remit::tools

namespace remit {
using namespace tools;

template <>
struct EnumNames<Mode> {
  static constexpr std::array list{std::pair{Mode::files_with_matches, "files_with_matches"},
                                   std::pair{Mode::content, "content"},
                                   std::pair{Mode::count, "count"}};
};
template <>
struct Fields<GrepArgs> {
  static constexpr Rules kContext{.minimum = 0, .maximum = limits::kContextLines};
  static constexpr auto list = std::tuple{
      required("pattern", &GrepArgs::pattern, "RE2 regular expression",
               {.min_length = 1, .max_length = limits::kPatternBytes}),
      field("path", &GrepArgs::path, "File or directory; default the workspace",
            {.max_length = limits::kPathBytes}),
      field("glob", &GrepArgs::glob, "Filter like rg -g: \"*.ts\", \"src/**\", \"!*.min.js\"",
            {.max_length = limits::kPathBytes}),
      field("type", &GrepArgs::type, "File type like rg -t: py, js, cpp"),
      field("output_mode", &GrepArgs::output_mode,
            "Paths, lines (content) or lines per file (count)"),
      field("-A", &GrepArgs::after, "Lines after each match (content), at most 100", kContext),
      field("-B", &GrepArgs::before, "Lines before", kContext),
      field("-C", &GrepArgs::around, "Lines before and after", kContext),
      field("context", &GrepArgs::context, "Same as -C", kContext),
      field("-n", &GrepArgs::line_numbers, "Line numbers (content)"),
      field("-i", &GrepArgs::ignore_case, "Ignore case"),
      field("-o", &GrepArgs::only_matching, "Only the matched parts (content)"),
      field("multiline", &GrepArgs::multiline, "Matches may span lines, . matches newline"),
      field("head_limit", &GrepArgs::head_limit, "Most paths or lines; 0: as many as fit",
            {.minimum = 0, .maximum = 1e9}),
      field("offset", &GrepArgs::offset, "Skip this many first", {.minimum = 0, .maximum = 1e9}),
      field("-F", &GrepArgs::fixed, "Pattern is literal text"),
      field("no_ignore", &GrepArgs::no_ignore, "Search what ignore files leave out, too"),
      field("cursor", &GrepArgs::cursor, "From a truncated answer, other arguments unchanged")};
};
template <>
struct Fields<Searched> {
  static constexpr auto list =
      std::tuple{field("files", &Searched::files, ""), field("bytes", &Searched::bytes, "")};
};
template <>
struct Fields<Skipped> {
  static constexpr auto list =
      std::tuple{field("binary", &Skipped::binary, "Read up to their first NUL"),
                 field("unreadable", &Skipped::unreadable, ""),
                 field("ignoredEntries", &Skipped::ignoredEntries, "Left out by ignore files"),
                 field("byPolicy", &Skipped::byPolicy, "Constant per persona and root")};
};
template <>
struct Fields<GrepResult> {
  static constexpr auto list = std::tuple{
      field("mode", &GrepResult::mode, ""),
      field("filenames", &GrepResult::filenames, "Newest first"),
      field("content", &GrepResult::content, "The text of the answer"),
      field("numFiles", &GrepResult::numFiles, "Shown"),
      field("numLines", &GrepResult::numLines, "Shown, context included"),
      field("numMatches", &GrepResult::numMatches, "Matching lines (-o: parts) shown"),
      field("totalFiles", &GrepResult::totalFiles, "Files that match"),
      field("totalLines", &GrepResult::totalLines, "content: lines and context in all"),
      field("totalMatches", &GrepResult::totalMatches, "content, count: matching lines in all"),
      field("countIsComplete", &GrepResult::countIsComplete, "false: totals are at least"),
      field("appliedLimit", &GrepResult::appliedLimit, ""),
      field("appliedOffset", &GrepResult::appliedOffset, ""),
      field("timedOut", &GrepResult::timedOut, ""),
      field("truncated", &GrepResult::truncated, ""),
      field("changedSinceFirstPage", &GrepResult::changedSinceFirstPage, ""),
      field("lossy", &GrepResult::lossy, "Some text was not UTF-8"),
      field("nextOffset", &GrepResult::nextOffset, ""),
      field("cursor", &GrepResult::cursor, ""),
      field("durationMs", &GrepResult::durationMs, ""),
      field("searched", &GrepResult::searched, ""),
      field("skipped", &GrepResult::skipped, "")};
};
}  // namespace remit

namespace remit::tools {

namespace {

constexpr const char* kDoc =
    "Search file contents with a regular expression (RE2: no lookaround, no backreferences). "
    "Newest files first; "
    "hidden files are searched, git-ignored ones are not. A truncated answer ends with nextOffset "
    "and a cursor.";

std::size_t lines_of(const std::optional<int>& own, const GrepArgs& args) {
  return static_cast<std::size_t>(own.value_or(args.around.value_or(args.context.value_or(0))));
}

// The page of one answer, item by item.
class Page {
 public:
  Page(const GrepArgs& args, const search::Found& found, const std::optional<Cursor>& from,
       std::size_t page_chars, std::uint64_t limit)
      : args_(args),
        found_(found),
        from_(from),
        budget_(page_chars),
        limit_(limit),
        skip_(from ? 0 : static_cast<std::uint64_t>(args.offset)) {}

  void fill(GrepResult& result) {
    for (const search::Hit& hit : found_.hits) {
      if (full_) break;
      if (from_ && is_before(hit)) continue;
      if (args_.output_mode == Mode::content) {
        lines(hit, result);
      } else {
        file(hit, result);
      }
    }
    result.content = join_text(text_, "\n");
  }
  std::uint64_t shown() const { return shown_; }
  bool full() const { return full_; }
  const Cursor& last() const { return last_; }

 private:
  bool is_key(const search::Hit& hit) const {
    return hit.mtime_ns == from_->mtime_ns && hit.path == from_->path;
  }
  bool is_before(const search::Hit& hit) const {
    if (is_key(hit)) return args_.output_mode != Mode::content;
    return hit.mtime_ns != from_->mtime_ns ? hit.mtime_ns > from_->mtime_ns
                                           : hit.path < from_->path;
  }

  bool take(const std::string& line) {
    if (skip_ > 0) {
      --skip_;
      return false;
    }
    if (shown_ >= limit_ || !budget_.take(line)) {
      full_ = true;
      return false;
    }
    ++shown_;
    return true;
  }

  void file(const search::Hit& hit, GrepResult& result) {
    std::string line = hit.path;
    if (args_.output_mode == Mode::count) line += ":" + std::to_string(hit.matching_lines);
    if (!take(line)) return;
    text_.push_back(std::move(line));
    result.filenames.push_back(hit.path);
    if (args_.output_mode == Mode::count) result.numMatches += hit.matching_lines;
    last_ = {{}, {}, hit.mtime_ns, hit.path, 0, 0, 0};
  }

  void lines(const search::Hit& hit, GrepResult& result) {
    bool first_of_file = true;
    std::uint64_t part = 0, previous = 0;
    for (const search::Line& line : hit.lines) {
      part = line.number == previous ? part + 1 : 1;
      previous = line.number;
      if (from_ && is_key(hit) &&
          (line.number < from_->line || (line.number == from_->line && part <= from_->part))) {
        continue;
      }
      const char mark = line.is_match ? ':' : '-';
      std::string text = hit.path + mark;
      if (args_.line_numbers) text += std::to_string(line.number) + mark;
      text += line.text;
      if (!take(text)) {
        if (full_) return;
        continue;
      }
      const bool grouped = !args_.only_matching &&
                           (lines_of(args_.after, args_) > 0 || lines_of(args_.before, args_) > 0);
      if (grouped && !text_.empty() && (line.group_start || first_of_file)) text_.push_back("--");
      text_.push_back(std::move(text));
      if (first_of_file) result.filenames.push_back(hit.path);
      first_of_file = false;
      ++result.numLines;
      if (line.is_match) ++result.numMatches;
      result.lossy = result.lossy || hit.lossy;
      last_ = {{}, {}, hit.mtime_ns, hit.path, line.number, part, 0};
    }
  }

  const GrepArgs& args_;
  const search::Found& found_;
  const std::optional<Cursor>& from_;
  PageBudget budget_;
  std::uint64_t limit_, skip_;
  std::uint64_t shown_ = 0;
  bool full_ = false;
  std::vector<std::string> text_;
  Cursor last_;
};

search::GrepQuery query_of(const GrepArgs& args, std::uint64_t keep) {
  search::GrepQuery query;
  query.files.path = args.path;
  if (!args.glob.empty()) query.files.globs.push_back(args.glob);
  query.files.type = args.type;
  query.files.no_ignore = args.no_ignore;
  query.pattern = {args.pattern, args.ignore_case, args.fixed, args.multiline, true};
  switch (args.output_mode) {
    case Mode::files_with_matches:
      query.scan.want = search::Want::presence;
      break;
    case Mode::count:
      query.scan.want = search::Want::count;
      break;
    case Mode::content:
      query.scan.want = search::Want::lines;
      break;
  }
  query.scan.only_matching = args.only_matching;
  if (!args.only_matching) {
    query.scan.before = lines_of(args.before, args);
    query.scan.after = lines_of(args.after, args);
  }
  query.scan.keep_lines = keep;
  return query;
}

std::string answer_text(const GrepArgs& args, const search::Found& found,
                        const GrepResult& result) {
  const bool lines = args.output_mode == Mode::content;
  const std::uint64_t shown = lines ? result.numLines : result.numFiles;
  const std::uint64_t total = lines ? result.totalLines : result.totalFiles;
  const std::vector<std::string> notices = coverage_notices(found.coverage, total == 0);
  std::string facts;
  for (const std::string& notice : notices) facts += "; " + notice;
  if (total == 0)
    return nothing_text(found.coverage, "matches", found.single_file) + "\n[searched " +
           with_commas(result.searched.files) + " files" + facts + "]";
  const char* const unit = lines ? (args.only_matching ? " matches" : " lines") : " files";
  std::string counted =
      with_commas(shown) + " of " + total_text(total, result.countIsComplete) + unit;
  if (lines) counted += " in " + total_text(result.totalFiles, result.countIsComplete) + " files";
  if (args.output_mode == Mode::count)
    counted += ", " + total_text(result.totalMatches, result.countIsComplete) + " matching lines";
  std::string text;
  if (result.truncated) {
    text += "[truncated: " + counted +
            "; continue with offset=" + std::to_string(*result.nextOffset) +
            " or the cursor below]\n";
  }
  text += result.content;
  if (shown == 0) text += "(offset is past the last result)";
  text += "\n[" + counted;
  if (result.truncated)
    text += "; truncated, nextOffset=" + std::to_string(*result.nextOffset) +
            " cursor=" + *result.cursor;
  if (result.changedSinceFirstPage) text += "; files changed since the first page";
  if (result.lossy) text += "; text that is not UTF-8 is shown with U+FFFD";
  return text + facts + "]";
}

Result<Outcome<GrepResult>> grep(const GrepArgs& args, Call& call) {
  const auto begun = std::chrono::steady_clock::now();
  const std::string hash = arguments_hash("Grep", encode(args));
  std::optional<Cursor> from;
  if (args.cursor) {
    TRY(from, decode_cursor(*args.cursor, hash));
  }
  // More entries than characters never fit.
  std::uint64_t limit = static_cast<std::uint64_t>(args.head_limit);
  if (limit == 0 || limit > call.page_chars) limit = call.page_chars;
  const std::uint64_t skipped = from ? from->shown : static_cast<std::uint64_t>(args.offset);
  search::RunOptions run;
  run.deadline = limits::kSearchDeadline;
  run.stop = call.stop;
  TRY(const search::Found found,
      search::grep(call.access, call.scope, query_of(args, skipped + limit), run));

  Outcome<GrepResult> out;
  GrepResult& result = out.value;
  result.mode = args.output_mode;
  result.totalFiles = found.hits.size();
  if (args.output_mode == Mode::content) result.totalLines = found.total_entries;
  if (args.output_mode != Mode::files_with_matches) result.totalMatches = found.total_lines;
  result.countIsComplete = found.coverage.complete();
  result.appliedLimit = limit;
  result.appliedOffset = skipped;
  result.timedOut = found.coverage.timed_out;
  result.searched = searched_of(found.coverage);
  result.skipped = skipped_of(found.coverage);
  Page page(args, found, from, call.page_chars, limit);
  page.fill(result);
  result.numFiles = result.filenames.size();
  const std::string generation = generation_of(found);
  result.changedSinceFirstPage = from && from->generation != generation;
  if (page.full() && page.shown() > 0) {
    result.truncated = true;
    result.nextOffset = skipped + page.shown();
    Cursor next = page.last();
    next.arguments = hash;
    next.generation = from ? from->generation : generation;
    next.shown = *result.nextOffset;
    result.cursor = encode_cursor(next);
  }
  result.durationMs =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::steady_clock::now() - begun)
                                     .count());
  out.text = answer_text(args, found, result);
  result.content = out.text;
  return out;
}

}  // namespace

Tool make_grep() {
  return tool<GrepArgs, GrepResult>({.name = "Grep",
                                     .title = "Search file contents",
                                     .description = kDoc,
                                     .annotations = {.read_only = true, .idempotent = true},
                                     .output = Output::text_first,
                                     .always_load = true},
                                    grep);
}

}  // namespace remit::tools
