#include "tools/search_commands.h"

#include <charconv>
#include <optional>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "tools/search/query.h"

namespace remit::tools {

const char* const kGrepUsage =
    "usage: remit grep [-i] [-n] [-l] [-c] [-o] [-F] [-U] [-A N] [-B N] [-C N] [-g GLOB]… [-t "
    "TYPE]\n"
    "                  [--no-ignore] [--json] [-e] PATTERN [PATH]…\n";
const char* const kGlobUsage = "usage: remit glob [--no-ignore] [--json] PATTERN [PATH]\n";

namespace {

constexpr int kFound = 0, kNothing = 1, kUsage = 2, kUnreadable = 3, kPartial = 4;
// A person waits as long as he likes; this only keeps the arithmetic of time points sound.
constexpr std::chrono::hours kNoDeadline{24 * 365};
constexpr std::size_t kAllLines = 1u << 30;

struct GrepFlags {
  search::GrepQuery query;
  bool numbers = false, list = false, count = false, json = false;
  std::optional<std::string> pattern;
  std::vector<std::string> paths;
};

void print(std::FILE* to, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), to);
}

bool number(const std::string& text, std::size_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value <= limits::kContextLines;
}

bool flag(GrepFlags& flags, char name) {
  switch (name) {
    case 'i':
      flags.query.pattern.ignore_case = true;
      return true;
    case 'n':
      flags.numbers = true;
      return true;
    case 'l':
      flags.list = true;
      return true;
    case 'c':
      flags.count = true;
      return true;
    case 'o':
      flags.query.scan.only_matching = true;
      return true;
    case 'F':
      flags.query.pattern.literal = true;
      return true;
    case 'U':
      flags.query.pattern.multiline = true;
      return true;
    default:
      return false;
  }
}

bool valued(GrepFlags& flags, char name, const std::string& value) {
  search::ScanOptions& scan = flags.query.scan;
  switch (name) {
    case 'A':
      return number(value, scan.after);
    case 'B':
      return number(value, scan.before);
    case 'C':
      return number(value, scan.after) && number(value, scan.before);
    case 'g':
      flags.query.files.globs.push_back(value);
      return true;
    case 't':
      flags.query.files.type = value;
      return true;
    case 'e':
      flags.pattern = value;
      return true;
    default:
      return false;
  }
}

// What is wrong with the command line, or nothing.
std::optional<std::string> parse(const std::vector<std::string>& arguments, GrepFlags& flags) {
  bool only_names = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (only_names || word.size() < 2 || word[0] != '-') {
      if (!flags.pattern) {
        flags.pattern = word;
      } else {
        flags.paths.push_back(word);
      }
    } else if (word == "--") {
      only_names = true;
    } else if (word == "--json") {
      flags.json = true;
    } else if (word == "--no-ignore") {
      flags.query.files.no_ignore = true;
    } else if (word.starts_with("--")) {
      return "unknown option " + word;
    } else {
      for (std::size_t at = 1; at < word.size(); ++at) {
        if (flag(flags, word[at])) continue;
        if (std::string_view("ABCgte").find(word[at]) == std::string_view::npos) {
          return "unknown option -" + std::string(1, word[at]);
        }
        std::string value = word.substr(at + 1);
        if (value.empty()) {
          if (++i == arguments.size()) return "-" + std::string(1, word[at]) + " needs a value";
          value = arguments[i];
        }
        if (!valued(flags, word[at], value)) {
          return "-" + std::string(1, word[at]) + " " + value + ": a number up to " +
                 std::to_string(limits::kContextLines) + " is needed";
        }
        break;
      }
    }
  }
  return flags.pattern ? std::nullopt : std::optional<std::string>("no pattern given");
}

int complain(std::FILE* err, const Error& error) {
  print(err, "remit: " + printable(error.message) + "\n");
  return error.kind == ErrorKind::invalid_argument && !error.where.empty() ? kUsage : kUnreadable;
}

