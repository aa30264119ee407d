#include "tests/policy/shell_scripts.h"

#include <string_view>

namespace remit::policy_test {

std::string ScriptGenerator::name() {
  const std::string digit = std::to_string(below(10));
  switch (below(8)) {
    case 0:
      return "'c'" + digit;
    case 1:
      return "c\\" + digit;
    case 2:
      return "\"c" + digit + "\"";
    default:
      return "c" + digit;
  }
}

std::string ScriptGenerator::word(int depth) {
  if (depth <= 0) return "w" + std::to_string(below(10));
  switch (below(18)) {
    case 0:
      return "$(" + list(depth - 1) + ")";
    case 1:
      return "\"x $(" + list(depth - 1) + ") y\"";
    case 2:
      return "`" + name() + "`";
    case 3:
      return "\"`" + name() + " w`\"";
    case 4:
      return "${u:-$(" + simple(depth - 1) + ")}";
    case 5:
      return "\"${u:-$(" + simple(depth - 1) + ")}\"";
    case 6:
      return "<(" + list(depth - 1) + ")";
    case 7:
      return "'$(c9) `c9`'";
    case 8:
      return "\"a'b\"";
    case 9:
      return "'a\"b'";
    case 10:
      return "w#x";
    case 11:
      return "$((1 + 2))";
    case 12:
      return "$(( $(" + simple(depth - 1) + ") + 0 ))";
    case 13:
      return "{a,b}";
    case 14:
      return "\\;";
    case 15:
      return "${#u}";
    case 16:
      return "$'x\\'y'";
    default:
      return "w";
  }
}

std::string ScriptGenerator::simple(int depth) {
  std::string out;
  if (below(8) == 0) out += "v=" + word(depth) + " ";
  out += name();
  const std::uint64_t words = below(3);
  for (std::uint64_t i = 0; i < words; ++i) out += (below(9) == 0 ? " \\\n" : " ") + word(depth);
  switch (below(16)) {
    case 0:
      out += " > out";
      break;
    case 1:
      out += " 2>&1";
      break;
    case 2:
      out += " <<< " + word(depth);
      break;
    case 3:
      out += " &> out";
      break;
    case 4:
    case 5: {
      const bool quoted = below(2) == 0;
      out += quoted ? " <<'EOF'" : " <<EOF";
      bodies_ += "text $(" + name() + ") `" + name() + "` \" ' #\nEOF\n";
      break;
    }
    default:
      break;
  }
  return out;
}

std::string ScriptGenerator::compound(int depth) {
  const std::string inner = list(depth - 1);
  switch (below(11)) {
    case 0:
      return "( " + inner + " )";
    case 1:
      return "{ " + inner + "\n}";
    case 2:
      return "if " + simple(0) + "; then " + inner + "\nelse " + list(depth - 1) + "\nfi";
    case 3:
      return "for v in " + word(depth - 1) + " w; do " + inner + "\ndone";
    case 4:
      return "while false; do " + inner + "\ndone";
    case 5:
      return "until true; do " + inner + "\ndone";
    case 6:
      return "case w in (x|w) " + inner + "\n;;\n*) " + list(depth - 1) + "\n;; esac";
    case 7:
      return "f" + std::to_string(below(3)) + "() { " + inner + "\n}";
    case 8:
      return "[[ -n " + word(depth - 1) + " && w < x ]]";
    case 9:
      return "time { " + inner + "\n}";
    default:
      return "! { " + inner + "\n} 2>&1";
  }
}

std::string ScriptGenerator::command(int depth) {
  if (depth > 0 && below(3) == 0) return compound(depth);
  if (below(20) == 0) return "f" + std::to_string(below(3));
  return simple(depth);
}

std::string ScriptGenerator::list(int depth) {
  std::string out;
  const std::uint64_t count = 1 + below(2);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string outer_bodies;
    outer_bodies.swap(bodies_);
    out += command(depth);
    if (!bodies_.empty()) {
      // The text of here-documents follows the line that announces them.
      out += "\n" + bodies_;
    } else {
      static constexpr std::string_view joins[] = {"; ",  "\n",  " && ", " || ",
                                                   " | ", " & ", " |& ", " # w\n"};
      out += i + 1 < count ? joins[below(8)] : std::string_view();
    }
    bodies_.swap(outer_bodies);
  }
  return out;
}

std::string ScriptGenerator::script() {
  bodies_.clear();
  return list(3);
}

std::string ScriptGenerator::mutated() {
  static constexpr std::string_view bytes = "'\"`$(){}<>|&;#\\\n \t!=*?[]:-+,.";
  std::string text = script();
  const std::uint64_t changes = 1 + below(3);
  for (std::uint64_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        text.erase(at, 1);
        break;
      case 1:
        text.insert(at, 1, bytes[below(bytes.size())]);
        break;
      case 2:
        text[at] = bytes[below(bytes.size())];
        break;
      default:
        text.insert(below(text.size()), text.substr(at, 1 + below(6)));
        break;
    }
  }
  return text;
}

}  // namespace remit::policy_test
