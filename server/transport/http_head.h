// The head of an HTTP/1.x request, judged byte by byte before anything else looks at it.
// cpp-httplib 0.11.4 skips lines it cannot read, takes two Hosts, Content-Length "zz" for 0 and
// Content-Length beside Transfer-Encoding, percent-decodes every value and keeps any number of
// fields; so it never sees a head that did not pass here. RFC 9112; where it leaves a choice, the
// strict one.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace remit::transport {

// How a request is turned away: the HTTP status, and the code and text of the JSON-RPC error in its
// body. After one that stands for a broken or unread message the connection ends.
struct Refusal {
  int status = 400;
  std::string message;
  int code = -32600;
  std::vector<std::pair<std::string, std::string>> fields = {};
};

enum class Framing { none, length, chunked };

struct Head {
  std::string method, target;
  int minor_version = 1;                                    // of HTTP/1.x
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case, values trimmed
  Framing framing = Framing::none;
  std::uint64_t length = 0;  // bytes, with Framing::length
  bool keep_alive = true;
  bool expects_continue = false;

  // The target up to its query.
  std::string_view path() const;
  // The first value, or nullptr. `name` in lower case.
  const std::string* field(std::string_view name) const;
  std::size_t count(std::string_view name) const;
};

// Without the blanks that a field's value may have around it (RFC 9110's OWS: space and tab). Not
// base/text.h's trim(), which would take away a CR that has to be refused.
std::string_view trimmed(std::string_view text);

// Looks for the end of a head in `text`, of which the first `seen` bytes were looked at before.
// Returns its length with the blank line; 0: there is no end yet; npos: a line ends without CR, or
// starts with a blank, or holds a NUL: it will never be one.
std::size_t find_head_end(std::string_view text, std::size_t seen);

// `text`: up to and with the blank line.
std::variant<Head, Refusal> parse_head(std::string_view text);

// Takes a chunked body apart: `1a\r\n<26 bytes>\r\n0\r\n\r\n`. No extensions, signs, blanks, `0x`
// or trailers.
class ChunkDecoder {
 public:
  enum class State { more, done, bad };
  // Moves data bytes from the front of `in` to `out`, at most `room`, until one of them is used up.
  State next(std::string_view& in, char* out, std::size_t room, std::size_t& written);

 private:
  enum class At { size, size_cr, data, data_cr, data_lf, last_cr, last_lf, end };
  At at_ = At::size;
  int digits_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace remit::transport
