// Puts an Access together from its parts. Only registries, servers and commands include this.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/redaction.h"
#include "memory/ledger.h"
#include "memory/server_rows.h"
#include "memory/state.h"
#include "memory/store.h"
#include "policy/access.h"
#include "policy/approvals.h"
#include "policy/document_schemas.h"
#include "policy/shell_rules.h"

namespace remit::policy {

// Everything an Access works with. The pointers are borrowed and must outlive it.
struct AccessParts {
  const Remit* remit = nullptr;
  Principal principal;
  memory::State* state = nullptr;
  memory::Ledger* ledger = nullptr;
  memory::Store* store = nullptr;
  Spawner* spawner = nullptr;  // may be null: Bash answers sandbox_unavailable
  Approvals* approvals = nullptr;
  const Redactor* redactor = nullptr;
  const ShellRules* shell_rules = nullptr;
  memory::Wake* wake = nullptr;              // may be null: nobody waits for an answer
  const DocumentSchemas* schemas = nullptr;  // may be null: no document is a known one
  const Clock* clock = nullptr;
};

// Opens the roots of the Remit by descriptor. Errors: a root or Agent_Memory that cannot be opened.
Result<std::unique_ptr<Access>> make_access(AccessParts parts);

}  // namespace remit::policy
