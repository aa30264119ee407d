#include "base/text.h"
#include "policy/remit.h"

namespace remit::policy {

Result<PathRule> make_path_rule(std::string glob, Origin origin) {
  // Names are compared after folding: on the host ".ENV" may be ".env" (case-insensitive mounts).
  auto pattern = memory::DocPattern::compile(lower_ascii(glob), {});
  if (!pattern) {
    return fail(ErrorKind::invalid_argument,
                "bad path pattern " + escape_ascii(glob) + ": " + pattern.error().message,
                origin.text());
  }
  return PathRule{std::move(glob), std::move(origin), std::move(*pattern)};
}

const PathRule* match_path(const std::vector<PathRule>& rules, std::string_view path) {
  if (rules.empty()) return nullptr;
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  const std::string folded = lower_ascii(path);
  for (const PathRule& rule : rules) {
    if (rule.pattern.matches(folded)) return &rule;
  }
  return nullptr;
}

}  // namespace remit::policy
