// memory_search: lines that match a pattern in the documents this persona may read.
#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "tools/page.h"
#include "tools/registry.h"
#include "tools/search/pattern.h"
#include "tools/tool_builder.h"

namespace remit::tools {
namespace {

struct MemorySearchArgs {
  std::string pattern, prefix;
  bool ignore_case = false;
  std::size_t limit = limits::kMemorySearchHits;
};
struct MemorySearchHit {
  std::string path;
  std::size_t line = 0;
  std::string text;
};
struct MemorySearchResult {
  std::vector<MemorySearchHit> matches;
  std::size_t documents = 0, matching_documents = 0;
  bool truncated = false;
  std::vector<std::string> not_searched;
};

}  // namespace
}  // namespace remit::tools

template <>
struct remit::Fields<remit::tools::MemorySearchArgs> {
  using T = remit::tools::MemorySearchArgs;
  static constexpr auto list = std::tuple{
      required("pattern", &T::pattern, "RE2 regular expression",
               {.min_length = 1, .max_length = limits::kPatternBytes}),
      field("prefix", &T::prefix, "Directory", {.max_length = limits::kDocPathBytes}),
      field("ignore_case", &T::ignore_case, ""),
      field("limit", &T::limit, "Lines", {.minimum = 1, .maximum = limits::kMemorySearchHitsMax})};
};
template <>
struct remit::Fields<remit::tools::MemorySearchHit> {
  using T = remit::tools::MemorySearchHit;
  static constexpr auto list =
      std::tuple{required("path", &T::path, ""), required("line", &T::line, ""),
                 required("text", &T::text, "")};
};
template <>
struct remit::Fields<remit::tools::MemorySearchResult> {
  using T = remit::tools::MemorySearchResult;
  static constexpr auto list = std::tuple{
      required("matches", &T::matches, ""), required("documents", &T::documents, "Searched"),
      required("matching_documents", &T::matching_documents, ""),
      required("truncated", &T::truncated, "More lines match"),
      field("not_searched", &T::not_searched, "path: why")};
};

namespace remit::tools {
namespace {

// Collects what fits on the page, in the order of the paths; looks no further once it is full.
class Collector {
 public:
  Collector(const search::Pattern& pattern, std::size_t limit, std::size_t page_chars)
      : pattern_(pattern), limit_(limit), budget_(page_chars) {}

  // False once no more can be shown.
  bool look_through(const memory::Document& document) {
    ++result_.documents;
    const std::string body = printable(document.body);
    std::size_t line = 1, counted = 0, from = 0;
    unsigned noise = 0;
    bool first = true;
    while (from < body.size()) {
      const auto found = pattern_.next_line(body, from, noise);
      if (!found) break;
      line += static_cast<std::size_t>(
          std::count(body.begin() + static_cast<std::ptrdiff_t>(counted),
                     body.begin() + static_cast<std::ptrdiff_t>(found->begin), '\n'));
      counted = found->begin;
      if (!add(document.path.text(), line, body.substr(found->begin, found->end - found->begin)))
        return false;
      if (first) ++result_.matching_documents;
      first = false;
      from = found->end + 1;
    }
    return true;
  }
  void not_searched(const std::string& path, const Error& why) {
    result_.not_searched.push_back(printable(path) + ": " + why.message);
    text_ += "[not searched: " + result_.not_searched.back() + "]\n";
  }

  Outcome<MemorySearchResult> take(bool out_of_time) {
    const std::string within = std::to_string(result_.documents) + " readable document" +
                               (result_.documents == 1 ? "" : "s");
    if (result_.matches.empty()) {
      text_ += "no line matches in " + within + "\n";
    } else {
      text_ += "[" + std::to_string(result_.matches.size()) + " lines in " +
               std::to_string(result_.matching_documents) + " of " + within + " searched]\n";
    }
    if (result_.truncated) text_ += "[more lines match; narrow the pattern or name a prefix]\n";
    if (out_of_time) text_ += "[stopped before the end: the time for a search is over]\n";
    return {std::move(result_), std::move(text_), std::nullopt};
  }
  void cut() { result_.truncated = true; }

 private:
  bool add(const std::string& path, std::size_t line, const std::string& text) {
    std::string shown(prefix_chars(text, limits::kGrepLineShown));
    if (shown.size() < text.size()) shown += " [...]";
    const std::string row = printable(path) + ":" + std::to_string(line) + ":" + shown;
    if (result_.matches.size() >= limit_ || !budget_.take(row)) {
      result_.truncated = true;
      return false;
    }
    text_ += row + "\n";
    result_.matches.push_back({printable(path), line, std::move(shown)});
    return true;
  }

  const search::Pattern& pattern_;
  const std::size_t limit_;
  PageBudget budget_;
  MemorySearchResult result_;
  std::string text_;
};

Result<Outcome<MemorySearchResult>> memory_search(const MemorySearchArgs& args, Call& call) {
  TRY(const search::Pattern pattern,
      search::Pattern::compile({.text = args.pattern, .ignore_case = args.ignore_case}));
  Collector found(pattern, args.limit, call.page_chars);
  const auto deadline = std::chrono::steady_clock::now() + limits::kSearchDeadline;
  bool out_of_time = false;
  TRY_DO(call.access.walk_documents(
      call.scope, args.prefix,
      [&](const std::string& path, const Result<memory::Document>& document) {
        out_of_time = std::chrono::steady_clock::now() > deadline;
        if (out_of_time || call.stop.stop_requested()) return false;
        if (document) return found.look_through(*document);
        // Gone since the directory was read: as if it had never been there.
        if (document.error().kind != ErrorKind::not_found)
          found.not_searched(path, document.error());
        return true;
      }));
  if (call.stop.stop_requested()) return fail(ErrorKind::cancelled, "the call was cancelled");
  if (out_of_time) found.cut();
  return found.take(out_of_time);
}

}  // namespace

Tool make_memory_search(const ToolState&) {
  return tool<MemorySearchArgs, MemorySearchResult>(
      {.name = "memory_search",
       .title = "Search memory documents",
       .description = "Finds lines in the documents of Agent_Memory that this persona may read.",
       .annotations = {.read_only = true},
       .output = Output::text_first},
      memory_search);
}

}  // namespace remit::tools
