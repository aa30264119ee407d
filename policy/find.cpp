#include "policy/find.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/yaml.h"
#include "policy/markdown.h"
#include "policy/persona.h"

namespace remit::policy {

namespace {

constexpr std::string_view kManifestEnding = ".manifest.yaml";
constexpr const char* kInstalledSite = "/etc/remit/site.yaml";
constexpr int kBuildDepth = 5;  // build/dev/tests/policy/x is the deepest binary of a source tree

bool is_folder(const std::string& path) {
  return fs::open_root(path).has_value();
}

std::string binary_folder() {
  std::array<char, limits::kPathBytes> text{};
  const ssize_t length = readlink("/proc/self/exe", text.data(), text.size());
  if (length <= 0 || static_cast<std::size_t>(length) >= text.size()) return {};
  return std::string(fs::parent_of({text.data(), static_cast<std::size_t>(length)}));
}

// The source tree of a binary below its build folder, or "".
std::string source_tree() {
  std::string folder = binary_folder();
  for (int i = 0; i < kBuildDepth && !folder.empty(); ++i) {
    const std::string parent(fs::parent_of(folder));
    if (fs::base_name(folder).starts_with("build") && is_folder(fs::join(parent, "manifests"))) {
      return parent;
    }
    folder = parent;
  }
  return {};
}

std::string share_folder() {
  const std::string binaries = binary_folder();
  if (binaries.empty()) return {};
  return fs::join(std::string(fs::parent_of(binaries)), "share/remit");
}

// `name` in the share folder, then in the source tree; those that exist.
std::vector<std::string> shipped(std::string_view name) {
  std::vector<std::string> out;
  for (const std::string& base : {share_folder(), source_tree()}) {
    if (base.empty()) continue;
    std::string folder = fs::join(base, name);
    if (is_folder(folder)) out.push_back(std::move(folder));
  }
  return out;
}

// The slug that a file's front matter names, or "": not a persona.
std::string slug_in(const std::string& file) {
  const auto bytes = fs::read_file(file, limits::kPersonaBytes);
  if (!bytes) return {};
  const FrontMatter front = split_front_matter(*bytes);
  if (!front.found || !front.terminated) return {};
  const yaml::Parsed parsed = yaml::parse(
      std::string_view(*bytes).substr(front.yaml_begin, front.yaml_end - front.yaml_begin),
      {.bytes = limits::kFrontMatterBytes,
       .nodes = limits::kYamlNodes,
       .depth = limits::kYamlDepth});
  if (!parsed.ok() || parsed.root.kind != yaml::Kind::mapping) return {};
  const yaml::Node* name = parsed.root.find("name");
  return name != nullptr && name->kind == yaml::Kind::scalar ? slug_of(name->text) : std::string{};
}

}  // namespace

Result<std::string> find_manifests() {
  const std::vector<std::string> found = shipped("manifests");
  if (!found.empty()) return found.front();
  return fail(ErrorKind::not_found,
              "cannot find the manifests folder: it belongs into share/remit beside the binary's "
              "folder; install the package, or run the binary from its build tree");
}

std::string find_site(const std::string& named, const std::string& manifests) {
  if (!named.empty()) return named;
  const bool installed = manifests == fs::join(share_folder(), "manifests");
  if (installed && readable(kInstalledSite)) return kInstalledSite;
  return fs::join(manifests, "site.yaml");
}

std::vector<std::string> persona_folders() {
  std::vector<std::string> out;
  if (is_folder("agent_definitions")) out.emplace_back("agent_definitions");
  for (std::string& folder : shipped("agent_definitions")) {
    // Run from the source tree, the two are one folder.
    const bool same = !out.empty() && fs::absolute(out.front()) == fs::absolute(folder);
    if (!same) out.push_back(std::move(folder));
  }
  return out;
}

Result<std::string> find_persona(const std::string& name_or_file) {
  if (name_or_file.find('/') != std::string::npos || name_or_file.ends_with(".md")) {
    return name_or_file;
  }
  const std::vector<std::string> folders = persona_folders();
  for (const std::string& folder : folders) {
    std::string file = fs::join(folder, name_or_file + ".md");
    if (readable(file)) return file;
  }
  const PersonaIndex known = index_personas(folders);
  const auto found = known.files.find(slug_of(name_or_file));
  if (found != known.files.end()) return found->second.front();
  std::vector<std::string> names;
  for (const auto& [slug, files] : known.files) names.push_back(slug);
  const std::vector<std::string> near = nearest(name_or_file, names);
  return fail(ErrorKind::not_found,
              "no persona is called \"" + printable(name_or_file) + "\"" +
                  (near.empty() ? "" : "; did you mean " + join_text(near, ", ")) +
                  (folders.empty() ? "; there is no agent_definitions folder, name a file"
                                   : "; looked in " + join_text(folders, ", ")));
}

std::string manifest_beside(std::string_view persona_file) {
  if (persona_file.ends_with(".md")) persona_file.remove_suffix(3);
  return std::string(persona_file) + std::string(kManifestEnding);
}

bool is_manifest(std::string_view file) {
  return file.ends_with(kManifestEnding);
}

bool readable(const std::string& file) {
  return access(file.c_str(), R_OK) == 0;
}

Result<std::vector<std::string>> personas_in(const std::string& folder) {
  TRY(const Fd root, fs::open_root(folder));
  TRY(const Fd directory, fs::reopen(root, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> out;
  bool full = false;
  TRY_DO(fs::list_directory(directory, [&](std::string_view name, unsigned char) {
    if (!name.ends_with(".md") || equals_folded(name, "README.md") || name.starts_with('.')) {
      return true;
    }
    full = out.size() >= limits::kPersonasInFolder;
    if (!full) out.push_back(fs::join(folder, name));
    return !full;
  }));
  if (full) {
    return fail(ErrorKind::too_large, "more than " + std::to_string(limits::kPersonasInFolder) +
                                          " personas in " + printable(folder));
  }
  std::sort(out.begin(), out.end());
  return out;
}

PersonaIndex index_personas(const std::vector<std::string>& folders) {
  PersonaIndex out;
  for (const std::string& folder : folders) {
    const auto files = personas_in(folder);
    if (!files) continue;  // found a moment ago, gone now: its names are simply unknown
    PersonaIndex here;
    for (const std::string& file : *files) {
      if (std::string slug = slug_in(file); !slug.empty()) here.add(std::move(slug), file);
    }
    for (auto& [slug, list] : here.files) out.files.try_emplace(slug, std::move(list));
  }
  return out;
}

}  // namespace remit::policy
