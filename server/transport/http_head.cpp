#include "server/transport/http_head.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "base/text.h"

namespace remit::transport {
namespace {

// RFC 9110 tchar.
bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

Refusal bad(std::string why) {
  return {400, "bad request: " + std::move(why)};
}

// "POST /mcp HTTP/1.1"
std::variant<std::monostate, Refusal> parse_request_line(std::string_view line, Head& head) {
  if (line.size() > limits::kHttpLineBytes)
    return Refusal{
        414, "the request line has at most " + std::to_string(limits::kHttpLineBytes) + " bytes"};
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad("the request line is malformed");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return bad("the method is no token");
  if (target.empty() || target[0] != '/' || target.find('#') != std::string_view::npos ||
      !std::all_of(target.begin(), target.end(), is_visible))
    return bad("the target must be a path");
  if (version == "HTTP/1.0")
    head.minor_version = 0;
  else if (version != "HTTP/1.1")
    return Refusal{505, "HTTP/1.1 and HTTP/1.0 are spoken here"};
  head.method = method;
  head.target = target;
  return std::monostate{};
}

std::variant<std::monostate, Refusal> parse_field(std::string_view line, Head& head) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return bad("a header line has no name");
  const std::string_view value = trimmed(line.substr(colon + 1));
  for (const char c : value)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return bad("a header value holds a control character");
  if (head.fields.size() == limits::kHttpFields)
    return Refusal{
        431, "a request has at most " + std::to_string(limits::kHttpFields) + " header fields"};
  head.fields.emplace_back(lower_ascii(line.substr(0, colon)), value);
  return std::monostate{};
}

bool lists_token(const Head& head, std::string_view name, std::string_view token) {
  for (const auto& [field, value] : head.fields) {
    if (field != name) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      if (lower_ascii(trimmed(rest.substr(0, comma))) == token) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

// Where the body ends must be beyond doubt, or a proxy and we would see different requests.
std::variant<std::monostate, Refusal> judge_framing(Head& head) {
  if (head.count("host") != 1) return bad("exactly one Host is needed");
  const std::size_t lengths = head.count("content-length");
  const std::size_t codings = head.count("transfer-encoding");
  if (lengths > 1) return bad("Content-Length stands twice");
  if (codings > 1) return bad("Transfer-Encoding stands twice");
  if (lengths == 1 && codings == 1) return bad("Content-Length beside Transfer-Encoding");
  if (codings == 1) {
    if (head.minor_version == 0 || lower_ascii(*head.field("transfer-encoding")) != "chunked")
      return bad("Transfer-Encoding must be chunked");
    head.framing = Framing::chunked;
  }
  if (lengths == 1) {
    const std::string& text = *head.field("content-length");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), head.length);
    if (error != std::errc() || end != text.data() + text.size() || text[0] == '-')
      return bad("Content-Length is no number");
    head.framing = Framing::length;
  }
  head.keep_alive = head.minor_version == 1 && !lists_token(head, "connection", "close");
  head.expects_continue = head.minor_version == 1 && lists_token(head, "expect", "100-continue");
  return std::monostate{};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string_view Head::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

const std::string* Head::field(std::string_view name) const {
  for (const auto& [field, value] : fields)
    if (field == name) return &value;
  return nullptr;
}

std::size_t Head::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; }));
}

std::size_t find_head_end(std::string_view text, std::size_t seen) {
  for (std::size_t i = seen; i < text.size(); ++i) {
    if (text[i] == '\0') return std::string_view::npos;
    const bool line_starts = i >= 1 && text[i - 1] == '\n';
    if (line_starts && (text[i] == ' ' || text[i] == '\t')) return std::string_view::npos;
    if (text[i] != '\n') {
      if (i >= 1 && text[i - 1] == '\r') return std::string_view::npos;  // a CR alone
      continue;
    }
    if (i == 0 || text[i - 1] != '\r') return std::string_view::npos;  // an LF alone
    if (i == 1) return std::string_view::npos;                         // a blank line first
    if (i >= 3 && text[i - 2] == '\n') return i + 1;
  }
  return 0;
}

std::variant<Head, Refusal> parse_head(std::string_view text) {
  Head head;
  bool request_line = true;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    if (end == std::string_view::npos) return bad("a line ends without CR LF");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (line.empty()) break;
    auto parsed = request_line ? parse_request_line(line, head) : parse_field(line, head);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    request_line = false;
  }
  if (request_line) return bad("there is no request line");
  auto judged = judge_framing(head);
  if (auto* refusal = std::get_if<Refusal>(&judged)) return std::move(*refusal);
  return head;
}

ChunkDecoder::State ChunkDecoder::next(std::string_view& in, char* out, std::size_t room,
                                       std::size_t& written) {
  constexpr int kSizeDigits = 8;
  written = 0;
  while (!in.empty() && at_ != At::end) {
    const char c = in[0];
    switch (at_) {
      case At::size:
        if (const int digit = hex_digit(c); digit >= 0) {
          if (++digits_ > kSizeDigits) return State::bad;
          left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        } else if (c == '\r' && digits_ > 0) {
          at_ = At::size_cr;
        } else {
          return State::bad;
        }
        break;
      case At::size_cr:
        if (c != '\n') return State::bad;
        at_ = left_ == 0 ? At::last_cr : At::data;
        digits_ = 0;
        break;
      case At::data: {
        const std::size_t take = std::min<std::size_t>({in.size(), room - written, left_});
        if (take == 0) return State::more;  // no room
        std::copy_n(in.data(), take, out + written);
        written += take;
        left_ -= take;
        in.remove_prefix(take);
        if (left_ == 0) at_ = At::data_cr;
        continue;
      }
      case At::data_cr:
        if (c != '\r') return State::bad;
        at_ = At::data_lf;
        break;
      case At::data_lf:
        if (c != '\n') return State::bad;
        at_ = At::size;
        break;
      case At::last_cr:
        if (c != '\r') return State::bad;
        at_ = At::last_lf;
        break;
      case At::last_lf:
        if (c != '\n') return State::bad;
        at_ = At::end;
        break;
      case At::end:
        break;
    }
    in.remove_prefix(1);
  }
  return at_ == At::end ? State::done : State::more;
}

}  // namespace remit::transport
