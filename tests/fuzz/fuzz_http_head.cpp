// Fuzzes what an HTTP client sends before its message: the head, everything that is asked of it,
// its header fields as claims about a body, and a chunked body behind it. However the bytes come
// in, they are judged alike.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "server/transport/http_head.h"
#include "server/transport/http_request.h"
#include "tests/fuzz/require.h"

using namespace remit;
using namespace remit::transport;

namespace {

bool clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// A head that passed can mean one thing only.
void check_head(const Head& head) {
  REQUIRE_THAT(!head.method.empty() && clean(head.method) && clean(head.target));
  REQUIRE_THAT(head.fields.size() <= limits::kHttpFields);
  for (const auto& [name, value] : head.fields) {
    REQUIRE_THAT(!name.empty() && clean(name) && clean(value));
    REQUIRE_THAT(trimmed(value).size() == value.size());
    for (const char c : name) REQUIRE_THAT(c < 'A' || c > 'Z');
  }
  REQUIRE_THAT(head.count("host") <= 1);
  if (head.minor_version == 1) REQUIRE_THAT(head.count("host") == 1);
  const bool sized = head.count("content-length") > 0,
             chunked = head.count("transfer-encoding") > 0;
  REQUIRE_THAT(!(sized && chunked));
  REQUIRE_THAT((head.framing == Framing::chunked) == chunked);
  if (head.framing == Framing::length) REQUIRE_THAT(sized);

  static_cast<void>(judge_names(head, {{"remit.example.org"}, {"https://tools.example.org"}}));
  const auto route = find_route(head);
  if (const auto* at = std::get_if<Route>(&route)) static_cast<void>(judge_method(head, *at));
  if (const auto refusal = judge_post(head)) {
    REQUIRE_THAT(refusal->status >= 400 && refusal->status < 500);
    REQUIRE_THAT(parse_json(refusal_body(*refusal)).has_value());
  }
  static const Json params{{"name", "echo"},
                           {"_meta", {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"}}}};
  const mcp::HeaderClaims claims = header_claims(head);
  for (const auto& error :
       {mcp::version_mismatch(claims, params), mcp::routing_mismatch(claims, "tools/call", params)})
    if (error) REQUIRE_THAT(parse_json(mcp::error_message("1", *error)).has_value());
  for (const auto& [name, value] : head.fields)
    if (const auto text = mcp::decode_field(value); text && value.starts_with("=?base64?"))
      REQUIRE_THAT(clean(*text) || value.ends_with("?="));
}

// The whole body and what is left of `text`, taken in pieces of `piece`.
struct Body {
  ChunkDecoder::State state = ChunkDecoder::State::more;
  std::string data;
  std::size_t left = 0;
};
Body take_body(std::string_view text, std::size_t piece) {
  ChunkDecoder decoder;
  Body out;
  std::string room(piece, '\0');
  while (!text.empty() && out.state == ChunkDecoder::State::more) {
    std::string_view part = text.substr(0, piece);
    const std::size_t had = part.size();
    std::size_t written = 0;
    out.state = decoder.next(part, room.data(), room.size(), written);
    out.data.append(room, 0, written);
    text.remove_prefix(had - part.size());
    REQUIRE_THAT(had != part.size() || written > 0 || out.state != ChunkDecoder::State::more);
  }
  out.left = text.size();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t whole = find_head_end(text, 0);
  // A byte at a time, as a slow client sends it: the same end.
  std::size_t end = 0;
  for (std::size_t seen = 0; seen < size && end == 0; ++seen)
    end = find_head_end(text.substr(0, seen + 1), seen);
  REQUIRE_THAT(end == whole);
  if (whole == 0 || whole == std::string_view::npos) return 0;
  REQUIRE_THAT(text.substr(0, whole).ends_with("\r\n\r\n") || text.substr(0, whole) == "\r\n");
  const auto parsed = parse_head(text.substr(0, whole));
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    REQUIRE_THAT(refusal->status >= 400 && parse_json(refusal_body(*refusal)).has_value());
  } else {
    check_head(std::get<Head>(parsed));
  }
  const std::string_view rest = text.substr(whole);
  const Body at_once = take_body(rest, rest.size() + 1), slowly = take_body(rest, 1);
  REQUIRE_THAT(at_once.state == slowly.state);
  if (at_once.state != ChunkDecoder::State::bad)
    REQUIRE_THAT(at_once.data == slowly.data && at_once.left == slowly.left);
  return 0;
}
