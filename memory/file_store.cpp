#include "memory/file_store.h"

#include <fcntl.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "memory/commit_replay.h"
#include "memory/commit_rules.h"
#include "memory/document_rows.h"
#include "memory/document_watch.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

const Author& external_author() {
  static const Author kExternal{"external", "", "", ""};
  return kExternal;
}

}  // namespace

std::string FileStore::etag_of(const DocPath& path, std::string_view sha256_hex) const {
  return etag_of_text(path.text(), sha256_hex);
}

std::string FileStore::etag_of_text(const std::string& path, std::string_view sha256_hex) const {
  return etag_text(etag_key_, path, sha256_hex);
}

Result<Document> FileStore::read(const DocPath& path) {
  TRY(std::optional<FileNow> now, read_document_file(root_, path.text()));
  if (!now) return tl::unexpected<Error>(document_not_found(path));
  TRY(Snapshot snapshot, state_.database().read());
  TRY(const auto version, DocumentRows::current(snapshot, root_id_, path.text(), now->sha256));
  return Document{.path = path,
                  .body = std::move(now->body),
                  .etag = etag_of(path, now->sha256),
                  .sha256 = now->sha256,
                  .modified_unix_ms = modified_unix_ms(now->status),
                  .author = version ? version->author.persona : external_author().persona};
}

Result<bool> FileStore::is_own(const DocPath& path, const Author& author) {
  TRY(const std::optional<FileNow> now, read_document_file(root_, path.text()));
  if (!now) return false;
  TRY(Snapshot snapshot, state_.database().read());
  TRY(const auto version, DocumentRows::current(snapshot, root_id_, path.text(), now->sha256));
  return version && version->sole && same_writer(version->author, author);
}

Result<std::vector<DocumentEntry>> FileStore::list(
    const std::string& prefix, const std::function<bool(std::string_view)>& enter,
    const std::function<bool(std::string_view)>& wanted) {
  return listing_.list(
      prefix, enter, wanted,
      [this](const std::string& path, std::string_view hash) { return etag_of_text(path, hash); });
}

Result<std::unique_ptr<Watching>> FileStore::watch(Tell tell) {
  TRY(Fd root, fs::reopen(root_, O_PATH | O_DIRECTORY));
  TRY(std::unique_ptr<DocumentWatch> watch, DocumentWatch::start(std::move(root), std::move(tell)));
  return std::unique_ptr<Watching>(std::move(watch));
}

// --- commit -------------------------------------------------------------------------------------

std::vector<std::string> FileStore::lock_names(const std::vector<std::string>& paths) const {
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(std::to_string(root_id_) + ":" + path);
  return names;
}

Result<NameLocks> FileStore::lock_and_recover(const std::vector<std::string>& paths) {
  std::vector<std::string> wanted = paths;
  for (;;) {
    TRY(NameLocks locks, NameLocks::take(state_, lock_names(wanted)));
    std::vector<std::string> batches, more;
    {
      TRY(Snapshot snapshot, state_.database().read());
      TRY(batches, DocumentRows::pending_batches(snapshot, root_id_, paths));
      for (const std::string& batch : batches) {
        TRY(const std::vector<PendingVersion> rows, DocumentRows::pending_of(snapshot, batch));
        for (const PendingVersion& row : rows) {
          if (std::ranges::find(wanted, row.path) == wanted.end()) more.push_back(row.path);
        }
      }
    }
    if (!more.empty()) {
      // A batch is finished whole, so its other documents are locked too: all anew, in order.
      wanted.insert(wanted.end(), more.begin(), more.end());
      continue;
    }
    for (const std::string& batch : batches) TRY_DO(recover_batch(batch));
    return locks;
  }
}

Result<FileStore::Prepared> FileStore::prepare(const DocumentChange& change, const Author& author) {
  Prepared one;
  one.change = &change;
  one.op = op_of(change);
  one.removes = change.op == DocumentChange::Op::remove;
  TRY(one.before, read_document_file(root_, change.path.text()));
  TRY_DO(check_conditions(
      change, one.before ? std::optional(etag_of(change.path, one.before->sha256)) : std::nullopt));
  {
    TRY(Snapshot snapshot, state_.database().read());
    TRY(const auto known,
        DocumentRows::current(snapshot, root_id_, change.path.text(), one.before_sha()));
    TRY(const bool any, DocumentRows::any(snapshot, root_id_, change.path.text()));
    one.external = !known && (one.before || any);
    // An append or a typed edit leaves the earlier words in the document: it stays all of one
    // author only if those were his.
    const bool whole = one.op == "create" || one.op == "replace" || !one.before;
    one.sole = whole || (known && known->sole && same_writer(known->author, author));
  }
  if (one.removes) return one;
  TRY(one.body, new_body(change, one.before ? &one.before->body : nullptr));
  one.sha256 = sha256_hex(one.body);
  return one;
}

