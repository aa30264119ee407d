#include "policy/check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/find.h"
#include "policy/show.h"

namespace remit::policy {

namespace {

constexpr std::array<std::string_view, 4> kOperatorFiles{"site.yaml", "directory.yaml",
                                                         "capabilities.yaml", "labels.yaml"};

Result<std::string> read_named(const std::string& file, std::size_t max_bytes) {
  auto bytes = fs::read_file(file, max_bytes);
  if (!bytes) {
    Error error = std::move(bytes).error();
    error.message = "cannot read " + printable(file) + ": " + error.message;
    return tl::unexpected(std::move(error));
  }
  return std::move(*bytes);
}

// "file:line:col" of an Error back to a diagnostic.
Diagnostic from_error(const std::string& file, const Error& error) {
  Diagnostic out{error.code.starts_with("E-") ? error.code : "E-FM-13",
                 file,
                 1,
                 1,
                 error.message,
                 std::nullopt,
                 false};
  const std::string prefix = error.where + ": ";
  if (out.message.starts_with(prefix)) out.message.erase(0, prefix.size());
  const std::size_t col = error.where.rfind(':');
  const std::size_t line = col == std::string::npos ? col : error.where.rfind(':', col - 1);
  if (line != std::string::npos && line > 0) {
    const char* begin = error.where.data();
    std::from_chars(begin + line + 1, begin + col, out.line);
    std::from_chars(begin + col + 1, begin + error.where.size(), out.col);
  }
  return out;
}

// The operator's files by themselves: strict reading, no persona.
Result<CheckedFile> check_operator_file(const std::string& file) {
  TRY(const std::string text, read_named(file, limits::kManifestBytes));
  CheckedFile out;
  out.file = out.persona.file = file;
  out.is_persona = false;
  out.persona.sha256 = sha256_hex(text);
  std::vector<Diagnostic>& found = out.compiled.diagnostics;
  const auto note = [&](const auto& parsed) {
    if (!parsed) found.push_back(from_error(file, parsed.error()));
  };
  const std::string_view name = fs::base_name(file);
  if (is_manifest(file)) {
    found = parse_manifest(file, text).diagnostics.list();
  } else if (name == "site.yaml") {
    note(parse_site(file, text));
  } else if (name == "directory.yaml") {
    note(parse_directory(file, text));
  } else if (name == "capabilities.yaml") {
    note(parse_capabilities(file, text));
  } else if (name == "labels.yaml") {
    note(parse_vocabulary(file, text));
  } else {
    note(parse_profile(file, text));
  }
  sort_diagnostics(found);
  out.compiled.ok = count(found).errors == 0;
  return out;
}

bool is_operator_file(const std::string& file) {
  const std::string_view name = fs::base_name(file);
  const bool known =
      std::find(kOperatorFiles.begin(), kOperatorFiles.end(), name) != kOperatorFiles.end();
  const bool profile = fs::base_name(fs::parent_of(file)) == "sandbox" && name.ends_with(".yaml");
  return known || profile || is_manifest(file);
}

// Files of `path`: itself, or a folder's personas, manifests without a persona, operator's files.
Result<std::vector<std::string>> expand(const std::string& path) {
  std::vector<std::string> out;
  if (!fs::open_root(path)) {
    out.push_back(path);
    return out;
  }
  TRY(out, personas_in(path));
  for (const std::string_view name : kOperatorFiles) {
    std::string file = fs::join(path, name);
    if (readable(file)) out.push_back(std::move(file));
  }
  if (out.empty()) {
    return fail(ErrorKind::not_found, "no persona and no manifest lies in " + printable(path));
  }
  return out;
}

void refuse(CheckedFile& file, std::string_view code, const Origin& at, std::string message) {
  Compiled refused;
  refused.diagnostics = std::move(file.compiled.diagnostics);
  refused.diagnostics.push_back(
      {std::string(code), at.file, at.line, at.col, std::move(message), std::nullopt, false});
  file.compiled = std::move(refused);
}

void compare_names(std::vector<CheckedFile>& files) {
  std::map<std::string, std::vector<CheckedFile*>> by_slug;
  for (CheckedFile& file : files) {
    if (file.is_persona && file.persona.ok) by_slug[file.persona.slug].push_back(&file);
  }
  for (const auto& [slug, list] : by_slug) {
    for (CheckedFile* file : list) {
      if (list.size() < 2) continue;
      const CheckedFile* other = list[0] == file ? list[1] : list[0];
      refuse(*file, "E-NAME-03", {file->file, 1, 1},
             "another persona is called \"" + slug + "\" too: " + other->file);
    }
  }
}

struct Shared {
  CheckedFile* file;
  const MemoryEntry entry;
  std::string with;
  bool exclusive;
};

// Documents that several personas may write: I-MEM-05, or E-MEM-08 where one claims them alone.
void compare_memory(std::vector<CheckedFile>& files) {
  std::vector<Shared> found;
  for (CheckedFile& file : files) {
    if (!file.is_persona || !file.compiled.ok) continue;
    for (const MemoryEntry& entry : file.compiled.memory) {
      if (!entry.enabled || entry.mode != Mode::write) continue;
      for (const CheckedFile& other : files) {
        if (&other == &file || !other.is_persona || !other.compiled.ok) continue;
        const auto& theirs = other.compiled.memory;
        const bool shared = std::any_of(theirs.begin(), theirs.end(), [&](const MemoryEntry& one) {
          return one.enabled && one.mode == Mode::write &&
                 overlap(entry, one, file.compiled.bindings);
        });
        if (!shared) continue;
        found.push_back({&file, entry, other.persona.slug,
                         file.compiled.exclusive || other.compiled.exclusive});
        break;
      }
    }
  }
  for (const Shared& one : found) {
    if (one.exclusive) {
      refuse(*one.file, "E-MEM-08", one.entry.origin,
             "a manifest claims this document exclusively, and " + one.with + " may write it too");
    } else {
      one.file->compiled.diagnostics.push_back(
          {"I-MEM-05", one.entry.origin.file, one.entry.origin.line, one.entry.origin.col,
           one.with + " may write it too", std::nullopt, false});
    }
  }
}

}  // namespace

Result<CheckedFile> load_persona(const std::string& file, const std::string& manifest,
                                 const Installation& installation, const PersonaIndex& known,
                                 std::span<const std::string_view> provided,
                                 const Binding& binding) {
  // One byte more than allowed, so that the parser sees the excess and names it.
  auto bytes = fs::read_file(file, limits::kPersonaBytes + 1);
  if (!bytes && bytes.error().kind == ErrorKind::too_large) {
    bytes = std::string(limits::kPersonaBytes + 1, ' ');
  }
  if (!bytes) {
    Error error = std::move(bytes).error();
    error.message = "cannot read " + printable(file) + ": " + error.message;
    return tl::unexpected(std::move(error));
  }
  const std::string beside = manifest.empty() ? manifest_beside(file) : manifest;
  std::optional<std::string> text;
  if (!manifest.empty() || readable(beside)) {
    TRY(text, read_named(beside, limits::kManifestBytes));
  }
  return judge_persona({file, *bytes, beside, text}, installation, known, provided, binding);
}

CheckedFile judge_persona(const PersonaText& given, const Installation& installation,
                          const PersonaIndex& known, std::span<const std::string_view> provided,
                          const Binding& binding) {
  CheckedFile out;
  out.file = given.file;
  out.persona = parse_persona(given.file, given.text, installation.words);
  std::optional<ParsedManifest> sidecar;
  if (given.manifest) sidecar = parse_manifest(given.manifest_file, *given.manifest);
  out.compiled =
      compile({out.persona, sidecar ? &*sidecar : nullptr, installation, known, provided, binding});
  return out;
}

Result<CheckReport> check(std::span<const std::string> paths, const Installation& installation,
                          std::span<const std::string_view> provided, const CheckOptions& options) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    TRY(const std::vector<std::string> some, expand(path));
    for (const std::string& file : some) {
      if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
  }
  // What is checked together is served together: it hides a folder's persona of the same name.
  PersonaIndex known;
  for (const std::string& file : files) {
    if (is_operator_file(file)) continue;
    const auto bytes = fs::read_file(file, limits::kPersonaBytes);
    if (!bytes) continue;  // reported below
    const Persona persona = parse_persona(file, *bytes, installation.words);
    if (persona.ok) known.add(persona.slug, file);
  }
  for (auto& [slug, list] : index_personas(persona_folders()).files) {
    known.files.try_emplace(slug, std::move(list));
  }

