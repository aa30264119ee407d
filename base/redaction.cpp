#include "base/redaction.h"

#include <algorithm>
#include <mutex>

#include "base/crypto.h"
#include "base/redaction_rules.h"

namespace remit {

using redaction::KnownSecrets;
using redaction::Span;

namespace {

constexpr std::size_t kShortestSecret = 6;  // shorter values would mask ordinary text
constexpr std::size_t kTokenHex = 12;

}  // namespace

struct Redactor::State {
  std::string case_key;
  mutable std::mutex mutex;
  std::shared_ptr<const KnownSecrets> known = std::make_shared<KnownSecrets>();

  std::shared_ptr<const KnownSecrets> snapshot() const {
    const std::lock_guard lock(mutex);
    return known;
  }
};

Redactor::Redactor(std::string case_key) : state_(std::make_unique<State>()) {
  state_->case_key = std::move(case_key);
}

Redactor::~Redactor() = default;

void Redactor::add_secret(std::string_view value) {
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.remove_suffix(1);
  if (value.size() < kShortestSecret) return;
  const std::lock_guard lock(state_->mutex);
  auto next = std::make_shared<KnownSecrets>(*state_->known);
  next->add(value);
  state_->known = std::move(next);
}

Redacted Redactor::redact(std::string_view text) const {
  Redacted result;
  std::size_t copied = 0;
  redaction::scan(text, *state_->snapshot(), [&](Span span) {
    const std::string kind = redaction::to_string(span.kind);
    if (copied == 0) result.text.reserve(text.size() + text.size() / 8);
    result.text.append(text.substr(copied, span.begin - copied));
    std::string bytes = kind;
    bytes.push_back('\0');
    bytes += redaction::normalised(span.kind, text.substr(span.begin, span.end - span.begin));
    result.text += "[redacted:" + kind + ":" +
                   hmac_sha256_hex(state_->case_key, bytes).substr(0, kTokenHex) + "]";
    ++result.counts[kind];
    copied = span.end;
  });
  result.text.append(text.substr(copied));
  return result;
}

std::vector<SecretSpan> Redactor::find(std::string_view text) const {
  std::vector<SecretSpan> spans;
  redaction::scan(text, *state_->snapshot(), [&](Span span) {
    spans.push_back({redaction::to_string(span.kind), span.begin, span.end - span.begin});
  });
  return spans;
}

}  // namespace remit