FileStore::Growth FileStore::growth_of(const std::vector<Prepared>& all) {
  Growth out;
  for (const Prepared& one : all) {
    Use& use = out[FolderUse::folder_of(one.change->path.text())];
    use.bytes += static_cast<std::int64_t>(one.body.size());
    use.documents += one.removes ? 0 : 1;
    if (!one.before) continue;
    use.bytes -= static_cast<std::int64_t>(one.before->body.size());
    --use.documents;
  }
  std::erase_if(out,
                [](const auto& one) { return one.second.bytes <= 0 && one.second.documents <= 0; });
  return out;
}

Result<std::vector<Committed>> FileStore::record(const std::vector<Prepared>& all,
                                                 const Growth& growth, const Author& author,
                                                 const std::string& key, const std::string& digest,
                                                 const std::string& batch) {
  const std::int64_t now = state_.clock().unix_ms();
  std::vector<Committed> out;
  TRY(Transaction transaction, state_.database().write());
  for (const auto& [folder, more] : growth) TRY_DO(use_.judge(transaction, folder, more, allowed_));
  for (const Prepared& one : all) {
    const DocPath& path = one.change->path;
    const std::string before = one.before_sha();
    if (one.external) {
      // What an outsider left is kept as a version, before it is written over.
      const std::string_view body = one.before ? std::string_view(one.before->body) : "";
      TRY_DO(DocumentRows::insert(
          transaction, root_id_,
          {path.text(), "external", before, "", body, std::nullopt, &external_author(), false}, "",
          now));
    }
    std::optional<std::string_view> sent;
    if (one.op == "append") sent = one.change->body;
    TRY(const std::int64_t version, DocumentRows::insert(transaction, root_id_,
                                                         {path.text(), one.op, one.sha256, before,
                                                          one.body, sent, &author, one.sole},
                                                         batch, now));
    out.push_back({.etag = one.removes ? "" : etag_of(path, one.sha256),
                   .sha256 = one.sha256,
                   .version = version,
                   .created = !one.before && !one.removes,
                   .bytes = one.body.size(),
                   .previous_etag = one.before ? etag_of(path, before) : ""});
  }
  if (!key.empty()) {
    TRY_DO(DocumentRows::remember(transaction, author.principal, key,
                                  {digest, encode_committed(out)}, batch, now));
  }
  // If the disk fails in the sync, the rows may stand although the caller is told `unavailable`:
  // then this process writes nothing more (memory/sqlite.h), and the next start finishes the write.
  TRY_DO(transaction.commit(Sync::durable));
  return out;
}

Result<void> FileStore::apply(const Prepared& one) {
  const std::string& path = one.change->path.text();
  if (one.removes)
    return remove_document_file(root_, path, one.before->status, state_.unfinished());
  return write_document_file(root_, path, one.body,
                             one.before ? std::optional(one.before->status) : std::nullopt,
                             state_.unfinished());
}

// Restores one already changed document of a commit that failed, unless somebody has changed it
// again: then it is theirs, and the version that was replaced stays in the history.
void FileStore::put_back(const Prepared& one) {
  const std::string& path = one.change->path.text();
  const auto restore = [&]() -> Result<void> {
    TRY(const std::optional<FileNow> now, read_document_file(root_, path));
    if ((now ? now->sha256 : std::string()) != one.sha256) return {};
    const auto status = now ? std::optional(now->status) : std::nullopt;
    if (!one.before) return remove_document_file(root_, path, *status, state_.unfinished());
    return write_document_file(root_, path, one.before->body, status, state_.unfinished());
  };
  const Result<void> done = restore();
  if (!done) {
    log::error("documents: cannot put back a document of a failed commit",
               {{"path", path}, {"error", done.error().message}});
  }
}

Result<void> FileStore::apply_all(const std::vector<Prepared>& all) {
  for (std::size_t n = 0; n < all.size(); ++n) {
    Result<void> done = apply(all[n]);
    if (done) continue;
    // The failed one too: its rename may have happened and only the sync failed.
    for (std::size_t back = n + 1; back-- > 0;) {
      if (back < n || done.error().kind != ErrorKind::conflict) put_back(all[back]);
    }
    return done;
  }
  return {};
}

Result<void> FileStore::drop(const std::string& batch) {
  TRY(Transaction transaction, state_.database().write());
  TRY_DO(DocumentRows::drop(transaction, batch));
  return transaction.commit(Sync::cached);
}

