// The engine against ripgrep: seeded trees and questions, answers compared line by line. Cases:
// 240, or REMIT_DIFFERENTIAL_CASES; first seed 1, or REMIT_DIFFERENTIAL_SEED (a failing case prints
// its seed; with REMIT_DIFFERENTIAL_KEEP=DIR its tree is copied there). Known differences of
// dialect are avoided by construction: trees are ASCII, patterns use no class that means more in
// Unicode, binary files follow tools/search/reader.h. Skipped (77) without rg.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/limits.h"
#include "base/text.h"
#include "tests/search/generate.h"
#include "tests/search/ripgrep.h"
#include "tools/search/query.h"
#include "tools/search/types.h"

namespace {

using namespace remit;
using Answer = std::vector<std::string>;

unsigned number_from(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

bool same(unsigned seed, const std::string& what, const Answer& ours, const Answer& theirs) {
  if (ours == theirs) return true;
  std::fprintf(stderr, "seed %u: %s: %zu of ours, %zu of ripgrep's\n", seed, what.c_str(),
               ours.size(), theirs.size());
  int shown = 0;
  for (const std::string& line : ours) {
    if (!std::binary_search(theirs.begin(), theirs.end(), line) && shown++ < 5)
      std::fprintf(stderr, "  only ours:   %s\n", line.c_str());
  }
  for (const std::string& line : theirs) {
    if (!std::binary_search(ours.begin(), ours.end(), line) && shown++ < 10)
      std::fprintf(stderr, "  only theirs: %s\n", line.c_str());
  }
  return false;
}

Answer our_lines(const search::Found& found) {
  Answer out;
  for (const search::Hit& hit : found.hits) {
    for (const search::Line& line : hit.lines) {
      out.push_back(hit.path + ":" + std::to_string(line.number) + ":" +
                    (line.text.size() > 400 ? "(long)" : line.text));
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Answer our_paths(const search::Found& found) {
  Answer out;
  for (const search::Hit& hit : found.hits) out.push_back(hit.path);
  std::sort(out.begin(), out.end());
  return out;
}

// `timed_out` counts answers that were partial and therefore not compared.
bool one_case(unsigned seed, test::FakeAccess& access, const std::string& root,
              test::Generator& make, unsigned& timed_out) {
  const policy::CallScope call{"case", "Grep"};
  search::RunOptions run;
  run.deadline = std::chrono::seconds(10);
  run.workers = 1 + make.below(3);
  search::GrepQuery query;
  std::vector<std::string> arguments = test::ripgrep_common();
  std::string what;
  auto add = [&](std::initializer_list<std::string> list) {
    for (const std::string& one : list) arguments.push_back(one), what += one + " ";
  };
  if (make.chance(3)) query.files.globs = {make.glob()}, add({"-g", query.files.globs[0]});
  // A positive glob must not bring back what the '!' of version control took away.
  for (const char* name : {"!.git", "!.hg"}) add({"-g", name});
  if (make.chance(6)) query.files.type = make.type(), add({"-t", query.files.type});
  if (make.chance(5)) query.files.no_ignore = true, add({"--no-ignore"});

  auto names = search::find_names(access, call, query.files, false, run);
  std::vector<std::string> list = arguments;
  list.push_back("--files");
  Answer theirs;
  const test::RipgrepRun listed = test::ripgrep(root, list);
  for (const std::string_view path : split(listed.out, '\n')) {
    if (!path.empty()) theirs.emplace_back(path);
  }
  std::sort(theirs.begin(), theirs.end());
  if (!names || !same(seed, "--files " + what, our_paths(*names), theirs)) return false;

  query.pattern.text = make.chance(4) ? make.literal() : make.pattern();
  query.scan.want = search::Want::lines;
  query.scan.keep_lines = 10'000'000;
  if (make.chance(4)) query.pattern.ignore_case = true, add({"-i"});
  if (make.chance(6)) query.pattern.literal = true, add({"-F"});
  // ripgrep --text lets a match run across a NUL.
  if (!make.with_nul() && make.chance(4))
    query.pattern.multiline = true, add({"-U", "--multiline-dotall"});
  add({"--json", "--text", "--no-unicode", "-e", query.pattern.text});
  auto found = search::grep(access, call, query, run);
  if (!found) {
    std::fprintf(stderr, "seed %u: %s: %s\n", seed, what.c_str(), found.error().message.c_str());
    return false;
  }
  if (found->coverage.timed_out) {
    std::fprintf(stderr, "seed %u: %s: not finished in time\n", seed, what.c_str());
    ++timed_out;
    return true;
  }
  const Answer ours = our_lines(*found);
  if (!same(seed, what, ours, test::ripgrep_lines(root, arguments))) return false;

  // Counting and presence must agree with the lines.
  const std::uint64_t lines = found->total_lines;
  const Answer paths = our_paths(*found);
  for (const search::Want want : {search::Want::count, search::Want::presence}) {
    query.scan.want = want;
    auto again = search::grep(access, call, query, run);
    if (!again || !same(seed, "presence of " + what, our_paths(*again), paths)) return false;
    if (want == search::Want::count && again->total_lines != lines) {
      std::fprintf(stderr, "seed %u: %s: counted otherwise\n", seed, what.c_str());
      return false;
    }
  }
  return true;
}

bool types_agree() {
  Answer ours, theirs;
  for (const search::FileType& type : search::file_types()) {
    std::string globs;
    for (const std::string_view glob : split(type.globs, ' '))
      globs += (globs.empty() ? "" : ", ") + std::string(glob);
    ours.push_back(std::string(type.name) + ": " + globs);
  }
  const test::RipgrepRun listed = test::ripgrep("/", {"--no-config", "--type-list"});
  for (const std::string_view line : split(listed.out, '\n')) {
    if (!line.empty()) theirs.emplace_back(line);
  }
  std::sort(ours.begin(), ours.end());
  std::sort(theirs.begin(), theirs.end());
  return same(0, "--type-list", ours, theirs);
}

}  // namespace

int main() {
  const std::string version = test::ripgrep_version();
  if (version.empty()) {
    std::puts("skipped: rg (package ripgrep) is not installed");
    return 77;
  }
  int failures = 0;
  if (version.starts_with("ripgrep 13.")) failures += types_agree() ? 0 : 1;
  const unsigned cases = number_from("REMIT_DIFFERENTIAL_CASES", 240);
  const unsigned first = number_from("REMIT_DIFFERENTIAL_SEED", 1);
  constexpr unsigned kQuestions = 10;  // asked of one tree
  unsigned asked = 0, timed_out = 0;
  for (unsigned seed = first; asked < cases && failures < 10; ++seed) {
    test::Scratch scratch;
    test::Generator make(seed);
    make.tree(scratch);
    test::FakeAccess access(scratch.path());
    for (unsigned i = 0; i < kQuestions && asked < cases; ++i, ++asked) {
      if (one_case(seed, access, scratch.path(), make, timed_out)) continue;
      ++failures;
      if (const char* keep = std::getenv("REMIT_DIFFERENTIAL_KEEP")) {
        std::filesystem::copy(scratch.path(), std::string(keep) + "/seed" + std::to_string(seed),
                              std::filesystem::copy_options::recursive |
                                  std::filesystem::copy_options::copy_symlinks |
                                  std::filesystem::copy_options::skip_existing);
      }
    }
  }
  std::printf("%s: %u cases, %d differences, %u not finished in time\n", version.c_str(), asked,
              failures, timed_out);
  // On a machine that does much else one may be late; more means that the engine is slow.
  return failures == 0 && timed_out * 100 <= asked ? 0 : 1;
}
