// Store: the documents of Agent_Memory. FileStore keeps them as files (other agents, hooks and
// people read them as files) with versions in the state database; PostgresStore keeps both as rows
// of a database that several machines share. A Store decides nothing: only Access (policy/) calls
// it, after decide().
//
// Threads and processes: any number; writers of one document are serialised, by a lock that dies
// with its holder; readers wait for nobody. What commit() gave back is durable and whole.
// memory/file_store.h and memory/postgres_store.h say how.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "memory/doc_path.h"
#include "memory/store_limits.h"

namespace remit::memory {

struct Document {
  DocPath path;
  std::string body;
  std::string etag;  // opaque: HMAC(store key, path, content hash), 32 hex digits
  std::string sha256;
  std::int64_t modified_unix_ms = 0;
  std::string author;  // slug that wrote the current version through Remit, or "external"
};

struct DocumentEntry {
  std::string path;
  std::string etag;
  std::uint64_t bytes = 0;
  std::int64_t modified_unix_ms = 0;
};

// Who writes; recorded in the version.
struct Author {
  std::string persona, principal, instruction, call_id;
  bool operator==(const Author&) const = default;
};
// The same persona, principal and instruction; the call is not compared.
bool same_writer(const Author& a, const Author& b);

// A prepared change of one document. The body is the whole new content, except for append.
struct DocumentChange {
  enum class Op { create, replace, append, remove } op = Op::create;
  DocPath path;
  std::string body;
  std::string if_match;        // etag that must be current; empty: no condition
  bool if_none_match = false;  // the document must not exist
  // A typed edit: computes the new body from the current one while the document is locked (nullopt:
  // it does not exist). Used instead of `body` when set; whether the document must exist is then up
  // to the callback. It may be called again if an outsider changes the file meanwhile, and must not
  // call the Store.
  // `edit_digest`: hash of what the caller sent, for the idempotency key.
  std::string edit_digest;
  std::function<Result<std::string>(const std::optional<std::string>& current)> edit;
  // Judges the whole new body while the document is locked; its error is the commit's. May be
  // empty.
  std::function<Result<void>(std::string_view body)> check;
};

struct Committed {
  std::string etag, sha256;
  std::int64_t version = 0;
  bool created = false;
  std::uint64_t bytes = 0;
  std::string previous_etag;  // empty if it did not exist
};

// `op`: create, replace, append, edit, remove, or external (a change not made through Remit,
// noticed when the next one was written; its author is "external").
struct VersionRow {
  std::int64_t version = 0;
  std::string etag, sha256, op;
  std::uint64_t bytes = 0;
  std::int64_t at_unix_ms = 0;
  Author author;
};

// Changes are told for as long as it lives.
class Watching {
 public:
  virtual ~Watching() = default;
};
// What one round of retention let go.
struct Retained {
  bool due = false;                   // false: nothing was done, the next round is still to come
  std::int64_t versions = 0;          // of documents, dropped
  std::vector<std::string> archived;  // instructions
};
enum class RetainWhen { if_due, now };

class Store {
 public:
  virtual ~Store() = default;
  // Errors: not_found; denied (code "not_a_document") for symlinks, hard links, devices; too_large.
  virtual Result<Document> read(const DocPath& path) = 0;
  // Everything below `prefix` ("" = all) that `wanted` accepts, sorted by path. Hidden temporary
  // files never appear. `enter` prunes directories.
  virtual Result<std::vector<DocumentEntry>> list(
      const std::string& prefix, const std::function<bool(std::string_view directory)>& enter,
      const std::function<bool(std::string_view path)>& wanted) = 0;
  // One to many changes (kCommitChanges), all or nothing. Errors: conflict (data: {"etag": current,
  // "" if it does not exist}), code "exists" where it must not exist; not_found for a replace or
  // remove of what is not there; denied (code "not_a_document"); too_large, code "quota" where the
  // folder has no room for more (memory/folder_use.h); unavailable (code "locked" after
  // kStateLockWait, or disk full): nothing changed. With an
  // idempotency key a repetition with the same digest gives the first result again, another digest
  // is a conflict.
  virtual Result<std::vector<Committed>> commit(std::span<const DocumentChange> changes,
                                                const Author& author,
                                                const std::string& idempotency_key) = 0;
  // Paths below `prefix` ("" = all), sorted, whose last version is no removal: the documents that
  // should be there. Errors: too_large beyond kListedDocuments.
  virtual Result<std::vector<std::string>> recorded(const std::string& prefix) = 0;
  // The versions that are kept, newest first.
  virtual Result<std::vector<VersionRow>> history(const DocPath& path) = 0;
  // The whole document as it was; not_found for a removal or a version no longer kept.
  virtual Result<std::string> version_body(const DocPath& path, std::int64_t version) = 0;
  // Only what its author sent: the body, for append the appended bytes. not_found for a typed edit,
  // whose result holds what others wrote.
  virtual Result<std::string> version_sent(const DocPath& path, std::int64_t version) = 0;
  // Drops for good what is kept of older versions: of one, or of all whose content is not what the
  // document holds now. Number, author, time, size and hash stay. How many lost their text. When it
  // returns neither the rows of versions nor the log hold it; what else was made of it (kept
  // results, spilled output, change sets) is not looked for. Errors: not_found if `version` is not
  // there; conflict if it is what the document holds now; unavailable if another process reads the
  // state for too long (what was dropped is dropped; repeat it to clear the files, too).
  virtual Result<std::int64_t> purge(const DocPath& path, std::optional<std::int64_t> version) = 0;
  // One round of what the limits (memory/store_limits.h) no longer keep: versions that are too old
  // or too many, never the last of a document; closed instructions (a status.yaml that says so) in
  // which nothing changed for archive_days, nobody works and no handoff is open go to _archive/.
  // Due every kRetentionEvery, for whichever process asks first. What is let go is in the ledger.
  // Errors: unavailable with code "not_offered" of a store that is not a folder of files.
  virtual Result<Retained> retain(RetainWhen when);
  // Moves the folder of an instruction to _archive/, with the versions of its documents; gives its
  // new place, "_archive/ID" or, if there was one before, "_archive/ID.2". Errors: not_found;
  // conflict while a server works on it, a handoff of it is open or a document is being written;
  // "not_offered" as above.
  virtual Result<std::string> archive(const std::string& instruction);
  // True if every byte of the document was written by exactly this author (persona, principal and
  // instruction; the call id is not compared): an append to another's words does not count.
  virtual Result<bool> is_own(const DocPath& path, const Author& author) = 0;
  // `tell` hears which documents change, whoever changes them; the value is true if the document
  // came or went, so that lists differ. A path that ends in '/' is a folder that went, with all in
  // it. A hint: whoever cares reads the document again. It is called on a thread of the watching.
  // Errors: unavailable if changes cannot be watched.
  using Tell = std::function<void(const std::map<std::string, bool>& changed)>;
  virtual Result<std::unique_ptr<Watching>> watch(Tell tell) = 0;
  virtual std::string etag_of(const DocPath& path, std::string_view sha256_hex) const = 0;
  // What a person may want to know of where documents are: "" for files; a database's version, and
  // how far its tables are. As it was when this was opened.
  virtual std::string standing() const { return {}; }
  // Number of this Agent_Memory in the state database, for rows that belong to it.
  virtual std::int64_t root_id() const = 0;
};

class State;
// `root`: O_PATH descriptor of Agent_Memory. Runs recovery for this root. `state` must outlive it.
Result<std::unique_ptr<Store>> open_file_store(State& state, Fd root,
                                               const StoreLimits& allowed = {});

}  // namespace remit::memory
