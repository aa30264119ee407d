// The Agent_Memory that the console shows, and a person's hands over it.
//
// It is opened when it is first asked for, since a server that starts beside its console makes the
// folder later, and anew when another folder stands at its place. What the hands keep (which
// content a file had, document_list.h) spares hashing everything for each page.
//
// Threads: safe. Fails with: unavailable where there is no such folder.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "policy/operator_access.h"

namespace remit::console {

class AgentMemory {
 public:
  // `places`: what an operator reaches; no instruction.
  AgentMemory(memory::State& state, memory::Ledger& ledger, policy::OperatorPlaces places)
      : state_(state), ledger_(ledger), places_(std::move(places)) {}

  // For looking, and for handoffs.
  Result<std::shared_ptr<policy::OperatorAccess>> hands();
  // For writing one document, which must fit the schemas of its instruction.
  Result<std::unique_ptr<policy::OperatorAccess>> hands_for(const std::string& document);
  // The folder or the database.
  const std::string& shown() const {
    return in_database() ? places_.memory_database : places_.memory_root;
  }
  const policy::OperatorPlaces& places() const { return places_; }

 private:
  memory::State& state_;
  memory::Ledger& ledger_;
  const policy::OperatorPlaces places_;
  // Whether documents are rows, which are there as long as the process is.
  bool in_database() const { return !places_.memory_database.empty(); }
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<policy::OperatorAccess> hands_;
  std::uint64_t device_ = 0, inode_ = 0;
};

}  // namespace remit::console
