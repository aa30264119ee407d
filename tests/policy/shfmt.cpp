#include "tests/policy/shfmt.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/json.h"

namespace remit::policy_test {
namespace {

constexpr const char* kShfmt = "/usr/bin/shfmt";

// The text of a word that holds no expansion; nullopt of one that does.
std::optional<std::string> plain(const Json& parts) {
  std::string text;
  for (const Json& part : parts) {
    const std::string type = part.value("Type", "");
    if (type == "Lit" || (type == "SglQuoted" && !part.value("Dollar", false))) {
      text += part.value("Value", "");
    } else if (type == "DblQuoted") {
      const auto inner = part.contains("Parts") ? plain(part["Parts"]) : "";
      if (!inner) return std::nullopt;
      text += *inner;
    } else {
      return std::nullopt;
    }
  }
  return text;
}

// `declare`, `export`, `let` and the like are kinds of their own there: their names are no command
// words of that tree, only the substitutions in them are.
void collect(const Json& node, const std::string& text, std::vector<std::string>& out) {
  if (node.is_object() && node.value("Type", "") == "CallExpr" && node.contains("Args") &&
      !node["Args"].empty()) {
    const Json& first = node["Args"][0];
    const std::optional<std::string> literal = plain(first["Parts"]);
    const auto begin = first["Pos"]["Offset"].get<std::size_t>();
    const auto end = first["End"]["Offset"].get<std::size_t>();
    if (literal) {
      out.push_back(*literal);
    } else if (begin < end && end <= text.size()) {
      out.push_back(text.substr(begin, end - begin));
    }
  }
  if (!node.is_structured()) return;
  for (const Json& child : node) collect(child, text, out);
}

bool run(const std::string& input, const std::string& output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::string words[] = {kShfmt, "-ln", "bash", "--to-json"};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawn(&child, kShfmt, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool Shfmt::usable() {
  return ::access(kShfmt, X_OK) == 0;
}

std::optional<std::vector<std::string>> Shfmt::command_words(const std::string& text) const {
  const std::string input = directory_ + "/shfmt-in", output = directory_ + "/shfmt-out";
  std::ofstream(input, std::ios::trunc) << text;
  if (!run(input, output)) return std::nullopt;
  std::ifstream in(output);
  const std::string answer((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const Json tree = Json::parse(answer, nullptr, false);
  if (tree.is_discarded()) return std::nullopt;
  std::vector<std::string> words;
  collect(tree, text, words);
  return words;
}

}  // namespace remit::policy_test
