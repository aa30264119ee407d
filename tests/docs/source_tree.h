// The source tree as the source tests see it: files by their path from the repository root, and C++
// text with comments and literals blanked, so that a rule about code is not fooled by prose.
// Single-threaded; a file that cannot be read ends the test with its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace remit::docs_test {

struct SourceFile {
  std::string path;  // from the repository root, '/' separated
  std::vector<std::string> lines;
};

// One broken rule. Printed as "file:line: message".
struct Finding {
  std::string file;
  int line = 1;
  std::string message;
};
std::string to_text(const std::vector<Finding>& findings);

// The repository root: $REMIT_SOURCE, which ctest sets.
std::string source_root();

// Every text file of the tree that a person wrote: build folders, .git and node_modules left out,
// sorted by path.
std::vector<SourceFile> read_tree(const std::string& root);

// Those of `files` that are C++ (.h, .cpp).
std::vector<SourceFile> cpp_files(const std::vector<SourceFile>& files);

// The lines of a C++ file with comments, string and character literals replaced by spaces; raw
// strings too. #include lines stay as they are. Line and column numbers do not change.
std::vector<std::string> code_only(const std::vector<std::string>& lines);

// Splits text at '\n'; for the tests' own samples.
SourceFile sample(std::string path, std::string_view text);

}  // namespace remit::docs_test
