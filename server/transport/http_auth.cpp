#include "server/transport/http_auth.h"

#include "base/crypto.h"
#include "base/text.h"

namespace remit::transport {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::size_t kDigestDigits = 64;
constexpr std::size_t kPrincipalDigits = 16;

bool is_digest(std::string_view text) {
  return text.size() == kDigestDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The token of "Bearer TOKEN", or "".
std::string_view bearer(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size() || lower_ascii(value.substr(0, kScheme.size())) != kScheme)
    return {};
  value.remove_prefix(kScheme.size());
  const auto begin = value.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view() : value.substr(begin);
}

}  // namespace

Tokens Tokens::none() {
  return {};
}

Tokens Tokens::one(std::string_view token) {
  Tokens out;
  out.required_ = true;
  out.digests_.push_back(sha256_hex(token));
  return out;
}

Result<Tokens> Tokens::from_file(const std::string& file, std::string_view text,
                                 std::string_view agent) {
  Tokens out;
  out.required_ = true;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++number;
    line = line.substr(0, line.find('#'));
    std::vector<std::string_view> words;
    while (true) {
      const auto begin = line.find_first_not_of(" \t\r");
      if (begin == std::string_view::npos) break;
      line.remove_prefix(begin);
      const auto word = line.find_first_of(" \t\r");
      words.push_back(line.substr(0, word));
      if (word == std::string_view::npos) break;
      line.remove_prefix(word);
    }
    if (words.empty()) continue;
    if (words.size() != 2 || !words[1].starts_with(kDigestPrefix) ||
        !is_digest(words[1].substr(kDigestPrefix.size())))
      return fail(ErrorKind::invalid_argument,
                  escape_ascii(file) + ":" + std::to_string(number) +
                      ": a line is AGENT sha256:DIGEST, with 64 digits 0-9a-f");
    if (words[0] == agent) out.digests_.emplace_back(words[1].substr(kDigestPrefix.size()));
  }
  if (out.digests_.empty())
    return fail(ErrorKind::unavailable, escape_ascii(file) + " has no token for the agent " +
                                            escape_ascii(agent) + ": nobody could call it");
  return out;
}

std::string Tokens::principal(const Head& head) const {
  if (!required_) return "-";
  if (head.count("authorization") != 1) return {};
  const std::string_view token = bearer(*head.field("authorization"));
  if (token.empty()) return {};
  const std::string digest = sha256_hex(token);
  std::string found;
  for (const std::string& known : digests_)  // all of them, whichever fits
    if (equal_constant_time(known, digest)) found = known.substr(0, kPrincipalDigits);
  return found;
}

}  // namespace remit::transport
