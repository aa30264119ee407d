#include "tests/policy/shell_scripts.h"

#include <algorithm>
#include <utility>

namespace remit::policy_test {
namespace {

// Templates are separated by three blanks or a line's end. Placeholders: %N command name, %O an odd
// one, %W word, %L list, %S simple command, %C command, %Q a list as one single-quoted word, %H a
// here-document (its text follows the line), %n a newline, %0 a digit, %2 one below 3, %% a percent
// sign.

constexpr std::string_view kNames = R"table(
c%0   c%0   c%0   c%0   c%0   c%0   'c'%0   c\%0   "c%0"   "c"%0   'c%0'   c''%0   \c%0
)table";

// What only the running shell knows to be a command.
constexpr std::string_view kOddNames = R"table(
${u:-c%0}   {c%0,w}   c[%0]   $'c%0'   c$'%0'   $"c%0"   $(echo c%0)   `echo c%0`   c\%n%0   \%nc%0
c?(x)%0   ${u}c%0   c%0${u}   "$(echo c%0)"   c{%0,%0}
)table";

constexpr std::string_view kPlainWords = R"table(
w   w   w   '$(c9) `c9`'   "a'b"   'a"b'   w#x   $((1 + 2))   {a,b}   \;   ${#u}   $'x\'y'
"\$(c9) \`c9\`"   \$\(c9\)   *   [ab]*   w=x   '; c9'   "; c9"   w\ c9   ''   ""   -w   =   a=1
\%nw   w\%nw   '%n c9 %n'   !   if   }   w}   {w   time   $'$(c9)'   $'\x24(c9)'   \`c9\`
)table";

constexpr std::string_view kWords = R"table(
$(%L)   "x $(%L) y"   `%N`   "`%N w`"   ${u:-$(%S)}   "${u:-$(%S)}"   <(%L)   >(%L)
$(( $(%S) + 0 ))   $(( `%N` + 1 ))   $[ $(%N) ]   ${u:=%W}   ${u:+%W}   ${v/%W/w}   ${v#$(%N)}
${v:$(%N)}   ${v:$(( $(%N) ))}   ${a[$(%N)]}   "${a[$(%N)]}"   {a,$(%N)}   a{$(%N),b}   $"x $(%N)"
w"$(%L)"w   w$(%L)w   "${u:-"$(%N)"}"   "${u:-'$(%N)'}"   ${u:-'$(c9)'}   ${u:-"$(%N)"}
"$(%N "$(%N %W)")"   $( (%L) )   $(%L%n)   $(# c9%n%N)   $(case w in w) %N;; esac)
$(case w in (w) %N;; esac)   `%N \`%N\``   "`%N \"w\"`"   `%N '\''`   "$(%N ')' ")")"   ${u-$(%N}})}
"$(%N \%n w)"   $((%W))   $((a[$(%N)]))   ${v@P}   ${!v}   ${u:-`%N`}   @($(%N)|w)   "w`%N`w"
'w'$(%N)"w"   ${u:-<(%N)}   $(<in)   $(%N <<X%n$(%N)%nX%n)   "${v%%$(%N)}"   ${v//w/$(%N)}
${v^^$(%N)}   $(%N)$(%N)   "$v$(%N)"   $(time %N)   $(! %N)   $({ %N; })   $(if %N; then %N; fi)
${u:-${u:-$(%N)}}   "${u:-${u:-$(%N)}}"   $(( (1) + $(%N) ))   $(%N;)   $(%N&)
)table";

constexpr std::string_view kSimples = R"table(
%N   %N   %N %W   %N %W   %N %W %W   %N -w %W   %N \%n %W   v=%W %N   v=%W w=%W %N %W   %N >out
%N > out %W   > out %N   2>&1 %N %W   %N 2>&1   %N <<< %W   %N &> out   %N &>> out   %N >| out
%N <in   <in %N   %N <&-   %N 3>out   {f}>out %N   %N >&out   %N <<EOF%H   %N <<'EOF'%H
%N <<"EOF" %W%H   %N <<-EOF%H   %N <<\EOF > out%H   <<EOF %N%H   %N <<EOF <<EOF%H%H   %N >$(%S)
%N <<<$(%L)   %N > >(%N)   %N < <(%L)   v=%W   v=%W   v+=%W   v=$(%L) w=`%N`   a=(%W %W)
a[$(%N)]=w   a=([$(%N)]=w)   a+=(%W)   a=(%W%n%W # c9%n)   declare v=%W   declare -a a=(%W)
export v=%W   export v   typeset -i v=%W   readonly r%0=%W   %N w#c9   %N # c9   %N '# c9' # ' c9
%N $(%S) `%N`   : %W   true %W   echo %W %W   [ -n %W ]   test %W = %W   %O %W   %O
)table";

