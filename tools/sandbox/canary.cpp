#include "tools/sandbox/canary.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <stop_token>

#include "base/crypto.h"
#include "tools/sandbox/channel.h"
#include "tools/sandbox/follow.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/plan.h"
#include "tools/sandbox/scratch.h"
#include "tools/sandbox/userns.h"
#include "tools/sandbox/view.h"

namespace remit::sandbox {

namespace {

constexpr const char* kSecret = "canary secret\n";

// Prints one line per point: name|ok or failed|detail. Builtins only, but for the detached process.
constexpr const char* kScript = R"script(
point() { printf '%s|%s|%s\n' "$1" "$2" "$3"; }
refused() {  # name, message, status: ok if the attempt failed
  if [ "$3" = 0 ]; then point "$1" failed 'it succeeded'; else point "$1" ok "${2##*: }"; fi
}
message=$( { : >> /usr/remit-canary || : >> /remit-canary; } 2>&1 ); refused 'write outside fails' "$message" $?
if echo probe > probe; then point 'workspace write' ok ''; else point 'workspace write' failed 'refused'; fi
read -r -d '' hidden < hidden
if [ -z "$hidden" ]; then point 'masked file reads empty' ok ''; else point 'masked file reads empty' failed "$hidden"; fi
message=$( { : >> /proc/sys/kernel/core_pattern; } 2>&1 ); refused '/proc/sys is not writable' "$message" $?
message=$( { : < /dev/tcp/127.0.0.1/9; } 2>&1 ); status=$?
case $message in
  *'not permitted'*) refused 'connect fails' "$message" $status ;;
  *) point 'connect fails' failed "not by the filter: $message" ;;
esac
if [ -r /proc/self/status ]; then
  read -r inside outside count < /proc/self/uid_map
  if [ "$outside" = 0 ]; then point 'not uid 0 outside' failed "$outside"; else point 'not uid 0 outside' ok "$outside"; fi
  while read -r key value; do
    case $key in
      CapEff:|CapBnd:) if [ "$value" = 0000000000000000 ]; then point "$key none" ok "$value"; else point "$key none" failed "$value"; fi ;;
      NoNewPrivs:) if [ "$value" = 1 ]; then point 'no_new_privs' ok "$value"; else point 'no_new_privs' failed "$value"; fi ;;
      Seccomp:) if [ "$value" = 2 ]; then point 'system-call filter' ok "$value"; else point 'system-call filter' failed "$value"; fi ;;
    esac
  done < /proc/self/status
  seen=
  while IFS= read -r -d '' variable; do seen="$seen$variable;"; done < /proc/self/environ
  if [ "$seen" = 'CANARY=1;' ]; then point 'environment as given' ok ''; else point 'environment as given' failed "$seen"; fi
  seen=
  for fd in /proc/self/fd/*; do [ -e "$fd" ] && seen="$seen ${fd##*/}"; done
  if [ "$seen" = ' 0 1 2' ]; then point 'no other descriptors' ok "$seen"; else point 'no other descriptors' failed "$seen"; fi
fi
( trap '' HUP TERM; /usr/bin/setsid /usr/bin/sleep 1000 & )
point 'script complete' ok ''
)script";

// The same for a slot without namespaces: nothing of /proc is there to look at, and what the layer
// would have taken is refused.
constexpr const char* kBareScript = R"script(
point() { printf '%s|%s|%s\n' "$1" "$2" "$3"; }
refused() {
  if [ "$3" = 0 ]; then point "$1" failed 'it succeeded'; else point "$1" ok "${2##*: }"; fi
}
message=$( { : >> /usr/remit-canary || : >> /remit-canary; } 2>&1 ); refused 'write outside fails' "$message" $?
message=$( { echo probe > probe; } 2>&1 ); refused 'workspace is read-only' "$message" $?
message=$( { : < hidden; } 2>&1 ); refused 'masked file is not readable' "$message" $?
message=$( { : < /proc/self/status; } 2>&1 ); refused '/proc is not readable' "$message" $?
message=$( { : >> /proc/sys/kernel/core_pattern; } 2>&1 ); refused '/proc/sys is not writable' "$message" $?
message=$( { : < /dev/tcp/127.0.0.1/9; } 2>&1 ); status=$?
case $message in
  *'not permitted'*) refused 'connect fails' "$message" $status ;;
  *) point 'connect fails' failed "not by the filter: $message" ;;
