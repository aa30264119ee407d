// Who may write a document: the grants of the personas that are found here (policy/find.h), each
// with the line it comes from, bound to the instruction that the document's path begins with. As
// the files read now: a running server keeps what it was started with until a reload.
//
// Reads and compiles every persona, about 1 ms each. Threads: any.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace remit::console {

struct WriteGrant {
  std::string agent, may, origin;  // "create, append"; "technical-support-engineer.md:406"
};
struct WriteGrants {
  std::vector<WriteGrant> grants;
  std::vector<std::string> unread;  // personas that do not compile, and so grant nothing
};
// `manifests`: of the operator (find_manifests). `site`: named site policy, or "". Errors: those of
// reading the installation.
Result<WriteGrants> who_may_write(const std::string& document, const std::string& manifests,
                                  const std::string& site);

}  // namespace remit::console