Result<std::vector<Committed>> FileStore::commit(std::span<const DocumentChange> changes,
                                                 const Author& author,
                                                 const std::string& idempotency_key) {
  TRY_DO(check_changes(changes));
  const std::string digest = idempotency_key.empty() ? "" : digest_of(changes);
  std::vector<std::string> paths;
  for (const DocumentChange& change : changes) paths.push_back(change.path.text());
  TRY(const NameLocks locks, lock_and_recover(paths));

  if (!idempotency_key.empty()) {
    TRY(Snapshot snapshot, state_.database().read());
    TRY(const auto earlier, DocumentRows::remembered(snapshot, author.principal, idempotency_key,
                                                     state_.clock().unix_ms()));
    if (earlier && earlier->digest == digest) return decode_committed(earlier->result);
    if (earlier) {
      return fail(ErrorKind::conflict,
                  "this idempotency key was used for another write; take a new key", {},
                  "conflict");
    }
  }
  FolderUse::Look look = FolderUse::Look::if_old;
  for (int attempt = 1;; ++attempt) {
    std::vector<Prepared> all;
    for (const DocumentChange& change : changes) {
      TRY(Prepared one, prepare(change, author));
      all.push_back(std::move(one));
    }
    const std::string batch = ulid(state_.clock().unix_ms());
    const Growth growth = growth_of(all);
    for (const auto& [folder, more] : growth)
      TRY_DO(use_.look(state_.database(), state_.clock(), folder, look));
    auto committed = record(all, growth, author, idempotency_key, digest, batch);
    if (!committed && committed.error().code == "quota" && look == FolderUse::Look::if_old) {
      // Nobody is refused for what may be gone by now.
      look = FolderUse::Look::now;
      continue;
    }
    if (!committed) return committed;
    Result<void> applied = apply_all(all);
    if (!applied) {
      TRY_DO(drop(batch));
      if (applied.error().kind == ErrorKind::conflict && attempt < limits::kCommitAttempts)
        continue;
      return tl::unexpected<Error>(std::move(applied).error());
    }
    // The documents are in place; if the rows cannot be marked now, the next writer will.
    const auto mark = [&]() -> Result<void> {
      TRY(Transaction transaction, state_.database().write());
      TRY_DO(DocumentRows::mark_done(transaction, root_id_, batch, paths, allowed_.keep_versions));
      return transaction.commit(Sync::cached);
    };
    const Result<void> marked = mark();
    if (!marked) log::warning("documents: rows stay pending", {{"error", marked.error().message}});
    return committed;
  }
}

// --- recovery -----------------------------------------------------------------------------------

// The caller holds the locks of all documents of the batch, so its writer is gone.
Result<void> FileStore::recover_batch(const std::string& batch) {
  std::vector<PendingVersion> rows;
  {
    TRY(Snapshot snapshot, state_.database().read());
    TRY(rows, DocumentRows::pending_of(snapshot, batch));
  }
  if (rows.empty()) return {};
  std::vector<std::string> paths;
  for (const PendingVersion& row : rows) {
    paths.push_back(row.path);
    const Result<std::optional<FileNow>> now = read_document_file(root_, row.path);
    if (!now) {
      // Somebody put a directory, a symlink or an oversized file there: a foreign change.
      if (now.error().kind != ErrorKind::denied && now.error().kind != ErrorKind::too_large) {
        return tl::unexpected<Error>(now.error());
      }
      continue;
    }
    const std::string sha = *now ? (*now)->sha256 : std::string();
    if (sha == row.sha256 || sha != row.pre_sha256) continue;  // done already, or a foreign change
    const auto status = *now ? std::optional((*now)->status) : std::nullopt;
    const Result<void> finished =
        row.sha256.empty()
            ? remove_document_file(root_, row.path, *status, state_.unfinished())
            : write_document_file(root_, row.path, row.body, status, state_.unfinished());
    if (!finished && finished.error().kind != ErrorKind::conflict) return finished;
  }
  TRY(Transaction transaction, state_.database().write());
  TRY_DO(DocumentRows::mark_done(transaction, root_id_, batch, paths, allowed_.keep_versions));
  return transaction.commit(Sync::cached);
}

Result<void> FileStore::recover() {
  std::vector<std::string> batches;
  {
    TRY(Snapshot snapshot, state_.database().read_at_start());
    TRY(batches, DocumentRows::pending_batches(snapshot, root_id_, {}));
  }
  for (const std::string& batch : batches) {
    std::vector<std::string> paths;
    {
      TRY(Snapshot snapshot, state_.database().read());
      TRY(const std::vector<PendingVersion> rows, DocumentRows::pending_of(snapshot, batch));
      for (const PendingVersion& row : rows) paths.push_back(row.path);
    }
    NameLocks locks;
    TRY(const bool ours, NameLocks::try_take(state_, lock_names(paths), locks));
    if (ours) TRY_DO(recover_batch(batch));  // else its writer lives
  }
  return {};
}

Result<std::unique_ptr<Store>> open_file_store(State& state, Fd root, const StoreLimits& allowed) {
  TRY(const struct stat st, fs::stat_of(root));
  if (!S_ISDIR(st.st_mode)) {
    return fail(ErrorKind::invalid_argument, "the memory folder is not a directory");
  }
  TRY(std::string etag_key, state.key("etag"));
  std::int64_t id = 0;
  {
    TRY(Transaction transaction, state.database().write());
    TRY(id, DocumentRows::root_id(transaction, static_cast<std::int64_t>(st.st_dev),
                                  static_cast<std::int64_t>(st.st_ino)));
    TRY_DO(transaction.commit(Sync::cached));
  }
  auto store =
      std::make_unique<FileStore>(state, std::move(root), id, std::move(etag_key), allowed);
  TRY_DO(store->recover());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace remit::memory
