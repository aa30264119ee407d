#include "server/mcp/weight.h"

#include <algorithm>
#include <cstring>

#include "base/limits.h"

namespace remit::mcp {
namespace {

constexpr std::size_t kLight = 4u << 10;  // all connections together hold 2 MiB of such

std::size_t counted(std::size_t text, const Weight& weight) {
  // The parser gives up at the bound.
  const std::size_t values = std::min(weight.values, limits::kJsonValues + 1);
  const std::size_t bytes = text + 2 * weight.longest + values * limits::kJsonValueBytes;
  return bytes <= kLight ? 0 : bytes;
}

// Where the string that begins after a quote ends: at its closing quote, or at the end of the text.
std::size_t string_end(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  for (;;) {
    const auto* quote =
        static_cast<const char*>(std::memchr(text.data() + at, '"', text.size() - at));
    if (quote == nullptr) return text.size();
    const auto end = static_cast<std::size_t>(quote - text.data());
    std::size_t escapes = 0;
    while (end - escapes > begin && text[end - escapes - 1] == '\\') ++escapes;
    if (escapes % 2 == 0) return end;
    at = end + 1;
    if (at == text.size()) return at;
  }
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

std::size_t Weight::while_parsed() const {
  return counted(2 * bytes, *this);
}
std::size_t Weight::while_served() const {
  return counted(bytes, *this);
}

Weight weigh(std::string_view frame) {
  Weight out;
  out.bytes = frame.size();
  out.values = 1;
  std::size_t depth = 0;
  bool opened = false;      // the last thing was [ or {: what follows is a first value
  std::string_view name;    // the last string of the outermost object
  std::size_t id_from = 0;  // the value of its "id" begins here; 0: it is not being read
  const auto end_id = [&](std::size_t at) {
    if (id_from == 0) return;
    std::string_view id = frame.substr(id_from, at - id_from);
    while (!id.empty() && is_space(id.front())) id.remove_prefix(1);
    while (!id.empty() && is_space(id.back())) id.remove_suffix(1);
    out.id = id;
    id_from = 0;
  };
  for (std::size_t at = 0; at < frame.size(); ++at) {
    const char c = frame[at];
    if (is_space(c)) continue;
    if (opened && c != ']' && c != '}') ++out.values;
    opened = false;
    switch (c) {
      case '"': {
        const std::size_t end = string_end(frame, at + 1);
        out.longest = std::max(out.longest, end - at - 1);
        if (depth == 1 && id_from == 0) name = frame.substr(at + 1, end - at - 1);
        at = end;
        break;
      }
      case '[':
      case '{':
        ++depth;
        opened = true;
        break;
      case ']':
      case '}':
        if (depth == 1) end_id(at);
        if (depth > 0) --depth;
        break;
      case ',':
        ++out.values;
        if (depth == 1) end_id(at);
        break;
      case ':':
        if (depth == 1 && name == "id") id_from = at + 1;
        if (depth == 1 && name == "method") out.names_method = true;
        break;
      default:
        break;
    }
  }
  return out;
}

}  // namespace remit::mcp