constexpr std::string_view kWrapped = R"table(
env %N %W   env A=1 %N   env -u A B=$(%N) %N   env -i PATH="$PATH" %N   env -S '%N w'   env -C . %N
env - %N   timeout 5 %N %W   timeout -s TERM 5 %N   timeout --foreground 5 %N   nice %N
nice -n 3 %N %W   nice -5 %N   nohup %N   stdbuf -oL %N   ionice -c 3 %N   command %N %W
command -p %N   command -- %N   command -v %N   ( exec %N %W )   ( exec -a w %N )
( exec > out; %N )   time %N   time -p %N   command time %N   echo w | xargs %N
echo w | xargs -n1 %N w   echo w | xargs -I{} %N {}   echo %N | xargs -I{} {} w
echo w | xargs -n 1 nice %N   echo w | xargs -t %N   echo %N | xargs env   echo w | xargs bash -c %Q
xargs -a in %N   echo w | xargs -0 -- %N   find . -maxdepth 0 -exec %N {} ';'
find . -maxdepth 0 -exec %N {} +   find . -maxdepth 0 -execdir %N \;
find . -maxdepth 0 -exec env %N ';' -exec %N ';'   find . -maxdepth 0 "-exec" %N \;
find . -maxdepth 0 -exec bash -c %Q ';'   env timeout 5 nice %N   builtin eval %Q   command eval %Q
bash -c %Q   sh -c %Q   bash -ec %Q w   bash --norc -c %Q   bash -o pipefail -c %Q
bash +o posix -c %Q   bash -c -- %Q   bash <<< %Q   bash -s <<< %Q   echo %Q | bash
bash < <(echo %Q)   env bash -c %Q   timeout 5 bash -c %Q   bash -c "%N w"   bash -c "$v"
bash <<EOF%H   bash <(echo %Q)   eval %Q   eval %Q %Q   eval %N %W   eval "%N" ';' %N
eval 'v=%N'; $v   eval "$(echo %N)"   eval eval %Q   trap %Q EXIT   trap -- %Q 0   trap %Q DEBUG; %N
source <(echo %Q)   . <(echo %Q)   echo %Q > s; source s   echo %Q > in; bash in   coproc %N %W
coproc { %L%n}   coproc X { %L%n}   exec %N   v=%N; $v %W   v=%Q; eval "$v"   v=(%N w); "${v[@]}"
set -- %N w; "$@"   set -- %N w; $*   set -- %Q; eval "$1"   for v in %N %N; do $v; done
while read v; do $v; done <<< %N   read v <<< %N; $v   printf -v v %%s %N; $v
mapfile -C %N -c 1 -t a <<< w   mapfile -t a <<< %N; ${a[0]}   type %N; %N   builtin %N   \eval %Q
'eval' %Q   e"val" %Q   env eval %Q   shopt -s expand_aliases%nalias z0=%Q%nz0 %W
shopt -s expand_aliases%nalias z1='%N '%nz1 w   alias z2=%N; z2   enable -n echo; echo w
hash -p s %N; %N   bash -O extglob -c %Q   bash -O expand_aliases -c "alias z3=%N%nz3"
PS4='$(%N)'; set -x; true   set -e; %N; %N   BASH_ENV=<(echo %Q) bash -c true   PROMPT_COMMAND=%N
IFS=x; v=%Nxw; $v
)table";

