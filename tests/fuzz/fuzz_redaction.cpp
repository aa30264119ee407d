// Redactor: spans lie inside the text and in order, redacting is stable, and what was replaced is
// counted.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/redaction.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static remit::Redactor redactor{std::string(32, 'k')};
  [[maybe_unused]] static const bool prepared = [] {
    redactor.add_secret("hunter2-hunter2");
    return true;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t end = 0;
  for (const remit::SecretSpan& span : redactor.find(text)) {
    REQUIRE_THAT(span.offset >= end);
    REQUIRE_THAT(span.length > 0 && span.offset + span.length <= text.size());
    end = span.offset + span.length;
  }
  const remit::Redacted first = redactor.redact(text);
  const remit::Redacted second = redactor.redact(text);
  REQUIRE_THAT(first.text == second.text);
  REQUIRE_THAT(first.text.find("hunter2-hunter2") == std::string::npos);
  REQUIRE_THAT(!first.counts.empty() || first.text == text);
  return 0;
}
