// `remit check --fix`: the only tolerant reading of a persona, and always asked for. It repairs one
// kind of mistake: a top-level text of a known key (never name, tools or disallowedTools) that is
// no YAML because of an unquoted ": ", a leading backtick or unindented continuation lines. The
// value becomes a double-quoted scalar on one line. Serving never applies it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "policy/labels.h"

namespace remit::policy {

struct Fix {
  bool needed = false;    // the file had an error before
  bool repaired = false;  // `bytes` parses without one
  std::string bytes;      // the whole new file
  std::string diff;       // changed lines, "-" and "+", with the line number
};

// Pure: proposes a repair of `bytes`.
Fix propose_fix(const std::string& file, std::string_view bytes, const Vocabulary& words);

// Replaces `file` atomically by fix.bytes, if it still holds `before`. Errors: conflict; those of
// writing; denied for a symlink.
Result<void> apply_fix(const std::string& file, std::string_view before, const Fix& fix);

}  // namespace remit::policy
