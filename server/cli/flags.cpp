#include "server/cli/flags.h"

#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"

namespace remit::cli {

Flags& Flags::value(std::string_view name, std::string* to, std::string_view help) {
  flags_.push_back({std::string(name), std::string(help), to, nullptr});
  return *this;
}

Flags& Flags::toggle(std::string_view name, bool* to, std::string_view help) {
  flags_.push_back({std::string(name), std::string(help), nullptr, to});
  return *this;
}

Result<std::vector<std::string>> Flags::parse(std::span<const std::string> args, std::size_t least,
                                              std::size_t most) {
  std::vector<std::string> positional;
  bool only_positional = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (only_positional || arg.size() < 2 || arg[0] != '-') {
      positional.push_back(arg);
      continue;
    }
    if (arg == "--") {
      only_positional = true;
      continue;
    }
    if (arg == "--help" || arg == "-h") {
      helped_ = true;
      return std::vector<std::string>();
    }
    const std::size_t equals = arg.find('=');
    const std::string name = arg.substr(0, equals);
    One* known = nullptr;
    std::vector<std::string> names;
    for (One& flag : flags_) {
      names.push_back(flag.name);
      if (flag.name == name) known = &flag;
    }
    if (known == nullptr) {
      const std::vector<std::string> near = nearest(name, names, 1);
      return fail(ErrorKind::invalid_argument,
                  "unknown flag " + escape_ascii(name) +
                      (near.empty() ? "" : ", did you mean " + near.front()));
    }
    if (known->toggle != nullptr) {
      if (equals != std::string::npos) {
        return fail(ErrorKind::invalid_argument, name + " takes no value");
      }
      *known->toggle = true;
    } else if (equals != std::string::npos) {
      *known->value = arg.substr(equals + 1);
    } else if (i + 1 < args.size()) {
      *known->value = args[++i];
    } else {
      return fail(ErrorKind::invalid_argument, name + " needs a value");
    }
  }
  if (positional.size() < least) return fail(ErrorKind::invalid_argument, "too few arguments");
  if (positional.size() > most) {
    return fail(ErrorKind::invalid_argument,
                "unexpected argument " + escape_ascii(positional[most]));
  }
  return positional;
}

std::string Flags::help() const {
  std::string out = "usage: " + usage_ + "\n";
  std::size_t widest = 0;
  for (const One& flag : flags_) widest = std::max(widest, flag.name.size());
  for (const One& flag : flags_) {
    out += "  " + flag.name + std::string(widest - flag.name.size() + 2, ' ') + flag.help + "\n";
  }
  return out;
}

int report(const Error& error) {
  print_error(std::string("remit: ") + (error.kind == ErrorKind::denied ? "denied: " : "") +
              printable(error.message) +
              (error.where.empty() || error.kind == ErrorKind::denied
                   ? ""
                   : " (" + printable(error.where) + ")") +
              "\n");
  return exit_code(error);
}

int report_usage(const Error& error, std::string_view command) {
  print_error("remit " + std::string(command) + ": " + printable(error.message) + "; see `remit " +
              std::string(command) + " --help`\n");
  return kUsage;
}

void print(std::string_view text) {
  // A reader that went away (head) is no error of ours.
  const auto written = fs::write_all(STDOUT_FILENO, text);
  static_cast<void>(written);
}

void print_error(std::string_view text) {
  const auto written = fs::write_all(STDERR_FILENO, text);
  static_cast<void>(written);
}

}  // namespace remit::cli
