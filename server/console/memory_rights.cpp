#include "server/console/memory_rights.h"

#include "base/fs.h"
#include "base/text.h"
#include "policy/check.h"
#include "policy/find.h"
#include "policy/installation.h"
#include "policy/operator_access.h"

namespace remit::console {
namespace {

std::string write_rights_of(const policy::MemoryRule& rule) {
  std::vector<std::string> words;
  if (rule.create) words.emplace_back("create");
  if (rule.replace) words.emplace_back("replace");
  if (rule.append) words.emplace_back("append");
  if (rule.remove) words.emplace_back("remove");
  return join_text(words, ", ");
}

}  // namespace

Result<WriteGrants> who_may_write(const std::string& document, const std::string& manifests,
                                  const std::string& site) {
  TRY(const policy::Installation installation, policy::load_installation(manifests, site));
  const policy::PersonaIndex known = policy::index_personas(policy::persona_folders());
  const policy::Binding binding{policy::instruction_in(document), {}, {}, {}};
  WriteGrants out;
  for (const auto& [slug, files] : known.files) {
    const auto one = policy::load_persona(files.front(), {}, installation, known, {}, binding);
    if (!one || !one->compiled.ok) {
      out.unread.push_back(slug);
      continue;
    }
    for (const policy::MemoryRule& rule : one->compiled.remit.memory) {
      const std::string may = write_rights_of(rule);
      if (!may.empty() && rule.pattern.matches(document))
        out.grants.push_back({slug, may, rule.origin.short_text()});
    }
  }
  return out;
}

}  // namespace remit::console
