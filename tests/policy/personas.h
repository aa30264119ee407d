// What the tests of policy/ share: the shipped installation and the places of personas.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "policy/check.h"
#include "policy/installation.h"

namespace remit::policy::test {

// The repository (REMIT_SOURCE, set by ctest) and the data outside it (REMIT_SHARED, default
// <source>/../shared), which may be absent.
std::string source(std::string_view path = {});
std::string shared(std::string_view path = {});
bool has_shared();  // says so once when it is absent

// The shipped manifests, read once.
const Installation& installation();

inline constexpr std::array<std::string_view, 18> kTools{
    "Read",          "Grep",      "Glob",        "Write",        "Edit",        "Bash",
    "BashOutput",    "KillShell", "memory_read", "memory_write", "memory_list", "memory_history",
    "memory_search", "handoff",   "bug_report",  "log_patterns", "inbox",       "respond"};

// A persona around `body`, with a valid front matter.
std::string with_body(std::string_view body);

Persona parsed(std::string_view text, const std::string& file = "x.md");
Compiled compiled(std::string_view text, std::string_view manifest = {},
                  const Binding& binding = {}, const PersonaIndex& known = {});

// "E-FM-03 2:5" for each, joined by ", ".
std::string codes(const std::vector<Diagnostic>& diagnostics);

// A new empty folder, removed with its content at the end of the test.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string write(std::string_view name, std::string_view text) const;  // returns the path
  static std::string read(const std::string& file);

 private:
  std::string path_;
};

}  // namespace remit::policy::test
