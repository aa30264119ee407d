// compile(): persona + manifest + installation + binding -> Remit. The only place where text
// becomes permission. Nothing is granted that no line says; whatever a line says and is not granted
// has a diagnostic. A persona or manifest with an error gives no Remit at all. Pure but for
// resolving the real names of root directories. Safe from any thread.
//
//   Compiled c = compile({persona, &manifest, installation, known, provided, binding});
//   if (!c.ok) return tl::unexpected(refusal(c));
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/installation.h"
#include "policy/persona.h"
#include "policy/remit.h"

namespace remit::policy {

// What is known only when an agent is served. Empty members leave out what depends on them.
struct Binding {
  std::string instruction_id;  // ^[A-Za-z][A-Za-z0-9_-]{0,95}$, checked by valid_instruction()
  std::string workspace;       // absolute
  std::string memory_root;     // absolute
  std::string state;           // absolute: drop/ lies in it unless the site says otherwise
  // Where documents are if not in that folder, which is then a name alone: a URL without secrets.
  std::string memory_database = {};
};
bool valid_instruction(std::string_view id);

struct CompileInput {
  const Persona& persona;
  const ParsedManifest* manifest = nullptr;  // nullptr: there is none
  const Installation& installation;
  const PersonaIndex& known;
  std::span<const std::string_view> provided;  // tool names this server has
  Binding binding;
};

struct Compiled {
  bool ok = false;
  Remit remit;  // empty unless ok
  // The persona as `check` and `show` report it, manifest lines included.
  std::vector<std::string> tools;  // generic tools granted
  std::vector<std::string> tools_not_provided;
  std::vector<MemoryEntry> memory;
  std::vector<CollaborationEntry> collaboration;
  std::vector<std::string> diagnostics_not_provided;  // of mapped capabilities
  memory::Bindings bindings;                          // of the manifest, with the bound instruction
  bool exclusive = false;
  std::vector<Diagnostic> diagnostics;  // persona's and manifest's, sorted
};

Compiled compile(const CompileInput& input);

// Why `compiled` is refused, as one Error: first error line, and the command that shows all.
Error refusal(const Compiled& compiled);

}  // namespace remit::policy
