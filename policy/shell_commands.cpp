// What the shell policy knows of single commands that rules cannot say: the shell's own builtins,
// interpreters, and the built-in denials (wipe, setid, raw-device).
#include <algorithm>
#include <array>

#include "base/fs.h"
#include "policy/shell_assessor.h"

namespace remit::policy {
namespace {

using Names = std::vector<std::string_view>;

bool among(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string reading(const ShellWord& word) {
  return word.literal().value_or(word.empty_reading());
}

bool letters_of(std::string_view text, std::string_view letters) {
  return text.size() > 1 && text.find_first_not_of(letters, 1) == std::string_view::npos;
}

// 06000 in a mode of chmod, install or mkdir, octal or symbolic.
bool sets_id(std::string_view mode) {
  if (mode.find_first_not_of("01234567") == std::string_view::npos && !mode.empty()) {
    return mode.size() >= 4 && ((mode[mode.size() - 4] - '0') & 6) != 0;
  }
  const std::size_t op = mode.find_first_of("+=");
  return op != std::string_view::npos && mode.find('s', op) != std::string_view::npos;
}

}  // namespace

bool ShellAssessor::interprets(std::string_view name) {
  static const Names exact = {"zsh",  "ksh",  "mksh",    "fish",   "csh",       "tcsh", "awk",
                              "gawk", "mawk", "nawk",    "tclsh",  "expect",    "java", "node",
                              "deno", "bun",  "vi",      "vim",    "ex",        "ed",   "emacs",
                              "gdb",  "make", "busybox", "toybox", "osascript", "R",    "Rscript",
                              "irb",  "ghci", "script",  "m4"};
  if (among(exact, name)) return true;
  for (const std::string_view family : {"python", "perl", "ruby", "lua", "php", "nodejs", "pypy"}) {
    if (name.starts_with(family)) return true;
  }
  return false;
}

bool ShellAssessor::builtin(const std::string& name, const ShellArguments& arguments) {
  static const Names state = {"alias", "unalias", "enable",  "hash",      "shopt",   "unset",
                              "pushd", "popd",    "bind",    "complete",  "trap",    "ulimit",
                              "umask", "read",    "mapfile", "readarray", "getopts", "let"};
  if (name == "eval") {
    std::string joined;
    for (const ShellWord* each : arguments) {
      if (!each->literal()) ask(Risk::high, "dynamic_command", "eval " + each->raw);
      joined += (joined.empty() ? "" : " ") + reading(*each);
    }
    text(joined);
    allowed("builtin");
    return true;
  }
  if (name == "." || name == "source") {
    ask(Risk::high, "interpreter", name + (arguments.empty() ? "" : " " + arguments[0]->raw));
    return true;
  }
  if (among(state, name)) {
    ask(Risk::high, "shell_state", name);
    if (name == "trap" && !arguments.empty()) text(reading(*arguments[0]));
    return true;
  }
  if (shell(name, arguments)) return true;
  if (interprets(name)) {
    ask(Risk::high, "interpreter", name);
    return true;
  }
  if (name == "find") return find_command(arguments);
  if (name == "cd") change_directory(arguments);
  if (name == "[" || name == "test") test_command(arguments);
  if (name == "set") set_options(arguments);
  if (among({"export", "declare", "typeset", "local", "readonly"}, name)) exports(name, arguments);
  if (among({"exit", "return", "break", "continue", "shift", "wait"}, name)) {
    numbers_only(name, arguments);
  }
  if (name == ":") allowed("builtin");
  static const Names judged = {"cd",       "[",     "test",     "set",  "export", "declare",
                               "typeset",  "local", "readonly", "exit", "return", "break",
                               "continue", "shift", "wait",     ":"};
  return among(judged, name);
}

// bash -c 'text': the text is judged as if it stood here. Anything else that a shell is given is a
// script, or commands from its standard input.
bool ShellAssessor::shell(const std::string& name, const ShellArguments& arguments) {
  if (!among({"sh", "bash", "dash", "rbash"}, name)) return false;
  bool command = false;
  bool known = true;
  std::size_t at = 0;
  for (; at < arguments.size(); ++at) {
    const std::string option = reading(*arguments[at]);
    known = known && arguments[at]->literal().has_value();
    if (!option.starts_with('-') && !option.starts_with('+')) break;
    if (option == "--norc" || option == "--noprofile" || option == "--posix") continue;
    if (option.starts_with("--")) {
      known = false;
      continue;
    }
    command = command || option.find('c', 1) != std::string::npos;
    known = known && letters_of(option, "ceuxvfo");
    if (option.find('o') == std::string::npos) continue;
    if (++at >= arguments.size()) break;
    known = known && among({"pipefail", "errexit", "nounset", "noglob"}, reading(*arguments[at]));
  }
  if (!known) ask(Risk::high, "interpreter", name + " with options that are not understood");
  if (command && at < arguments.size()) {
    if (!arguments[at]->literal())
      ask(Risk::high, "dynamic_command", name + " -c " + arguments[at]->raw);
    text(reading(*arguments[at]));
    if (!known)
      denied_behind({arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end()});
    allowed("builtin");
    return true;
  }
  ask(Risk::high, "interpreter", name);
  if (node_ == nullptr) return true;
  for (const ShellRedirection& input : node_->redirections) {
    if (input.body) {
      text(input.body->empty_reading());
    } else if (input.op == "<<<") {
      text(reading(input.target));
    }
  }
  return true;
}

void ShellAssessor::change_directory(const ShellArguments& arguments) {
  const std::size_t first = !arguments.empty() && arguments[0]->literal() == "--" ? 1 : 0;
  if (arguments.size() != first + 1) {
    paths_.enter(scope_.home);
    return ask(Risk::high, "path_outside_role", "cd");
  }
  const ShellWord& target = *arguments[first];
  const std::string path = reading(target);
  if (!target.literal() || path.starts_with('-')) {
    paths_.enter(scope_.home);
    paths_.enter(path);
    return ask(Risk::high, "path_outside_role", "cd " + target.raw);
  }
  // The same step upwards taken again and again leaves any root.
  const bool climbs = repeated_ > 0 && path.find("..") != std::string::npos;
  const ShellPlace place = paths_.place(target);
  const bool inside = place <= ShellPlace::read_root && place != ShellPlace::null && !climbs;
  paths_.enter(path);
  if (inside) return allowed("builtin");
  ask(place == ShellPlace::outside ? Risk::low : Risk::high, "path_outside_role",
      "cd " + target.raw);
}

// test and [: -v and -R evaluate a subscript, so no operator may come out of an expansion.
void ShellAssessor::test_command(const ShellArguments& arguments) {
  bool after_unknown = false;
  for (const ShellWord* each : arguments) {
    const std::optional<std::string> value = each->literal();
    if (!value && (each->splits() || after_unknown)) {
      return ask(Risk::high, "glob_option", each->raw);
    }
    if (value == "-v" || value == "-R") return ask(Risk::high, "dynamic_arithmetic", each->raw);
    after_unknown = !value;
    if (value && value->find('/') != std::string::npos &&
        paths_.place(*each) > ShellPlace::read_root) {
      return ask(Risk::low, "path_outside_role", each->raw);
    }
  }
  allowed("builtin");
}

void ShellAssessor::set_options(const ShellArguments& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string option = reading(*arguments[i]);
    const bool takes_name = option.ends_with('o') && letters_of(option, "euxo");
    const bool plain = arguments[i]->literal() && letters_of(option, "euxo") &&
                       (option.front() == '-' || option.front() == '+');
    const bool named = !takes_name || (i + 1 < arguments.size() &&
                                       among({"pipefail", "errexit", "nounset", "xtrace"},
                                             reading(*arguments[i + 1])));
    if (!plain || !named) return ask(Risk::high, "shell_state", "set " + arguments[i]->raw);
    if (takes_name) ++i;
  }
  allowed("builtin");
}

void ShellAssessor::exports(const std::string& name, const ShellArguments& arguments) {
  for (const ShellWord* each : arguments) {
    const std::string text = reading(*each);
    const std::size_t equals = text.find('=');
    if (name != "export" || equals == std::string::npos || !each->literal()) {
      return ask(Risk::high, "unsafe_assignment", name + " " + each->raw);
    }
    assignment(text.substr(0, equals), text.substr(equals + 1), each->raw);
  }
  allowed("builtin");
}

void ShellAssessor::numbers_only(const std::string& name, const ShellArguments& arguments) {
  for (const ShellWord* each : arguments) {
    const bool status = each->raw == "$?" && (name == "exit" || name == "return");
    if (!status && !is_number(each->literal().value_or(""))) {
      return ask(Risk::high, "shell_state", name + " " + each->raw);
    }
  }
  allowed("builtin");
}

// --- built-in denials ---

void ShellAssessor::destruction(const std::string& name, const ShellArguments& arguments) {
  set_id(name, arguments);
  raw_device(name, arguments);
  if (!among({"rm", "shred", "rmdir", "unlink", "truncate", "dd"}, name)) return;
  ask(Risk::high, "destructive", name);
  bool recursive = false;
  bool ended = false;
  ShellArguments targets;
  for (const ShellWord* each : arguments) {
    const std::string option = reading(*each);
    if (!ended && option == "--") {
      ended = true;
    } else if (!ended && option.size() > 1 && option.front() == '-') {
      recursive = recursive || option.starts_with("--r") ||
                  (option[1] != '-' && option.find_first_of("rR") != std::string::npos);
    } else {
      // A word of unknown value may be the flag.
      recursive =
          recursive || each->has(ShellPieceKind::expansion) || each->has(ShellPieceKind::ansi_c);
      targets.push_back(each);
    }
  }
  if (name != "rm" || !recursive) return;
  for (const ShellWord* target : targets) wipe("rm", *target);
}

// Every reading of the target counts, unknown expansions as empty among them.
void ShellAssessor::wipe(const std::string& name, const ShellWord& target) {
  const std::string known = reading(target);
  if (known.empty()) return;
  bool outside = target.has(ShellPieceKind::tilde);
  for (const std::string& path : paths_.readings(known)) {
    outside = outside || !fs::is_beneath(path, scope_.workspace);
  }
  if (outside) deny("wipe", name + " " + target.raw, "wipe");
}

void ShellAssessor::set_id(const std::string& name, const ShellArguments& arguments) {
  if (!among({"chmod", "install", "mkdir", "mkfifo", "mknod"}, name)) return;
  bool operand = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string text = reading(*arguments[i]);
    std::string mode;
    if (name == "chmod") {
      if (!operand && (!text.starts_with('-') || sets_id(text))) mode = text;
      operand = operand || (!text.starts_with('-') && !text.empty());
    } else if (text.starts_with("-m") && text.size() > 2) {
      mode = text.substr(2);
    } else if (text.starts_with("--m") && text.find('=') != std::string::npos) {
      mode = text.substr(text.find('=') + 1);
    } else if ((text == "-m" || text.starts_with("--m")) && i + 1 < arguments.size()) {
      mode = reading(*arguments[i + 1]);
    }
    if (sets_id(mode)) return deny("setid", name + " " + arguments[i]->raw, "setid");
  }
}

