// The Access of a person's own commands: Principal operator, the site's ceiling as Remit, the same
// verbs, the same ledger. `remit changes apply` and the like act through it.
#pragma once

#include <memory>
#include <string>

#include "memory/ledger.h"
#include "memory/state.h"
#include "policy/access.h"
#include "policy/document_schemas.h"

namespace remit::policy {

class OperatorAccess {
 public:
  virtual ~OperatorAccess() = default;
  virtual Access& access() = 0;
  // Of the Agent_Memory, for the rounds of handoffs that decide nothing; nullptr: there is none.
  virtual memory::Store* store() = 0;
};

// Hands over one workspace and its Agent_Memory ("" = none). All are borrowed; without `schemas` no
// document is a known one. `file_drop_root`: where files for queues go; "" = drop/ in the state
// directory.
// Errors: those of opening the two directories.
Result<std::unique_ptr<OperatorAccess>> operator_access(memory::State& state,
                                                        memory::Ledger& ledger,
                                                        const std::string& workspace,
                                                        const std::string& memory_root,
                                                        const DocumentSchemas* schemas,
                                                        const std::string& file_drop_root = {});

}  // namespace remit::policy
