// `remit check`: lints any number of personas and manifests, each by itself and against one another
// (names that collide, documents that several may write). Reads files; changes nothing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policy/compile.h"
#include "policy/installation.h"
#include "policy/persona.h"

namespace remit::policy {

struct CheckOptions {
  bool strict = false;         // warnings count as errors
  std::string manifest;        // instead of the one beside the (single) persona
  std::string instruction_id;  // bound, or empty
};

struct CheckedFile {
  std::string file;
  bool is_persona = true;  // false: a manifest or another file of the operator by itself
  Persona persona;
  Compiled compiled;  // its diagnostics are the file's
};

struct CheckReport {
  std::vector<CheckedFile> files;
  Counts counts;
  bool ok() const { return counts.errors == 0; }
};

// One persona with the manifest beside it (or `manifest`). Errors: unreadable files only; a bad
// persona is a CheckedFile whose `compiled.ok` is false.
Result<CheckedFile> load_persona(const std::string& file, const std::string& manifest,
                                 const Installation& installation, const PersonaIndex& known,
                                 std::span<const std::string_view> provided,
                                 const Binding& binding);

// `paths`: files, and folders whose personas and manifests are taken. Errors: a path that cannot be
// read (exit code 3).
Result<CheckReport> check(std::span<const std::string> paths, const Installation& installation,
                          std::span<const std::string_view> provided, const CheckOptions& options);

// The same of texts that were read already.
struct PersonaText {
  const std::string& file;
  const std::string& text;
  const std::string& manifest_file;
  const std::optional<std::string>& manifest;  // none: there is no manifest
};
CheckedFile judge_persona(const PersonaText& given, const Installation& installation,
                          const PersonaIndex& known, std::span<const std::string_view> provided,
                          const Binding& binding);

nlohmann::ordered_json report_json(const CheckReport& report);
// Diagnostics, one per line, and a last line with the sums. `color`: severities in colour.
std::string report_text(const CheckReport& report, bool color);

}  // namespace remit::policy
