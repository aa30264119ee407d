#include "server/cli/persona_commands.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/check.h"
#include "policy/diff.h"
#include "policy/find.h"
#include "policy/fix.h"
#include "policy/installation.h"
#include "policy/show.h"
#include "tools/registry.h"

namespace remit::server {

namespace {

constexpr int kDone = 0;
constexpr int kFound = 1;
constexpr int kUsage = 2;
constexpr int kUnreadable = 3;
constexpr const char* kCheckUsage =
    "usage: remit check PATH... [--json] [--strict] [--fix [--dry-run]] [--instruction ID]\n"
    "                   [--manifest FILE] [--site FILE]\n";
constexpr const char* kShowUsage =
    "usage: remit show NAME_OR_FILE [--json] [--instruction ID] [--manifest FILE] [--site FILE]\n";
constexpr const char* kDiffUsage =
    "usage: remit diff OLD NEW [--json] [--manifest FILE] [--site FILE]\n";

void out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}
void say(const std::string& text) {
  std::fputs(("remit: " + text + "\n").c_str(), stderr);
}

struct Options {
  std::vector<std::string> words;
  bool json = false, strict = false, fix = false, dry_run = false, help = false;
  std::string instruction, manifest, site;
};

// False after having said why.
bool take_flag(std::string_view word, std::span<const std::string_view> known, Options& options) {
  for (const auto& [name, value] : {std::pair<std::string_view, bool*>{"--json", &options.json},
                                    {"--strict", &options.strict},
                                    {"--fix", &options.fix},
                                    {"--dry-run", &options.dry_run}}) {
    if (word != name) continue;
    for (const std::string_view one : known) {
      if (one != name) continue;
      *value = true;
      return true;
    }
  }
  return false;
}

std::optional<Options> parse(std::span<const std::string> args,
                             std::span<const std::string_view> known, const char* usage) {
  Options options;
  bool only_words = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& word = args[i];
    if (only_words || !word.starts_with("-") || word == "-") {
      options.words.push_back(word);
      continue;
    }
    if (word == "--") {
      only_words = true;
      continue;
    }
    if (word == "--help" || word == "-h") {
      options.help = true;
      return options;
    }
    if (take_flag(word, known, options)) continue;
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    std::string* target = name == "--manifest" ? &options.manifest
                          : name == "--site"   ? &options.site
                                               : nullptr;
    for (const std::string_view one : known) {
      if (name == "--instruction" && one == name) target = &options.instruction;
    }
    if (target == nullptr) {
      say("unknown option " + printable(word));
      std::fputs(usage, stderr);
      return std::nullopt;
    }
    if (equals != std::string::npos) {
      *target = word.substr(equals + 1);
    } else if (i + 1 < args.size()) {
      *target = args[++i];
    }
    if (target->empty()) {
      say(name + " needs a value");
      return std::nullopt;
    }
  }
  if (!options.instruction.empty() && !policy::valid_instruction(options.instruction)) {
    say("an instruction id is a letter and at most 95 letters, digits, '_' or '-'");
    return std::nullopt;
  }
  return options;
}

int usage(const char* text) {
  std::fputs(text, stderr);
  return kUsage;
}

int help(const char* text) {
  out(text);
  return kDone;
}

int unreadable(const Error& error) {
  say(error.message);
  return kUnreadable;
}

std::optional<policy::Installation> load(const Options& options) {
  const auto manifests = policy::find_manifests();
  if (!manifests) {
    say(manifests.error().message);
    return std::nullopt;
  }
  auto installation = policy::load_installation(*manifests, options.site);
  if (!installation) {
    say(installation.error().message);
    return std::nullopt;
  }
  return std::move(*installation);
}

bool colour() {
  return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
}

// Repairs what can be repaired. True: every file that needed it was.
Result<bool> fix_files(const Options& options, const policy::Installation& installation) {
  bool all = true;
  for (const std::string& path : options.words) {
    std::vector<std::string> files{path};
    if (fs::open_root(path)) {
      TRY(files, policy::personas_in(path));
    }
    for (const std::string& file : files) {
      if (!file.ends_with(".md")) continue;
      TRY(const std::string before, fs::read_file(file, limits::kPersonaBytes));
      const policy::Fix fix = policy::propose_fix(file, before, installation.words);
      if (!fix.needed) continue;
      if (!fix.repaired) {
        say(printable(file) + " has errors that --fix does not repair");
        all = false;
        continue;
      }
      std::fputs(fix.diff.c_str(), stderr);
      if (options.dry_run) continue;
      TRY_DO(policy::apply_fix(file, before, fix));
      say("repaired " + printable(file));
    }
  }
  return all;
}

