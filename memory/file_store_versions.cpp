// FileStore: what was written before. Versions are read, and purged, from the state database alone.
#include "base/limits.h"
#include "base/text.h"
#include "memory/document_files.h"
#include "memory/document_rows.h"
#include "memory/file_store.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

Error not_kept(const DocPath& path, std::int64_t version) {
  return Error{
      ErrorKind::not_found,
      "no text is kept of version " + std::to_string(version) + " of " + escape_ascii(path.text()),
      {},
      "not_found",
      nullptr};
}

}  // namespace

Result<std::vector<std::string>> FileStore::recorded(const std::string& prefix) {
  TRY(Snapshot snapshot, state_.database().read());
  TRY(std::vector<std::string> paths, DocumentRows::recorded(snapshot, root_id_, prefix));
  if (paths.size() <= limits::kListedDocuments) return paths;
  return fail(ErrorKind::too_large, "more than " + with_commas(limits::kListedDocuments) +
                                        " documents were written; name a directory");
}

Result<std::vector<VersionRow>> FileStore::history(const DocPath& path) {
  TRY(Snapshot snapshot, state_.database().read());
  TRY(std::vector<VersionRow> rows, DocumentRows::history(snapshot, root_id_, path.text()));
  for (VersionRow& row : rows) {
    if (!row.sha256.empty()) row.etag = etag_of(path, row.sha256);
  }
  return rows;
}

Result<std::string> FileStore::version_body(const DocPath& path, std::int64_t version) {
  TRY(Snapshot snapshot, state_.database().read());
  TRY(auto bytes,
      DocumentRows::bytes(snapshot, root_id_, path.text(), version, DocumentRows::Part::body));
  if (!bytes) return tl::unexpected<Error>(not_kept(path, version));
  return std::move(*bytes);
}

Result<std::string> FileStore::version_sent(const DocPath& path, std::int64_t version) {
  TRY(Snapshot snapshot, state_.database().read());
  TRY(auto bytes,
      DocumentRows::bytes(snapshot, root_id_, path.text(), version, DocumentRows::Part::sent));
  if (!bytes) return tl::unexpected<Error>(not_kept(path, version));
  return std::move(*bytes);
}

Result<std::int64_t> FileStore::purge(const DocPath& path, std::optional<std::int64_t> version) {
  // No commit of this document is under way meanwhile, and none is left to be finished.
  TRY(const NameLocks locks, lock_and_recover({path.text()}));
  TRY(const std::optional<FileNow> now, read_document_file(root_, path.text()));
  std::int64_t purged = 0;
  {
    TRY(Transaction transaction, state_.database().write());
    TRY(purged, DocumentRows::purge(transaction, root_id_, path.text(), version,
                                    now ? now->sha256 : std::string()));
    TRY_DO(transaction.commit(Sync::durable));
  }
  TRY_DO(state_.database().empty_log());
  return purged;
}

}  // namespace remit::memory
