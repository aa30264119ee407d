// What an operator's command about Agent_Memory works with: the state directory, one Agent_Memory,
// and an Access with a person's rights over it, whose decisions are in the ledger like an agent's.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "memory/ledger.h"
#include "memory/state.h"
#include "policy/operator_access.h"
#include "server/cli/flags.h"

namespace remit::cli {

struct OperatorFlags {
  std::string state, site, workspace, memory;
  bool json = false;
};
// --state, --site, --workspace, --memory, --json.
Flags& add_operator_flags(Flags& flags, OperatorFlags& to);

class OperatorHouse {
 public:
  // `document`: path of the document that will be written, whose instruction its schema is bound
  // to; "" = none. Errors: unavailable if there is no such folder.
  static Result<std::unique_ptr<OperatorHouse>> open(const OperatorFlags& flags,
                                                     const std::string& document = {});

  policy::OperatorAccess& hands() { return *hands_; }
  policy::Access& access() { return hands_->access(); }
  memory::Store& store() { return *hands_->store(); }
  memory::State& state() { return *state_; }
  memory::Ledger& ledger() { return *ledger_; }
  // Where files for queues go.
  const std::string& drop_root() const { return drop_root_; }  // of memory::open_drop_root()
  // "": documents are in a database.
  const std::string& memory_root() const { return memory_root_; }
  // A call of its own, for the ledger.
  policy::CallScope call() const;

 private:
  OperatorHouse() = default;
  std::string drop_root_, memory_root_;
  std::unique_ptr<memory::State> state_;
  std::unique_ptr<memory::Ledger> ledger_;
  std::unique_ptr<policy::OperatorAccess> hands_;
};

}  // namespace remit::cli
