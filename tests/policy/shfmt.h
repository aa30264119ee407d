// The commands that another parser sees: Debian's shfmt, asked for its tree as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace remit::policy_test {

class Shfmt {
 public:
  // Keeps its input and output in `directory`, which must outlive it.
  explicit Shfmt(std::string directory) : directory_(std::move(directory)) {}
  static bool usable();  // false: shfmt is not installed

  // The first word of every simple command, as written, wherever it stands; nullopt if shfmt does
  // not take the text for bash.
  std::optional<std::vector<std::string>> command_words(const std::string& text) const;

 private:
  std::string directory_;
};

}  // namespace remit::policy_test
