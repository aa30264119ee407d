// Personas and YAML: whatever the bytes, a refused file grants nothing, a served one grants nothing
// that does not stand in it, and a repair leaves alone what decides about rights.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/yaml.h"
#include "policy/compile.h"
#include "policy/find.h"
#include "policy/fix.h"
#include "policy/installation.h"
#include "tests/fuzz/require.h"

using namespace remit;
using namespace remit::policy;

namespace {

constexpr std::array<std::string_view, 13> kTools{
    "Read",          "Grep",         "Glob",         "Write",       "Edit",
    "Bash",          "memory_read",  "memory_write", "memory_list", "memory_history",
    "memory_search", "log_patterns", "handoff"};

const Installation& installation() {
  static const Installation kShipped = [] {
    const auto manifests = find_manifests();
    REQUIRE_THAT(manifests.has_value());
    auto loaded = load_installation(*manifests);
    REQUIRE_THAT(loaded.has_value());
    return std::move(*loaded);
  }();
  return kShipped;
}

bool is_generic(std::string_view name) {
  return name.find('_') == name.npos && name != "handoff";
}

void check_compiled(std::string_view text, const Compiled& result) {
  if (!result.ok) {
    REQUIRE_THAT(result.remit.tools.empty() && result.remit.memory.empty());
    REQUIRE_THAT(result.remit.edges.empty() && result.remit.diagnostics.empty());
    REQUIRE_THAT(!result.diagnostics.empty());
    return;
  }
  for (const ToolRule& rule : result.remit.tools) {
    // A double-quoted scalar may spell a name with escapes; everything else stands there as it is.
    REQUIRE_THAT(!is_generic(rule.name) || text.find(rule.name) != text.npos ||
                 text.find('\\') != text.npos);
  }
  for (const MemoryRule& rule : result.remit.memory) {
    REQUIRE_THAT(text.find(rule.source) != text.npos);
    REQUIRE_THAT(!rule.pattern.matches("../x") && !rule.pattern.matches(""));
    REQUIRE_THAT(rule.read != rule.create && !rule.remove);
    REQUIRE_THAT(rule.origin.line >= 1 && rule.origin.col >= 1);
  }
  for (const EdgeRule& edge : result.remit.edges) REQUIRE_THAT(edge.origin.line >= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)yaml::parse(text);
  const Persona persona = parse_persona("x.md", text, installation().words);
  REQUIRE_THAT(persona.ok || persona.tools.empty());
  check_compiled(text,
                 compile({persona, nullptr, installation(), {}, kTools, {"inst_1", {}, {}, {}}}));
  const ParsedManifest manifest = parse_manifest("x.manifest.yaml", text);
  REQUIRE_THAT(
      std::is_sorted(persona.diagnostics.begin(), persona.diagnostics.end(),
                     [](const Diagnostic& a, const Diagnostic& b) { return a.line < b.line; }));
  const Fix fix = propose_fix("x.md", text, installation().words);
  if (fix.repaired) {
    const Persona repaired = parse_persona("x.md", fix.bytes, installation().words);
    REQUIRE_THAT(repaired.ok);
    for (const Located& tool : repaired.tools) {
      REQUIRE_THAT(text.find(tool.text) != text.npos || text.find('\\') != text.npos);
    }
  }
  return 0;
}
