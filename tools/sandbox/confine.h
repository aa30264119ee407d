// The server locks itself in after start: Landlock to the roots of its Remit, its manifests and the
// parts of the state directory it needs, a seccomp filter that takes away starting programs,
// networks, namespaces, stream sockets (a local daemon's would be a way out) and changing modes or
// owners by name (Landlock never covers those), and, as root, every capability but those for files.
// A bug in a parser then cannot leave them. (Landlock cannot subtract: inside a root Access alone
// decides. Slots are made by the starter, forked before this.)
//
// Threads: Landlock holds for the calling thread and those it makes later, so call it before any
// other thread exists (it refuses otherwise, code "threads"); irrevocable.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace remit::sandbox {

struct ConfinePlan {
  std::vector<std::string> readable;        // directories or files, absolute
  std::vector<std::string> writable;        // directories: files below may be made and replaced
  std::vector<std::string> writable_files;  // existing files
};

// Errors: unavailable where the kernel has no Landlock or the process cannot give up privileges;
// what could be taken away is taken away.
Result<void> confine_self(const ConfinePlan& plan);

}  // namespace remit::sandbox
