#include "tests/docs/source_tree.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace remit::docs_test {
namespace {

namespace fs = std::filesystem;

// Folders whose content nobody of this project wrote or that a build makes.
bool is_foreign_folder(const std::string& name) {
  return name == ".git" || name == "node_modules" || name == "build" ||
         name.rfind("build-", 0) == 0 || name == ".cache";
}

bool is_text(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name == "dev" || name == "run" || name == "CMakeLists.txt" || name == "LICENSE") return true;
  static const std::vector<std::string> extensions = {
      ".h",  ".cpp",   ".md",  ".yaml", ".yml", ".json", ".jsonl",   ".mjs",
      ".sh", ".cmake", ".txt", ".html", ".css", ".js",   ".service", ".in"};
  return std::find(extensions.begin(), extensions.end(), path.extension().string()) !=
         extensions.end();
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// What the scanner of code_only is inside of.
enum class In { code, block_comment, raw_string };

class Blanker {
 public:
  std::string blank(const std::string& line) {
    std::string out(line.size(), ' ');
    std::size_t i = 0;
    if (in_ == In::code && is_include(line)) return line;
    while (i < line.size()) i = step(line, i, out);
    return out;
  }

 private:
  static bool is_include(const std::string& line) {
    const std::size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') return false;
    const std::size_t word = line.find_first_not_of(" \t", hash + 1);
    return word != std::string::npos && line.compare(word, 7, "include") == 0;
  }

  // Handles what begins at `i`; returns where to go on.
  std::size_t step(const std::string& line, std::size_t i, std::string& out) {
    if (in_ == In::block_comment) return skip_to("*/", line, i);
    if (in_ == In::raw_string) return skip_to(raw_end_, line, i);
    if (line.compare(i, 2, "//") == 0) return line.size();
    if (line.compare(i, 2, "/*") == 0) {
      in_ = In::block_comment;
      return i + 2;
    }
    if (line.compare(i, 2, "R\"") == 0) {
      const std::size_t open = line.find('(', i + 2);
      if (open != std::string::npos) {
        raw_end_ = ")" + line.substr(i + 2, open - i - 2) + "\"";
        in_ = In::raw_string;
        return open + 1;
      }
    }
    // A ' between digits separates them: 10'000 is no character literal.
    const bool separator = line[i] == '\'' && i > 0 && std::isxdigit(line[i - 1]) != 0;
    if (line[i] == '"' || (line[i] == '\'' && !separator)) return skip_literal(line, i);
    out[i] = line[i];
    return i + 1;
  }

  std::size_t skip_to(const std::string& end, const std::string& line, std::size_t i) {
    const std::size_t found = line.find(end, i);
    if (found == std::string::npos) return line.size();
    in_ = In::code;
    return found + end.size();
  }

  static std::size_t skip_literal(const std::string& line, std::size_t i) {
    const char quote = line[i];
    for (++i; i < line.size() && line[i] != quote; ++i) {
      if (line[i] == '\\') ++i;
    }
    return i + 1;
  }

  In in_ = In::code;
  std::string raw_end_;
};

}  // namespace

std::string to_text(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out += "\n" + finding.file + ":" + std::to_string(finding.line) + ": " + finding.message;
  }
  return out;
}

std::string source_root() {
  const char* root = std::getenv("REMIT_SOURCE");
  if (root == nullptr || !fs::exists(fs::path(root) / "CMakeLists.txt")) {
    std::fputs("REMIT_SOURCE must name the source tree; run this test with ctest\n", stderr);
    std::exit(2);
  }
  return root;
}

std::vector<SourceFile> read_tree(const std::string& root) {
  std::vector<SourceFile> files;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    if (it->is_directory() && is_foreign_folder(it->path().filename().string())) {
      it.disable_recursion_pending();
    }
    if (!it->is_regular_file() || it->is_symlink() || !is_text(it->path())) continue;
    std::ifstream in(it->path(), std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "cannot read %s\n", it->path().c_str());
      std::exit(2);
    }
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    files.push_back({fs::relative(it->path(), root).generic_string(), split_lines(text)});
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::vector<SourceFile> cpp_files(const std::vector<SourceFile>& files) {
  std::vector<SourceFile> out;
  std::copy_if(files.begin(), files.end(), std::back_inserter(out), [](const SourceFile& file) {
    return file.path.ends_with(".h") || file.path.ends_with(".cpp");
  });
  return out;
}

std::vector<std::string> code_only(const std::vector<std::string>& lines) {
  std::vector<std::string> out;
  out.reserve(lines.size());
  Blanker blanker;
  for (const std::string& line : lines) out.push_back(blanker.blank(line));
  return out;
}

SourceFile sample(std::string path, std::string_view text) {
  return {std::move(path), split_lines(text)};
}

}  // namespace remit::docs_test
