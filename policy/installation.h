// Installation: the operator's files, read once at start and at reload, immutable afterwards and
// shared by every persona: site policy, directory, capabilities, words, sandbox profiles.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "policy/capabilities.h"
#include "policy/directory.h"
#include "policy/labels.h"
#include "policy/manifest.h"
#include "policy/site.h"

namespace remit::policy {

struct Installation {
  std::string manifests;  // the folder
  Site site;
  Directory directory;
  Capabilities capabilities;
  Vocabulary words;
  std::map<std::string, SandboxProfile, std::less<>> profiles;  // by name, "default"
};

// `site_file` empty: find_site(). Errors: those of reading; invalid_argument with file:line:col.
Result<Installation> load_installation(const std::string& manifests,
                                       const std::string& site_file = {});

}  // namespace remit::policy
