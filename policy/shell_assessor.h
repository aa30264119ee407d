// The walk over a parsed command that shell_assess.h describes, private to policy/shell_assess.cpp
// (the walk), shell_invoke.cpp (one command) and shell_commands.cpp (what is known of single
// commands). One object judges one text once.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/shell_assess.h"
#include "policy/shell_match.h"
#include "policy/shell_parser.h"

namespace remit::policy {

class ShellAssessor {
 public:
  ShellAssessor(const ShellRules& rules, const ShellScope& scope)
      : rules_(rules), scope_(scope), paths_(scope) {}
  ShellJudgement run(std::string_view command);

 private:
  // --- the walk (shell_assess.cpp) ---
  void text(std::string_view text);  // a nested text, bash -c or eval
  void walk(const ShellNode& node);
  void simple(const ShellNode& node);
  void word(const ShellWord& word);  // the commands in it, and what it does by itself
  void inner_commands(const ShellWord& word);
  void assignment(const std::string& name, const std::optional<std::string>& value,
                  const std::string& shown);
  void redirection(const ShellRedirection& redirection);
  void write_target(const ShellRedirection& redirection);
  void loop(const ShellNode& node);
  void function(const ShellNode& node);
  void condition_words(const ShellNode& node);
  void protected_path(const ShellWord& word);
  void finish();

  // --- one command (shell_invoke.cpp) ---
  void invoke(const ShellArguments& words);  // name first
  void by_rules(const std::string& name, const ShellArguments& arguments);
  void missed(const std::string& name, const ShellArguments& arguments, const ShellMatch& nearest);
  bool denied_by_rule(const std::string& name, const ShellArguments& arguments);
  void denied_behind(const ShellArguments& words);  // any suffix, for deny rules alone
  void wrapper(const std::string& name, const ShellArguments& arguments);
  void inner_of(const ShellArguments& words, std::size_t first, bool appends,
                const std::string& replaces);

  // --- knowledge (shell_commands.cpp); each true if it has judged the command ---
  bool builtin(const std::string& name, const ShellArguments& arguments);
  bool shell(const std::string& name, const ShellArguments& arguments);
  void change_directory(const ShellArguments& arguments);
  void test_command(const ShellArguments& arguments);
  void set_options(const ShellArguments& arguments);
  void exports(const std::string& name, const ShellArguments& arguments);
  void numbers_only(const std::string& name, const ShellArguments& arguments);
  void destruction(const std::string& name, const ShellArguments& arguments);
  void wipe(const std::string& name, const ShellWord& target);
  void set_id(const std::string& name, const ShellArguments& arguments);
  void raw_device(const std::string& name, const ShellArguments& arguments);
  bool find_command(const ShellArguments& arguments);
  bool writes_files(const std::string& name, const ShellArguments& arguments);
  static bool interprets(std::string_view name);

  // --- results ---
  void add(ShellVerdict verdict, Risk risk, std::string reason, std::string_view what,
           std::string rule = {}, std::string hint = {});
  void ask(Risk risk, std::string reason, std::string_view what, std::string hint = {}) {
    add(ShellVerdict::ask, risk, std::move(reason), what, {}, std::move(hint));
  }
  void deny(std::string reason, std::string_view what, std::string rule) {
    add(ShellVerdict::deny, Risk::high, std::move(reason), what, std::move(rule));
  }
  void allowed(std::string by);
  const ShellWord* unknown_word(std::string raw);  // a word of any value

  struct Found {
    ShellVerdict verdict;
    Risk risk;
    ShellFinding finding;
  };
  const ShellRules& rules_;
  const ShellScope& scope_;
  ShellPaths paths_;
  ShellBudget budget_;
  ShellJudgement judgement_;
  std::vector<Found> found_;
  std::deque<ShellWord> made_;       // words that no text holds
  const ShellNode* node_ = nullptr;  // the simple command being judged
  std::optional<std::size_t> line_;  // its index; none: the text itself
  int depth_ = 0;
  int repeated_ = 0;  // inside a loop or a function's body
};

std::string shell_base_name(std::string_view path);

}  // namespace remit::policy
