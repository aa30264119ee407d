// What `remit serve` prints for a person at a terminal: what is served, what is granted, what is not
// and the line that would grant it, and what each client needs.
#pragma once

#include <string>

#include "server/assembly.h"

namespace remit::cli {

std::string welcome(server::Assembly& all, const server::ServeOptions& options);

// Absolute path of this binary, for configurations (never a wrapper script).
std::string own_binary();

// The `serve` arguments that serve this agent again: --agent FILE --workspace DIR ...
std::vector<std::string> serve_arguments(server::Assembly& all, const server::ServeOptions& options);

}  // namespace remit::cli
