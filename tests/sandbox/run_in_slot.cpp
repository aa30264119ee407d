// Runs one command in a slot and nothing else of the product: no shell policy, no approvals, no
// applying of changes, so that tests/e2e/sandbox judges the sandbox itself.
//
//   run_in_slot --tier t1|t2 --workspace DIR --state DIR [--read-only DIR]... [--mask NAME]...
//               [--memory DIR] [--document NAME]... [--wall MILLISECONDS] --outcome FILE -- COMMAND
//
// What the command prints goes to stdout and stderr unchanged. FILE becomes one line a fact:
// `tier`, `degraded NAME`, `exit N`, `signal N`, `limit NAME`, `change KIND MODE PATH`, `lost
// REASON`. Exit codes: 0 the command came to an outcome, 77 no slot of this tier here, 1 refused, 2
// usage.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tools/sandbox/starter.h"

namespace remit::sandbox {

namespace {

constexpr int kSkipped = 77;

struct Arguments {
  policy::SpawnPlan plan;
  StarterOptions starter;
  std::string outcome;
};

int usage(const char* what) {
  std::fprintf(stderr, "run_in_slot: %s; see the head of run_in_slot.cpp\n", what);
  return 2;
}

// 0, or the exit code after having said what is wrong.
int parse(int argc, char** argv, Arguments& into) {
  policy::SpawnView& view = into.plan.view;
  int i = 1;
  for (; i < argc && std::string_view(argv[i]) != "--"; i += 2) {
    if (i + 1 >= argc) return usage("an option lacks its value");
    const std::string_view option = argv[i];
    const char* value = argv[i + 1];
    if (option == "--tier") {
      if (value != std::string_view("t1") && value != std::string_view("t2"))
        return usage("the tier is t1 or t2");
      into.starter.forced_tier =
          value == std::string_view("t1") ? policy::Tier::t1 : policy::Tier::t2;
    } else if (option == "--workspace") {
      view.workspace = into.plan.cwd = value;
    } else if (option == "--state") {
      into.starter.state_directory = value;
    } else if (option == "--read-only") {
      view.read_only_roots.emplace_back(value);
    } else if (option == "--mask") {
      view.masks.emplace_back(value);
    } else if (option == "--memory") {
      view.memory = value;
    } else if (option == "--document") {
      view.memory_documents.emplace_back(value);
    } else if (option == "--wall") {
      into.plan.limits.wall = std::chrono::milliseconds(std::strtol(value, nullptr, 10));
    } else if (option == "--outcome") {
      into.outcome = value;
    } else {
      return usage("unknown option");
    }
  }
  if (i + 2 != argc) return usage("one command comes after --");
  into.plan.command = argv[i + 1];
  if (!into.starter.forced_tier || view.workspace.empty() || into.outcome.empty() ||
      into.starter.state_directory.empty())
    return usage("--tier, --workspace, --state and --outcome are needed");
  into.plan.call_id = "escape";
  // As the product sets it (docs: the environment of a command).
  into.plan.environment = {
      {"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}, {"LANG", "C.UTF-8"}, {"TERM", "dumb"}};
  into.starter.warm_slots = 0;  // one command only
  return 0;
}

void write_outcome(std::FILE* file, const policy::SandboxReport& report,
                   const policy::SpawnOutcome& outcome) {
  std::fprintf(file, "tier %s\n", policy::to_string(report.tier));
  for (const std::string& point : report.degraded)
    std::fprintf(file, "degraded %s\n", point.c_str());
  if (outcome.exit_code) std::fprintf(file, "exit %d\n", *outcome.exit_code);
  if (outcome.signal != 0) std::fprintf(file, "signal %d\n", outcome.signal);
  if (!outcome.limit.empty()) std::fprintf(file, "limit %s\n", outcome.limit.c_str());
  for (const policy::Change& change : outcome.changes)
    std::fprintf(file, "change %s %o %s\n", policy::to_string(change.kind), change.mode,
                 change.path.c_str());
  for (const std::string& reason : outcome.lost) std::fprintf(file, "lost %s\n", reason.c_str());
}

int run(const Arguments& arguments) {
  auto spawner = start_starter(arguments.starter);
  if (!spawner) {
    std::fprintf(stderr, "run_in_slot: %s\n", spawner.error().message.c_str());
    return kSkipped;
  }
  const policy::SandboxReport& report = (*spawner)->report();
  if (report.tier != arguments.starter.forced_tier) {
    std::fprintf(stderr, "run_in_slot: %s\n", report.remedy.c_str());
    for (const policy::CanaryPoint& point : report.canary)
      if (!point.ok) std::fprintf(stderr, "  %s: %s\n", point.name.c_str(), point.detail.c_str());
    return kSkipped;
  }
  const auto outcome = (*spawner)->run(arguments.plan,
                                       [](policy::Stream stream, std::string_view bytes) {
                                         std::FILE* to =
                                             stream == policy::Stream::out ? stdout : stderr;
                                         std::fwrite(bytes.data(), 1, bytes.size(), to);
                                       },
                                       {});
  if (!outcome) {
    std::fprintf(stderr, "run_in_slot: %s\n", outcome.error().message.c_str());
    return 1;
  }
  std::FILE* file = std::fopen(arguments.outcome.c_str(), "we");
  if (file == nullptr) return usage("the outcome's file cannot be made");
  write_outcome(file, report, *outcome);
  return std::fclose(file) == 0 ? 0 : 1;
}

}  // namespace

}  // namespace remit::sandbox

int main(int argc, char** argv) {
  remit::sandbox::Arguments arguments;
  if (const int wrong = remit::sandbox::parse(argc, argv, arguments); wrong != 0) return wrong;
  return remit::sandbox::run(arguments);
}
