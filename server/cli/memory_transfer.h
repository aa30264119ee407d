// remit memory export|import: everything that is kept of the documents of one Agent_Memory, in one
// file of JSON lines, and from there into another, empty one.
//
// The first line names the format; then one line for each version; the last one has the counts and
// the SHA-256 of all lines before it. Texts are base64url. A file without its last line, or with
// another hash, is refused before anything is written.
#pragma once

#include <string>

#include "server/cli/operator_house.h"

namespace remit::cli {

// The exit code. `file`: made (0600), and refused if it is there.
int export_memory(OperatorHouse& house, const std::string& file, bool json);
// Asks for the PIN.
int import_memory(OperatorHouse& house, const std::string& file, bool json);

}  // namespace remit::cli
