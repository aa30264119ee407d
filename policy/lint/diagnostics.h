// Diagnostics: what the compiler of personas has to say about a file, with the place. The severity
// is the first letter of the code: E stops a persona from being served, W removes something the
// author wrote, I explains. The codes and their meanings are listed in docs/personas.md. Plain
// values; nothing here locks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/yaml.h"

namespace remit::policy {

enum class Severity { error, warning, info };
const char* to_string(Severity severity);

struct Diagnostic {
  std::string code;  // "W-MEM-01"
  std::string file;  // as named by the operator
  int line = 1;
  int col = 1;
  std::string message;
  std::optional<std::string> hint;
  bool strict = false;  // a warning counts as an error (check --strict)
  Severity severity() const;
  bool operator==(const Diagnostic&) const = default;
};

// Collects diagnostics of one file, at most limits::kDiagnosticsPerFile of them.
class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_(std::move(file)) {}
  void add(std::string_view code, yaml::Position at, std::string message,
           std::optional<std::string> hint = std::nullopt);
  void append(const Diagnostics& other);
  const std::string& file() const { return file_; }
  const std::vector<Diagnostic>& list() const { return list_; }
  bool has_errors() const;

 private:
  std::string file_;
  std::vector<Diagnostic> list_;
};

// The E-FM code of a YAML problem, and all problems of a text as diagnostics; `line_offset` is what
// must be added to a line of the text to get a line of the file.
std::string_view code_of(yaml::Fault fault);
void add_yaml_problems(const yaml::Parsed& parsed, int line_offset, Diagnostics& out);

// By file, position, then code.
void sort_diagnostics(std::vector<Diagnostic>& list);

// "path:line:col: error CODE: message", the hint on an indented line of its own.
std::string render(const Diagnostic& diagnostic);
nlohmann::ordered_json to_json(const Diagnostic& diagnostic);

struct Counts {
  std::size_t errors = 0, warnings = 0, infos = 0;
};
Counts count(std::span<const Diagnostic> list);

}  // namespace remit::policy
