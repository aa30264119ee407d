// FileStore: the Store whose documents are files (memory/store.h is the contract).
//
// One commit:
//   1. kernel locks on the paths (NameLocks), so that one writer at a time works on a document;
//   2. what a killed writer left pending on them is finished (recover_batch);
//   3. files are read, conditions checked, new bodies made;
//   4. if the folder has room for them (memory/folder_use.h), version rows (and the idempotency
//      row) are committed as pending and synced;
//   5. each file is replaced by one durable rename, if it is still what step 3 read;
//   6. the rows are marked done (not synced: step 2 of a later writer comes to the same end).
// If step 5 meets a foreign change, what was renamed is put back, the pending rows go, and the
// whole commit is tried again on what is there now, kCommitAttempts times.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "memory/document_files.h"
#include "memory/document_list.h"
#include "memory/document_transfer.h"
#include "memory/folder_use.h"
#include "memory/retention_rows.h"
#include "memory/state.h"
#include "memory/store.h"

namespace remit::memory {

class FileStore final : public Store, public DocumentLoader {
 public:
  FileStore(State& state, Fd root, std::int64_t root_id, std::string etag_key,
            const StoreLimits& allowed)
      : state_(state),
        root_(std::move(root)),
        root_id_(root_id),
        etag_key_(std::move(etag_key)),
        allowed_(allowed) {}

  Result<Document> read(const DocPath& path) override;
  Result<std::vector<DocumentEntry>> list(
      const std::string& prefix, const std::function<bool(std::string_view directory)>& enter,
      const std::function<bool(std::string_view path)>& wanted) override;
  Result<std::vector<Committed>> commit(std::span<const DocumentChange> changes,
                                        const Author& author,
                                        const std::string& idempotency_key) override;
  Result<std::vector<std::string>> recorded(const std::string& prefix) override;
  Result<std::vector<VersionRow>> history(const DocPath& path) override;
  Result<std::string> version_body(const DocPath& path, std::int64_t version) override;
  Result<std::string> version_sent(const DocPath& path, std::int64_t version) override;
  Result<std::int64_t> purge(const DocPath& path, std::optional<std::int64_t> version) override;
  Result<bool> is_own(const DocPath& path, const Author& author) override;
  Result<std::unique_ptr<Watching>> watch(Tell tell) override;
  std::string etag_of(const DocPath& path, std::string_view sha256_hex) const override;
  std::int64_t root_id() const override { return root_id_; }

  Result<std::int64_t> load(const NextVersion& next) override;
  Result<Retained> retain(RetainWhen when) override;
  Result<std::string> archive(const std::string& instruction) override;

  // Finishes what killed writers left behind, where no living one holds the documents. At start.
  Result<void> recover();

 private:
  // A change with the file it meets and the body it makes.
  struct Prepared {
    const DocumentChange* change;
    std::optional<FileNow> before;
    bool external = false;  // `before` was not written through Remit
    std::string body, sha256;
    std::string_view op;
    bool removes = false;
    bool sole = false;  // every byte is this author's
    std::string before_sha() const { return before ? before->sha256 : std::string(); }
  };
  Result<NameLocks> lock_and_recover(const std::vector<std::string>& paths);
  Result<void> recover_batch(const std::string& batch);
  Result<Prepared> prepare(const DocumentChange& change, const Author& author);
  // By how much a commit makes each folder larger that it makes larger.
  using Growth = std::map<std::string, Use>;
  static Growth growth_of(const std::vector<Prepared>& all);
  Result<std::vector<Committed>> record(const std::vector<Prepared>& all, const Growth& growth,
                                        const Author& author, const std::string& key,
                                        const std::string& digest, const std::string& batch);
  Result<void> apply(const Prepared& one);
  Result<void> apply_all(const std::vector<Prepared>& all);
  void put_back(const Prepared& one);
  Result<void> drop(const std::string& batch);
  Result<void> need_empty();
  // All rows of `next`, in one transaction; the paths in their order.
  Result<std::int64_t> load_rows(const NextVersion& next, const std::string& batch,
                                 std::vector<std::string>& paths);
  // After a load that failed: the files that it wrote, and every row of this root.
  void unload(std::span<const std::string> written);
  std::string etag_of_text(const std::string& path, std::string_view sha256_hex) const;
  Result<std::int64_t> drop_old_versions(std::int64_t now_ms);
  Result<std::vector<std::string>> archive_closed(std::int64_t unchanged_since_ms);
  Result<std::vector<DocumentEntry>> below(const std::string& folder);
  Result<std::string> place_in_archive(const std::string& instruction);
  Result<void> finish_move(const Moving& move);
  Result<void> finish_moves();
  std::vector<std::string> lock_names(const std::vector<std::string>& paths) const;

  State& state_;
  const Fd root_;
  const std::int64_t root_id_;
  const std::string etag_key_;
  const StoreLimits allowed_;

  DocumentList listing_{root_};
  FolderUse use_{root_, root_id_};
};

}  // namespace remit::memory
