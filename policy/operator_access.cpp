#include "policy/operator_access.h"

#include <unistd.h>

#include <optional>

#include "base/redaction.h"
#include "policy/access_factory.h"
#include "policy/compile.h"
#include "policy/document_schemas.h"

namespace remit::policy {
namespace {

constexpr const char* kOperator = "operator";

Remit operator_remit(const std::string& workspace, const std::string& memory_root) {
  const Origin origin{kOperator, 1, 1};
  Remit remit;
  remit.name = remit.slug = kOperator;
  remit.persona_file = kOperator;
  for (const char* tool : {"Read", "Grep", "Glob", "Write", "Edit", "memory_read", "memory_list",
                           "memory_history", "memory_search", "memory_write", "inbox", "respond"}) {
    remit.tools.push_back({tool, origin});
  }
  remit.roots.push_back({workspace, true, true, origin});
  remit.roots.push_back({"/", true, false, origin});  // a person may look anywhere their user may
  remit.tools_line = remit.memory_heading = remit.collaboration_heading = origin;
  remit.memory_root = memory_root;
  remit.operates = true;
  if (auto all = memory::DocPattern::compile("**", {})) {
    MemoryRule rule;
    rule.pattern = std::move(*all);
    rule.read = rule.list = rule.create = rule.replace = rule.append = rule.remove = true;
    rule.source = "**";
    rule.origin = origin;
    remit.memory.push_back(std::move(rule));
  }
  return remit;
}

class Hands : public OperatorAccess {
 public:
  Access& access() override { return *access_; }
  memory::Store* store() override { return store_.get(); }
  Remit remit_;
  std::unique_ptr<Redactor> redactor_;
  std::shared_ptr<memory::Store> store_;
  std::optional<DocumentSchemas> schemas_;
  std::unique_ptr<Access> access_;
};

}  // namespace

Result<std::unique_ptr<OperatorAccess>> operator_access(memory::State& state,
                                                        memory::Ledger& ledger,
                                                        const OperatorPlaces& places) {
  auto hands = std::make_unique<Hands>();
  hands->remit_ = operator_remit(places.workspace, places.memory_root);
  hands->remit_.file_drop_root = places.file_drop_root;
  hands->remit_.memory_database = places.memory_database;
  TRY(std::string case_key, state.key("case"));
  hands->redactor_ = std::make_unique<Redactor>(std::move(case_key));
  hands->store_ = places.store;
  if (!places.memory_root.empty() && places.memory_database.empty()) {
    TRY(Fd root, fs::open_root(places.memory_root));
    TRY(hands->store_, memory::open_file_store(state, std::move(root), places.limits));
  }
  if (!places.manifests.empty()) {
    memory::Bindings bindings;
    bindings.instruction_id = places.instruction;
    TRY(hands->schemas_, DocumentSchemas::load(places.manifests + "/schemas", bindings));
  }
  AccessParts parts;
  parts.remit = &hands->remit_;
  parts.principal = {"uid:" + std::to_string(::geteuid()), kOperator, "", ""};
  parts.state = &state;
  parts.ledger = &ledger;
  parts.store = hands->store_.get();
  parts.redactor = hands->redactor_.get();
  parts.schemas = hands->schemas_ ? &*hands->schemas_ : nullptr;
  parts.clock = &state.clock();
  TRY(hands->access_, make_access(parts));
  return std::unique_ptr<OperatorAccess>(std::move(hands));
}

std::string instruction_in(std::string_view document) {
  const std::string_view first = document.substr(0, document.find('/'));
  return valid_instruction(first) ? std::string(first) : std::string();
}

}  // namespace remit::policy