void ShellAssessor::raw_device(const std::string& name, const ShellArguments& arguments) {
  if (name != "dd") return;
  for (const ShellWord* each : arguments) {
    const std::string text = reading(*each);
    if (!text.starts_with("of=")) continue;
    for (const std::string& path : paths_.readings(text.substr(3))) {
      if (fs::is_beneath(path, "/dev") && path != "/dev/null") {
        return deny("raw_device", "dd " + each->raw, "raw-device");
      }
    }
  }
}

// find runs and deletes what it finds; the rest of it is judged by its rule.
bool ShellAssessor::find_command(const ShellArguments& arguments) {
  bool destroys = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string text = reading(*arguments[i]);
    if (text == "-delete") {
      destroys = true;
      ask(Risk::high, "destructive", "find -delete");
    }
    if (!among({"-exec", "-execdir", "-ok", "-okdir"}, text)) continue;
    ask(Risk::high, "exec_expression", "find " + text);
    ShellArguments inner;
    for (++i; i < arguments.size() && !among({";", "+"}, reading(*arguments[i])); ++i) {
      inner.push_back(arguments[i]);
    }
    if (inner.empty()) continue;
    destroys = destroys || shell_base_name(reading(*inner.front())) == "rm";
    inner_of(inner, 0, false, "{}");
  }
  if (destroys) {
    for (const ShellWord* each : arguments) {
      const std::string text = reading(*each);
      if (text.starts_with('-') || text == "(" || text == "!") break;
      wipe("find", *each);
    }
  }
  return false;
}

