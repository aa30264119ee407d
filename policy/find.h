// Where personas and the operator's files lie: beside the binary in the share folder, or in the
// source tree it was built in. The manifests are never looked for in the current directory, which
// an agent may be able to write; personas are, because a person names them on the command line.
// Reads directories; decides nothing. Safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/directory.h"

namespace remit::policy {

// manifests/ of this binary. Errors: not_found.
Result<std::string> find_manifests();

// The site policy: `named` if not empty; else /etc/remit/site.yaml for an installed binary, if it
// is there; else site.yaml of `manifests`.
std::string find_site(const std::string& named, const std::string& manifests);

// Folders where personas are looked for by name, in order: ./agent_definitions, the share folder,
// the source tree. Only those that exist.
std::vector<std::string> persona_folders();

// A path (anything with '/' or ending in .md), or a slug looked up in persona_folders().
// Errors: not_found, naming the folders.
Result<std::string> find_persona(const std::string& name_or_file);

// "x/NAME.md" -> "x/NAME.manifest.yaml".
std::string manifest_beside(std::string_view persona_file);
bool is_manifest(std::string_view file);

// True if the file can be opened.
bool readable(const std::string& file);

// The markdown files of a folder, sorted, README.md left out.
// Errors: those of opening it; too_large.
Result<std::vector<std::string>> personas_in(const std::string& folder);

// The personas of the folders by slug; an earlier folder hides a later one's. Files that are not
// personas are left out.
PersonaIndex index_personas(const std::vector<std::string>& folders);

}  // namespace remit::policy
