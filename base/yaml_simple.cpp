#include "base/yaml_simple.h"

#include <algorithm>
#include <array>
#include <utility>

namespace remit::yaml {
namespace {

constexpr std::size_t kKeyBytes = 128;     // yaml-cpp looks at most 1,024 bytes ahead for the ':'
constexpr std::size_t kMappingKeys = 256;  // repeated keys are found by comparing all

enum : unsigned char { kWord = 1, kFlow = 2, kFirst = 4 };

// What a byte may be: in a key; in a plain scalar between brackets; at the start of a plain scalar.
constexpr auto kClass = [] {
  std::array<unsigned char, 128> out{};
  const auto mark = [&](std::string_view bytes, unsigned classes) {
    for (const char c : bytes) {
      auto& entry = out[static_cast<unsigned char>(c)];
      entry = static_cast<unsigned char>(entry | classes);
    }
  };
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./", kWord | kFlow | kFirst);
  mark("-", kWord | kFlow);
  mark(" +=", kFlow);
  return out;
}();

bool is(char c, unsigned char classes) {
  return (kClass[static_cast<unsigned char>(c) & 127u] & classes) != 0;
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What yaml-cpp reads as no value.
bool is_null(std::string_view word) {
  return word == "null" || word == "Null" || word == "NULL";
}

// Keys that parse() refuses because they read as something else than text. (Numbers do not begin
// with a letter.)
bool is_refused_key(std::string_view key) {
  return key == "true" || key == "True" || key == "false" || key == "False" || is_null(key);
}

class Reader {
 public:
  Reader(std::string_view text, const Bounds& bounds) : text_(text), bounds_(bounds) {}

  std::optional<Node> read() {
    Node root;
    next_line();
    if (at_end_ || indent_ != 0 || !mapping(root, 0, 1) || !at_end_) return std::nullopt;
    return root;
  }

 private:
  // --- lines: at_ is the first byte of content, indent_ its distance from the line's start ---

  // To the next line that holds more than spaces and a comment.
  void next_line() {
    for (;; ++line_) {
      if (next_ >= text_.size()) {
        at_end_ = true;
        return;
      }
      begin_ = at_ = next_;
      end_ = std::min(text_.find('\n', at_), text_.size());
      next_ = end_ + 1;
      while (at_ < end_ && text_[at_] == ' ') ++at_;
      if (at_ == end_ || text_[at_] == '#') continue;
      ++line_;  // the counter is one ahead of 0-based lines, that is 1-based
      indent_ = at_ - begin_;
      return;
    }
  }
  Position here() const { return {static_cast<int>(line_), static_cast<int>(at_ - begin_) + 1}; }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < end_ ? text_[at_ + ahead] : '\n'; }
  // Nothing but spaces and a comment is left of the line; a comment needs a space before it.
  bool line_is_done() {
    const std::size_t before = at_;
    while (peek() == ' ') ++at_;
    return at_ == end_ || (text_[at_] == '#' && at_ > before);
  }
  bool is_item() const { return peek() == '-' && peek(1) == ' '; }

  bool count() { return ++nodes_ <= bounds_.nodes; }
  bool may_nest(int depth) const { return depth <= bounds_.depth; }

  // --- block collections ---

  // Length of the key at at_, or 0. A key is a word, ':' and a space or the line's end.
  std::size_t key_length() const {
    if (!is_letter(peek()) && peek() != '_') return 0;
    std::size_t length = 1;
    while (at_ + length < end_ && is(text_[at_ + length], kWord)) ++length;
    if (length > kKeyBytes || peek(length) != ':') return 0;
    const char after = peek(length + 1);
    return after == ' ' || after == '\n' ? length : 0;
  }

  bool mapping(Node& out, std::size_t indent, int depth) {
    out.kind = Kind::mapping;
    out.at = here();
    if (!count() || !may_nest(depth)) return false;
    while (!at_end_ && indent_ == indent && !is_item()) {
      if (out.entries.size() >= kMappingKeys || !entry(out, indent, depth)) return false;
    }
    return at_end_ || indent_ < indent || (indent_ == indent && is_item());
  }

  bool entry(Node& map, std::size_t indent, int depth) {
    const std::size_t length = key_length();
    if (length == 0 || !count()) return false;
    Entry made;
    made.key = text_.substr(at_, length);
    if (is_refused_key(made.key) || map.find(made.key) != nullptr) return false;
    made.key_at = here();
    at_ += length + 1;
    if (!line_is_done()) {
      if (!value(made.value, depth)) return false;
    } else {
      next_line();
      // A sequence may stand at its key's own indent. A value that is missing is left to yaml-cpp.
      if (at_end_ || indent_ < indent || (indent_ == indent && !is_item())) return false;
      const std::size_t inner = indent_;
      if (is_item() ? !sequence(made.value, inner, inner == indent, depth + 1)
                    : !mapping(made.value, inner, depth + 1)) {
        return false;
      }
    }
    map.entries.push_back(std::move(made));
    // Deeper lines would continue the value.
    return at_end_ || indent_ <= indent;
  }

  // `beside_key`: at the indent of the mapping that holds it, whose next key ends it.
  bool sequence(Node& out, std::size_t indent, bool beside_key, int depth) {
    out.kind = Kind::sequence;
    out.at = here();
    if (!count() || !may_nest(depth)) return false;
    while (!at_end_ && indent_ == indent && is_item()) {
      at_ += 1;
      while (peek() == ' ') ++at_;
      if (peek() == '\n' || peek() == '#' || is_item()) return false;
      Node& item = out.items.emplace_back();
      if (key_length() == 0) {
        if (!value(item, depth)) return false;
      } else {
        indent_ = at_ - begin_;  // of the mapping that begins on this line
        if (!mapping(item, indent_, depth + 1)) return false;
      }
      if (!at_end_ && indent_ > indent) return false;
    }
    return at_end_ || indent_ < indent || (beside_key && indent_ == indent);
  }

  // --- values on one line ---

  // A value up to the line's end; then on to the next line.
  bool value(Node& out, int depth) {
    const bool whole = peek() == '[' || peek() == '{'    ? flow(out, depth + 1)
                       : peek() == '"' || peek() == '\'' ? quoted_scalar(out)
                                                         : plain(out);
    if (!whole || !line_is_done()) return false;
    next_line();
    return true;
  }

  bool scalar(Node& out) {
    out.kind = Kind::scalar;
    out.at = here();
    return count();
  }

  bool begins_plain() const { return is(peek(), kFirst) || (peek() == '-' && is(peek(1), kFirst)); }

  bool plain(Node& out) {
    if (!begins_plain() || !scalar(out)) return false;
    std::size_t stop = end_;
    for (std::size_t i = at_; i < end_; ++i) {
      if (text_[i] == ':' && (i + 1 == end_ || text_[i + 1] == ' ')) return false;
      if (text_[i] == '#' && text_[i - 1] == ' ') {
        stop = i;
        break;
      }
    }
    while (text_[stop - 1] == ' ') --stop;
    return take_plain(out, stop);
  }

  bool take_plain(Node& out, std::size_t stop) {
    out.text = text_.substr(at_, stop - at_);
    out.plain = true;
    at_ = stop;
    return !is_null(out.text);
  }

  bool quoted_scalar(Node& out) {
    if (!scalar(out)) return false;
    const char quote = text_[at_];
    for (++at_; at_ < end_; ++at_) {
      const char c = text_[at_];
      if (c == quote && quote == '\'' && peek(1) == '\'') {
        ++at_;
      } else if (c == quote) {
        ++at_;
        return true;
      } else if (c == '\\' && quote == '"') {
        // The other escapes are rare.
        if (peek(1) != '\\' && peek(1) != '"') return false;
        ++at_;
      }
      out.text += text_[at_];
    }
    return false;
  }

  bool flow_plain(Node& out) {
    if (!begins_plain() || !scalar(out)) return false;
    std::size_t stop = at_;
    while (stop < end_ && is(text_[stop], kFlow)) ++stop;
    while (text_[stop - 1] == ' ') --stop;
    return take_plain(out, stop);
  }

  bool flow(Node& out, int depth) {
    const bool map = text_[at_] == '{';
    out.kind = map ? Kind::mapping : Kind::sequence;
    out.at = here();
    if (!count() || !may_nest(depth)) return false;
    const char close = map ? '}' : ']';
    ++at_;
    while (peek() == ' ') ++at_;
    if (peek() == close) return ++at_, true;
    for (;;) {
      if (map ? !flow_entry(out, depth) : !flow_value(out.items.emplace_back(), depth))
        return false;
      while (peek() == ' ') ++at_;
      if (peek() == close) return ++at_, true;
      if (peek() != ',') return false;
      ++at_;
      while (peek() == ' ') ++at_;
    }
  }

  bool flow_value(Node& out, int depth) {
    if (peek() == '[' || peek() == '{') return flow(out, depth + 1);
    return peek() == '"' || peek() == '\'' ? quoted_scalar(out) : flow_plain(out);
  }

  bool flow_entry(Node& map, int depth) {
    const std::size_t length = key_length();
    if (length == 0 || peek(length + 1) != ' ' || !count()) return false;
    Entry made;
    made.key = text_.substr(at_, length);
    if (map.entries.size() >= kMappingKeys || is_refused_key(made.key) ||
        map.find(made.key) != nullptr) {
      return false;
    }
    made.key_at = here();
    at_ += length + 1;
    while (peek() == ' ') ++at_;
    if (!flow_value(made.value, depth)) return false;
    map.entries.push_back(std::move(made));
    return true;
  }

  const std::string_view text_;
  const Bounds& bounds_;
  std::size_t begin_ = 0, at_ = 0, end_ = 0;  // of the line
  std::size_t next_ = 0;                      // where the next line begins
  std::size_t line_ = 0;                      // counts from 1 once a line is read
  std::size_t indent_ = 0, nodes_ = 0;
  bool at_end_ = false;
};

bool printable_ascii(std::string_view text) {
  bool ok = true;
  for (const char c : text) ok &= (c >= ' ' && c < 0x7f) || c == '\n';
  return ok;
}

}  // namespace

std::optional<Node> parse_simple(std::string_view text, const Bounds& bounds) {
  if (text.size() > bounds.bytes || !printable_ascii(text)) return std::nullopt;
  return Reader(text, bounds).read();
}

}  // namespace remit::yaml
