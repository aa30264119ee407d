#include "policy/shell_wrappers.h"

#include <optional>

#include "base/text.h"
#include "policy/shell_parser.h"

namespace remit::policy {
namespace {

struct Wrapper {
  std::string_view name;
  std::vector<std::string_view> bare;    // options without a value
  std::vector<std::string_view> valued;  // options with one
  std::size_t operands;                  // words between the options and the inner command
};

const std::vector<Wrapper>& wrappers() {
  static const std::vector<Wrapper> table = {
      {"env",
       {"-i", "--ignore-environment", "-0", "--null", "-", "-v", "--debug"},
       {"-u", "--unset"},
       0},
      {"timeout",
       {"--preserve-status", "--foreground", "-v", "--verbose"},
       {"-k", "--kill-after", "-s", "--signal"},
       1},
      {"nice", {}, {"-n", "--adjustment"}, 0},
      {"nohup", {}, {}, 0},
      {"setsid", {"-c", "--ctty", "-f", "--fork", "-w", "--wait"}, {}, 0},
      {"stdbuf", {}, {"-i", "-o", "-e", "--input", "--output", "--error"}, 0},
      {"ionice", {"-t", "--ignore"}, {"-c", "-n", "--class", "--classdata"}, 0},
      {"xargs",
       {"-0", "--null", "-r", "--no-run-if-empty", "-t", "--verbose", "-x", "--exit"},
       {"-a", "--arg-file", "-d", "--delimiter", "-E", "-I", "-L", "-n", "--max-args", "-P",
        "--max-procs", "-s", "--max-chars"},
       0},
      {"command", {"-p"}, {}, 0},
      {"builtin", {}, {}, 0},
      {"exec", {"-c", "-l"}, {"-a"}, 0},
      {"time", {"-p", "-v", "--verbose"}, {}, 0},
  };
  return table;
}

const Wrapper* find_wrapper(std::string_view name) {
  for (const Wrapper& wrapper : wrappers()) {
    if (wrapper.name == name) return &wrapper;
  }
  return nullptr;
}

// Reads one option at *at; false if it is not understood.
bool read_option(const Wrapper& wrapper, const std::string& text, const ShellArguments& arguments,
                 std::size_t& at, ShellUnwrapped& result) {
  if (one_of(text, wrapper.bare)) {
    ++at;
    return true;
  }
  std::string option = text;
  std::optional<std::string> value;
  if (text.starts_with("--")) {
    const std::size_t equals = text.find('=');
    option = text.substr(0, equals);
    if (equals != std::string::npos) value = text.substr(equals + 1);
  } else if (text.size() > 2) {
    option = text.substr(0, 2);
    value = text.substr(2);
  }
  if (!one_of(option, wrapper.valued)) {
    // nice -10
    const bool number = wrapper.name == "nice" && text.size() > 1 &&
                        text.find_first_not_of("0123456789", 1) == std::string::npos;
    if (number) ++at;
    return number;
  }
  ++at;
  const bool names_file = option == "-a" || option == "--arg-file";
  if (wrapper.name == "xargs" && names_file) {
    if (value) return false;
    result.files.push_back(at);
  }
  if (!value) {
    if (at >= arguments.size()) return false;
    value = arguments[at]->literal();
    if (!value) return false;
    ++at;
  }
  if (option == "-I") result.replaces = *value;
  return true;
}

}  // namespace

bool is_shell_wrapper(std::string_view name) {
  return find_wrapper(name) != nullptr;
}

ShellUnwrapped unwrap_shell_command(std::string_view name, const ShellArguments& arguments) {
  ShellUnwrapped result;
  const Wrapper* wrapper = find_wrapper(name);
  if (wrapper == nullptr) return result;
  std::size_t at = 0;
  while (at < arguments.size()) {
    const std::optional<std::string> text = arguments[at]->literal();
    if (!text) {
      // A word that may begin with '-' could still be an option; a command name of unknown value is
      // judged as the inner command.
      if (wrapper->operands > 0 || arguments[at]->prefix().starts_with('-')) return result;
      break;
    }
    if (*text == "--") {
      ++at;
      break;
    }
    if (name == "command" && (*text == "-v" || *text == "-V")) {
      result.lookup = true;
      result.understood = true;
      result.inner = arguments.size();
      return result;
    }
    if (!text->starts_with('-')) break;
    if (!read_option(*wrapper, *text, arguments, at, result)) return result;
  }
  if (name == "env") {
    while (at < arguments.size()) {
      const std::string text = arguments[at]->prefix();
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) break;
      result.assignments.push_back(at++);
    }
  }
  for (std::size_t i = 0; i < wrapper->operands; ++i) {
    if (at >= arguments.size() || !arguments[at]->literal()) return result;
    ++at;
  }
  result.inner = at;
  result.appends = name == "xargs" && result.replaces.empty();
  result.understood = true;
  return result;
}

}  // namespace remit::policy
