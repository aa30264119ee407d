// Rows of the versions of documents and of idempotency keys: SQL of FileStore in one place. Every
// function runs inside the caller's transaction or snapshot and decides nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/document_transfer.h"
#include "memory/sqlite.h"
#include "memory/store.h"

namespace remit::memory {

struct PendingVersion {
  std::string path, sha256, pre_sha256, body;
};

// The newest version of a document, as far as its author matters.
struct LastVersion {
  std::int64_t version = 0;
  std::string sha256, op;
  Author author;
  bool sole = false;  // every byte of it was written by this author
};

struct NewVersion {
  std::string_view path, op, sha256, pre_sha256, body;
  std::optional<std::string_view> sent;
  const Author* author = nullptr;
  bool sole = false;
};

struct RememberedCommit {
  std::string digest, result;
};

class DocumentRows {
 public:
  static Result<std::int64_t> root_id(Transaction& transaction, std::int64_t device,
                                      std::int64_t inode);

  // Batches with pending rows: of these paths, or (empty) of the whole root.
  static Result<std::vector<std::string>> pending_batches(Snapshot& snapshot, std::int64_t root,
                                                          const std::vector<std::string>& paths);
  static Result<std::vector<PendingVersion>> pending_of(Snapshot& snapshot,
                                                        const std::string& batch);
  // And drops the versions before the last `kept` of each path.
  static Result<void> mark_done(Transaction& transaction, std::int64_t root,
                                const std::string& batch, const std::vector<std::string>& paths,
                                std::size_t kept);
  static Result<void> drop(Transaction& transaction, const std::string& batch);

  // The version whose content is `sha256` ('' = no file) among the newest two (the newest may be
  // pending while its rename has not happened); nullopt: the content is external.
  static Result<std::optional<LastVersion>> current(Snapshot& snapshot, std::int64_t root,
                                                    std::string_view path, std::string_view sha256);
  static Result<bool> any(Snapshot& snapshot, std::int64_t root, std::string_view path);

  // Inserts with the next version number and gives it. `batch` empty: done at once.
  static Result<std::int64_t> insert(Transaction& transaction, std::int64_t root,
                                     const NewVersion& version, const std::string& batch,
                                     std::int64_t at_ms);

  // As it was kept elsewhere. `batch` empty: done at once.
  static Result<void> insert_kept(Transaction& transaction, std::int64_t root,
                                  const KeptVersion& version, const std::string& batch);
  static Result<bool> any_of_root(Snapshot& snapshot, std::int64_t root);
  static Result<void> drop_root(Transaction& transaction, std::int64_t root);
  static Result<std::string> pending_body(Snapshot& snapshot, const std::string& batch,
                                          std::string_view path);

  // Paths below `prefix` ("" = all), sorted, whose last version is no removal; those that are being
  // written now are left out.
  static Result<std::vector<std::string>> recorded(Snapshot& snapshot, std::int64_t root,
                                                   std::string_view prefix);
  static Result<std::vector<VersionRow>> history(Snapshot& snapshot, std::int64_t root,
                                                 std::string_view path);
  enum class Part { body, sent };
  static Result<std::optional<std::string>> bytes(Snapshot& snapshot, std::int64_t root,
                                                  std::string_view path, std::int64_t version,
                                                  Part part);

  // Drops the texts of one version, or of all but those whose content is `kept_sha256`.
  static Result<std::int64_t> purge(Transaction& transaction, std::int64_t root,
                                    std::string_view path, std::optional<std::int64_t> version,
                                    std::string_view kept_sha256);

  static Result<std::optional<RememberedCommit>> remembered(Snapshot& snapshot,
                                                            const std::string& principal,
                                                            const std::string& key,
                                                            std::int64_t now_ms);
  static Result<void> remember(Transaction& transaction, const std::string& principal,
                               const std::string& key, const RememberedCommit& commit,
                               const std::string& batch, std::int64_t now_ms);
};

}  // namespace remit::memory