esac
message=$( /usr/bin/chmod 600 . 2>&1 ); refused 'attributes cannot be changed' "$message" $?
if echo probe > "$HOME/probe"; then point 'private folder' ok ''; else point 'private folder' failed 'refused'; fi
( trap '' HUP TERM; /usr/bin/setsid /usr/bin/sleep 1000 & )
point 'script complete' ok ''
)script";

constexpr const char* kExpectedBare[] = {
    "write outside fails",          "workspace is read-only",
    "masked file is not readable",  "/proc is not readable",
    "/proc/sys is not writable",    "connect fails",
    "attributes cannot be changed", "private folder",
};

// Names of points that must have been reported. Those after the first five need /proc.
constexpr const char* kExpected[] = {"write outside fails", "workspace write",
                                     "masked file reads empty", "/proc/sys is not writable",
                                     "connect fails"};
constexpr const char* kExpectedWithProc[] = {
    "not uid 0 outside",  "CapEff: none",         "CapBnd: none",        "no_new_privs",
    "system-call filter", "environment as given", "no other descriptors"};

std::string first_word(const char* path) {
  auto text = fs::read_file(path, 64);
  if (!text) return {};
  return text->substr(0, text->find_first_of(" \n"));
}

// What to change on this machine. The common refusals each have one switch.
std::string remedy(const policy::SandboxReport& report) {
  if (report.landlock_abi == 0)
    return "boot the kernel with Landlock (lsm=landlock,…); without it no command runs";
  if (first_word("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1";
  if (first_word("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return "install the AppArmor profile that permits user namespaces for remit (remit doctor "
           "prints it)";
  if (first_word("/proc/sys/user/max_user_namespaces") == "0")
    return "allow user namespaces: sysctl user.max_user_namespaces=10000";
  return "in a container allow namespaces and mounts (docker: --security-opt seccomp=unconfined "
         "--security-opt apparmor=unconfined --security-opt systempaths=unconfined)";
}

// The canary's workspace: one file, which the script must see as empty.
struct Scratch {
  std::string folder, workspace;
  explicit Scratch(const Settings& settings) {
    // A bare slot's own user cannot enter the state directory.
    auto made = settings.bare() ? make_home(settings.starter, geteuid(), getegid())
                                : make_scratch(settings.state_directory, settings.starter, "canary",
                                               geteuid(), getegid());
    if (!made) {
      problem = made.error();
      return;
    }
    folder = std::move(*made);
    workspace = folder + "/workspace";
    const std::string hidden = workspace + "/hidden";
    const bool folder_made = chmod(folder.c_str(), settings.bare() ? 0755 : 0700) == 0 &&
                             mkdir(workspace.c_str(), 0755) == 0;
    const Fd file(folder_made ? open(hidden.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1);
    auto written = fs::write_all(file.get(), kSecret);
    if (!written) problem = written.error();
  }
  ~Scratch() { remove_tree(folder); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::optional<Error> problem;
};

std::vector<policy::CanaryPoint> parse_points(std::string_view output) {
  std::vector<policy::CanaryPoint> points;
  while (!output.empty()) {
    const std::string_view line = output.substr(0, output.find('\n'));
    output.remove_prefix(std::min(output.size(), line.size() + 1));
    const std::size_t first = line.find('|');
    const std::size_t second = line.find('|', first + 1);
    if (first == line.npos || second == line.npos) continue;
    points.push_back({std::string(line.substr(0, first)),
                      line.substr(first + 1, second - first - 1) == "ok",
                      std::string(line.substr(second + 1))});
  }
  return points;
}

void expect_point(std::vector<policy::CanaryPoint>& points, const char* name) {
  const auto found = std::find_if(points.begin(), points.end(),
                                  [&](const auto& point) { return point.name == name; });
  if (found == points.end()) points.push_back({name, false, "not tried: the script ended early"});
}

// What the script cannot see: the host's side of the same facts.
void judge_from_outside(const Scratch& scratch, const RunResult& run, bool bare,
                        std::vector<policy::CanaryPoint>& points) {
  const bool untouched = access((scratch.workspace + "/probe").c_str(), F_OK) != 0;
  points.push_back({"host tree untouched", untouched, untouched ? "" : "the write reached it"});
  // follow() returned a result, so both pipes ended: nobody holds the detached process's stdout.
  points.push_back({"detached process dies", true, ""});
  if (bare) return;
  const auto& changes = run.outcome.changes;
  const bool listed = changes.size() == 1 && changes[0].path == scratch.workspace + "/probe" &&
                      changes[0].content == "probe\n";
  points.push_back(
      {"change listed", listed, listed ? "" : std::to_string(changes.size()) + " changes"});
}

Result<RunResult> run_script(const Settings& settings, const Fd& lifeline, const Scratch& scratch,
                             std::string& output) {
  if (scratch.problem) return tl::unexpected<Error>(*scratch.problem);
  policy::SpawnPlan plan;
  plan.call_id = "canary";
  plan.command = settings.bare() ? kBareScript : kScript;
  plan.cwd = plan.view.workspace = scratch.workspace;
  plan.view.masks = {"hidden"};
  plan.environment = {{"CANARY", "1"}};
  if (settings.bare()) plan.environment["HOME"] = "/tmp";
  plan.limits.wall = plan.limits.idle = kCanaryWall;
  TRY(const SlotBase base, slot_base_of(plan, settings.uid_base));
  TRY(const Fd memory, sealed_memory(encode(plan)));
  TRY(const Waiting slot, start_supervisor(settings, base, 0, lifeline, {}));
  TRY(auto ends, make_run_ends());
  {
    const RunFarEnds far = std::move(ends.second);  // closed here once the supervisor has them
    TRY_DO(send_message(slot.orders.get(), kOrder, "",
                        {far.socket.get(), memory.get(), far.out.get(), far.err.get()}));
  }
  auto result = follow(
      std::move(ends.first), plan.limits,
      [&](policy::Stream, std::string_view bytes) { output.append(bytes); }, std::stop_token());
  // Its scratch folder can be removed when the supervisor is gone.
  while (wait(nullptr) < 0 && errno == EINTR) {
  }
  return result;
}

}  // namespace

std::string profile_hash(const Settings& settings) {
  Sha256 hash;
  for (const MountOp& op : base_view(Identity{})) {
    hash.field(std::to_string(static_cast<int>(op.kind)));
    hash.field(op.target);
    hash.field(op.source);
  }
  for (const sock_filter& instruction : settings.filter)
    hash.field(std::to_string(instruction.code) + " " + std::to_string(instruction.jt) + " " +
               std::to_string(instruction.jf) + " " + std::to_string(instruction.k));
  hash.field(policy::to_string(settings.tier));
  hash.field(std::to_string(settings.landlock_abi));
  return hash.finish_hex();
}

namespace {

// Runs the canary of the settings' tier and adds its points; true if all of them hold.
bool prove(const Settings& settings, const Fd& lifeline, policy::SandboxReport& report) {
  std::vector<policy::CanaryPoint> points;
  {
    const Scratch scratch(settings);
    std::string output;
    const auto result = run_script(settings, lifeline, scratch, output);
    if (!result) {
      points.push_back({"slot", false, result.error().message});
    } else {
      report.degraded = result->degraded;
      points = parse_points(output);
      if (settings.bare()) {
        for (const char* name : kExpectedBare) expect_point(points, name);
      } else {
        for (const char* name : kExpected) expect_point(points, name);
        // Without /proc the slot's init has still checked the result of each call that drops a
        // right.
        const bool no_proc = std::find(report.degraded.begin(), report.degraded.end(), "no_proc") !=
                             report.degraded.end();
        if (!no_proc)
          for (const char* name : kExpectedWithProc) expect_point(points, name);
      }
      expect_point(points, "script complete");
      judge_from_outside(scratch, *result, settings.bare(), points);
    }
  }
  bool proven = true;
  for (policy::CanaryPoint& point : points) {
    proven = proven && point.ok;
    point.name = std::string(policy::to_string(settings.tier)) + " " + point.name;
    report.canary.push_back(std::move(point));
  }
  return proven;
}

}  // namespace

policy::SandboxReport run_canary(Settings settings, const Fd& lifeline) {
  policy::SandboxReport report;
  report.landlock_abi = settings.landlock_abi;
  report.tier = policy::Tier::t3;
  if (settings.tier == policy::Tier::t1) {
    if (prove(settings, lifeline, report)) {
      report.tier = policy::Tier::t1;
    } else {
      report.remedy = remedy(report);
      settings.set_tier(policy::Tier::t2);
    }
  }
  if (settings.bare() && prove(settings, lifeline, report)) report.tier = policy::Tier::t2;
  report.profile_sha256 = profile_hash(settings);
  return report;
}

}  // namespace remit::sandbox
