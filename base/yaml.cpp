#include "base/yaml.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/utf8.h"
#include "base/yaml_simple.h"

namespace remit::yaml {

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::scalar:
      return "text";
    case Kind::sequence:
      return "list";
    case Kind::mapping:
      return "mapping";
  }
  return "null";
}

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

char32_t code_point(std::string_view text, std::size_t offset, std::size_t* length) {
  const CodePoint one = decode_utf8(text.substr(offset));
  *length = one.length == 0 ? 1 : one.length;
  return one.length == 0 ? U'\uFFFD' : one.value;
}

bool is_refused_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

namespace {

// Ends a parse early from inside yaml-cpp's callbacks; never leaves parse().
struct Stop {};

// Where each line starts, to turn yaml-cpp's marks (0-based; columns are bytes of UTF-8) into ours.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }
  std::size_t offset(const YAML::Mark& mark) const {
    if (mark.is_null()) return 0;
    const auto line =
        std::min(static_cast<std::size_t>(std::max(mark.line, 0)), starts_.size() - 1);
    const std::size_t end = line + 1 < starts_.size() ? starts_[line + 1] - 1 : text_.size();
    return std::min(starts_[line] + static_cast<std::size_t>(std::max(mark.column, 0)), end);
  }
  Position position(std::size_t offset) const {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const auto line = static_cast<std::size_t>(next - starts_.begin()) - 1;
    return {static_cast<int>(line) + 1, static_cast<int>(offset - starts_[line]) + 1};
  }
  Position position(const YAML::Mark& mark) const { return position(offset(mark)); }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

bool looks_like_non_text_key(std::string_view key) {
  if (key == "true" || key == "false" || key == "True" || key == "False") return true;
  const std::size_t first = key.starts_with('-') || key.starts_with('+') ? 1 : 0;
  return key.size() > first && key[first] >= '0' && key[first] <= '9' &&
         key.find_first_not_of("0123456789.eE+-_xXabcdefABCDEF") == std::string_view::npos;
}

// Builds the tree from events, under the bounds. Keys are consumed by the mapping on top of the
// stack: a frame holds a mapping or a sequence that is still open.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view text, const Lines& lines, const Bounds& bounds, Parsed& out)
      : text_(text), lines_(lines), bounds_(bounds), out_(out) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      add(Fault::second_document, "a second document starts here", lines_.position(mark));
      throw Stop{};
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    Node node;
    node.at = lines_.position(mark);
    // An absent value is marked where the next token begins; its key is the better place.
    const std::size_t at = lines_.offset(mark);
    const bool written =
        at < text_.size() && (text_[at] == '~' || text_[at] == 'n' || text_[at] == 'N');
    if (!written && !stack_.empty() && stack_.back().has_key) node.at = stack_.back().key_at;
    place(std::move(node), mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    add(Fault::alias, "alias: write the value out", lines_.position(mark));
    place(Node{}, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (!quote_is_closed(lines_.offset(mark))) {
      add(Fault::syntax, "the quoted text is not closed", lines_.position(mark));
    }
    Node node;
    node.kind = Kind::scalar;
    node.text = value;
    node.plain = tag == "?";
    node.at = lines_.position(mark);
    place(std::move(node), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(Kind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { end(); }
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

 private:
  struct Frame {
    Node node;
    YAML::Mark mark;
    bool has_key = false;
    std::string key;
    Position key_at;
    std::set<std::string, std::less<>> keys;
  };

  void add(Fault fault, std::string message, Position at) {
    out_.problems.push_back({fault, std::move(message), at});
  }
  // yaml-cpp 0.7 takes the end of the input for a closing quote if a line break comes before it. A
  // mark that is not at a quote (plain and block scalars) has nothing to close.
  bool quote_is_closed(std::size_t at) const {
    if (at >= text_.size() || (text_[at] != '"' && text_[at] != '\'')) return true;
    const char quote = text_[at];
    for (std::size_t i = at + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\' && quote == '"') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != quote) return true;
        ++i;
      }
    }
    return false;
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) add(Fault::alias, "anchor: write the value out", lines_.position(mark));
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    const std::size_t at = lines_.offset(mark);
    const bool written = at < text_.size() && text_[at] == '!';
    if (written || (!tag.empty() && tag != "?" && tag != "!")) {
      add(Fault::tag, "tag: values are text, write them without one", lines_.position(mark));
    }
  }
  void count(const YAML::Mark& mark) {
    if (++nodes_ > bounds_.nodes) {
      add(Fault::depth, "more than " + std::to_string(bounds_.nodes) + " values",
          lines_.position(mark));
      throw Stop{};
    }
  }
  void begin(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    count(mark);
    if (stack_.size() >= static_cast<std::size_t>(bounds_.depth)) {
      add(Fault::depth, "nested deeper than " + std::to_string(bounds_.depth) + " levels",
          lines_.position(mark));
      throw Stop{};
    }
    Frame frame;
    frame.node.kind = kind;
    frame.node.at = lines_.position(mark);
    frame.mark = mark;
    stack_.push_back(std::move(frame));
  }
  void end() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    insert(std::move(frame.node));
  }
  void place(Node node, const YAML::Mark& mark) {
    count(mark);
    insert(std::move(node));
  }
  void insert(Node node) {
    if (stack_.empty()) {
      out_.root = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.kind == Kind::sequence) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    if (!frame.has_key) {
      take_key(frame, node);
      return;
    }
    frame.has_key = false;
    frame.node.entries.push_back({std::move(frame.key), frame.key_at, std::move(node)});
  }
  void take_key(Frame& frame, const Node& node) {
    frame.has_key = true;
    frame.key_at = node.at;
    frame.key = node.text;
    if (node.kind != Kind::scalar || (node.plain && looks_like_non_text_key(node.text))) {
      add(Fault::key_type, "a key must be text", node.at);
    } else if (node.plain && node.text == "<<") {
      add(Fault::alias, "merge key: write the keys out", node.at);
    } else if (!frame.keys.insert(node.text).second) {
      add(Fault::duplicate_key,
          "the key \"" + node.text.substr(0, limits::kEchoedInput) + "\" is there twice", node.at);
    }
  }

  std::string_view text_;
  const Lines& lines_;
  const Bounds& bounds_;
  Parsed& out_;
  std::vector<Frame> stack_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

// What must hold before yaml-cpp sees a byte: it would accept all of this silently.
void check_characters(std::string_view text, const Lines& lines, Parsed& out) {
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 1;
    const char32_t c = code_point(text, i, &length);
    if (c == 0xFFFD && length == 1) {
      out.problems.push_back({Fault::not_utf8, "not UTF-8", lines.position(i)});
      return;
    }
    const bool lone_return = c == '\r' && (i + 1 >= text.size() || text[i + 1] != '\n');
    if (is_refused_control(c) || lone_return) {
      char name[16];
      std::snprintf(name, sizeof name, "U+%04X", static_cast<unsigned>(c));
      out.problems.push_back(
          {Fault::control, std::string("control character ") + name, lines.position(i)});
      return;
    }
    i += length;
  }
}

void check_directives(std::string_view text, const Lines& lines, Parsed& out) {
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '%') {
      out.problems.push_back({Fault::tag, "directive: remove the line", lines.position(at)});
      return;
    }
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) return;
    at = end + 1;
  }
}