// A subscript is evaluated, and what stands in it runs.
constexpr std::string_view kEvaluated = R"table(
printf -v 'a[$(%N)]' w   read 'a[$(%N)]' <<< w   unset 'a[$(%N)]'   test -v 'a[$(%N)]'
[ -v 'a[$(%N)]' ]   [[ 'a[$(%N)]' -eq 1 ]]   [[ -v 'a[$(%N)]' ]]   let 'a[$(%N)]=1'
let v='a[$(%N)]'   (( a[$(%N)] ))   (( v = $(%N) + 1 ))   (( `%N` ))   v='a[$(%N)]'; (( v ))
v='a[$(%N)]'; echo $(( v ))   v='a[$(%N)]'; echo ${a[v]}   v='$(%N)'; echo ${v@P}
v='a[$(%N)]'; echo ${w:v}   v='a[$(%N)]'; echo "${!v}"   v='a[$(%N)]'; [[ v -eq 1 ]]
v='a[$(%N)]'; declare -i x=v   declare 'a[$(%N)]=w'
v='a[$(%N)]'; for ((i = v; i < 1; i++)); do true; done   export 'a[$(%N)]=w'
for ((i = $(%N) 0; i < 2; i++)); do %N; done   v='a[$(%N)]'; test $v -eq 1
v='a[$(%N)]'; echo ${w:0:v}   v='a[$(%N)]'; a[v]=1   v='a[$(%N)]'; a=([v]=1)   wait -p 'a[$(%N)]'
getopts w 'a[$(%N)]'   readonly 'a[$(%N)]=w'   v='a[$(%N)]' ; echo $[v]   v='$(%N)'; echo "${v@P}"
v='a[$(%N)]'; (( 1 ? v : 0 ))   declare -n n='a[$(%N)]'; echo $n   v='x[$(%N)]'; [[ $v -lt 1 ]]
[[ w -ef 'a[$(%N)]' ]]   shift 'a[$(%N)]'   f%2 'a[$(%N)]'
)table";

constexpr std::string_view kCompounds = R"table(
( %L )   (%L)   ( %L%n) > out   { %L%n}   { %L; } 2>&1   { %L%n} | %C   ! { %L%n} 2>&1
if %S; then %L%nelse %L%nfi   if %L%nthen %L%nelif %S; then %L%nfi   if ! %N; then %L%nfi > out
for v in %W w; do %L%ndone   for v; do %L%ndone   for v in w%ndo %L%ndone   for v in w; { %L%n}
for ((i = 0; i < 2; i++)); do %L%ndone   for ((;;)); do %L%nbreak; done
for ((i = 0; i < 1; i++)) { %L%n}   while %N; do %L%nbreak%ndone   while false; do %L%ndone
until true; do %L%ndone   until %S; do %L%nbreak%ndone < in   case w in (x|w) %L%n;;%n*) %L%n;; esac
case %W in w) %L%n;& x) %L%n;;& *) %L%nesac   case w in $(%N)) %L%n;; "`%N`") %N;; w) %N esac
case w in esac) %N;; esac   case w in%nw) ;;%nesac   select v in w; do %L%nbreak; done <<< 1
f%2() { %L%n}   f%2() { %L%n}; f%2   f%2 () ( %L )%nf%2 %W   function f%2 { %L%n}%nf%2
function f%2() { %L%n}   f%2() { %L%n} > out; f%2   f%2() if %N; then %N; fi; f%2
function f%2 ( %L )   function c%0 { %L%n}; c%0   c%0() { %L%n}; c%0   f%2() [[ -n $(%N) ]]; f%2
[[ -n %W && w < x ]]   [[ %W == %W || ! -e %W ]]   [[ w =~ %W ]]   [[ w =~ (a|$(%N)) ]]
[[ w == @(w|$(%N)) ]]   [[ ( -n w ) && $(%L) ]]   [[ -n w%n&& -n $(%N) ]]   [[ w -eq 1 ]]
[[ %W ]] && %N   (( $(%N) + 1 ))   ((%N))   ( (%L) )   ((%L) )   time { %L%n}   time ( %L )
time -p %S   ! %S   time ! %N   ! time %N   { %L%n} <<EOF%H   while read v; do %L%ndone <<EOF%H
if %N <<EOF%H; then %L%nfi   { %N;}   { { %N; }; }   coproc X { %L%n}
for v in $(%L) `%N`; do %N $v; done   for v in %W; do %N; done & wait   %W %W
%S | while read v; do %L%ndone   if [[ -z $v ]]; then %L%nfi   if (( 1 )); then %L%nfi
if { %N; }; then %N; fi
)table";

