// The persona verbs as a program of their own, so that a test can type them.
#include <string>
#include <vector>

#include "server/cli/persona_commands.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) return 2;
  const std::vector<std::string> args(words.begin() + 1, words.end());
  if (words[0] == "check") return remit::server::check_command(args);
  if (words[0] == "show") return remit::server::show_command(args);
  if (words[0] == "diff") return remit::server::diff_command(args);
  return 2;
}
