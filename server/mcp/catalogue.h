// Catalogue: everything static that a server says of itself, written once for an offer:
// capabilities, the answers to initialize and server/discover, the tools/list bytes.
// server/discover must be answered within 100 ms of the process start, so nothing here waits for
// anything, and the list of tools, most of the work, is written when it is first asked for.
//
// Threads: safe from any thread; what it says never changes.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/mcp/service.h"
#include "server/mcp/wire.h"

namespace remit::mcp {

// Whether results of `tool` carry structuredContent (and its list entry an outputSchema).
bool publishes_structured(const tools::Tool& tool, Structured mode);

// One page of a list. Cursors are `<offset>.<digest of the list>` in base64url: one of another
// list, or of a list that has changed since, is refused.
struct Page {
  std::size_t begin = 0, end = 0;
  std::string next_cursor;  // empty on the last page
};
Result<Page> page_of(std::size_t entries, std::size_t page_size, std::string_view list_digest,
                     const nlohmann::json& params);

class Catalogue {
 public:
  Catalogue(const Offer& offer, const Settings& settings, const ResultWriter& writer);

  std::string initialize_result(Revision revision) const;
  std::string discover_result() const;
  Result<std::string> tools_list_result(Revision revision, const nlohmann::json& params) const;
  const tools::Tool* find(std::string_view name) const;

  // SHA-256 (hex) over the list entries of all tools, in order, as a current client gets them.
  const std::string& tools_sha256() const { return lists().modern.digest; }
  // Bytes of those entries: what the list costs a client's context.
  std::size_t tools_bytes() const { return lists().modern.bytes; }

 private:
  struct ToolList {
    std::vector<std::string> entries;
    std::string digest;
    std::size_t bytes = 0;
  };
  struct ToolLists {
    ToolList modern;  // every revision but 2025-03-26
    ToolList oldest;  // 2025-03-26 knows neither title nor outputSchema
  };
  const ToolLists& lists() const;
  ToolLists write_tools() const;
  std::string capabilities(Revision revision) const;

  const Offer& offer_;
  const Settings& service_;
  const ResultWriter& writer_;
  std::unordered_map<std::string_view, const tools::Tool*> by_name_;
  mutable std::once_flag written_;
  mutable ToolLists lists_;  // once written_
};

}  // namespace remit::mcp