// Tools whose whole effect is on the files they name: a person can judge that from the text.
bool ShellAssessor::writes_files(const std::string& name, const ShellArguments& arguments) {
  struct Tool {
    std::string_view name, flags;
  };
  static constexpr std::array<Tool, 5> tools = {
      {{"mkdir", "pv"}, {"touch", "acm"}, {"cp", "rRapvfnui"}, {"tee", "ai"}, {"printf", ""}}};
  const auto tool =
      std::find_if(tools.begin(), tools.end(), [&](const Tool& each) { return each.name == name; });
  if (tool == tools.end()) return false;
  const bool prints = name == "printf";
  for (const ShellWord* each : arguments) {
    const std::optional<std::string> value = each->literal();
    if (prints && value && !value->starts_with('-')) continue;
    const bool flag = value && value->size() > 1 && value->front() == '-';
    if (flag && letters_of(*value, tool->flags)) continue;
    const bool inside = value && !flag && !prints && paths_.place(*each) == ShellPlace::workspace;
    if (inside) continue;
    add(rules_.fallback, Risk::high, prints ? "unknown_command" : "file_write",
        name + " " + each->raw);
    return true;
  }
  add(rules_.fallback, Risk::low, prints ? "unknown_command" : "file_write", name);
  return true;
}

}  // namespace remit::policy
