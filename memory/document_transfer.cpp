#include "memory/document_transfer.h"

#include <algorithm>
#include <set>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

tl::unexpected<Error> malformed(const KeptVersion& version, const char* what) {
  return fail(ErrorKind::invalid_argument, "version " + std::to_string(version.row.version) +
                                               " of " + escape_ascii(version.path) + ": " + what);
}

Result<std::optional<std::string>> kept_text(Result<std::string> text) {
  if (text) return std::optional<std::string>(std::move(*text));
  if (text.error().kind == ErrorKind::not_found) return std::optional<std::string>();
  return tl::unexpected<Error>(text.error());
}

}  // namespace

Result<void> TransferOrder::take(const KeptVersion& version) {
  const VersionRow& row = version.row;
  const bool next = version.path == path_;
  if (!next) {
    TRY_DO(end());
    TRY(const DocPath path, DocPath::parse(version.path));
    if (path.text() != version.path || version.path <= path_)
      return malformed(version, "paths do not ascend");
    version_ = 0;
    path_ = version.path;
  }
  if (row.version <= version_) return malformed(version, "versions do not ascend");
  version_ = row.version;
  if (version.body && version.body->size() > limits::kDocumentBytes)
    return malformed(version, "the text is too large");
  if (version.body && sha256_hex(*version.body) != row.sha256)
    return malformed(version, "the text is not what its hash says");
  has_text_ = version.body.has_value() && !row.sha256.empty();
  return {};
}

Result<void> TransferOrder::end() const {
  if (has_text_) return {};
  return fail(ErrorKind::invalid_argument,
              "the last version of " + escape_ascii(path_) + " has no text");
}

Result<void> each_kept(Store& store,
                       const std::function<Result<void>(const KeptVersion& version)>& visit) {
  const auto all = [](std::string_view) { return true; };
  TRY(const std::vector<DocumentEntry> documents, store.list("", all, all));
  for (const DocumentEntry& entry : documents) {
    TRY(const DocPath path, DocPath::parse(entry.path));
    TRY(std::vector<VersionRow> rows, store.history(path));
    std::reverse(rows.begin(), rows.end());
    TRY(const Document now, store.read(path));
    const VersionRow* before = nullptr;
    bool sole = false;
    for (const VersionRow& row : rows) {
      KeptVersion version{entry.path, row, false, {}, {}};
      // As a Store decides it; of what is no longer kept nobody knows the author.
      const bool whole = row.op == "create" || row.op == "replace" || row.version == 1 ||
                         (before != nullptr && before->sha256.empty());
      sole = row.op != "external" &&
             (whole || (before != nullptr && sole && same_writer(before->author, row.author)));
      version.sole = sole;
      if (!row.sha256.empty()) {
        TRY(version.body, kept_text(store.version_body(path, row.version)));
      }
      if (row.op == "append") {
        TRY(version.sent, kept_text(store.version_sent(path, row.version)));
      }
      // The text of what is there is there, whatever was purged.
      if (&row == &rows.back() && row.sha256 == now.sha256) version.body = now.body;
      TRY_DO(visit(version));
      before = &row;
    }
    if (!rows.empty() && rows.back().sha256 == now.sha256) continue;
    KeptVersion external{entry.path, {}, false, now.body, {}};
    external.row.version = rows.empty() ? 1 : rows.back().version + 1;
    external.row.op = "external";
    external.row.sha256 = now.sha256;
    external.row.bytes = now.body.size();
    external.row.at_unix_ms = now.modified_unix_ms;
    external.row.author.persona = "external";
    TRY_DO(visit(external));
  }
  return {};
}

}  // namespace remit::memory
