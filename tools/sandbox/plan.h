// How plans, outcomes, errors and reports travel between the processes of the sandbox: a flat,
// bounded, length-prefixed encoding. Both ends are the same binary, so there is no version; the
// decoder still trusts no length and no count, because the worker may have been taken over and the
// contents of changes come from a hostile command.
//
// Threads: pure functions. Fails with: invalid_argument (a plan nobody may run), internal (bytes
// that are no encoding).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/spawner.h"

namespace remit::sandbox {

// What a supervisor reports: the outcome and the protections this run had to do without.
struct RunResult {
  policy::SpawnOutcome outcome;
  std::vector<std::string> degraded;  // "no_proc", "no_cgroup", "no_idmap", …
};

std::string encode(const policy::SpawnPlan& plan);
std::string encode(const RunResult& result);
std::string encode(const Error& error);
std::string encode(const policy::SandboxReport& report);

Result<policy::SpawnPlan> decode_plan(std::string_view bytes);
Result<RunResult> decode_result(std::string_view bytes);
Result<policy::SandboxReport> decode_report(std::string_view bytes);
// A message that cannot be decoded is itself an (internal) Error.
Error decode_error(std::string_view bytes);

// Refuses plans that no slot can carry out: relative or reserved paths ("/", "/proc", "/dev",
// "/sys"), NUL bytes, "..", oversized commands, lists over kPlanItems.
Result<void> check_plan(const policy::SpawnPlan& plan);

}  // namespace remit::sandbox
