#include "policy/installation.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/find.h"

namespace remit::policy {

namespace {

constexpr std::string_view kYamlEnding = ".yaml";

Result<std::string> read_named(const std::string& file) {
  auto bytes = fs::read_file(file, limits::kManifestBytes);
  if (!bytes) {
    Error error = std::move(bytes).error();
    error.message = "cannot read " + printable(file) + ": " + error.message;
    return tl::unexpected(std::move(error));
  }
  return std::move(*bytes);
}

Result<std::map<std::string, SandboxProfile, std::less<>>> load_profiles(
    const std::string& folder) {
  std::map<std::string, SandboxProfile, std::less<>> out;
  TRY(const Fd root, fs::open_root(folder));
  TRY(const Fd directory, fs::reopen(root, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names;
  TRY_DO(fs::list_directory(directory, [&](std::string_view name, unsigned char) {
    if (name.ends_with(kYamlEnding) && !name.starts_with('.')) names.emplace_back(name);
    return names.size() < limits::kPersonasInFolder;
  }));
  for (const std::string& name : names) {
    const std::string file = fs::join(folder, name);
    TRY(const std::string text, read_named(file));
    TRY(const SandboxProfile values, parse_profile(file, text));
    out.emplace(name.substr(0, name.size() - kYamlEnding.size()), values);
  }
  return out;
}

}  // namespace

Result<Installation> load_installation(const std::string& manifests, const std::string& site_file) {
  Installation out;
  out.manifests = manifests;
  const auto path = [&](std::string_view name) { return fs::join(manifests, name); };
  const std::string site = find_site(site_file, manifests);
  TRY(const std::string site_text, read_named(site));
  TRY(out.site, parse_site(site, site_text));
  TRY(const std::string directory, read_named(path("directory.yaml")));
  TRY(out.directory, parse_directory(path("directory.yaml"), directory));
  TRY(const std::string capabilities, read_named(path("capabilities.yaml")));
  TRY(out.capabilities, parse_capabilities(path("capabilities.yaml"), capabilities));
  TRY(const std::string words, read_named(path("labels.yaml")));
  TRY(out.words, parse_vocabulary(path("labels.yaml"), words));
  TRY(out.profiles, load_profiles(path("sandbox")));
  return out;
}

}  // namespace remit::policy
