#include "server/transport/http_auth.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"

namespace remit::transport {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::string_view kInstructions = "instructions=";
constexpr std::size_t kDigestDigits = 64;
constexpr std::size_t kPrincipalDigits = 16;

bool is_digest(std::string_view text) {
  return text.size() == kDigestDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> words;
  for (;;) {
    const auto begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(kBlanks), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
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

std::string Credential::principal() const {
  return digest.substr(0, kPrincipalDigits);
}

Result<std::vector<Credential>> parse_credentials(const std::string& file, std::string_view text) {
  std::vector<Credential> out;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++number;
    const std::vector<std::string_view> words = words_of(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    const bool bound = words.size() == 3 && words[2].starts_with(kInstructions);
    if ((words.size() != 2 && !bound) || !words[1].starts_with(kDigestPrefix) ||
        !is_digest(words[1].substr(kDigestPrefix.size())))
      return fail(ErrorKind::invalid_argument,
                  escape_ascii(file) + ":" + std::to_string(number) +
                      ": a line is AGENT sha256:DIGEST, with 64 digits 0-9a-f, and perhaps "
                      "instructions=ID,ID or instructions=*");
    Credential one;
    one.agent = words[0];
    one.digest = words[1].substr(kDigestPrefix.size());
    if (bound) {
      const std::string_view ids = words[2].substr(kInstructions.size());
      one.any_instruction = ids == "*";
      if (!one.any_instruction)
        for (const std::string_view id : split(ids, ',')) one.instructions.emplace_back(id);
    }
    out.push_back(std::move(one));
  }
  return out;
}

Result<Tokens> Tokens::from_file(const std::string& file, std::string_view text,
                                 std::string_view agent, std::string_view instruction) {
  Tokens out;
  out.required_ = true;
  TRY(const std::vector<Credential> all, parse_credentials(file, text));
  for (const Credential& one : all) {
    const bool bound = one.any_instruction || one.instructions.empty() ||
                       std::find(one.instructions.begin(), one.instructions.end(), instruction) !=
                           one.instructions.end();
    if (one.agent == agent && bound) out.digests_.push_back(one.digest);
  }
  if (out.digests_.empty())
    return fail(ErrorKind::unavailable, escape_ascii(file) + " has no token for the agent " +
                                            escape_ascii(agent) + " under " +
                                            escape_ascii(instruction) + ": nobody could call it");
  return out;
}

Tokens Tokens::from_front() {
  Tokens out;
  out.required_ = out.from_front_ = true;
  return out;
}

std::string token_digest(const Head& head) {
  if (head.count("authorization") != 1) return {};
  const std::string_view token = bearer(*head.field("authorization"));
  return token.empty() ? std::string() : sha256_hex(token);
}

std::string Tokens::principal(const Head& head) const {
  if (!required_) return "-";
  if (from_front_) {
    const std::string* said = head.field(kPrincipalField);
    return said == nullptr ? std::string() : *said;
  }
  const std::string digest = token_digest(head);
  if (digest.empty()) return {};
  std::string found;
  for (const std::string& known : digests_)  // all of them, whichever fits
    if (equal_constant_time(known, digest)) found = known.substr(0, kPrincipalDigits);
  return found;
}

}  // namespace remit::transport
