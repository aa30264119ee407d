// What Bash and its companions tell of a command: the typed result and its text, in one place so
// that foreground and background say the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/schema.h"
#include "policy/apply_changes.h"

namespace remit::tools {

struct ChangeLine {
  std::string path, kind, outcome;
  std::uint64_t bytes = 0;
  std::optional<std::string> why;
};

struct SandboxLine {
  std::string tier, profile;
  std::vector<std::string> degraded;
};

struct BashResult {
  std::optional<int> exit_code;
  std::optional<int> signal;
  bool timed_out = false;
  std::optional<std::string> limit;
  bool truncated = false;
  std::string out, err;
  std::uint64_t stdout_bytes = 0, stderr_bytes = 0;
  std::vector<std::string> spill;
  std::vector<ChangeLine> changes;
  std::optional<std::string> change_set;
  std::vector<std::string> notices;
  std::uint64_t duration_ms = 0, cpu_ms = 0, max_rss_kib = 0;
  std::optional<std::string> bash_id;
  SandboxLine sandbox;
};

// Fills everything but out and err.
void describe(const policy::SpawnOutcome& outcome, const policy::ApplyReport& report,
              const policy::SandboxReport& sandbox, BashResult& result);

// Adds a notice if the command met a file that no slot can change: one whose owner is not the
// workspace's has no id there, and the kernel refuses to copy it up with EOVERFLOW. Only the words
// that programs print for that error tell, so what was printed is looked at.
void name_foreign_owner(std::string_view printed, BashResult& result);

// "[exit 0, 12 ms, t1; 2 changes applied]" first, then the output, then the changes.
std::string text_of(const BashResult& result);

}  // namespace remit::tools

template <>
struct remit::Fields<remit::tools::ChangeLine> {
  using T = remit::tools::ChangeLine;
  static constexpr auto list =
      std::tuple{required("path", &T::path, ""), required("kind", &T::kind, ""),
                 required("outcome", &T::outcome, "applied, held, denied or discarded"),
                 field("bytes", &T::bytes, ""), field("why", &T::why, "")};
};
template <>
struct remit::Fields<remit::tools::SandboxLine> {
  using T = remit::tools::SandboxLine;
  static constexpr auto list =
      std::tuple{required("tier", &T::tier, ""), required("profile", &T::profile, ""),
                 field("degraded", &T::degraded, "")};
};
template <>
struct remit::Fields<remit::tools::BashResult> {
  using T = remit::tools::BashResult;
  static constexpr auto list =
      std::tuple{field("exit_code", &T::exit_code, "Absent if a signal ended it"),
                 field("signal", &T::signal, ""),
                 field("timed_out", &T::timed_out, ""),
                 field("limit", &T::limit, "The limit that was hit"),
                 field("truncated", &T::truncated, "Output was cut in the middle"),
                 field("stdout", &T::out, ""),
                 field("stderr", &T::err, ""),
                 field("stdout_bytes", &T::stdout_bytes, ""),
                 field("stderr_bytes", &T::stderr_bytes, ""),
                 field("spill", &T::spill, "URIs of the whole output, for Read and Grep"),
                 field("changes", &T::changes, ""),
                 field("change_set", &T::change_set, "Held changes, for a person"),
                 field("notices", &T::notices, ""),
                 field("duration_ms", &T::duration_ms, ""),
                 field("cpu_ms", &T::cpu_ms, ""),
                 field("max_rss_kib", &T::max_rss_kib, ""),
                 field("bash_id", &T::bash_id, "Of a background shell"),
                 required("sandbox", &T::sandbox, "")};
};
