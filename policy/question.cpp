#include "policy/question.h"

#include <algorithm>

#include "base/limits.h"

namespace remit::policy {

std::string question_text(const std::string& title, const std::string& what,
                          const std::vector<std::pair<std::string, std::string>>& rows) {
  constexpr std::size_t kKeyColumn = 14;
  std::string text = title + "\n\n  " + what + "\n\n";
  for (const auto& [key, value] : rows) {
    text += "  " + key + std::string(kKeyColumn - std::min(key.size(), kKeyColumn - 1), ' ') +
            value + "\n";
  }
  return text;
}

std::vector<std::string> form_lines(std::vector<std::string> lines) {
  const bool fit = lines.size() <= limits::kFormLines &&
                   std::all_of(lines.begin(), lines.end(), [](const std::string& line) {
                     return line.size() <= limits::kFormLineChars;
                   });
  if (!fit) lines.clear();
  return lines;
}

}  // namespace remit::policy
