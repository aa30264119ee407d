// A throwaway world for one test: state directory, workspace, Agent_Memory and log folder under a
// mkdtemp folder, and a starter of its own.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "policy/spawner.h"
#include "tools/sandbox/starter.h"

namespace remit::sandbox::test {

struct Ran {
  policy::SpawnOutcome outcome;
  std::string out, err;
  const policy::Change* change(const std::string& path) const;  // null if not listed
};

class World {
 public:
  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void start(StarterOptions options = {});  // with state_directory filled in
  policy::Spawner& spawner() { return *spawner_; }
  void stop() { spawner_.reset(); }

  policy::SpawnPlan plan(const std::string& command) const;
  Result<Ran> try_run(const policy::SpawnPlan& plan, std::stop_token stop = {});
  Ran run(const policy::SpawnPlan& plan);  // a run that must come to an outcome
  Ran run(const std::string& command);

  void write(const std::string& relative, const std::string& content) const;  // below root
  std::string read(const std::string& relative) const;                        // "" if absent
  bool exists(const std::string& relative) const;
  std::string tree_hash() const;  // names, types, modes, contents and owners of everything

  std::string root, workspace, memory, logs, state;

 private:
  std::unique_ptr<policy::Spawner> spawner_;
};

// A world whose slots go without namespaces (tier t2), started.
class BareWorld : public World {
 public:
  explicit BareWorld(int landlock_abi_max = 1000);
  // What a Python program prints; every attempt prints "tried" first, so that a missing program is
  // seen.
  std::string python(const std::string& program);
};

// Empty if slots of this tier can be built here, else the canary's reason.
std::string why_no_slot(policy::Tier tier);

// Whether this machine's slots go without `point`, as their report says.
bool degraded(World& world, const std::string& point);

// Path of the helper program that makes one raw system call (escape_call.cpp).
std::string helper_program();

// Processes of this machine whose command line contains the text, and the CPU they have used.
int count_processes(const std::string& text);
std::chrono::microseconds cpu_of_processes(const std::string& text);

// A duration for `sleep`, above an hour, that no other process of the machine has in its command
// line: two runs of the suite at once (root's and the ordinary user's under `ctest -j`) must not
// count each other's.
std::string unique_sleep();

}  // namespace remit::sandbox::test
