#include "policy/shell_parser.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "base/text.h"
#include "tests/policy/shell_tree.h"

using remit::policy::parse_shell;
using remit::policy::ShellScript;

namespace {

std::string seen(std::string_view text) {
  const ShellScript script = parse_shell(text);
  if (!script.refused.empty()) return "refused: " + script.refused;
  std::string out = remit::join_text(remit::policy_test::commands_of(script), "; ");
  if (!script.unparsed.empty()) out += " !" + script.unparsed.front().why;
  return out;
}

bool unparsed(std::string_view text) {
  return !parse_shell(text).unparsed.empty();
}

}  // namespace

TEST_CASE("every simple command of a text is seen") {
  struct Row {
    const char* text;
    const char* commands;
  };
  const Row rows[] = {
      {"ls", "ls"},
      {"  ls   -l\t'a b'  ", "ls -l a b"},
      {"a; b & c && d || e\nf", "a; b; c; d; e; f"},
      {"a | b |& c", "a; b; c"},
      {"! a | b", "a; b"},
      {"time -p a", "a"},
      {"time -p -- a", "a"},
      {"time { a; b; }", "a; b"},
      {"(a; b)", "a; b"},
      {"{ a; b; } > f", "a; b"},
      {"if a; then b; elif c; then d; else e; fi", "a; b; c; d; e"},
      {"if (a) then b; fi", "a; b"},
      {"while a; do b; done; until c; do d; done", "a; b; c; d"},
      {"for x in 1 $(a) 3; do b $x; done", "a; b ?$x"},
      {"for x\ndo a; done", "a"},
      {"for ((i=0; i<3; i++)); do a; done", "a"},
      {"select x in 1 2; do a; done", "a"},
      {"case $x in a|b) c;; (d) e;& *) f;;& esac", "c; e; f"},
      {"case $(a) in x) b; esac", "a; b"},
      {"f() { a; }; f", "a; f"},
      {"function f { a; }", "a"},
      {"function f() ( a )", "a"},
      {"echo $(a $(b)) `c \\`d\\``", "echo ?$(a $(b)) ?`c \\`d\\``; a ?$(b); b; c ?`d`; d"},
      {"echo \"x $(a) `b`\"", "echo ?\"x $(a) `b`\"; a; b"},
      {"echo ${x:-$(a)} ${y%\"$(b)\"}", "echo ?${x:-$(a)} ?${y%\"$(b)\"}; a; b"},
      {"echo $(( $(a) + 1 ))", "echo ?$(( $(a) + 1 )); a"},
      {"cat <(a) >(b)", "cat ?<(a) ?>(b); a; b"},
      {"a < <(b)", "a; b"},
      {"cat <<X\n$(a) `b`\nX\nc", "cat; a; b; c"},
      {"cat <<'X'\n$(a)\nX\nb", "cat; b"},
      {"cat <<\\X\n$(a)\nX", "cat"},
      {"cat <<-X\n\t$(a)\n\tX\nb", "cat; a; b"},
      {"cat <<X <<Y\n$(a)\nX\n$(b)\nY", "cat; a; b"},
      {"echo $(cat <<X\n$(a)\nX\n)", "echo ?$(cat <<X\n$(a)\nX\n); cat; a"},
      {"cat <<< \"$(a)\"", "cat; a"},
      {"A=1 B=$(a) c", "c; a"},
      {"A=$(a)", "a"},
      {"> $(a)", "a"},
      {"a 2>&1 >>f <g &>h b", "a b"},
      {"a # b\nc", "a; c"},
      {"a #b; c", "a"},
      {"echo a#b", "echo a#b"},
      {"pk'exe'c true", "pkexec true"},
      {"p\\k\"exe\"c", "pkexec"},
      {"a \\\n  b", "a b"},
      {"[[ -n $(a) && x < y ]]", "a"},
      {"(( $(a) > 1 ))", "a"},
      {"echo if then fi", "echo if then fi"},
      {"'if' a", "if a"},
      {"echo {} \\;", "echo {} ;"},
      {"echo HEAD@{1}", "echo HEAD@{1}"},
      {"echo {a,b}", "echo ?{a,b}"},
      {"echo '{a,b}'", "echo {a,b}"},
      {"echo $'\\x41'", "echo ?$'\\x41'"},
      {"", ""},
      {"# nothing", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(seen(row.text) == row.commands);
  }
}

TEST_CASE("what is not wholly understood is said to be unparsed") {
  for (const char* text : {
           "echo 'a",
           "echo \"a",
           "echo `a",
           "echo $(a",
           "(a",
           "{ a",
           "if a; then b",
           "a)",
           "a &&& b",
           "a ;; b",
           "; a",
           "| a",
           "coproc a",
           "x=(a b)",
           "x[1]=$(a)",
           "echo ${!x}",
           "echo ${x@P}",
           "echo ${x[$(a)]}",
           "echo $[1+1]",
           "echo $\"a\"",
           "echo ${ a; }",
           "echo ${x:-<(a)}",
           "echo @(a|b)",
           "ec\\\nho a",
           "a &\\\n& b",
           "echo \"$\\\n(a)\"",
           "cat <<X\na",
           "cat <<X\na\\\nX\nX",
           "cat <<$X\na\n$X",
           "cat <<X $(a\n)\nb\nX",
           "echo $((ls) | a)",
           "((a); b)",
           "[[ a =~ (b) ]]",
           "{fd}>x a",
           "echo x<(a)",
           "a() b",
           "case x in a b) c;; esac",
           "for 1x in a; do b; done",
           "echo a\\",
           "time -x a",
           "time -p -p a",
           "cat <<X\n`a \\\nX\n`",
           "echo \"`echo \\\"a\\\"`\"",
           "echo \"${x:-'a'}\"",
       }) {
    CAPTURE(text);
    CHECK(unparsed(text));
  }
}

TEST_CASE("every beginning of a text is read without harm") {
  const std::string text =
      "f() { a \"x $(b `c \\`d\\``) ${y:-$(e)}\" <(g) $((1+2)) $'h\\'i' <<X >o\n$(j) `k`\nX\n}\n"
      "if [[ -n $l ]]; then for m in n {o,p}; do q & done; fi; case r in (s|t) u;; esac; v\\w";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const std::string start = text.substr(0, length);
    for (const char* end :
         {"", "$", "${", "$(", "`", "\\", "\"", "$'", "$'\\", "((", "<<", "${x:-\\"}) {
      CHECK(parse_shell(start + end).refused.empty());
    }
  }
}

