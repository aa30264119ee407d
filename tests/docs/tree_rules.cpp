#include "tests/docs/tree_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace remit::docs_test {
namespace {

constexpr std::size_t kReadmeLines = 40;
constexpr std::size_t kTopOfFile = 40;  // lines in which the reason for a long file must stand

// Written in two halves, so that this file passes its own rule.
const std::vector<std::pair<std::string, std::string>>& forbidden() {
  static const std::vector<std::pair<std::string, std::string>> table = {
      {std::string("/wo") + "rk/", "a path of one machine"},
      {std::string("/home") + "/", "a path of one machine"},
      {std::string("/fa") + "rm/", "a path of one machine"},
      {std::string(".lib") + "rary", "a path of one machine"},
      {std::string("TO") + "DO", "unfinished: file an issue or finish it"},
      {std::string("FIX") + "ME", "unfinished: file an issue or finish it"},
      {std::string("XX") + "X:", "unfinished: file an issue or finish it"},
      {std::string("not imple") + "mented", "unfinished: file an issue or finish it"},
  };
  return table;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// `word` as a whole word, so that TodoWrite and mktemp's XXXXXX are no hits.
bool has_word(const std::string& line, const std::string& word) {
  for (std::size_t at = line.find(word); at != std::string::npos; at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool starts = at == 0 || !is_word(line[at - 1]) || !is_word(word.front());
    const bool ends = end >= line.size() || !is_word(line[end]) || !is_word(word.back());
    if (starts && ends) return true;
  }
  return false;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string top_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

bool is_product(const std::string& path) {
  static const std::set<std::string> tops = {"base", "memory", "policy", "tools", "server"};
  return tops.contains(top_of(path));
}

void check_one_readme(const SourceFile& readme, std::vector<Finding>& findings) {
  static constexpr std::array<std::string_view, 6> sections = {
      "What it is", "May include", "Threads", "Fails with", "Files", "How "};
  if (readme.lines.size() > kReadmeLines) {
    findings.push_back(
        {readme.path, static_cast<int>(kReadmeLines) + 1, "a module README has at most 40 lines"});
  }
  for (const std::string_view section : sections) {
    const bool there = std::any_of(
        readme.lines.begin(), readme.lines.end(),
        [&](const std::string& line) { return line.find(section) != std::string::npos; });
    if (!there) findings.push_back({readme.path, 1, "section missing: " + std::string(section)});
  }
}

// A list names a file by its stem, or a family of files by a prefix: shell_* names shell_lexer.
bool names(const SourceFile& readme, const std::string& stem) {
  std::vector<std::string> families;
  for (std::size_t at = stem.find('_'); at != std::string::npos; at = stem.find('_', at + 1)) {
    families.push_back(stem.substr(0, at + 1) + "*");
  }
  return std::any_of(readme.lines.begin(), readme.lines.end(), [&](const std::string& line) {
    return has_word(line, stem) ||
           std::any_of(families.begin(), families.end(), [&](const std::string& family) {
             return line.find(family) != std::string::npos;
           });
  });
}

}  // namespace

std::vector<Finding> check_length(const std::vector<SourceFile>& files) {
  std::vector<Finding> findings;
  for (const SourceFile& file : files) {
    if (file.lines.size() <= kLongFile) continue;
    const auto top = file.lines.begin();
    const auto end = top + static_cast<std::ptrdiff_t>(kTopOfFile);
    const bool reasoned = std::any_of(top, end, [](const std::string& line) {
      return line.find("Over 400 lines because") != std::string::npos ||
             line.find("400+ lines because") != std::string::npos;
    });
    if (reasoned) continue;
    findings.push_back({file.path, static_cast<int>(kLongFile) + 1,
                        std::to_string(file.lines.size()) +
                            " lines; split it by what is in it, or say at its top: Over 400 lines "
                            "because ..."});
  }
  return findings;
}

std::vector<Finding> check_words(const std::vector<SourceFile>& files) {
  std::vector<Finding> findings;
  for (const SourceFile& file : files) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      for (const auto& [word, why] : forbidden()) {
        if (has_word(file.lines[i], word)) {
          findings.push_back({file.path, static_cast<int>(i) + 1, "'" + word + "': " + why});
        }
      }
    }
  }
  return findings;
}

std::vector<Finding> check_module_readmes(const std::vector<SourceFile>& files) {
  std::map<std::string, const SourceFile*> readmes;  // by folder
  for (const SourceFile& file : files) {
    if (!is_product(file.path) || !file.path.ends_with("/README.md")) continue;
    readmes[folder_of(file.path)] = &file;
  }
  std::vector<Finding> findings;
  for (const auto& [folder, readme] : readmes) check_one_readme(*readme, findings);
  std::set<std::string> done;  // a .h and its .cpp are one entry
  for (const SourceFile& file : cpp_files(files)) {
    if (!is_product(file.path)) continue;
    const std::string stem = file.path.substr(0, file.path.rfind('.'));
    if (!done.insert(stem).second) continue;
    // A small folder may be described by the README of the folder above it.
    std::string folder = folder_of(file.path);
    while (!folder.empty() && !readmes.contains(folder)) folder = folder_of(folder);
    if (folder.empty()) {
      findings.push_back(
          {folder_of(file.path) + "/README.md", 1, "missing: every module says what it is"});
    } else if (!names(*readmes[folder], stem.substr(stem.rfind('/') + 1))) {
      findings.push_back({folder + "/README.md", 1, "its list of files does not name " + stem});
    }
  }
  return findings;
}

}  // namespace remit::docs_test
