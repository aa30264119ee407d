#include "server/mcp/eras.h"

#include <array>

#include "base/limits.h"

namespace remit::mcp {
namespace {

constexpr std::array<const char*, 8> kLevels = {"debug", "info",     "notice", "warning",
                                                "error", "critical", "alert",  "emergency"};

RpcError invalid_params(std::string message) {
  return RpcError{kInvalidParams, std::move(message)};
}

// `_meta` of `params`, or null if there is none.
const Json* meta_of(const Json& params) {
  if (!params.is_object()) return nullptr;
  const auto meta = params.find("_meta");
  return meta == params.end() ? nullptr : &*meta;
}

const Json* object_member(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_object() ? &*at : nullptr;
}

// elicitation:{} means forms only; elicitation:{url:{}} means no forms.
ClientFeatures features_of(const Json& capabilities) {
  ClientFeatures out;
  if (const Json* elicitation = object_member(capabilities, "elicitation")) {
    out.url = elicitation->contains("url");
    out.form = elicitation->contains("form") || !out.url;
  }
  out.sampling = object_member(capabilities, "sampling") != nullptr;
  out.roots = object_member(capabilities, "roots") != nullptr;
  if (const Json* extensions = object_member(capabilities, "extensions"))
    out.tasks = object_member(*extensions, kTasksExtension) != nullptr;
  return out;
}

// Takes over the progress token; false if it is no string or integer.
bool read_progress_token(const Json& meta, Envelope& envelope) {
  const auto token = meta.find("progressToken");
  if (token == meta.end()) return true;
  auto text = id_text(*token);
  if (!text) return false;
  envelope.progress_token = std::move(*text);
  return true;
}

}  // namespace

std::optional<LogLevel> parse_log_level(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& name = value.get_ref<const std::string&>();
  for (std::size_t i = 0; i < kLevels.size(); ++i)
    if (name == kLevels[i]) return static_cast<LogLevel>(i);
  return std::nullopt;
}

const char* to_string(LogLevel level) {
  const auto index = static_cast<std::size_t>(level);
  return index < kLevels.size() ? kLevels[index] : "off";
}

RpcError unsupported_version(std::string_view requested) {
  RpcError error{kUnsupportedVersion,
                 "protocol version " + quoted_input(requested) +
                     " is not supported; requests that name their version: 2026-07-28; with "
                     "initialize: 2025-11-25, 2025-06-18, 2025-03-26"};
  error.data = R"({"supported":["2026-07-28"],"requested":)";
  append_json_string(error.data, requested.substr(0, limits::kEchoedInput));
  error.data += '}';
  return error;
}

RpcError missing_capability(const ClientFeatures& needed, const ClientFeatures& declared) {
  std::string names, data;
  const auto add = [&](bool missing, const char* name, const char* member) {
    if (!missing) return;
    names += names.empty() ? name : std::string(", ") + name;
    data += (data.empty() ? "" : ",") + std::string(member);
  };
  if (needed.url && !declared.url)
    add(true, "elicitation by url", R"("elicitation":{"url":{}})");
  else
    add(needed.form && !declared.form, "elicitation", R"("elicitation":{})");
  add(needed.sampling && !declared.sampling, "sampling", R"("sampling":{})");
  add(needed.roots && !declared.roots, "roots", R"("roots":{})");
  add(needed.tasks && !declared.tasks, kTasksExtension,
      R"("extensions":{"io.modelcontextprotocol/tasks":{}})");
  return {kMissingCapability, "this request needs a client with " + names,
          R"({"requiredCapabilities":{)" + data + "}}"};
}

bool claims_version(const Json& params) {
  const Json* meta = meta_of(params);
  return meta != nullptr && meta->is_object() && meta->contains(kMetaVersion);
}

std::variant<Envelope, RpcError> EraState::classify(const Request& request) {
  if (claims_version(request.params)) return classify_modern(request, *meta_of(request.params));
  return classify_legacy(request);
}

std::variant<Envelope, RpcError> EraState::classify_modern(const Request& request,
                                                           const Json& meta) {
  const Json& version = *meta.find(kMetaVersion);
  if (!version.is_string())
    return invalid_params(std::string("_meta[\"") + kMetaVersion + "\"] must be a string");
  const auto& claimed = version.get_ref<const std::string&>();
  if (claimed != to_string(Revision::v2026_07_28)) return unsupported_version(claimed);

  Envelope envelope;
  envelope.revision = Revision::v2026_07_28;
  const auto capabilities = meta.find(kMetaCapabilities);
  if (capabilities == meta.end() || !capabilities->is_object())
    return invalid_params(std::string("_meta[\"") + kMetaCapabilities +
                          "\"] is required and must be an object");
  envelope.client = features_of(*capabilities);
  if (!read_progress_token(meta, envelope))
    return invalid_params("_meta.progressToken must be a string or an integer");
  if (const auto level = meta.find(kMetaLogLevel); level != meta.end()) {
    const auto parsed = parse_log_level(*level);
    if (!parsed)
      return invalid_params(std::string("_meta[\"") + kMetaLogLevel + "\"] is not a log level");
    envelope.log_level = *parsed;
  }
  // A probe decides nothing: Claude Code sends server/discover and, if that takes long, initialize.
  if (request.method != "server/discover" && !session_) pinned_modern_ = true;
  return envelope;
}

std::variant<Envelope, RpcError> EraState::classify_legacy(const Request& request) {
  Envelope envelope;
  if (request.method == "initialize") {
    if (pinned_modern_) {
      std::string requested = "(none)";
      if (request.params.is_object())
        if (const auto named = request.params.find("protocolVersion");
            named != request.params.end() && named->is_string())
          requested = named->get<std::string>();
      return unsupported_version(requested);
    }
    return envelope;  // its params are judged by initialize()
  }
  if (!session_) {
    if (pinned_modern_)
      return invalid_params(std::string("_meta[\"") + kMetaVersion +
                            "\"] is missing; every request of this connection must carry it");
    // Before the handshake only ping is allowed; an unknown method is told as such.
    if (request.method == "ping" || request.method == "server/discover") return envelope;
    return RpcError{kInvalidRequest,
                    std::string("not initialized: send initialize first, or name the version in "
                                "params._meta[\"") +
                        kMetaVersion + "\"]"};
  }
  envelope.revision = *session_;
  envelope.client = client_;
  envelope.log_level = log_level_;
  if (const Json* meta = meta_of(request.params); meta != nullptr) {
    if (!meta->is_object()) return invalid_params("params._meta must be an object");
    if (!read_progress_token(*meta, envelope))
      return invalid_params("_meta.progressToken must be a string or an integer");
  }
  return envelope;
}

std::variant<Revision, RpcError> EraState::initialize(const Json& params) {
  if (session_)
    return RpcError{kInvalidRequest, "already initialized: one initialize per connection"};
  if (!params.is_object()) return invalid_params("initialize needs params");
  const auto version = params.find("protocolVersion");
  if (version == params.end() || !version->is_string())
    return invalid_params("params.protocolVersion is required and must be a string");
  const auto capabilities = params.find("capabilities");
  if (capabilities == params.end() || !capabilities->is_object())
    return invalid_params("params.capabilities is required and must be an object");
  // An unknown version gets our latest; the client then stays or leaves.
  Revision agreed = Revision::v2025_11_25;
  const auto& asked = version->get_ref<const std::string&>();
  for (const Revision known : {Revision::v2025_06_18, Revision::v2025_03_26})
    if (asked == to_string(known)) agreed = known;
  session_ = agreed;
  client_ = features_of(*capabilities);
  client_.tasks = false;  // an extension of 2026-07-28
  // 2025-03-26 has no elicitation, and 2025-06-18 none by URL, whatever a client declares.
  if (agreed != Revision::v2025_11_25) client_.url = false;
  if (agreed == Revision::v2025_03_26) client_.form = false;
  return agreed;
}

}  // namespace remit::mcp
