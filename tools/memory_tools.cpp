// memory_read, memory_list and memory_write: the documents of Agent_Memory that this persona owns.
#include "base/limits.h"
#include "base/text.h"
#include "tools/registry.h"
#include "tools/tool_builder.h"
#include "tools/yaml_edit.h"

namespace remit::tools {
namespace {

enum class WriteOp { create, replace, append, entry, set, remove, rename };

struct MemoryReadArgs {
  std::string path;
  std::size_t offset = 1;
  std::optional<std::size_t> limit;
};
struct MemoryReadResult {
  std::string path, content, etag, sha256, modified, author;
  std::size_t first_line = 1, lines = 0, total_lines = 0;
  bool truncated = false;
  std::optional<std::size_t> next_offset;
};
struct MemoryListArgs {
  std::string prefix;
  std::size_t cursor = 0;
};
struct MemoryListItem {
  std::string path, etag, access;
  std::optional<std::uint64_t> bytes;
  std::optional<std::string> modified;
};
struct MemoryListResult {
  std::vector<MemoryListItem> documents;
  std::vector<std::string> may_read, may_write;
  std::string instruction_id;
  std::optional<std::size_t> cursor;
};
struct MemoryWriteArgs {
  std::string path;
  WriteOp op = WriteOp::create;
  std::optional<std::string> content;
  std::optional<Json> entry;
  std::optional<std::string> pointer;
  std::optional<Json> value;
  std::optional<std::string> to;
  bool redact = false;
  std::string if_match;
  std::string idempotency_key;
};
struct MemoryWriteResult {
  std::string path, etag;
  bool created = false;
  std::uint64_t bytes = 0;
};

}  // namespace
}  // namespace remit::tools

template <>
struct remit::EnumNames<remit::tools::WriteOp> {
  using E = remit::tools::WriteOp;
  static constexpr std::array<std::pair<E, const char*>, 7> list{{{E::create, "create"},
                                                                  {E::replace, "replace"},
                                                                  {E::append, "append"},
                                                                  {E::entry, "entry"},
                                                                  {E::set, "set"},
                                                                  {E::remove, "delete"},
                                                                  {E::rename, "rename"}}};
};
template <>
struct remit::Fields<remit::tools::MemoryReadArgs> {
  using T = remit::tools::MemoryReadArgs;
  static constexpr auto list = std::tuple{
      required("path", &T::path, "Below Agent_Memory",
               {.min_length = 1, .max_length = limits::kDocPathBytes}),
      field("offset", &T::offset, "First line, from 1", {.minimum = 1}),
      field("limit", &T::limit, "Lines", {.minimum = 1, .maximum = limits::kReadLinesMax})};
};
template <>
struct remit::Fields<remit::tools::MemoryReadResult> {
  using T = remit::tools::MemoryReadResult;
  static constexpr auto list =
      std::tuple{required("path", &T::path, ""),
                 required("content", &T::content, ""),
                 required("etag", &T::etag, ""),
                 required("sha256", &T::sha256, ""),
                 required("modified", &T::modified, ""),
                 field("author", &T::author, "external: not through Remit"),
                 field("first_line", &T::first_line, ""),
                 field("lines", &T::lines, ""),
                 field("total_lines", &T::total_lines, ""),
                 field("truncated", &T::truncated, ""),
                 field("next_offset", &T::next_offset, "")};
};
template <>
struct remit::Fields<remit::tools::MemoryListArgs> {
  using T = remit::tools::MemoryListArgs;
  static constexpr auto list =
      std::tuple{field("prefix", &T::prefix, "Directory", {.max_length = limits::kDocPathBytes}),
                 field("cursor", &T::cursor, "From the last page")};
};
template <>
struct remit::Fields<remit::tools::MemoryListItem> {
  using T = remit::tools::MemoryListItem;
  static constexpr auto list =
      std::tuple{required("path", &T::path, ""), required("etag", &T::etag, ""),
                 required("access", &T::access, "read, write or read-write"),
                 field("bytes", &T::bytes, ""), field("modified", &T::modified, "")};
};
template <>
struct remit::Fields<remit::tools::MemoryListResult> {
  using T = remit::tools::MemoryListResult;
  static constexpr auto list = std::tuple{required("documents", &T::documents, "Those that exist"),
                                          required("may_read", &T::may_read, "Patterns"),
                                          required("may_write", &T::may_write, "Patterns"),
                                          required("instruction_id", &T::instruction_id, ""),
                                          field("cursor", &T::cursor, "")};
};
template <>
struct remit::Fields<remit::tools::MemoryWriteArgs> {
  using T = remit::tools::MemoryWriteArgs;
  static constexpr auto list = std::tuple{
      required("path", &T::path, "Below Agent_Memory",
               {.min_length = 1, .max_length = limits::kDocPathBytes}),
      required("op", &T::op, ""),
      field("content", &T::content, "create, replace, append: the text",
            {.max_length = limits::kDocumentBytes}),
      field("entry", &T::entry, "entry: object added to the document's list, unread"),
      field("pointer", &T::pointer, "set: /key", {.max_length = 256}),
      field("value", &T::value, "set: a scalar"),
      field("to", &T::to, "rename: new path", {.max_length = limits::kDocPathBytes}),
      field("redact", &T::redact, "Mask secrets instead of refusing them"),
      field("if_match", &T::if_match, "replace: etag of the version you saw", {.max_length = 64}),
      field("idempotency_key", &T::idempotency_key, "Repeat safely within 24 h; not for rename",
            {.max_length = 128})};
};
template <>
struct remit::Fields<remit::tools::MemoryWriteResult> {
  using T = remit::tools::MemoryWriteResult;
  static constexpr auto list =
      std::tuple{required("path", &T::path, ""), required("etag", &T::etag, ""),
                 required("created", &T::created, ""), required("bytes", &T::bytes, "")};
};

