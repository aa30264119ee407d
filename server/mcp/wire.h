// Wire: the one place where outgoing messages are written, errors get their codes and text is
// redacted. Messages are appended as text, not built as a document first: a small call spends more
// on building and walking a document than on everything else.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "server/mcp/service.h"

namespace remit::mcp {

// JSON-RPC 2.0 and MCP 2026-07-28 error codes. kResourceNotFound belongs to the initialize eras.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kResourceNotFound = -32002;
inline constexpr int kHeaderMismatch = -32020;  // HTTP only
inline constexpr int kMissingCapability = -32021;
inline constexpr int kUnsupportedVersion = -32022;

enum class Revision { v2025_03_26, v2025_06_18, v2025_11_25, v2026_07_28 };
const char* to_string(Revision revision);
inline bool is_modern(Revision revision) {
  return revision == Revision::v2026_07_28;
}

struct RpcError {
  int code = kInternalError;
  std::string message;
  std::string data = {};  // JSON text, or empty
};

// `text` quoted and cut to kEchoedInput characters, for an error that quotes its input.
std::string quoted_input(std::string_view text);

// The `error` member of a message.
std::string error_body(const RpcError& error);
// One message each; `id` empty: left out. An error stays within kErrorReplyBytes.
std::string error_message(std::string_view id, const RpcError& error);
std::string result_message(std::string_view id, std::string_view result);
std::string notification_message(std::string_view method, std::string_view params);
std::string request_message(std::string_view id, std::string_view method, std::string_view params);

// Writes results in the form of each era: 2026-07-28 adds resultType, the server's identity and,
// for what may be kept, ttlMs and cacheScope. Immutable after construction.
class ResultWriter {
 public:
  explicit ResultWriter(const Settings& service);
  // `fields`: the members of the result, `"a":1,"b":2`, possibly none. `ttl_ms`: on results that a
  // client may keep.
  std::string result(Revision revision, std::string_view fields,
                     std::optional<std::int64_t> ttl_ms = std::nullopt,
                     std::string_view result_type = "complete") const;
  // The last result of subscriptions/listen.
  std::string listen_result(std::string_view subscription_id) const;
  const std::string& server_info() const { return server_info_; }

  // Text from tools, resources and prompts: redacted. The one way out for such text.
  std::string redacted(std::string text) const;
  // The same, then quoted.
  void append_text(std::string& out, std::string text) const;
  // A document whose strings are such text.
  void append_document(std::string& out, const nlohmann::json& value) const;

 private:
  std::function<std::string(std::string)> redact_;
  std::string server_info_;  // {"name":..,"version":..}
  std::string modern_tail_;  // ,"_meta":{..serverInfo..}}
};

// ErrorKind -> how a failed tools/call looks to the model: a text that starts with the kind.
std::string tool_error_text(const Error& error);
// ErrorKind -> the JSON-RPC error of any other method. `uri`: of the resource that was asked for.
RpcError rpc_error(const Error& error, Revision revision, std::string_view uri = {});

}  // namespace remit::mcp
