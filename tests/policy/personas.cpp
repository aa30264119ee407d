#include "tests/policy/personas.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

namespace remit::policy::test {

namespace {

std::string environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

std::string source(std::string_view path) {
  return environment("REMIT_SOURCE", ".") + "/" + std::string(path);
}

std::string shared(std::string_view path) {
  return environment("REMIT_SHARED", source("../shared")) + "/" + std::string(path);
}

bool has_shared() {
  const bool there = std::filesystem::exists(shared("data/personas/technical-support-engineer.md"));
  if (!there) MESSAGE("skipped: no data outside the repository at " << shared());
  return there;
}

const Installation& installation() {
  static const Installation kShipped = [] {
    auto loaded = load_installation(source("manifests"), source("manifests/site.yaml"));
    if (!loaded) FAIL(loaded.error().message);
    return std::move(*loaded);
  }();
  return kShipped;
}

std::string with_body(std::string_view body) {
  return "---\nname: x\ndescription: d\ntools: Read\n---\n" + std::string(body);
}

Persona parsed(std::string_view text, const std::string& file) {
  return parse_persona(file, text, installation().words);
}

Compiled compiled(std::string_view text, std::string_view manifest, const Binding& binding,
                  const PersonaIndex& known) {
  const Persona persona = parsed(text);
  if (manifest.empty()) {
    return compile({persona, nullptr, installation(), known, kTools, binding});
  }
  const ParsedManifest sidecar = parse_manifest("x.manifest.yaml", manifest);
  return compile({persona, &sidecar, installation(), known, kTools, binding});
}

std::string codes(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& one : diagnostics) {
    out += (out.empty() ? "" : ", ") + one.code + " " + std::to_string(one.line) + ":" +
           std::to_string(one.col);
  }
  return out;
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "remit-policy-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) FAIL("cannot make a folder");
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::write(std::string_view name, std::string_view text) const {
  const std::string file = path_ + "/" + std::string(name);
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

std::string Folder::read(const std::string& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

}  // namespace remit::policy::test
