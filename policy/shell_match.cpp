#include "policy/shell_match.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace remit::policy {
namespace {

// A long flag written without `=` may or may not take the next word (GNU's optional arguments), and
// the rule must hold both ways. Beyond so many such flags the command is not followed.
constexpr int kAmbiguousFlags = 6;

bool is_integer(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

class Matcher {
 public:
  Matcher(const ShellRule& rule, std::string_view command, const ShellArguments& arguments,
          const ShellPaths& paths)
      : rule_(rule), arguments_(arguments), paths_(paths), prints_(command == "echo") {}

  struct State {
    std::size_t at = 0;
    std::size_t operands = 0;
    bool ended = false;       // behind `--`
    bool subcommand = false;  // found
    int ambiguous = 0;
  };

  ShellMatch match(State state) const {
    while (state.at < arguments_.size()) {
      const ShellWord& word = *arguments_[state.at];
      if (!state.ended) {
        if (!prints_ && may_become_flag(word)) return miss(ShellMiss::glob_option, word, false);
        const std::string prefix = word.prefix();
        if (prefix.size() > 1 && prefix.front() == '-') {
          std::optional<ShellMatch> decided = flag(word, state);
          if (decided) return *decided;
          continue;
        }
        if (prefix == "-" && !word.literal()) return miss(ShellMiss::glob_option, word, false);
      }
      const ShellMatch found = operand(word, state);
      if (!found.applies()) return found;
      ++state.at;
    }
    if (!rule_.subcommand.empty() && !state.subcommand) return {ShellMiss::subcommand, {}, true};
    return {};
  }

 private:
  static ShellMatch miss(ShellMiss why, const ShellWord& word, bool known = true) {
    return {why, word.raw, known};
  }

  // Its words, once the shell made them, can begin with '-'.
  static bool may_become_flag(const ShellWord& word) {
    if (word.has(ShellPieceKind::expansion)) return true;
    if (word.literal() || !word.prefix().empty()) return false;
    if (word.pieces.empty()) return word.brace;
    const ShellPieceKind first = word.pieces.front().kind;
    return word.brace || first == ShellPieceKind::glob || first == ShellPieceKind::ansi_c ||
           first == ShellPieceKind::text || first == ShellPieceKind::quoted_expansion;
  }

  // Advances `state` over a flag and its value, or returns what ends the matching.
  std::optional<ShellMatch> flag(const ShellWord& word, State& state) const {
    const std::optional<std::string> text = word.literal();
    if (!text) return miss(ShellMiss::unknown_flag, word, false);
    bool bare = false;
    const ShellFlag* valued = nullptr;
    for (const ShellFlag& known : rule_.flags) {
      if (known.name != *text) continue;
      if (known.value == ShellFlagValue::none) bare = true;
      if (known.value != ShellFlagValue::none) valued = &known;
    }
    if (*text == "--" && bare) {
      state.ended = true;
      ++state.at;
      return std::nullopt;
    }
    if (valued != nullptr) return with_next_word(word, *valued, bare, state);
    if (bare || (rule_.counts && is_integer(*text))) {
      ++state.at;
      return std::nullopt;
    }
    if (text->starts_with("--")) return long_flag(word, *text, state);
    return cluster(word, *text, state);
  }

  std::optional<ShellMatch> with_next_word(const ShellWord& word, const ShellFlag& known, bool bare,
                                           State& state) const {
    const bool optional = bare || known.name.starts_with("--");
    if (optional) {
      if (++state.ambiguous > kAmbiguousFlags) return miss(ShellMiss::unknown_flag, word);
      State without = state;
      ++without.at;
      ShellMatch other = match(without);
      if (!other.applies()) return other;
    }
    ++state.at;
    if (state.at >= arguments_.size()) {
      if (optional) return std::nullopt;
      return miss(ShellMiss::unknown_flag, word);
    }
    return value(*arguments_[state.at++], known.value);
  }

  std::optional<ShellMatch> long_flag(const ShellWord& word, const std::string& text,
                                      State& state) const {
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) {
      for (const ShellFlag& known : rule_.flags) {
        if (known.value == ShellFlagValue::none || known.name != text.substr(0, equals)) continue;
        ++state.at;
        return text_value(word, text.substr(equals + 1), known.value);
      }
    }
    return miss(ShellMiss::unknown_flag, word);
  }

  // -rn, -n5, -k2,2: every letter must be listed.
  std::optional<ShellMatch> cluster(const ShellWord& word, const std::string& text,
                                    State& state) const {
    for (std::size_t i = 1; i < text.size(); ++i) {
      const std::string name = {'-', text[i]};
      const auto known = std::find_if(rule_.flags.begin(), rule_.flags.end(),
                                      [&](const ShellFlag& flag) { return flag.name == name; });
      if (known == rule_.flags.end()) return miss(ShellMiss::unknown_flag, word);
      if (known->value == ShellFlagValue::none) continue;
      ++state.at;
      if (i + 1 < text.size()) return text_value(word, text.substr(i + 1), known->value);
      if (state.at >= arguments_.size()) return miss(ShellMiss::unknown_flag, word);
      return value(*arguments_[state.at++], known->value);
    }
    ++state.at;
    return std::nullopt;
  }

  std::optional<ShellMatch> text_value(const ShellWord& word, const std::string& text,
                                       ShellFlagValue kind) const {
    if (kind == ShellFlagValue::integer && !is_integer(text)) {
      return miss(ShellMiss::unknown_flag, word);
    }
    if (kind == ShellFlagValue::read &&
        paths_.place(std::string_view(text)) > ShellPlace::read_root) {
      return miss(ShellMiss::path_outside_role, word);
    }
    return std::nullopt;
  }

  std::optional<ShellMatch> value(const ShellWord& word, ShellFlagValue kind) const {
    const std::optional<std::string> text = word.literal();
    if (text) return text_value(word, *text, kind);
    if (word.splits()) return miss(ShellMiss::glob_option, word, false);
    if (kind == ShellFlagValue::any) return std::nullopt;
    return miss(ShellMiss::path_outside_role, word, false);
  }

  ShellMatch operand(const ShellWord& word, State& state) const {
    if (!rule_.subcommand.empty() && !state.subcommand) {
      const std::optional<std::string> text = word.literal();
      if (!text || !one_of(*text, rule_.subcommand)) return miss(ShellMiss::subcommand, word);
      state.subcommand = true;
      return {};
    }
    if (!rule_.has_operands) {
      if (rule_.decision == ShellVerdict::allow) return miss(ShellMiss::unknown_operand, word);
      return {};
    }
    if (rule_.operands.empty()) return miss(ShellMiss::unknown_operand, word);
    const ShellOperand kind = rule_.operands[std::min(state.operands, rule_.operands.size() - 1)];
    ++state.operands;
    if (kind == ShellOperand::pattern || kind == ShellOperand::text) return {};
    if (word.literal() == "-") return {};
    const ShellPlace place = paths_.place(word);
    if (place <= ShellPlace::read_root) return {};
    return miss(ShellMiss::path_outside_role, word, place == ShellPlace::outside);
  }

  const ShellRule& rule_;
  const ShellArguments& arguments_;
  const ShellPaths& paths_;
  const bool prints_;  // echo: whatever its words become, it only prints
};

// The words that can be the subcommand of a rule that holds whatever the flags are: the first word,
// or the first behind flags each of which may have taken a value.
bool may_be_subcommand(const ShellRule& rule, const ShellArguments& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string text = arguments[i]->empty_reading();
    if (text.starts_with('-')) continue;
    if (one_of(text, rule.subcommand)) return true;
    const std::string before = i == 0 ? "" : arguments[i - 1]->empty_reading();
    const bool value = before.starts_with('-') && before.find('=') == std::string::npos &&
                       !before.starts_with("--no-");
    if (!value) return false;
  }
  return false;
}

}  // namespace

ShellMatch match_shell_rule(const ShellRule& rule, std::string_view command,
                            const ShellArguments& arguments, const ShellPaths& paths) {
  if (!rule.names(command)) return {ShellMiss::command, {}, true};
  const bool whatever = rule.decision != ShellVerdict::allow && !rule.has_flags;
  if (whatever && !rule.has_operands) {
    if (rule.subcommand.empty() || may_be_subcommand(rule, arguments)) return {};
    return {ShellMiss::subcommand, {}, true};
  }
  return Matcher(rule, command, arguments, paths).match({});
}

}  // namespace remit::policy
