#include "policy/markdown.h"

#include <algorithm>

#include "base/text.h"

namespace remit::policy {

namespace {

constexpr std::size_t kPlainLabelBytes = 64;  // longer than this, "Text:" is a sentence

bool blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trim_left(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view trim_right(std::string_view text) {
  while (!text.empty() && (blank(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// Removes emphasis around a whole text: **x** or __x__.
std::string_view strip_bold(std::string_view text) {
  for (const std::string_view mark : {std::string_view("**"), std::string_view("__")}) {
    if (text.size() > 4 && text.starts_with(mark) && text.ends_with(mark)) {
      text = text.substr(2, text.size() - 4);
    }
  }
  return text;
}

struct Fence {
  char mark = 0;  // 0: none open
  std::size_t length = 0;
};

// Opens or closes `fence`; true if the line is a fence line.
bool fence_line(std::string_view text, Fence& fence) {
  const std::string_view line = trim_right(trim_left(text));
  if (line.empty() || (line[0] != '`' && line[0] != '~')) return false;
  const std::size_t length = std::min(line.find_first_not_of(line[0]), line.size());
  if (length < 3) return false;
  if (fence.mark == 0) {
    // An info string of backticks would be inline code (CommonMark 0.31, 4.5).
    if (line[0] == '`' && line.find('`', length) != std::string_view::npos) return false;
    fence = {line[0], length};
    return true;
  }
  if (line[0] == fence.mark && length >= fence.length && length == line.size()) {
    fence = {};
    return true;
  }
  return false;
}

void read_heading(Line& line) {
  std::string_view text = line.text;
  int spaces = 0;
  while (spaces < 4 && !text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
    ++spaces;
  }
  const std::size_t level = std::min(text.find_first_not_of('#'), text.size());
  if (spaces > 3 || level < 1 || level > 6) return;
  text.remove_prefix(level);
  if (!text.empty() && !blank(text.front())) return;
  text = trim_right(trim_left(text));
  std::string_view closed = text;
  while (!closed.empty() && closed.back() == '#') closed.remove_suffix(1);
  if (closed.empty() || blank(closed.back())) text = trim_right(closed);
  line.level = static_cast<int>(level);
  line.heading = strip_bold(text);
}

// "(...)" at the start of `text`; consumed when found.
std::string_view take_parenthesis(std::string_view& text) {
  if (text.empty() || text.front() != '(') return {};
  const std::size_t end = text.find(')');
  if (end == std::string_view::npos) return {};
  const std::string_view inside = text.substr(1, end - 1);
  text = trim_left(text.substr(end + 1));
  return inside;
}

bool take_colon(std::string_view& text) {
  if (!text.starts_with(':')) return false;
  text = trim_left(text.substr(1));
  return true;
}

}  // namespace

std::vector<Line> read_lines(std::string_view body, int first_line) {
  std::vector<Line> out;
  Fence fence;
  int number = first_line;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    Line line;
    line.number = number++;
    line.text = body.substr(0, end);
    if (line.text.ends_with('\r')) line.text.remove_suffix(1);
    const bool inside = fence.mark != 0;
    line.fenced = fence_line(line.text, fence) || inside;
    if (!line.fenced) read_heading(line);
    out.push_back(line);
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return out;
}

int indent_of(std::string_view text) {
  int column = 0;
  for (const char c : text) {
    if (c == ' ') {
      ++column;
    } else if (c == '\t') {
      column += 4 - column % 4;
    } else {
      break;
    }
  }
  return column;
}

std::optional<Bullet> read_bullet(std::string_view text) {
  Bullet bullet;
  bullet.indent = indent_of(text);
  const std::string_view rest = trim_left(text);
  if (rest.empty()) return std::nullopt;
  std::size_t mark = 0;
  if (rest[0] == '-' || rest[0] == '*' || rest[0] == '+') {
    mark = 1;
  } else {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0 || digits > 9 || digits >= rest.size()) return std::nullopt;
    if (rest[digits] != '.' && rest[digits] != ')') return std::nullopt;
    mark = digits + 1;
  }
  if (rest.size() <= mark || !blank(rest[mark])) return std::nullopt;
  bullet.content = trim_right(trim_left(rest.substr(mark)));
  if (bullet.content.empty()) return std::nullopt;
  return bullet;
}

int column_of(const Line& line, std::string_view part) {
  return static_cast<int>(part.data() - line.text.data()) + 1;
}

std::optional<Label> read_label(std::string_view content) {
  content = trim_right(trim_left(content));
  Label label;
  if (content.starts_with("**")) {
    const std::size_t end = content.find("**", 2);
    if (end == std::string_view::npos || end == 2) return std::nullopt;
    std::string_view text = trim_right(content.substr(2, end - 2));
    if (text.find('`') != std::string_view::npos) return std::nullopt;
    label.bold = true;
    if (text.ends_with(':')) {
      label.colon = true;
      text = trim_right(text.substr(0, text.size() - 1));
    }
    label.text = std::string(text);
    label.rest = trim_left(content.substr(end + 2));
  } else {
    const std::size_t colon = content.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon > kPlainLabelBytes) {
      return std::nullopt;
    }
    std::string_view text = trim_right(content.substr(0, colon));
    if (text.find_first_of("`|[]<>\"") != std::string_view::npos) return std::nullopt;
    if (colon + 1 < content.size() && !blank(content[colon + 1])) return std::nullopt;
    const std::size_t open = text.find('(');
    if (open != std::string_view::npos && text.ends_with(')')) {
      label.qualifier = text.substr(open + 1, text.size() - open - 2);
      text = trim_right(text.substr(0, open));
    }
    if (text.empty()) return std::nullopt;
    label.text = std::string(text);
    label.colon = true;
    label.rest = trim_left(content.substr(colon + 1));
    return label;
  }
  if (take_colon(label.rest)) label.colon = true;
  if (const std::string_view qualifier = take_parenthesis(label.rest); !qualifier.empty()) {
    label.qualifier = qualifier;
    if (take_colon(label.rest)) label.colon = true;
  }
  return label;
}

std::string normal_label(std::string_view text) {
  std::string out;
  for (const char c : strip_bold(trim(text))) {
    if (c == '*') continue;
    if (blank(c)) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += c;
    }
  }
  while (!out.empty() && (out.back() == ':' || out.back() == ' ')) out.pop_back();
  return lower_ascii(out);
}

std::string slug_of(std::string_view name) {
  std::string out;
  const auto dash = [&] {
    if (!out.empty() && out.back() != '-') out += '-';
  };
  for (const char c : lower_ascii(name)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      out += c;
    } else if (c == '&') {
      out += "and";
    } else {
      dash();
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

}  // namespace remit::policy
