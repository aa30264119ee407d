#include "server/transport/http_request.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"
#include "server/mcp/wire.h"

namespace remit::transport {
namespace {

// "name:port", "[::1]:port" -> the name in lower case; "" if it is neither.
std::string host_name(std::string_view text) {
  std::string_view name = text, port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return {};
    name = text.substr(0, end + 1);
    port = text.substr(end + 1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    name = text.substr(0, colon);
    port = text.substr(colon);
  }
  constexpr std::size_t kPortDigits = 5;
  if (!port.empty() && (port[0] != ':' || port.size() > 1 + kPortDigits ||
                        port.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return {};
  return lower_ascii(name);
}

bool is_local(std::string_view name) {
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

bool allowed_host(std::string_view value, const HttpNames& names) {
  const std::string name = host_name(value);
  return is_local(name) || std::any_of(names.hosts.begin(), names.hosts.end(),
                                       [&](const auto& host) { return lower_ascii(host) == name; });
}

bool allowed_origin(std::string_view value, const HttpNames& names) {
  const std::string origin = lower_ascii(value);
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme) &&
        is_local(host_name(std::string_view(origin).substr(scheme.size()))))
      return true;
  return std::any_of(names.origins.begin(), names.origins.end(),
                     [&](const auto& one) { return lower_ascii(one) == origin; });
}

// One part of a comma-separated list: "text/event-stream;q=0.9".
struct MediaRange {
  std::string type;
  bool refused = false;  // q=0
};
MediaRange media_range(std::string_view text) {
  MediaRange out;
  const auto semicolon = text.find(';');
  out.type = lower_ascii(trimmed(text.substr(0, semicolon)));
  std::string_view rest =
      semicolon == std::string_view::npos ? std::string_view() : text.substr(semicolon + 1);
  while (!rest.empty()) {
    const auto end = rest.find(';');
    const std::string parameter = lower_ascii(trimmed(rest.substr(0, end)));
    if (parameter.starts_with("q=") && parameter.find_first_not_of("0.", 2) == std::string::npos)
      out.refused = true;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return out;
}

bool is_json_type(std::string_view value) {
  const auto semicolon = value.find(';');
  if (lower_ascii(trimmed(value.substr(0, semicolon))) != "application/json") return false;
  if (semicolon == std::string_view::npos) return true;
  const std::string parameter = lower_ascii(trimmed(value.substr(semicolon + 1)));
  return parameter == "charset=utf-8" || parameter == "charset=\"utf-8\"";
}

}  // namespace

std::optional<Refusal> judge_names(const Head& head, const HttpNames& names) {
  const std::string* host = head.field("host");
  if (host == nullptr || !allowed_host(*host, names))
    return Refusal{403, "this Host is not served here; site.yaml's http: {hosts: […]} adds names"};
  if (head.count("origin") > 1) return Refusal{403, "Origin stands twice"};
  const std::string* origin = head.field("origin");
  if (origin != nullptr && !allowed_origin(*origin, names))
    return Refusal{403, "this Origin may not call; site.yaml's http: {origins: […]} adds names"};
  return std::nullopt;
}

std::variant<Route, Refusal> find_route(const Head& head) {
  struct Row {
    std::string_view path;
    Route route;
  };
  static constexpr std::array<Row, 4> kRoutes = {{{"/mcp", Route::mcp},
                                                  {"/healthz", Route::healthz},
                                                  {"/readyz", Route::readyz},
                                                  {"/metrics", Route::metrics}}};
  for (const Row& row : kRoutes)
    if (row.path == head.path()) return row.route;
  return Refusal{404, "nothing is here; MCP is at /mcp"};
}

bool names_modern(const Head& head) {
  const std::string* version = head.field("mcp-protocol-version");
  return version != nullptr && *version == mcp::to_string(mcp::Revision::v2026_07_28);
}

Refusal unauthorized() {
  return {401,
          "a valid token is needed: Authorization: Bearer TOKEN",
          mcp::kInvalidRequest,
          {{"WWW-Authenticate", "Bearer"}}};
}

std::optional<Refusal> judge_method(const Head& head, Route route) {
  if (route != Route::mcp)
    return head.method == "GET"
               ? std::nullopt
               : std::optional(Refusal{405, "only GET", mcp::kInvalidRequest, {{"Allow", "GET"}}});
  if (head.method == "POST") return std::nullopt;
  const bool modern = names_modern(head);
  // GET and DELETE belong to sessions, which 2026-07-28 does not have.
  if ((head.method == "GET" || head.method == "DELETE") && !modern &&
      head.field("mcp-session-id") != nullptr)
    return std::nullopt;
  return Refusal{405,
                 modern || (head.method != "GET" && head.method != "DELETE")
                     ? "only POST"
                     : "GET and DELETE are for sessions: Mcp-Session-Id is missing",
                 mcp::kInvalidRequest,
                 {{"Allow", modern ? "POST" : "POST, GET, DELETE"}}};
}

std::optional<Refusal> judge_post(const Head& head) {
  const std::string* type = head.field("content-type");
  if (head.count("content-type") != 1 || !is_json_type(*type))
    return Refusal{415, "Content-Type must be application/json"};
  if (head.count("content-encoding") > 0) return Refusal{415, "a Content-Encoding is not taken"};
  if (head.framing == Framing::none)
    return Refusal{411, "Content-Length or Transfer-Encoding: chunked is needed"};
  if (head.framing == Framing::length && head.length > limits::kFrameBytes)
    return Refusal{413, "a message has at most " + std::to_string(limits::kFrameBytes) + " bytes"};
  const Accepts taken = accepts(head);
  if (!taken.json && !taken.events)
    return Refusal{406, "answers are application/json or text/event-stream; Accept takes neither"};
  return std::nullopt;
}

Accepts accepts(const Head& head) {
  if (head.count("accept") == 0) return {};
  Accepts out{false, false};
  for (const auto& [name, value] : head.fields) {
    if (name != "accept") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      const MediaRange range = media_range(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      if (range.refused) continue;
      const bool any = range.type == "*/*";
      out.json |= any || range.type == "application/json" || range.type == "application/*";
      out.events |= any || range.type == "text/event-stream" || range.type == "text/*";
    }
  }
  return out;
}

mcp::HeaderClaims header_claims(const Head& head) {
  constexpr std::string_view kParam = "mcp-param-";
  mcp::HeaderClaims out;
  const auto take = [&](const char* name, const char* shown, std::optional<std::string>& to) {
    if (head.count(name) > 1) out.duplicate = shown;
    if (const std::string* value = head.field(name)) to = *value;
  };
  take("mcp-protocol-version", "MCP-Protocol-Version", out.version);
  take("mcp-method", "Mcp-Method", out.method);
  take("mcp-name", "Mcp-Name", out.name);
  for (const auto& [name, value] : head.fields) {
    if (!name.starts_with(kParam)) continue;
    std::string param = name.substr(kParam.size());
    for (const auto& [known, unused] : out.params)
      if (known == param) out.duplicate = "Mcp-Param-" + param;
    out.params.emplace_back(std::move(param), value);
  }
  return out;
}

std::string refusal_body(const Refusal& refusal) {
  return mcp::error_message({}, {refusal.code, refusal.message});
}

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

}  // namespace remit::transport
