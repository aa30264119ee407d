// Store: the documents of Agent_Memory. FileStore keeps them as files (other agents, hooks and
// people read them as files) with versions in the state database; PostgreSQL comes behind the same
// interface. A Store decides nothing: only Access (policy/) calls it, after decide().
//
// Threads and processes: any number; writers of one document are serialised by the state database.
// A write is: version row committed, one atomic rename, row marked done. Recovery at start finishes
// or drops an unfinished write only if the file still has the hash it had before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "memory/doc_path.h"

namespace remit::memory {

struct Document {
  DocPath path;
  std::string body;
  std::string etag;      // opaque: HMAC(store key, path, content hash), 32 hex digits
  std::string sha256;
  std::int64_t modified_unix_ms = 0;
  std::string author;    // slug that wrote the current version through Remit, or "external"
  bool own = false;      // the current version was written by `reader` (see DocumentQuery)
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

// A prepared change of one document. The body is the whole new content, except for append.
struct DocumentChange {
  enum class Op { create, replace, append, remove } op = Op::create;
  DocPath path;
  std::string body;
  std::string if_match;        // etag that must be current; empty: no condition
  bool if_none_match = false;  // the document must not exist
  // A typed edit: computes the new body from the current one inside the transaction (nullopt: the
  // document does not exist). Used instead of `body` when set; op is create or replace.
  std::function<Result<std::string>(const std::optional<std::string>& current)> edit;
};

struct Committed {
  std::string etag, sha256;
  std::int64_t version = 0;
  bool created = false;
  std::uint64_t bytes = 0;
  std::string previous_etag;   // empty if it did not exist
};

struct VersionRow {
  std::int64_t version = 0;
  std::string etag, sha256, op;
  std::uint64_t bytes = 0;
  std::int64_t at_unix_ms = 0;
  Author author;
};

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
  // One to many changes, all or nothing. Errors: conflict (data: {"etag": current}), code "exists";
  // unavailable (code "locked" after kStateLockWait, or disk full): nothing changed. With an
  // idempotency key a repetition with the same digest gives the first result again, another digest
  // is a conflict.
  virtual Result<std::vector<Committed>> commit(std::span<const DocumentChange> changes,
                                                const Author& author,
                                                const std::string& idempotency_key) = 0;
  virtual Result<std::vector<VersionRow>> history(const DocPath& path) = 0;
  virtual Result<std::string> version_body(const DocPath& path, std::int64_t version) = 0;
  // True if the current version was written by exactly this author (persona, principal and
  // instruction; the call id is not compared).
  virtual Result<bool> is_own(const DocPath& path, const Author& author) = 0;
  virtual std::string etag_of(const DocPath& path, std::string_view sha256_hex) const = 0;
};

class State;
// `root`: O_PATH descriptor of Agent_Memory. Runs recovery for this root. `state` must outlive it.
Result<std::unique_ptr<Store>> open_file_store(State& state, Fd root);

}  // namespace remit::memory
