#include "tools/change_file.h"

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "tools/approval_flow.h"
#include "tools/text_file.h"

namespace remit::tools {

Result<std::optional<Present>> present_file(Call& call, FileMemory& memory, const std::string& path,
                                            const std::optional<std::string>& if_version) {
  auto opened = call.access.open(call.scope, path);
  if (!opened) {
    if (opened.error().kind != ErrorKind::not_found) return tl::unexpected<Error>(opened.error());
    if (if_version && !if_version->empty()) {
      return fail(ErrorKind::conflict, "the file does not exist, but if_version was given",
                  "/if_version", "changed");
    }
    return std::optional<Present>{};
  }
  Present present;
  present.file = std::move(*opened);
  const auto size = static_cast<std::uint64_t>(present.file.status.st_size);
  if (size > limits::kEditBytes) {
    return fail(ErrorKind::too_large, "the file has " + human_bytes(size) + "; at most " +
                                          human_bytes(limits::kEditBytes) + " can be changed");
  }
  TRY(present.bytes, fs::read_at(present.file.fd, 0, static_cast<std::size_t>(size)));
  if (size <= limits::kVersionHashBytes) {
    present.version = sha256_hex(present.bytes);
  } else {
    TRY(present.version, policy::file_version(present.file.fd, present.file.status));
  }
  TRY_DO(check_seen(memory.versions, call.access.principal(), present.file, present.version,
                    present.bytes, if_version));
  return std::optional<Present>(std::move(present));
}

Result<void> put_file(Call& call, FileMemory& memory, const std::string& path,
                      std::optional<Present> present, std::string bytes, ChangeResult& result) {
  policy::ReplaceRequest request;
  request.path = path;
  request.op = present ? policy::ReplaceOp::replace : policy::ReplaceOp::create;
  request.if_absent = !present;
  if (present) request.if_version = present->version;
  request.bytes = std::move(bytes);
  TRY(const policy::Replaced done, replace_approved(call, request));
  result.type = done.created ? ChangeType::create : ChangeType::update;
  result.filePath = printable(done.where.shown);
  result.bytesWritten = request.bytes.size();
  // Documents have an etag of their own; to this tool the version of a file is that of its bytes.
  result.version =
      request.bytes.size() <= limits::kVersionHashBytes ? sha256_hex(request.bytes) : done.version;
  memory.versions.record(call.access.principal(), done.where, result.version, request.bytes, true);
  if (!present || present->bytes == request.bytes) return {};
  const Decoded now = decode_text(std::move(request.bytes));
  const Decoded before = decode_text(std::move(present->bytes));
  if (now.binary || before.binary) return {};
  const UnifiedDiff diff = unified_diff(before.text, now.text, result.filePath);
  result.structuredPatch = diff.hunks;
  result.diff = diff.text;
  const std::string old_ends = line_ending(before.text), new_ends = line_ending(now.text);
  if (old_ends != new_ends && old_ends != "none" && new_ends != "none") {
    result.notices.push_back("line ends changed from " + old_ends + " to " + new_ends);
  }
  return {};
}

std::string change_text(const ChangeResult& result) {
  std::string text = result.type == ChangeType::create ? "created " : "updated ";
  text += result.filePath;
  if (!result.diff.empty()) text += "\n" + result.diff;
  text += "\n[" + with_commas(result.bytesWritten) + " bytes";
  if (result.replacements > 0) text += "; " + with_commas(result.replacements) + " replacements";
  for (const std::string& notice : result.notices) text += "; " + notice;
  return text + "; version=" + result.version + "]";
}

}  // namespace remit::tools
