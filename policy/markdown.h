// The lines of a persona's body, as the section parsers see them: headings with their level,
// bullets with their indent, fenced blocks marked. Nothing else of markdown is interpreted. The
// views point into the text given to read_lines(). Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remit::policy {

struct Line {
  int number = 1;            // in the file, from 1
  std::string_view text;     // without its line break
  bool fenced = false;       // inside a ``` or ~~~ block, or a line of the fence itself
  int level = 0;             // 1-6: a heading
  std::string_view heading;  // its text, without marks
};

// `first_line` is the file's number of the body's first line.
std::vector<Line> read_lines(std::string_view body, int first_line);

struct Bullet {
  int indent = 0;            // columns before the mark, a tab going to the next multiple of four
  std::string_view content;  // behind the mark and its blanks
};
// `- x`, `* x`, `+ x`, `1. x`, `1) x`.
std::optional<Bullet> read_bullet(std::string_view text);
int indent_of(std::string_view text);

// A part of `line` back to its column, from 1 in bytes.
int column_of(const Line& line, std::string_view part);

// The label at the start of `content`: **bold** with or without a colon, or `Text:`.
struct Label {
  std::string text;
  bool bold = false;
  bool colon = false;
  std::string_view qualifier;  // inside (...) behind the label, or empty
  std::string_view rest;       // what follows on the line, blanks removed
};
std::optional<Label> read_label(std::string_view content);

// Words in lower case, blanks collapsed, `**`, `_` marks and a closing colon removed: what labels
// and headings are compared by.
std::string normal_label(std::string_view text);

// Lower case, "&" -> "and", every other run outside [a-z0-9] -> "-", none at the ends.
std::string slug_of(std::string_view name);

}  // namespace remit::policy