namespace remit::tools {
namespace {

Result<Outcome<MemoryReadResult>> memory_read(const MemoryReadArgs& args, Call& call) {
  TRY(const memory::Document document, call.access.open_document(call.scope, args.path));
  MemoryReadResult result;
  result.path = document.path.text();
  result.etag = document.etag;
  result.sha256 = document.sha256;
  result.modified = rfc3339(document.modified_unix_ms);
  result.author = document.author;
  result.first_line = args.offset;
  const std::string body = printable(document.body);
  std::size_t number = 0;
  std::size_t chars = 0, cut_line = 0;
  const std::size_t last = args.offset - 1 + args.limit.value_or(limits::kReadLinesDefault);
  for (std::size_t from = 0; from < body.size();) {
    const std::size_t end = std::min(body.find('\n', from), body.size() - 1);
    const std::string_view line = std::string_view(body).substr(from, end - from + 1);
    from = end + 1;
    ++number;
    if (number < args.offset || result.next_offset) continue;
    if (number > last || (result.lines > 0 && chars + line.size() > call.page_chars)) {
      result.next_offset = number;
      result.truncated = true;
      continue;
    }
    const std::string_view shown = prefix_chars(line, call.page_chars);
    result.content += shown;
    if (shown.size() < line.size()) {
      result.truncated = true;
      cut_line = number;
    }
    chars += line.size();
    ++result.lines;
  }
  result.total_lines = number;
  std::string text = "[" + result.path + ", etag " + result.etag + ", written by " + result.author +
                     ", " + result.modified + "; lines " + std::to_string(args.offset) + "-" +
                     std::to_string(args.offset + result.lines - (result.lines > 0 ? 1 : 0)) +
                     " of " + std::to_string(number) + "]\n";
  std::string notice;
  if (cut_line != 0)
    notice += "[line " + std::to_string(cut_line) + " is longer than a page and was cut]\n";
  if (result.next_offset)
    notice += "[continue with offset " + std::to_string(*result.next_offset) + "]\n";
  if (number > 0 && args.offset > number) notice += "[offset is beyond the last line]\n";
  text += notice + (document.body.empty() ? "(empty document)\n" : result.content);
  if (!text.ends_with('\n')) text += '\n';
  text += notice;
  return Outcome<MemoryReadResult>{std::move(result), std::move(text), std::nullopt};
}

bool may(const policy::Access& access, const std::string& path, bool write) {
  for (const policy::MemoryRule& rule : access.remit().memory) {
    if ((write ? rule.create || rule.replace || rule.append : rule.read) &&
        rule.pattern.matches(path))
      return true;
  }
  return false;
}

Result<Outcome<MemoryListResult>> memory_list(const MemoryListArgs& args, Call& call) {
  TRY(const std::vector<memory::DocumentEntry> entries,
      call.access.list_documents(call.scope, args.prefix));
  MemoryListResult result;
  result.instruction_id = call.access.remit().instruction_id;
  std::string text;
  for (const policy::MemoryRule& rule : call.access.remit().memory) {
    if (rule.read) result.may_read.push_back(rule.pattern.text());
    if (rule.create || rule.replace || rule.append) result.may_write.push_back(rule.pattern.text());
  }
  text = "[instruction " + result.instruction_id +
         "; may read: " + join_text(result.may_read, ", ") +
         "; may write: " + join_text(result.may_write, ", ") + "]\n";
  std::size_t index = args.cursor;
  for (; index < entries.size(); ++index) {
    const memory::DocumentEntry& entry = entries[index];
    MemoryListItem item{printable(entry.path), entry.etag, "", std::nullopt, std::nullopt};
    const bool read = may(call.access, entry.path, false),
               write = may(call.access, entry.path, true);
    item.access = read && write ? "read-write" : read ? "read" : "write";
    std::string line = item.path + "  " + item.access + "  etag " + item.etag;
    if (read) {
      item.bytes = entry.bytes;
      item.modified = rfc3339(entry.modified_unix_ms);
      line += "  " + std::to_string(entry.bytes) + " bytes  " + *item.modified;
    }
    if (text.size() + line.size() > call.page_chars && !result.documents.empty()) {
      result.cursor = index;
      break;
    }
    text += line + "\n";
    result.documents.push_back(std::move(item));
  }
  if (entries.empty()) text += "no document exists yet\n";
  if (result.cursor) {
    text += "[" + std::to_string(entries.size() - index) + " more; continue with cursor " +
            std::to_string(*result.cursor) + "]\n";
  }
  return Outcome<MemoryListResult>{std::move(result), std::move(text), std::nullopt};
}

Error missing(const char* field, const char* op) {
  return schema::bad(std::string("/") + field, std::string("required for op ") + op);
}

Result<policy::DocumentSchema> schema_with_list(const policy::DocumentSchemas& schemas,
                                                const std::string& path) {
  const policy::DocumentSchema* const schema = schemas.of(path);
  if (schema != nullptr && !schema->list_key.empty()) return *schema;
  return fail(ErrorKind::invalid_argument,
              "no schema gives " + escape_ascii(path) + " a list of entries; use append or replace",
              "/op", "schema_invalid");
}

// Fills the part of the request that depends on the op.
Result<void> prepare(const MemoryWriteArgs& args, const policy::DocumentSchemas& schemas,
                     policy::ReplaceRequest& request) {
  const auto need_content = [&](const char* op) -> Result<void> {
    if (!args.content) return tl::unexpected<Error>(missing("content", op));
    request.bytes = *args.content;
    return {};
  };
  switch (args.op) {
    case WriteOp::create:
      request.op = policy::ReplaceOp::create;
      request.if_absent = true;
      return need_content("create");
    case WriteOp::replace:
      request.op = policy::ReplaceOp::replace;
      if (args.if_match.empty()) {
        return fail(ErrorKind::conflict,
                    "replace needs if_match: the etag from memory_read or memory_list", "/if_match",
                    "precondition_required");
      }
      return need_content("replace");
    case WriteOp::append:
      request.op = policy::ReplaceOp::append;
      return need_content("append");
    case WriteOp::entry: {
      if (!args.entry) return tl::unexpected<Error>(missing("entry", "entry"));
      request.op = policy::ReplaceOp::entry;
      request.bytes = dump(*args.entry);  // what the secret scan looks at
      TRY(const policy::DocumentSchema schema, schema_with_list(schemas, request.path));
      request.edit = [schema, entry = *args.entry](const std::optional<std::string>& current) {
        return add_entry(current.value_or(""), schema.list_key, entry, schema.unique_key);
      };
      return {};
    }
    case WriteOp::set:
      if (!args.pointer) return tl::unexpected<Error>(missing("pointer", "set"));
      if (!args.value) return tl::unexpected<Error>(missing("value", "set"));
      request.op = policy::ReplaceOp::set;
      request.bytes = dump(*args.value);
      request.edit = [pointer = *args.pointer,
                      value = *args.value](const std::optional<std::string>& current) {
        return set_key(current.value_or(""), pointer, value);
      };
      return {};
    case WriteOp::remove:
      request.op = policy::ReplaceOp::remove;
      return {};
    case WriteOp::rename:
      if (!args.to) return tl::unexpected<Error>(missing("to", "rename"));
      request.op = policy::ReplaceOp::rename;
      request.to = *args.to;
      return {};
  }
  return {};
}

void mask(Json& value, const Redactor& redactor) {
  if (value.is_string()) value = redactor.redact(value.get<std::string>()).text;
  if (value.is_structured())
    for (Json& each : value) mask(each, redactor);
}

Result<Outcome<MemoryWriteResult>> memory_write(MemoryWriteArgs args, Call& call,
                                                const policy::DocumentSchemas& schemas,
                                                const Redactor& redactor) {
  if (args.redact) {
    if (args.content) args.content = redactor.redact(*args.content).text;
    if (args.entry) mask(*args.entry, redactor);
    if (args.value) mask(*args.value, redactor);
  }
  TRY(const memory::DocPath path, memory::DocPath::parse(args.path));
  policy::ReplaceRequest request;
  request.document = true;
  request.path = path.text();
  request.if_match = args.if_match;
  request.idempotency_key = args.idempotency_key;
  TRY_DO(prepare(args, schemas, request));
  TRY(const policy::Replaced done, call.access.replace(call.scope, request));
  MemoryWriteResult result{done.where.path, done.version, done.created, done.bytes};
  std::string text = std::string(args.op == WriteOp::rename ? "renamed to "
                                 : done.created             ? "created "
                                                            : "wrote ") +
                     result.path + ", etag " + result.etag + ", " + std::to_string(result.bytes) +
                     " bytes\n";
  return Outcome<MemoryWriteResult>{std::move(result), std::move(text), std::nullopt};
}

}  // namespace

Tool make_memory_read(const ToolState&) {
  return tool<MemoryReadArgs, MemoryReadResult>(
      {.name = "memory_read",
       .title = "Read a memory document",
       .description = "Reads a document of Agent_Memory that this persona may read. The etag "
                      "serves as if_match.",
       .annotations = {.read_only = true},
       .output = Output::text_first},
      memory_read);
}

Tool make_memory_list(const ToolState&) {
  return tool<MemoryListArgs, MemoryListResult>(
      {.name = "memory_list",
       .title = "List memory documents",
       .description = "Lists the documents of Agent_Memory that this persona may read or write, "
                      "its patterns and "
                      "the instruction id they are bound to.",
       .annotations = {.read_only = true},
       .output = Output::text_first},
      memory_list);
}

Tool make_memory_write(const ToolState& state) {
  return tool<MemoryWriteArgs, MemoryWriteResult>(
      {.name = "memory_write",
       .title = "Write a memory document",
       .description =
           "Writes a document of Agent_Memory. What you may write but not read is extended unread "
           "by append, entry (adds to its list) or set. replace needs the etag; a stale one is a "
           "conflict and nothing is written.",
       .annotations = {.destructive = true}},
      [schemas = state.schemas, redactor = state.redactor](MemoryWriteArgs args, Call& call) {
        return memory_write(std::move(args), call, *schemas, *redactor);
      });
}

}  // namespace remit::tools
