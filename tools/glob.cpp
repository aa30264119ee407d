// Glob: which files a pattern names.
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

struct GlobArgs {
  std::string pattern;
  std::string path;
  bool no_ignore = false;
  int limit = static_cast<int>(limits::kGlobLimit);
  std::optional<std::string> cursor;
};

struct GlobSkipped {
  std::uint64_t unreadable = 0, ignoredEntries = 0;
  bool byPolicy = false;
};

struct GlobResult {
  std::vector<std::string> filenames;
  std::uint64_t numFiles = 0, totalMatches = 0;
  bool countIsComplete = true, truncated = false, timedOut = false, changedSinceFirstPage = false;
  std::uint64_t durationMs = 0;
  std::optional<std::string> cursor;
  GlobSkipped skipped;
  std::string content;
};

}  // namespace
}  // namespace remit::tools

namespace remit {
using namespace tools;

template <>
struct Fields<GlobArgs> {
  static constexpr auto list = std::tuple{
      required("pattern", &GlobArgs::pattern,
               "\"**/*.ts\", \"src/*.{c,h}\", \"/var/log/**/*.log\"; without a slash at any depth; "
               "ending in / directories",
               {.min_length = 1, .max_length = limits::kPathBytes}),
      field("path", &GlobArgs::path, "Directory to search; default the workspace"),
      field("no_ignore", &GlobArgs::no_ignore, "List what ignore files leave out, too"),
      field("limit", &GlobArgs::limit, "Most names, at most 1000",
            {.minimum = 1, .maximum = limits::kGlobLimitMax}),
      field("cursor", &GlobArgs::cursor, "From a truncated answer, other arguments unchanged")};
};
template <>
struct Fields<GlobSkipped> {
  static constexpr auto list = std::tuple{field("unreadable", &GlobSkipped::unreadable, ""),
                                          field("ignoredEntries", &GlobSkipped::ignoredEntries, ""),
                                          field("byPolicy", &GlobSkipped::byPolicy, "")};
};
template <>
struct Fields<GlobResult> {
  static constexpr auto list =
      std::tuple{field("filenames", &GlobResult::filenames, "Newest first"),
                 field("numFiles", &GlobResult::numFiles, "Shown"),
                 field("totalMatches", &GlobResult::totalMatches, ""),
                 field("countIsComplete", &GlobResult::countIsComplete, "false: at least"),
                 field("truncated", &GlobResult::truncated, ""),
                 field("timedOut", &GlobResult::timedOut, ""),
                 field("changedSinceFirstPage", &GlobResult::changedSinceFirstPage, ""),
                 field("durationMs", &GlobResult::durationMs, ""),
                 field("cursor", &GlobResult::cursor, ""),
                 field("skipped", &GlobResult::skipped, ""),
                 field("content", &GlobResult::content, "The text of the answer")};
};
}  // namespace remit