  CheckReport report;
  const Binding binding{options.instruction_id, {}, {}, {}};
  for (const std::string& file : files) {
    if (is_operator_file(file)) {
      TRY(CheckedFile one, check_operator_file(file));
      report.files.push_back(std::move(one));
    } else {
      TRY(CheckedFile one,
          load_persona(file, options.manifest, installation, known, provided, binding));
      report.files.push_back(std::move(one));
    }
  }
  compare_names(report.files);
  compare_memory(report.files);
  for (CheckedFile& file : report.files) {
    for (Diagnostic& one : file.compiled.diagnostics) one.strict = options.strict;
    sort_diagnostics(file.compiled.diagnostics);
    const Counts counts = count(file.compiled.diagnostics);
    report.counts.errors += counts.errors;
    report.counts.warnings += counts.warnings;
    report.counts.infos += counts.infos;
  }
  return report;
}

OrderedJson report_json(const CheckReport& report) {
  OrderedJson out;
  out["format"] = "remit.check/1";
  out["ok"] = report.ok();
  out["summary"]["files"] = report.files.size();
  out["summary"]["errors"] = report.counts.errors;
  out["summary"]["warnings"] = report.counts.warnings;
  out["summary"]["infos"] = report.counts.infos;
  out["files"] = OrderedJson::array();
  for (const CheckedFile& file : report.files) {
    OrderedJson one = persona_json(file.persona, file.compiled);
    if (!file.is_persona) {
      one["dialect"] = "manifest";
      one["persona"] = nullptr;
    }
    out["files"].push_back(std::move(one));
  }
  return out;
}

std::string report_text(const CheckReport& report, bool color) {
  std::string out;
  for (const CheckedFile& file : report.files) {
    for (const Diagnostic& one : file.compiled.diagnostics) {
      std::string line = render(one);
      if (color) {
        const std::string word = std::string(": ") + to_string(one.severity()) + " ";
        const char* const paint = one.severity() == Severity::error     ? "\x1b[1;31m"
                                  : one.severity() == Severity::warning ? "\x1b[1;33m"
                                                                        : "\x1b[36m";
        const std::size_t at = line.find(word);
        if (at != std::string::npos) {
          line.replace(at + 2, word.size() - 3,
                       paint + std::string(to_string(one.severity())) + "\x1b[0m");
        }
      }
      out += line;
    }
  }
  const auto plural = [](std::size_t n, const std::string& word) {
    return std::to_string(n) + " " + word + (n == 1 ? "" : "s");
  };
  return out + plural(report.files.size(), "file") + ": " + plural(report.counts.errors, "error") +
         ", " + plural(report.counts.warnings, "warning") + ", " +
         plural(report.counts.infos, "info") + "\n";
}

}  // namespace remit::policy
