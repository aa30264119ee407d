// Flags of the command line: declared, parsed strictly, printed as help. `--name VALUE`,
// `--name=VALUE` and `--switch`; `--` ends them; `--help` is always known.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/process.h"

namespace remit::cli {

using server::exit_code;
using server::kDone;
using server::kFindings;
using server::kPartial;
using server::kUnavailable;
using server::kUsage;

class Flags {
 public:
  explicit Flags(std::string usage) : usage_(std::move(usage)) {}
  Flags& value(std::string_view name, std::string* to, std::string_view help);
  Flags& toggle(std::string_view name, bool* to, std::string_view help);
  // The positional arguments, at least `least` and at most `most` of them. Errors: invalid_argument
  // that names the flag and its nearest relative. After --help, helped() is true.
  Result<std::vector<std::string>> parse(std::span<const std::string> args, std::size_t least,
                                         std::size_t most);
  bool helped() const { return helped_; }
  std::string help() const;

 private:
  struct One {
    std::string name, help;
    std::string* value = nullptr;
    bool* toggle = nullptr;
  };
  std::string usage_;
  std::vector<One> flags_;
  bool helped_ = false;
};

// Prints "remit: MESSAGE" on stderr and returns exit_code(error).
int report(const Error& error);
// Prints usage problems: "remit: MESSAGE" and where help is; returns kUsage.
int report_usage(const Error& error, std::string_view command);

// Data goes to the real stdout; text for a person is escaped before it gets here.
void print(std::string_view text);
void print_error(std::string_view text);

}  // namespace remit::cli
