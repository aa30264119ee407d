#include "policy/lint/diagnostics.h"

#include <algorithm>
#include <tuple>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::policy {

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::info:
      return "info";
  }
  return "error";
}

Severity Diagnostic::severity() const {
  if (code.starts_with("W-")) return strict ? Severity::error : Severity::warning;
  if (code.starts_with("I-")) return Severity::info;
  return Severity::error;
}

void Diagnostics::add(std::string_view code, yaml::Position at, std::string message,
                      std::optional<std::string> hint) {
  Diagnostic one{std::string(code),  file_,           at.line, at.col,
                 std::move(message), std::move(hint), false};
  // Errors are always kept: they decide whether the file is served.
  if (list_.size() >= limits::kDiagnosticsPerFile && one.severity() != Severity::error) return;
  list_.push_back(std::move(one));
}

void Diagnostics::append(const Diagnostics& other) {
  list_.insert(list_.end(), other.list_.begin(), other.list_.end());
}

bool Diagnostics::has_errors() const {
  return std::any_of(list_.begin(), list_.end(),
                     [](const Diagnostic& d) { return d.severity() == Severity::error; });
}

std::string_view code_of(yaml::Fault fault) {
  switch (fault) {
    case yaml::Fault::syntax:
      return "E-FM-03";
    case yaml::Fault::duplicate_key:
      return "E-FM-05";
    case yaml::Fault::alias:
      return "E-FM-06";
    case yaml::Fault::tag:
      return "E-FM-07";
    case yaml::Fault::control:
      return "E-FM-08";
    case yaml::Fault::size:
      return "E-FM-09";
    case yaml::Fault::depth:
      return "E-FM-10";
    case yaml::Fault::second_document:
      return "E-FM-11";
    case yaml::Fault::not_utf8:
      return "E-FM-12";
    case yaml::Fault::key_type:
      return "E-FM-13";
  }
  return "E-FM-03";
}

void add_yaml_problems(const yaml::Parsed& parsed, int line_offset, Diagnostics& out) {
  for (const yaml::Problem& problem : parsed.problems) {
    out.add(code_of(problem.fault), {problem.at.line + line_offset, problem.at.col},
            problem.message);
  }
}

void sort_diagnostics(std::vector<Diagnostic>& list) {
  std::sort(list.begin(), list.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line, a.col, a.code, a.message) <
           std::tie(b.file, b.line, b.col, b.code, b.message);
  });
}

std::string render(const Diagnostic& diagnostic) {
  std::string out = printable(diagnostic.file) + ":" + std::to_string(diagnostic.line) + ":" +
                    std::to_string(diagnostic.col) + ": " + to_string(diagnostic.severity()) + " " +
                    diagnostic.code + ": " + printable(diagnostic.message) + "\n";
  if (diagnostic.hint) out += "    " + printable(*diagnostic.hint) + "\n";
  return out;
}

nlohmann::ordered_json to_json(const Diagnostic& diagnostic) {
  OrderedJson out;
  out["severity"] = to_string(diagnostic.severity());
  out["code"] = diagnostic.code;
  out["file"] = diagnostic.file;
  out["line"] = diagnostic.line;
  out["col"] = diagnostic.col;
  out["message"] = diagnostic.message;
  out["hint"] = diagnostic.hint ? OrderedJson(*diagnostic.hint) : OrderedJson(nullptr);
  return out;
}

Counts count(std::span<const Diagnostic> list) {
  Counts out;
  for (const Diagnostic& one : list) {
    switch (one.severity()) {
      case Severity::error:
        ++out.errors;
        break;
      case Severity::warning:
        ++out.warnings;
        break;
      case Severity::info:
        ++out.infos;
        break;
    }
  }
  return out;
}

}  // namespace remit::policy
