// BashOutput and KillShell: the other two hands on a background shell.
#include "base/limits.h"
#include "base/text.h"
#include "tools/bash_result.h"
#include "tools/output_view.h"
#include "tools/registry.h"
#include "tools/search/pattern.h"
#include "tools/tool_builder.h"

namespace remit::tools {
namespace {

struct BashOutputArgs {
  std::string bash_id;
  std::optional<std::string> filter;
  std::optional<std::uint64_t> cursor;
};
struct KillShellArgs {
  std::string shell_id;
};
struct ShellResult {
  std::string bash_id;
  bool running = false;
  std::string output;
  std::uint64_t cursor = 0;
  std::uint64_t skipped_bytes = 0;
  bool truncated = false;
  std::optional<BashResult> ended;
  std::optional<std::string> error;
};

}  // namespace
}  // namespace remit::tools

template <>
struct remit::Fields<remit::tools::BashOutputArgs> {
  using T = remit::tools::BashOutputArgs;
  static constexpr auto list = std::tuple{
      required("bash_id", &T::bash_id, "From Bash with run_in_background", {.max_length = 64}),
      field("filter", &T::filter, "Only lines that match this RE2 pattern",
            {.max_length = limits::kPatternBytes}),
      field("cursor", &T::cursor, "Start here instead of where the last read ended")};
};
template <>
struct remit::Fields<remit::tools::KillShellArgs> {
  using T = remit::tools::KillShellArgs;
  static constexpr auto list =
      std::tuple{required("shell_id", &T::shell_id, "The bash_id", {.max_length = 64})};
};
template <>
struct remit::Fields<remit::tools::ShellResult> {
  using T = remit::tools::ShellResult;
  static constexpr auto list =
      std::tuple{required("bash_id", &T::bash_id, ""),
                 required("running", &T::running, ""),
                 field("output", &T::output, "stdout and stderr as they came"),
                 required("cursor", &T::cursor, "For the next read"),
                 field("skipped_bytes", &T::skipped_bytes, "Printed, but no longer kept"),
                 field("truncated", &T::truncated, ""),
                 field("ended", &T::ended, "How it ended"),
                 field("error", &T::error, "Why it could not run")};
};

namespace remit::tools {
namespace {

Result<std::string> matching_lines(const std::string& text, const std::string& filter) {
  TRY(const search::Pattern pattern, search::Pattern::compile({.text = filter}));
  std::string out;
  unsigned noise = 0;
  for (std::size_t from = 0; from < text.size();) {
    const auto line = pattern.next_line(text, from, noise);
    if (!line) break;
    out.append(text, line->begin, line->end - line->begin);
    out += '\n';
    from = line->end + 1;
  }
  return out;
}

Result<Outcome<ShellResult>> present(const std::string& id, const ShellState& state, Call& call,
                                     const std::optional<std::string>& filter) {
  ShellResult result;
  result.bash_id = id;
  result.running = state.running;
  result.cursor = state.next;
  result.skipped_bytes = state.skipped;
  std::string raw = state.output;
  if (filter) {
    TRY(raw, matching_lines(raw, *filter));
  }
  OutputView view;
  view.write(raw);
  result.output = view.text(call.page_chars, &result.truncated);
  std::string text = "[" + id + (state.running ? ": running" : ": ended") + ", cursor " +
                     std::to_string(state.next) + "]\n";
  if (state.skipped > 0) {
    text += "[" + with_commas(state.skipped) + " older bytes are no longer kept]\n";
  }
  text += result.output;
  if (!text.ends_with('\n')) text += '\n';
  if (!state.error.empty()) {
    result.error = state.error;
    text += "[could not run: " + state.error + "]\n";
  }
  if (state.outcome) {
    result.ended.emplace();
    describe(*state.outcome, state.report.value_or(policy::ApplyReport{}), call.access.sandbox(),
             *result.ended);
    name_foreign_owner(state.output, *result.ended);
    text += text_of(*result.ended);
  }
  return Outcome<ShellResult>{std::move(result), std::move(text), std::nullopt};
}

}  // namespace

Tool make_bash_output(const ToolState& state) {
  return tool<BashOutputArgs, ShellResult>(
      {.name = "BashOutput",
       .title = "Read a background shell",
       .description =
           "Shows what a background shell printed since the last read, and how it ended.",
       .annotations = {.read_only = true},
       .output = Output::text_first},
      [state](const BashOutputArgs& args, Call& call) -> Result<Outcome<ShellResult>> {
        TRY(const ShellState shell, state.shells->read(args.bash_id, args.cursor));
        return present(args.bash_id, shell, call, args.filter);
      });
}

Tool make_kill_shell(const ToolState& state) {
  return tool<KillShellArgs, ShellResult>(
      {.name = "KillShell",
       .title = "End a background shell",
       .description = "Ends a background shell with everything it started. What it changed is held "
                      "for a person.",
       .annotations = {.destructive = true, .idempotent = true},
       .output = Output::text_first},
      [state](const KillShellArgs& args, Call& call) -> Result<Outcome<ShellResult>> {
        TRY(const ShellState shell, state.shells->kill(args.shell_id));
        return present(args.shell_id, shell, call, std::nullopt);
      });
}

}  // namespace remit::tools
