#include "server/front/roster.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/check.h"
#include "policy/find.h"
#include "policy/markdown.h"
#include "server/limits.h"
#include "server/tokens.h"
#include "tools/registry.h"

namespace remit::front {
namespace {

constexpr std::size_t kReasonBytes = 300;  // of a refusal; `remit check` says the rest

// Judges one persona with the rest of the folder for its colleagues.
Result<std::string> judge(policy::Source& source, Persona& persona, const std::string& file) {
  source.persona = file;
  source.manifest = policy::manifest_beside(file);
  TRY(const policy::OperatorFiles files, policy::read_operator_files(source));
  const policy::CheckedFile checked =
      policy::judge_persona({source.persona, files.persona, source.manifest, files.manifest},
                            source.installation, source.known, source.provided, source.binding);
  if (!checked.compiled.ok) return tl::unexpected<Error>(policy::refusal(checked.compiled));
  persona.packed = policy::pack(files);
  persona.reach = server::reach_of(checked.compiled.remit);
  return checked.compiled.remit.slug;
}

// What a client may be told of a file that is no persona: why, but not where it lies.
std::string without_folder(std::string text, const std::string& folder) {
  for (std::size_t at = text.find(folder + "/"); at != std::string::npos;
       at = text.find(folder + "/", at))
    text.erase(at, folder.size() + 1);
  return text;
}

}  // namespace

Result<Roster> read_roster(const RosterOptions& options) {
  TRY(const std::vector<std::string> files, policy::personas_in(options.folder));
  if (files.empty())
    return fail(ErrorKind::unavailable,
                "there is no persona (*.md) in " + escape_ascii(options.folder));
  if (files.size() > limits::kAgents)
    return fail(ErrorKind::unavailable, escape_ascii(options.folder) + " holds " +
                                            std::to_string(files.size()) + " personas; at most " +
                                            std::to_string(limits::kAgents) + " are served");
  policy::Source source;
  TRY(const std::string manifests, policy::find_manifests());
  TRY(source.installation, policy::load_installation(manifests, options.site));
  source.site = policy::find_site(options.site, manifests);
  source.folder = fs::absolute(".");
  std::vector<std::string> folders = policy::persona_folders();
  folders.insert(folders.begin(), options.folder);
  source.known = policy::index_personas(folders);
  source.provided = tools::tool_names();
  source.binding = options.binding;
  Roster out;
  for (const std::string& file : files) {
    Persona persona;
    persona.file = file;
    auto slug = judge(source, persona, file);
    if (!slug) {
      persona.refused = without_folder(printable(slug.error().message), options.folder);
      if (persona.refused.size() > kReasonBytes) persona.refused.resize(kReasonBytes);
      std::string stem(fs::base_name(file));
      stem.resize(stem.size() - std::string_view(".md").size());
      slug = policy::slug_of(stem);
    }
    const auto [at, added] = out.emplace(*slug, persona);
    if (added) continue;
    at->second.packed.clear();
    at->second.refused =
        "two files are this agent: " + printable(std::string(fs::base_name(at->second.file))) +
        " and " + printable(std::string(fs::base_name(file)));
  }
  return out;
}

Result<std::vector<transport::Credential>> read_credentials(const std::string& file,
                                                            const std::vector<std::string>& reach) {
  TRY(const std::string text, server::read_credential_file(file, reach));
  TRY(std::vector<transport::Credential> all, transport::parse_credentials(file, text));
  for (const transport::Credential& one : all)
    for (const std::string& id : one.instructions)
      if (!policy::valid_instruction(id))
        return fail(ErrorKind::invalid_argument,
                    escape_ascii(file) +
                        ": not an instruction id (a letter, then up to 95 of "
                        "A-Za-z0-9_-): " +
                        escape_ascii(id));
  return all;
}

}  // namespace remit::front