constexpr std::string_view kJoins = R"table(
;   %n   &&   ||   |   &   |&   # w%n   ;   &&   ||   |   &   %n%n   &&%n   |%n# c9%n   ||# c9 '%n
; # " c9%n   \%n&&   & %n   ;%n   |\%n
)table";

std::vector<std::string_view> split(std::string_view table) {
  std::vector<std::string_view> templates;
  while (!table.empty()) {
    const std::size_t end = std::min({table.find("   "), table.find('\n'), table.size()});
    if (end > 0) templates.push_back(table.substr(0, end));
    table.remove_prefix(std::min(table.find_first_not_of(" \n", end), table.size()));
  }
  return templates;
}

}  // namespace

ScriptGenerator::ScriptGenerator(std::uint64_t seed)
    : random_(seed),
      names_(split(kNames)),
      odd_names_(split(kOddNames)),
      plain_words_(split(kPlainWords)),
      words_(split(kWords)),
      simples_(split(kSimples)),
      wrapped_(split(kWrapped)),
      evaluated_(split(kEvaluated)),
      compounds_(split(kCompounds)),
      joins_(split(kJoins)) {}

std::string_view ScriptGenerator::pick(const Templates& templates) {
  return templates[below(templates.size())];
}

std::string ScriptGenerator::expand(std::string_view text, int depth) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 1 < text.size()) {
      out += placeholder(text[++i], depth);
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string ScriptGenerator::placeholder(char kind, int depth) {
  switch (kind) {
    case 'N':
      return below(40) == 0 ? expand(pick(odd_names_), depth) : expand(pick(names_), depth);
    case 'O':
      return expand(pick(odd_names_), depth);
    case '0':
      return std::to_string(below(10));
    case '2':
      return std::to_string(below(3));
    case 'W':
      return word(depth - 1);
    case 'S':
      return expand(depth > 0 ? pick(simples_) : "%N", depth - 1);
    case 'C':
      return command(depth - 1);
    case 'L':
      return list(depth - 1);
    case 'H':
      return here_document();
    case 'Q': {
      std::string quoted = "'";
      for (const char c : list(depth - 1)) quoted += c == '\'' ? "'\\''" : std::string(1, c);
      return quoted + "'";
    }
    case 'n':
      return "\n";
    default:
      return {kind};
  }
}

// The text follows the line that announces it; whether its expansions run is the delimiter's word.
std::string ScriptGenerator::here_document() {
  bodies_ += expand("text $(%N) `%N` \" ' # ${u:-$(%N)} \\$(c9)\n", 1) +
             (below(4) == 0 ? "\t" : "") + "EOF\n";
  return {};
}

std::string ScriptGenerator::word(int depth) {
  return depth <= 0 || below(3) == 0 ? expand(pick(plain_words_), 0) : expand(pick(words_), depth);
}

std::string ScriptGenerator::command(int depth) {
  if (depth <= 0) return expand("%N", 0);
  switch (below(12)) {
    case 0:
    case 1:
    case 2:
      return expand(pick(compounds_), depth);
    case 3:
    case 4:
      return expand(pick(wrapped_), depth);
    case 5:
      return below(3) == 0 ? expand(pick(evaluated_), depth) : expand("f%2", 0);
    default:
      return expand(pick(simples_), depth);
  }
}

std::string ScriptGenerator::list(int depth) {
  std::string out;
  const std::uint64_t count = 1 + below(2);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string outer_bodies;
    outer_bodies.swap(bodies_);
    out += command(depth);
    if (!bodies_.empty()) {
      out += "\n" + bodies_;
    } else if (i + 1 < count) {
      out += below(2) == 0 ? " " : "";
      out += expand(pick(joins_), 0);
      out += below(2) == 0 ? " " : "";
    }
    bodies_.swap(outer_bodies);
  }
  return out;
}

std::string ScriptGenerator::script() {
  bodies_.clear();
  return list(4);
}

std::string ScriptGenerator::mutated() {
  static constexpr std::string_view bytes = "'\"`$(){}<>|&;#\\\n \t!=*?[]:-+,.@%^\r";
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