namespace remit::tools {

namespace {

constexpr const char* kDoc =
    "Find files by name pattern, newest first. Hidden files are listed, git-ignored ones are not "
    "(a pattern without wildcards tests one path whatever ignore files say).";

// A pattern without wildcards: does this one file exist?
Result<search::Found> existence(const GlobArgs& args, Call& call) {
  const std::string path = args.pattern.starts_with('/') || args.path.empty()
                               ? args.pattern
                               : fs::join(args.path, args.pattern);
  search::Found found;
  auto opened = call.access.open(call.scope, path);
  if (!opened) {
    if (opened.error().kind == ErrorKind::not_found) return found;
    if (opened.error().kind != ErrorKind::invalid_argument)
      return tl::unexpected<Error>(opened.error());
    // Not a regular file: a directory is there all the same.
    TRY(const std::unique_ptr<policy::Walk> walk, call.access.list(call.scope, path));
    TRY_DO(walk->finish());
    search::Hit hit;
    hit.path = printable(walk->root().where.shown) + "/";
    found.hits.push_back(std::move(hit));
    return found;
  }
  search::Hit hit;
  hit.path = printable(opened->where.shown);
  hit.mtime_ns =
      std::int64_t{opened->status.st_mtim.tv_sec} * 1'000'000'000 + opened->status.st_mtim.tv_nsec;
  found.hits.push_back(std::move(hit));
  found.coverage.files = 1;
  return found;
}

Result<search::Found> matching(const GlobArgs& args, Call& call) {
  search::RunOptions run;
  run.deadline = limits::kSearchDeadline;
  run.stop = call.stop;
  search::FileChoice files;
  files.path = args.path;
  files.no_ignore = args.no_ignore;
  std::string pattern = args.pattern;
  if (pattern.starts_with('/')) {
    // Absolute: the walk starts at the last directory that is certain.
    const search::GlobSplit split = search::split_glob(pattern);
    files.path = split.directory;
    pattern = "/" + split.rest;  // anchored there
  } else if (pattern.starts_with("./")) {
    pattern.erase(0, 1);
  }
  files.globs.push_back(pattern);
  auto found = search::find_names(call.access, call.scope, files, args.pattern.ends_with('/'), run);
  if (!found && found.error().where == "/glob") {
    Error error = found.error();
    error.where = "/pattern";
    return tl::unexpected<Error>(std::move(error));
  }
  return found;
}

Result<Outcome<GlobResult>> glob(const GlobArgs& args, Call& call) {
  const auto begun = std::chrono::steady_clock::now();
  const std::string hash = arguments_hash("Glob", encode(args));
  std::optional<Cursor> from;
  if (args.cursor) {
    TRY(from, decode_cursor(*args.cursor, hash));
  }
  const bool wild = search::split_glob(args.pattern).has_wildcard || args.pattern.ends_with('/') ||
                    args.pattern.starts_with('!');
  TRY(const search::Found found, wild ? matching(args, call) : existence(args, call));
  Outcome<GlobResult> out;
  GlobResult& result = out.value;
  result.totalMatches = found.hits.size();
  result.countIsComplete = found.coverage.complete();
  result.timedOut = found.coverage.timed_out;
  result.skipped = {found.coverage.unreadable, found.coverage.ignored, found.coverage.filtered};
  const std::string generation = generation_of(found);
  result.changedSinceFirstPage = from && from->generation != generation;
  PageBudget budget(call.page_chars);
  Cursor last;
  for (const search::Hit& hit : found.hits) {
    if (from &&
        (hit.mtime_ns != from->mtime_ns ? hit.mtime_ns > from->mtime_ns : hit.path <= from->path))
      continue;
    if (result.filenames.size() >= static_cast<std::size_t>(args.limit) || !budget.take(hit.path)) {
      result.truncated = true;
      break;
    }
    result.filenames.push_back(hit.path);
    last.mtime_ns = hit.mtime_ns;
    last.path = hit.path;
  }
  result.numFiles = result.filenames.size();
  std::string facts;
  for (const std::string& notice : coverage_notices(found.coverage, found.hits.empty()))
    facts += "; " + notice;
  if (result.changedSinceFirstPage) facts += "; files changed since the first page";
  const std::string counted = with_commas(result.numFiles) + " of " +
                              total_text(result.totalMatches, result.countIsComplete) + " names";
  if (result.truncated) {
    last.arguments = hash;
    last.generation = from ? from->generation : generation;
    last.shown = (from ? from->shown : 0) + result.numFiles;
    result.cursor = encode_cursor(last);
    out.text = "[truncated: " + counted + "; continue with the cursor below]\n";
  }
  out.text += found.hits.empty() ? nothing_text(found.coverage, "files", false)
                                 : join_text(result.filenames, "\n");
  out.text += "\n[" + counted + (result.truncated ? "; truncated, cursor=" + *result.cursor : "") +
              facts + "]";
  result.content = out.text;
  result.durationMs =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::steady_clock::now() - begun)
                                     .count());
  return out;
}

}  // namespace

Tool make_glob() {
  return tool<GlobArgs, GlobResult>({.name = "Glob",
                                     .title = "Find files by name",
                                     .description = kDoc,
                                     .annotations = {.read_only = true, .idempotent = true},
                                     .output = Output::text_first,
                                     .always_load = true},
                                    glob);
}

}  // namespace remit::tools