std::optional<policy::CheckedFile> load_one(const std::string& name, const Options& options,
                                            const policy::Installation& installation,
                                            const policy::Binding& binding) {
  const auto file = policy::find_persona(name);
  if (!file) {
    say(file.error().message);
    return std::nullopt;
  }
  auto one = policy::load_persona(*file, options.manifest, installation,
                                  policy::index_personas(policy::persona_folders()),
                                  tools::tool_names(), binding);
  if (!one) {
    say(one.error().message);
    return std::nullopt;
  }
  return std::move(*one);
}

void say_diagnostics(const policy::CheckedFile& file) {
  for (const policy::Diagnostic& one : file.compiled.diagnostics) {
    if (one.severity() == policy::Severity::error) {
      std::fputs(policy::render(one).c_str(), stderr);
    }
  }
}

}  // namespace

int check_command(std::span<const std::string> args) {
  constexpr std::array<std::string_view, 5> kKnown{"--json", "--strict", "--fix", "--dry-run",
                                                   "--instruction"};
  const auto options = parse(args, kKnown, kCheckUsage);
  if (!options) return kUsage;
  if (options->help) return help(kCheckUsage);
  if (options->words.empty() || (options->dry_run && !options->fix)) return usage(kCheckUsage);
  const auto installation = load(*options);
  if (!installation) return kUnreadable;
  if (options->fix) {
    const auto fixed = fix_files(*options, *installation);
    if (!fixed) return unreadable(fixed.error());
  }
  const auto report = policy::check(options->words, *installation, tools::tool_names(),
                                    {options->strict, options->manifest, options->instruction});
  if (!report) return unreadable(report.error());
  out(options->json ? dump_pretty(policy::report_json(*report)) + "\n"
                    : policy::report_text(*report, colour()));
  return report->ok() ? kDone : kFound;
}

int show_command(std::span<const std::string> args, const ToolsListHash& tools_list_hash) {
  constexpr std::array<std::string_view, 2> kKnown{"--json", "--instruction"};
  const auto options = parse(args, kKnown, kShowUsage);
  if (!options) return kUsage;
  if (options->help) return help(kShowUsage);
  if (options->words.size() != 1) return usage(kShowUsage);
  const auto installation = load(*options);
  if (!installation) return kUnreadable;
  const auto one =
      load_one(options->words[0], *options, *installation, {options->instruction, {}, {}, {}});
  if (!one) return kUnreadable;
  if (options->json) {
    const std::string hash =
        one->compiled.ok && tools_list_hash ? tools_list_hash(one->compiled.remit) : "";
    out(dump_pretty(policy::show_json(one->persona, one->compiled, hash)) + "\n");
  } else if (one->compiled.ok) {
    out(policy::show_text(one->persona, one->compiled));
  }
  if (!one->compiled.ok) say_diagnostics(*one);
  return one->compiled.ok ? kDone : kFound;
}

int diff_command(std::span<const std::string> args) {
  constexpr std::array<std::string_view, 1> kKnown{"--json"};
  const auto options = parse(args, kKnown, kDiffUsage);
  if (!options) return kUsage;
  if (options->help) return help(kDiffUsage);
  if (options->words.size() != 2) return usage(kDiffUsage);
  const auto installation = load(*options);
  if (!installation) return kUnreadable;
  const policy::Binding binding{std::string(policy::kDiffInstruction), {}, {}, {}};
  std::array<std::optional<policy::CheckedFile>, 2> sides;
  for (std::size_t i = 0; i < 2; ++i) {
    Options side = *options;
    std::string name = options->words[i];
    // A manifest stands for the persona beside it; an old copy elsewhere, for that of the other
    // side.
    if (policy::is_manifest(name)) {
      const auto persona_of = [](std::string file) {
        return file.substr(0, file.size() - std::string_view(".manifest.yaml").size()) + ".md";
      };
      side.manifest = name;
      const std::string& other = options->words[1 - i];
      name = persona_of(name);
      if (!policy::readable(name)) name = policy::is_manifest(other) ? persona_of(other) : other;
    }
    sides[i] = load_one(name, side, *installation, binding);
    if (!sides[i]) return kUnreadable;
    if (!sides[i]->compiled.ok) {
      say_diagnostics(*sides[i]);
      return kFound;
    }
  }
  const policy::Remit& before = sides[0]->compiled.remit;
  const policy::Remit& after = sides[1]->compiled.remit;
  const policy::Difference difference = policy::difference(before, after);
  out(options->json ? dump_pretty(policy::difference_json(before, after, difference)) + "\n"
                    : policy::difference_text(before, after, difference));
  return kDone;
}

}  // namespace remit::server
