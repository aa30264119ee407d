// FileStore: filled from another Store. The rows come first, in one transaction: of each document
// the newest version as pending, so that a crash before all files are there is finished by the next
// start, like that of any commit.
#include <limits>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/document_files.h"
#include "memory/document_rows.h"
#include "memory/file_store.h"
#include "memory/sqlite.h"

namespace remit::memory {

Result<void> FileStore::need_empty() {
  const auto all = [](std::string_view) { return true; };
  TRY(const std::vector<DocumentEntry> documents, list("", all, all));
  TRY(Snapshot snapshot, state_.database().read());
  TRY(const bool rows, DocumentRows::any_of_root(snapshot, root_id_));
  if (documents.empty() && !rows) return {};
  return fail(ErrorKind::conflict,
              "there are documents or versions already; import goes into an empty Agent_Memory "
              "only",
              {}, "not_empty");
}

Result<std::int64_t> FileStore::load_rows(const NextVersion& next, const std::string& batch,
                                          std::vector<std::string>& paths) {
  TransferOrder order;
  std::int64_t count = 0;
  TRY(Transaction transaction, state_.database().write());
  // The one before: whether it is the last of its document shows with the next one.
  for (std::optional<KeptVersion> held;; ++count) {
    TRY(std::optional<KeptVersion> version, next());
    if (version) TRY_DO(order.take(*version));
    if (held) {
      const bool last = !version || version->path != held->path;
      TRY_DO(DocumentRows::insert_kept(transaction, root_id_, *held, last ? batch : ""));
      if (last) paths.push_back(held->path);
    }
    if (!version) break;
    held = std::move(version);
  }
  TRY_DO(order.end());
  TRY_DO(transaction.commit(Sync::durable));
  return count;
}

void FileStore::unload(std::span<const std::string> written) {
  const auto undo = [&]() -> Result<void> {
    for (const std::string& path : written) {
      TRY(const std::optional<FileNow> now, read_document_file(root_, path));
      if (now) TRY_DO(remove_document_file(root_, path, now->status, state_.unfinished()));
    }
    TRY(Transaction transaction, state_.database().write());
    TRY_DO(DocumentRows::drop_root(transaction, root_id_));
    return transaction.commit(Sync::durable);
  };
  if (const Result<void> done = undo(); !done)
    log::error("documents: what an import wrote cannot be taken back",
               {{"error", done.error().message}});
}

Result<std::int64_t> FileStore::load(const NextVersion& next) {
  TRY_DO(need_empty());
  const std::string batch = ulid(state_.clock().unix_ms());
  std::vector<std::string> paths;
  TRY(const std::int64_t count, load_rows(next, batch, paths));
  std::size_t written = 0;
  const auto write_all = [&]() -> Result<void> {
    TRY(const NameLocks locks, NameLocks::take(state_, lock_names(paths)));
    for (; written < paths.size(); ++written) {
      std::string body;
      {
        TRY(Snapshot snapshot, state_.database().read());
        TRY(body, DocumentRows::pending_body(snapshot, batch, paths[written]));
      }
      TRY_DO(write_document_file(root_, paths[written], body, std::nullopt, state_.unfinished()));
    }
    TRY(Transaction transaction, state_.database().write());
    // All that came; a round of retention lets go what the site keeps no longer.
    constexpr std::size_t kAll = std::numeric_limits<std::int32_t>::max();
    TRY_DO(DocumentRows::mark_done(transaction, root_id_, batch, paths, kAll));
    return transaction.commit(Sync::durable);
  };
  if (const Result<void> done = write_all(); !done) {
    unload(std::span(paths).first(written));
    return tl::unexpected<Error>(done.error());
  }
  return count;
}

}  // namespace remit::memory
