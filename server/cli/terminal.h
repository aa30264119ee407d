// What only a person at a terminal can do: type a PIN unseen, answer a question. Every function
// refuses when standard input is not a terminal: an agent's shell has none.
#pragma once

#include <string>

#include "base/result.h"
#include "memory/state.h"

namespace remit::cli {

// Errors: denied, code "no_terminal".
Result<void> need_terminal();
// Prompts on the terminal with echo off. At most kPinMax characters; the rest is an error.
Result<std::string> read_secret(const std::string& prompt);
Result<std::string> read_line(const std::string& prompt);
// need_terminal(), prompts for the PIN and checks it. Errors: those of PinRows::check.
Result<void> prove_presence(memory::State& state);

}  // namespace remit::cli
