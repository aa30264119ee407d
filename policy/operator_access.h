// The Access of a person's own commands: Principal operator, the site's ceiling as Remit, the same
// verbs, the same ledger. `remit changes apply` and the like act through it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "memory/ledger.h"
#include "memory/state.h"
#include "policy/access.h"

namespace remit::policy {

class OperatorAccess {
 public:
  virtual ~OperatorAccess() = default;
  virtual Access& access() = 0;
  // Of the Agent_Memory, for the rounds of handoffs that decide nothing; nullptr: there is none.
  virtual memory::Store* store() = 0;
};

// What the hands reach.
struct OperatorPlaces {
  std::string workspace;
  std::string memory_root = {};  // "" = none
  // Where documents are if not in that folder; then `store` reaches them, if anything does.
  std::string memory_database = {};
  std::shared_ptr<memory::Store> store = {};
  std::string manifests = {};       // whose schemas/ known documents must fit; "" = none is known
  std::string instruction = {};     // whose documents may be written; "" = of no instruction
  memory::StoreLimits limits = {};  // of the site
  std::string file_drop_root = {};  // where files for queues go; "" = drop/ in the state directory
};
// `state` and `ledger` are borrowed. Errors: those of opening the two directories and of the
// schemas.
Result<std::unique_ptr<OperatorAccess>> operator_access(memory::State& state,
                                                        memory::Ledger& ledger,
                                                        const OperatorPlaces& places);
// The instruction that a document's path begins with; "" if it begins with none.
std::string instruction_in(std::string_view document);

}  // namespace remit::policy
