// What `remit serve` prints for a person at a terminal: what is served, what is granted, what is
// not and the line that would grant it, and what each client needs.
#pragma once

#include <string>

#include "server/assembly.h"

namespace remit::cli {

// Where this server listens, the file that holds its token ("" if none was made), and the address
// of its console ("" if it has none).
struct Listening {
  std::string url, token_file, console;
};
std::string welcome(server::Assembly& all, const server::ServeOptions& options,
                    const Listening& listening);

// The `serve` arguments that serve this agent again: --agent FILE --workspace DIR ...
std::vector<std::string> serve_arguments(server::Assembly& all,
                                         const server::ServeOptions& options);

}  // namespace remit::cli
