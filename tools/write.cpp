// Write: a file's whole content.
#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "tools/approval_flow.h"
#include "tools/change_fields.h"
#include "tools/text_file.h"
#include "tools/tool_builder.h"

namespace remit::tools {

namespace {

struct WriteArgs {
  std::string file_path;
  std::string content;
  std::optional<std::string> if_version;
};

}  // namespace
}  // namespace remit::tools

namespace remit {
using namespace tools;

template <>
struct Fields<WriteArgs> {
  static constexpr auto list = std::tuple{
      changed_file<WriteArgs>(),
      required("content", &WriteArgs::content, "The whole new content, written verbatim"),
      field("if_version", &WriteArgs::if_version, "Replace only this version (from Read)")};
};
}  // namespace remit

namespace remit::tools {

namespace {

constexpr const char* kDoc =
    "Create or replace a file, atomically. An existing file must have been Read first and be "
    "unchanged since "
    "(or give if_version); it keeps its encoding. Missing directories are made.";

// The one case in which the present content is not looked at: a file that this persona may write
// but not read. Access decides whether its current version may be replaced.
Result<void> put_unseen(Call& call, FileMemory& memory, WriteArgs args, const Error& refusal,
                        ChangeResult& result) {
  const auto aim = call.access.describe(policy::Verb::replace, call.scope.tool, args.file_path,
                                        policy::ReplaceOp::replace);
  if (!aim) return tl::unexpected<Error>(refusal);
  policy::Location where;
  where.space = aim->space;
  where.path = aim->path;
  policy::ReplaceRequest request;
  request.path = args.file_path;
  request.bytes = std::move(args.content);
  const std::optional<ReadVersions::Seen> own =
      memory.versions.find(call.access.principal(), where);
  const std::optional<std::string> version = args.if_version ? args.if_version
                                             : own           ? std::optional(own->version)
                                                             : std::nullopt;
  request.op = version ? policy::ReplaceOp::replace : policy::ReplaceOp::create;
  request.if_version = version;
  request.if_absent = !version;
  TRY(const policy::Replaced done, replace_approved(call, request));
  result.type = done.created ? ChangeType::create : ChangeType::update;
  result.filePath = printable(done.where.shown);
  result.bytesWritten = request.bytes.size();
  result.version =
      request.bytes.size() <= limits::kVersionHashBytes ? sha256_hex(request.bytes) : done.version;
  memory.versions.record(call.access.principal(), done.where, result.version, request.bytes, true);
  return {};
}

// `content` in the encoding that a present text has, which it keeps, with its mark.
Result<std::string> in_place_of(const std::string& present, std::string content) {
  const Detected old = detect_encoding(present, true);
  if (old.binary || present.empty()) return content;
  std::string_view text = content;
  // A mark in the content would double the one that is kept.
  if (text.starts_with("\xef\xbb\xbf") && old.bom > 0) text.remove_prefix(3);
  if (old.encoding == Encoding::utf8 && old.bom == 0) return content;
  auto encoded = to_bytes(text, old.encoding);
  if (!encoded) {
    Error error = encoded.error();
    error.where = "/content";
    return tl::unexpected<Error>(std::move(error));
  }
  return present.substr(0, old.bom) + *encoded;
}

// Takes what may be large from hand to hand: a content has up to kFrameBytes, and each copy of it
// counts against what the process may hold.
Result<Outcome<ChangeResult>> write(WriteArgs args, Call& call, FileMemory& memory) {
  Outcome<ChangeResult> out;
  auto present = present_file(call, memory, args.file_path, args.if_version);
  if (!present) {
    if (present.error().kind != ErrorKind::denied) return tl::unexpected<Error>(present.error());
    TRY_DO(put_unseen(call, memory, std::move(args), present.error(), out.value));
  } else {
    std::string bytes = std::move(args.content);
    if (*present) {
      TRY(bytes, in_place_of((*present)->bytes, std::move(bytes)));
    }
    TRY_DO(
        put_file(call, memory, args.file_path, std::move(*present), std::move(bytes), out.value));
  }
  out.text = change_text(out.value);
  return out;
}

}  // namespace

Tool make_write(std::shared_ptr<FileMemory> memory) {
  return tool<WriteArgs, ChangeResult>({.name = "Write",
                                        .title = "Write a file",
                                        .description = kDoc,
                                        .annotations = {.destructive = true, .idempotent = true},
                                        .output = Output::text_first,
                                        .always_load = true},
                                       [memory = std::move(memory)](WriteArgs args, Call& call) {
                                         return write(std::move(args), call, *memory);
                                       });
}

}  // namespace remit::tools
