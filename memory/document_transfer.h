// Documents with all that is kept of their versions, on the way from one Store to another: authors,
// times, numbers and hashes stay what they were.
//
// Threads: as the Store's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "memory/store.h"

namespace remit::memory {

// A version as it is kept. The texts are missing where they were purged, or were none.
struct KeptVersion {
  std::string path;
  VersionRow row;  // the etag is another one in another Store
  bool sole = false;
  std::optional<std::string> body, sent;
};

// Gives one version after the other: document by document, in the order of paths, and of each from
// the oldest on; then nullopt. The last one of a document is what it holds.
using NextVersion = std::function<Result<std::optional<KeptVersion>>()>;

// What both kinds of Store are beside Store: something that can be filled.
class DocumentLoader {
 public:
  virtual ~DocumentLoader() = default;
  // Takes everything or nothing. How many versions it took. Errors: conflict (code "not_empty") if
  // there is a document or a version already; invalid_argument for what no Store gives (a wrong
  // order, a body that is not what its hash says, a document without a text); those of `next`.
  virtual Result<std::int64_t> load(const NextVersion& next) = 0;
};

// What `store` keeps: every document that is there, with its versions. A document that was changed
// without Remit since has that as a version of its own ("external"). `visit` may refuse.
Result<void> each_kept(Store& store,
                       const std::function<Result<void>(const KeptVersion& version)>& visit);

// Judges a sequence of versions as it comes, for load(). False: the version may not stand there.
class TransferOrder {
 public:
  Result<void> take(const KeptVersion& version);
  // After the last one.
  Result<void> end() const;

 private:
  std::string path_;
  std::int64_t version_ = 0;
  bool has_text_ = true;
};

}  // namespace remit::memory
