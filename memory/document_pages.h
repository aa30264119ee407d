// A listing of documents that are rows: pages in the order of paths become what Store::list()
// promises, pruned by the caller's questions about folders.
//
// Threads: pure function.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/store.h"

namespace remit::memory {

// The next documents below `prefix` after the path `after`, at most kPostgresListed; fewer: the
// end.
using NextPage = std::function<Result<std::vector<DocumentEntry>>(const std::string& after)>;

Result<std::vector<DocumentEntry>> list_pages(
    const std::string& prefix, const std::function<bool(std::string_view directory)>& enter,
    const std::function<bool(std::string_view path)>& wanted, const NextPage& next);

// "a", "a/b" for "a/b/c".
std::vector<std::string> folders_above(const std::string& path);

}  // namespace remit::memory