void print_hit(const GrepFlags& flags, const search::Hit& hit, bool with_path, bool& any,
               std::FILE* out) {
  if (flags.list || flags.count) {
    if (flags.json) {
      Json json{{"path", hit.path}};
      if (flags.count) json["count"] = hit.matching_lines;
      print(out, dump(json) + "\n");
    } else {
      print(out, hit.path + (flags.count ? ":" + std::to_string(hit.matching_lines) : "") + "\n");
    }
    return;
  }
  const bool context = flags.query.scan.before > 0 || flags.query.scan.after > 0;
  for (const search::Line& line : hit.lines) {
    if (flags.json) {
      print(out, dump(Json{{"path", hit.path},
                           {"line", line.number},
                           {"match", line.is_match},
                           {"text", line.text}}) +
                     "\n");
      continue;
    }
    const char mark = line.is_match ? ':' : '-';
    if (context && line.group_start && any) print(out, "--\n");
    any = true;
    std::string text;
    if (with_path) text += hit.path + mark;
    if (flags.numbers) text += std::to_string(line.number) + mark;
    print(out, text + printable(line.text) + "\n");
  }
}

// Gaps go to `err`; what they mean for the exit code.
bool tell_gaps(const search::Coverage& coverage, std::FILE* err) {
  for (const std::string& gap : coverage.gaps)
    print(err, "remit: not searched: " + printable(gap) + "\n");
  if (coverage.unreadable > coverage.gaps.size()) {
    print(err, "remit: not searched: " + with_commas(coverage.unreadable) + " in all\n");
  }
  return !coverage.complete();
}

search::RunOptions unhurried() {
  search::RunOptions run;
  run.deadline = kNoDeadline;
  return run;
}

}  // namespace

int grep_command(policy::Access& access, const std::vector<std::string>& arguments, std::FILE* out,
                 std::FILE* err) {
  GrepFlags flags;
  if (const std::optional<std::string> wrong = parse(arguments, flags)) {
    print(err, "remit: " + printable(*wrong) + "\n" + kGrepUsage);
    return kUsage;
  }
  flags.query.pattern.text = *flags.pattern;
  flags.query.scan.want = flags.list    ? search::Want::presence
                          : flags.count ? search::Want::count
                                        : search::Want::lines;
  flags.query.scan.keep_lines = kAllLines;
  if (flags.query.scan.only_matching) flags.query.scan.before = flags.query.scan.after = 0;
  if (flags.paths.empty()) flags.paths.emplace_back();
  bool found_any = false, partial = false, printed = false;
  int failure = kFound;
  for (const std::string& path : flags.paths) {
    flags.query.files.path = path;
    auto found = search::grep(access, {"remit grep", "Grep"}, flags.query, unhurried());
    if (!found) {
      failure = complain(err, found.error());
      if (failure == kUsage) return failure;
      continue;
    }
    partial = tell_gaps(found->coverage, err) || partial;
    const bool with_path = flags.paths.size() > 1 || !found->single_file;
    for (const search::Hit& hit : found->hits) print_hit(flags, hit, with_path, printed, out);
    found_any = found_any || !found->hits.empty();
  }
  if (failure != kFound) return failure;
  if (partial) return kPartial;
  return found_any ? kFound : kNothing;
}

int glob_command(policy::Access& access, const std::vector<std::string>& arguments, std::FILE* out,
                 std::FILE* err) {
  search::FileChoice files;
  bool json = false;
  std::vector<std::string> words;
  for (const std::string& word : arguments) {
    if (word == "--json") {
      json = true;
    } else if (word == "--no-ignore") {
      files.no_ignore = true;
    } else if (word.starts_with("-")) {
      print(err, "remit: unknown option " + printable(word) + "\n" + kGlobUsage);
      return kUsage;
    } else {
      words.push_back(word);
    }
  }
  if (words.empty() || words.size() > 2 || words[0].empty()) {
    print(err, kGlobUsage);
    return kUsage;
  }
  const bool directories = words[0].ends_with('/');
  files.globs.push_back(words[0]);
  if (words.size() == 2) files.path = words[1];
  auto found = search::find_names(access, {"remit glob", "Glob"}, files, directories, unhurried());
  if (!found) return complain(err, found.error());
  for (const search::Hit& hit : found->hits) {
    print(out, (json ? dump(Json{{"path", hit.path}}) : hit.path) + "\n");
  }
  if (tell_gaps(found->coverage, err)) return kPartial;
  return found->hits.empty() ? kNothing : kFound;
}

}  // namespace remit::tools
