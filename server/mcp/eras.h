// Eras: which revision of MCP a message speaks. 2026-07-28 names itself in every request's `_meta`;
// the older revisions are agreed on once, by `initialize`. Both may be spoken on one pipe; the body
// decides, message by message (docs/protocol.md).
//
// Threads: an EraState belongs to the thread that reads the connection; `initialized` and
// `log_level` are read by others.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <variant>

#include <nlohmann/json_fwd.hpp>

#include "server/mcp/messages.h"
#include "server/mcp/wire.h"

namespace remit::mcp {

inline constexpr const char* kMetaVersion = "io.modelcontextprotocol/protocolVersion";
inline constexpr const char* kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr const char* kMetaLogLevel = "io.modelcontextprotocol/logLevel";

inline constexpr const char* kTasksExtension = "io.modelcontextprotocol/tasks";

std::optional<LogLevel> parse_log_level(const nlohmann::json& value);
const char* to_string(LogLevel level);

// What a request says of itself and its client, once the ladder let it pass.
struct Envelope {
  Revision revision = Revision::v2025_11_25;
  ClientFeatures client;
  std::string progress_token;  // JSON text, or empty
  LogLevel log_level = LogLevel::off;
};

// True if `params` name the version of their request: a claim of 2026-07-28, whatever the method.
bool claims_version(const nlohmann::json& params);

class EraState {
 public:
  // Only requests that name their version: a request over HTTP that belongs to no session.
  void pin_modern() { pinned_modern_ = true; }

  // Judges `request` by the ladder's steps "era and version" and "_meta envelope". `initialize`
  // without a claim passes with the revision it will get. Changes the pin.
  std::variant<Envelope, RpcError> classify(const Request& request);

  // The handshake of the initialize eras. Returns the revision agreed on.
  std::variant<Revision, RpcError> initialize(const nlohmann::json& params);
  void on_initialized() { initialized_ = session_.has_value(); }

  bool has_session() const { return session_.has_value(); }
  Revision session() const { return session_.value_or(Revision::v2025_11_25); }
  // True after notifications/initialized: the server may now send requests.
  bool initialized() const { return initialized_; }
  void set_log_level(LogLevel level) { log_level_ = level; }

 private:
  std::variant<Envelope, RpcError> classify_modern(const Request& request,
                                                   const nlohmann::json& meta);
  std::variant<Envelope, RpcError> classify_legacy(const Request& request);

  bool pinned_modern_ = false;
  std::optional<Revision> session_;
  ClientFeatures client_;
  std::atomic<bool> initialized_ = false;
  std::atomic<LogLevel> log_level_ = LogLevel::off;
};

// {"supported":[..],"requested":".."} for kUnsupportedVersion.
RpcError unsupported_version(std::string_view requested);
// kMissingCapability, with what of `needed` the client did not declare.
RpcError missing_capability(const ClientFeatures& needed, const ClientFeatures& declared);

}  // namespace remit::mcp
