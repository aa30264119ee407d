// PostgresStore: the Store whose documents are rows (memory/store.h is the contract,
// memory/postgres_schema.h has the tables). Any number of processes on any number of machines share
// one database; what one committed, every other reads.
//
// One commit is one transaction:
//   1. a row of commit_record with an id of its own, so that its fate can be looked up;
//   2. an advisory lock on the idempotency key, if there is one, and what it stands for;
//   3. a row for each document, made where missing, and SELECT … FOR UPDATE, in the order of paths;
//   4. conditions, typed edits and checks, on what was locked;
//   5. versions, documents, events, the idempotency row; no document may lie below another;
//   6. COMMIT; then a notification wakes listeners (outside the transaction: within it, NOTIFY
//      would let only one transaction at a time of the whole database commit).
// A connection that breaks before 6 has changed nothing, and all is done once more on another one.
// One that breaks in COMMIT leaves the question open: inserting the same commit_record decides it,
// since that waits for the other transaction and fails exactly if it was committed. Nothing is ever
// written again because its answer did not come.
//
// Threads: any. A reader waits for no writer.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "memory/document_transfer.h"
#include "memory/postgres_limits.h"
#include "memory/postgres_pool.h"
#include "memory/postgres_schema.h"
#include "memory/store.h"

namespace remit::memory {

class PostgresStore final : public Store, public DocumentLoader {
 public:
  // Connects, and sets the tables up where they are missing.
  static Result<std::unique_ptr<PostgresStore>> open(const PostgresUrl& url, const Clock& clock);

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
  // Rows of a state directory are that process's: who opens this store for one numbers it there.
  std::int64_t root_id() const override { return 0; }

  Result<std::int64_t> load(const NextVersion& next) override;

  // At most kPostgresListed documents below `prefix` after the path `after`, in order.
  Result<std::vector<DocumentEntry>> page(const std::string& prefix, const std::string& after);
  std::string standing() const override { return standing_; }
  const PostgresIdentity& identity() const { return identity_; }
  const PostgresUrl& url() const { return readers_.url(); }

 private:
  struct Prepared;
  PostgresStore(const PostgresUrl& url, const Clock& clock);

  // `work` on a connection of the pool, and once more on another if that one broke: for work that
  // may be repeated.
  template <class Work>
  auto with(PostgresPool& pool, const Work& work)
      -> decltype(work(std::declval<PostgresSession&>()));
  Result<std::vector<Committed>> commit_once(PostgresSession& session, const std::string& id,
                                             std::span<const DocumentChange> changes,
                                             const Author& author, const std::string& key);
  Result<std::vector<Committed>> write_all(PostgresSession& session,
                                           std::span<const DocumentChange> changes,
                                           const Author& author);
  Result<Prepared> prepare(PostgresSession& session, const SqlRows& locked,
                           const DocumentChange& change, const Author& author);
  Result<Committed> write(PostgresSession& session, const Prepared& one, const Author& author);
  // Whether the commit with this id happened, after the connection broke in it.
  Result<bool> happened(const std::string& id);
  // What is due after a commit and may fail: listeners are woken, expired rows removed.
  void follow_up(PostgresSession& session);
  Result<std::string> bytes(const DocPath& path, std::int64_t version, const char* column);

  const Clock& clock_;
  PostgresPool readers_, writers_;
  PostgresIdentity identity_;
  std::string standing_;
  std::atomic<unsigned> commits_{0};
};

template <class Work>
auto PostgresStore::with(PostgresPool& pool, const Work& work)
    -> decltype(work(std::declval<PostgresSession&>())) {
  // Every kept connection may be of a server that is gone.
  for (std::size_t attempt = 0;; ++attempt) {
    TRY(const PostgresPool::Lease session, pool.take());
    auto done = work(*session);
    if (done || done.error().code != "lost" || attempt >= limits::kPostgresWriters) return done;
  }
}

}  // namespace remit::memory