void walk(std::string_view text, const Lines& lines, const Bounds& bounds, Parsed& out) {
  try {
    std::istringstream input{std::string(text)};
    YAML::Parser parser(input);
    Builder builder(text, lines, bounds, out);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {  // NOLINT(bugprone-empty-catch): the problem is recorded
  } catch (const YAML::DeepRecursion& error) {
    out.problems.push_back({Fault::depth, "nested too deeply", lines.position(error.mark)});
  } catch (const YAML::Exception& error) {
    out.problems.push_back({Fault::syntax, error.msg, lines.position(error.mark)});
  } catch (const std::exception&) {
    out.problems.push_back({Fault::syntax, "cannot be read as YAML", Position{}});
  }
}

}  // namespace

Parsed parse(std::string_view text, const Bounds& bounds) {
  if (auto root = parse_simple(text, bounds)) return {std::move(*root), {}};
  return parse_any(text, bounds);
}

Parsed parse_any(std::string_view text, const Bounds& bounds) {
  Parsed out;
  if (text.size() > bounds.bytes) {
    out.problems.push_back(
        {Fault::size, "larger than " + std::to_string(bounds.bytes) + " bytes", Position{}});
    return out;
  }
  // yaml-cpp guesses UTF-16 and UTF-32 from the first bytes; only UTF-8 gets that far.
  const Lines lines(text);
  check_characters(text, lines, out);
  if (out.problems.empty()) check_directives(text, lines, out);
  if (out.problems.empty()) walk(text, lines, bounds, out);
  if (!out.problems.empty()) {
    out.root = Node{};
    std::sort(out.problems.begin(), out.problems.end(), [](const Problem& a, const Problem& b) {
      return std::tie(a.at, a.fault, a.message) < std::tie(b.at, b.fault, b.message);
    });
  }
  return out;
}

std::optional<bool> as_bool(const Node& node) {
  if (node.kind != Kind::scalar || !node.plain) return std::nullopt;
  if (node.text == "true") return true;
  if (node.text == "false") return false;
  return std::nullopt;
}

std::optional<std::int64_t> as_integer(const Node& node) {
  if (node.kind != Kind::scalar || !node.plain || node.text.empty()) return std::nullopt;
  const std::string_view text = node.text;
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out += c;
    }
  }
  return out + '"';
}

}  // namespace remit::yaml
