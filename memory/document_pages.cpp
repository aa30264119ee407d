#include "memory/document_pages.h"

#include <algorithm>
#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "memory/postgres_limits.h"

namespace remit::memory {

std::vector<std::string> folders_above(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1))
    out.push_back(path.substr(0, at));
  return out;
}

Result<std::vector<DocumentEntry>> list_pages(const std::string& prefix,
                                              const std::function<bool(std::string_view)>& enter,
                                              const std::function<bool(std::string_view)>& wanted,
                                              const NextPage& next) {
  std::vector<DocumentEntry> out;
  std::set<std::string> entered, closed;  // folders that were asked about
  const auto reachable = [&](const std::string& path) {
    for (const std::string& folder : folders_above(path)) {
      if (folder.size() <= prefix.size() || entered.contains(folder)) continue;
      if (closed.contains(folder)) return false;
      const auto depth = std::count(folder.begin(), folder.end(), '/');
      if (depth >= limits::kDirectoryDepth || !enter(folder)) return closed.insert(folder), false;
      entered.insert(folder);
    }
    return true;
  };
  std::string after = prefix.empty() ? std::string() : prefix + "/";
  for (;;) {
    TRY(std::vector<DocumentEntry> page, next(after));
    if (!page.empty()) after = page.back().path;
    const bool last = page.size() < limits::kPostgresListed;
    for (DocumentEntry& one : page) {
      if (!reachable(one.path) || !wanted(one.path)) continue;
      if (out.size() >= limits::kListedDocuments) {
        return fail(ErrorKind::too_large, "more than " + with_commas(limits::kListedDocuments) +
                                              " documents; list a directory");
      }
      out.push_back(std::move(one));
    }
    if (last) return out;
  }
}

}  // namespace remit::memory
