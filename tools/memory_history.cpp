// memory_history: the versions of a document, and one of them. Of a document that this persona may
// write but not read: those it wrote itself.
#include "base/limits.h"
#include "base/text.h"
#include "tools/page.h"
#include "tools/registry.h"
#include "tools/tool_builder.h"

namespace remit::tools {
namespace {

struct MemoryHistoryArgs {
  std::string path;
  std::optional<std::int64_t> version;
  std::string cursor;
};
struct MemoryVersion {
  std::int64_t version = 0;
  std::string op, at, author, etag;
  std::optional<std::uint64_t> bytes;
};
struct MemoryHistoryResult {
  std::string path;
  std::vector<MemoryVersion> versions;
  std::optional<std::string> content, cursor;
};

}  // namespace
}  // namespace remit::tools

template <>
struct remit::Fields<remit::tools::MemoryHistoryArgs> {
  using T = remit::tools::MemoryHistoryArgs;
  static constexpr auto list = std::tuple{
      required("path", &T::path, "Below Agent_Memory",
               {.min_length = 1, .max_length = limits::kDocPathBytes}),
      field("version", &T::version, "Show this version's text", {.minimum = 1}),
      field("cursor", &T::cursor, "From the last page", {.max_length = limits::kCursorBytes})};
};
template <>
struct remit::Fields<remit::tools::MemoryVersion> {
  using T = remit::tools::MemoryVersion;
  static constexpr auto list =
      std::tuple{required("version", &T::version, ""), required("op", &T::op, ""),
                 required("at", &T::at, ""),           required("author", &T::author, ""),
                 required("etag", &T::etag, ""),       field("bytes", &T::bytes, "")};
};
template <>
struct remit::Fields<remit::tools::MemoryHistoryResult> {
  using T = remit::tools::MemoryHistoryResult;
  static constexpr auto list =
      std::tuple{required("path", &T::path, ""), required("versions", &T::versions, "Newest first"),
                 field("content", &T::content, ""), field("cursor", &T::cursor, "")};
};

namespace remit::tools {
namespace {

Result<Outcome<MemoryHistoryResult>> one_version(const MemoryHistoryArgs& args, Call& call) {
  TRY(const std::string body, call.access.document_version(call.scope, args.path, *args.version));
  const std::string shown = printable(body);
  const std::string arguments =
      arguments_hash("memory_history", Json{{"path", args.path}, {"version", *args.version}});
  TRY(const TextPage page, text_page(shown, args.cursor, arguments, call.page_chars));
  MemoryHistoryResult result;
  result.path = args.path;
  result.content = std::string(page.shown);
  if (!page.cursor.empty()) result.cursor = page.cursor;
  std::string text = "[" + printable(args.path) + ", version " + std::to_string(*args.version) +
                     "]\n" + (shown.empty() ? "(empty document)\n" : *result.content);
  if (!text.ends_with('\n')) text += '\n';
  text += page.notice;
  return Outcome<MemoryHistoryResult>{std::move(result), std::move(text), std::nullopt};
}

Result<Outcome<MemoryHistoryResult>> memory_history(const MemoryHistoryArgs& args, Call& call) {
  if (args.version) return one_version(args, call);
  if (!args.cursor.empty())
    return fail(ErrorKind::invalid_argument, "a cursor is for the text of a version", "/cursor");
  TRY(const std::vector<memory::VersionRow> rows,
      call.access.document_history(call.scope, args.path));
  MemoryHistoryResult result;
  result.path = args.path;
  std::string text = "[" + printable(args.path) + ", " + std::to_string(rows.size()) +
                     (rows.size() == 1 ? " version" : " versions") + ", newest first]\n";
  // kKeepVersions lines, whatever a page may have: they are short, and half a list misleads.
  for (const memory::VersionRow& row : rows) {
    MemoryVersion one{row.version,        row.op,   rfc3339(row.at_unix_ms),
                      row.author.persona, row.etag, std::nullopt};
    std::string line =
        std::to_string(one.version) + "  " + one.op + "  " + one.at + "  by " + one.author;
    if (!row.sha256.empty()) {
      one.bytes = row.bytes;
      line += "  " + std::to_string(row.bytes) + " bytes";
    }
    text += line + "\n";
    result.versions.push_back(std::move(one));
  }
  if (rows.empty()) text += "no version that you may see\n";
  return Outcome<MemoryHistoryResult>{std::move(result), std::move(text), std::nullopt};
}

}  // namespace

Tool make_memory_history(const ToolState&) {
  return tool<MemoryHistoryArgs, MemoryHistoryResult>(
      {.name = "memory_history",
       .title = "Versions of a memory document",
       .description =
           "Lists a document's versions, or shows one. Of what you may write but not read: "
           "what you sent.",
       .annotations = {.read_only = true},
       .output = Output::text_first},
      memory_history);
}

}  // namespace remit::tools