TEST_CASE("words keep what is known and what is not") {
  const ShellScript script =
      parse_shell("a 'x'\"y\"z \"$v/\" logs/*.log ~/f ${x:=1} $((n)) -n$x {1..3}");
  const auto& words = script.root.children.at(0).words;
  CHECK(words[1].literal() == "xyz");
  CHECK_FALSE(words[2].literal());
  CHECK(words[2].empty_reading() == "/");
  CHECK_FALSE(words[2].splits());
  CHECK(words[3].prefix() == "logs/");
  CHECK(words[3].splits());
  CHECK(words[4].has(remit::policy::ShellPieceKind::tilde));
  CHECK(words[5].assigns);
  CHECK(words[6].evaluates);
  CHECK(words[7].prefix() == "-n");
  CHECK(words[8].brace);
}

TEST_CASE("bounds hold at the limit and refuse beyond it") {
  using namespace remit::limits;
  std::string many;
  for (std::size_t i = 0; i < kSimpleCommands; ++i) many += "a\n";
  CHECK(parse_shell(many).refused.empty());
  CHECK_FALSE(parse_shell(many + "a").refused.empty());

  // "( (" and not "((", which is arithmetic.
  std::string spaced;
  for (int i = 0; i < kShellNesting; ++i) spaced += "( ";
  CHECK(parse_shell(spaced + "a" + std::string(kShellNesting, ')')).refused.empty());
  CHECK(parse_shell(spaced + "a" + std::string(kShellNesting, ')')).unparsed.empty());
  CHECK_FALSE(parse_shell("( " + spaced + "a").refused.empty());
  std::string substitutions;
  for (int i = 0; i <= kShellNesting; ++i) substitutions += "echo $(";
  CHECK_FALSE(parse_shell(substitutions).refused.empty());

  CHECK(parse_shell("echo " + std::string(kCommandBytes - 5, 'x')).refused.empty());
  CHECK_FALSE(parse_shell("echo " + std::string(kCommandBytes - 4, 'x')).refused.empty());
  CHECK_FALSE(parse_shell(std::string_view("a\0b", 3)).refused.empty());
}
