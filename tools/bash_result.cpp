#include "tools/bash_result.h"

#include "base/text.h"

namespace remit::tools {
namespace {

// strerror(EOVERFLOW): a slot's locale is C.UTF-8.
constexpr std::string_view kOverflowWords = "Value too large for defined data type";
constexpr std::size_t kChangesShown = 50;  // lines of text; the typed result has all

std::size_t count_of(const BashResult& result, std::string_view outcome) {
  std::size_t count = 0;
  for (const ChangeLine& change : result.changes) count += change.outcome == outcome ? 1u : 0u;
  return count;
}

std::string headline(const BashResult& result) {
  std::string text = "[";
  if (result.exit_code) {
    text += "exit " + std::to_string(*result.exit_code);
  } else if (result.limit) {
    text += "killed: " + *result.limit + " limit";
  } else {
    text += "killed by signal " + std::to_string(result.signal.value_or(0));
  }
  text += ", " + with_commas(result.duration_ms) + " ms, sandbox " + result.sandbox.tier;
  for (const std::string& point : result.sandbox.degraded) text += " " + point;
  for (const char* outcome : {"applied", "held", "denied", "discarded"}) {
    if (const std::size_t count = count_of(result, outcome); count > 0) {
      text += ", " + std::to_string(count) + (count == 1 ? " change " : " changes ") + outcome;
    }
  }
  return text + "]\n";
}

}  // namespace

void describe(const policy::SpawnOutcome& outcome, const policy::ApplyReport& report,
              const policy::SandboxReport& sandbox, BashResult& result) {
  result.exit_code = outcome.exit_code;
  if (outcome.signal != 0) result.signal = outcome.signal;
  result.timed_out = outcome.timed_out;
  if (!outcome.limit.empty()) result.limit = outcome.limit;
  result.stdout_bytes = outcome.stdout_bytes;
  result.stderr_bytes = outcome.stderr_bytes;
  if (!outcome.stdout_uri.empty()) result.spill.push_back(outcome.stdout_uri);
  if (!outcome.stderr_uri.empty()) result.spill.push_back(outcome.stderr_uri);
  for (const policy::ChangeResult& change : report.changes) {
    ChangeLine line{change.path, policy::to_string(change.kind), policy::to_string(change.outcome),
                    change.bytes, std::nullopt};
    if (!change.why.empty()) line.why = change.why;
    result.changes.push_back(std::move(line));
  }
  if (!report.change_set.empty()) result.change_set = report.change_set;
  for (const std::string& lost : outcome.lost) {
    result.notices.push_back("a change could not be read and is lost: " + escape_ascii(lost));
  }
  result.duration_ms = static_cast<std::uint64_t>(outcome.duration.count());
  result.cpu_ms = static_cast<std::uint64_t>((outcome.user_us + outcome.system_us) / 1000);
  result.max_rss_kib = static_cast<std::uint64_t>(outcome.max_rss_kib);
  result.sandbox = {policy::to_string(sandbox.tier), sandbox.profile_sha256.substr(0, 12),
                    sandbox.degraded};
}

void name_foreign_owner(std::string_view printed, BashResult& result) {
  if (printed.find(kOverflowWords) == printed.npos) return;
  result.notices.push_back(
      "\"" + std::string(kOverflowWords) +
      "\" (EOVERFLOW): a file whose owner is not the workspace's cannot be changed or moved in the "
      "sandbox, "
      "which has no id for that owner; change it with a file tool, or ask a person to chown it");
}

std::string text_of(const BashResult& result) {
  std::string text = headline(result);
  for (const std::string& uri : result.spill)
    text += "[the whole output: Read or Grep " + uri + "]\n";
  text += result.out;
  if (!result.err.empty()) {
    if (!text.ends_with('\n')) text += '\n';
    text += "[stderr]\n" + result.err;
  }
  if (!text.ends_with('\n')) text += '\n';
  std::size_t shown = 0;
  for (const ChangeLine& change : result.changes) {
    if (shown == 0) text += "[changes]\n";
    if (++shown > kChangesShown) {
      text += "... and " + std::to_string(result.changes.size() - kChangesShown) + " more\n";
      break;
    }
    text += change.outcome + " " + change.kind + " " + change.path;
    if (change.why) text += " (" + *change.why + ")";
    text += '\n';
  }
  if (result.change_set) {
    text += "[held as change set " + *result.change_set +
            ": a person sees it with `remit changes diff " + *result.change_set +
            "` and applies it with `remit changes apply " + *result.change_set + "`]\n";
  }
  for (const std::string& notice : result.notices) text += "[" + notice + "]\n";
  return text;
}

}  // namespace remit::tools
