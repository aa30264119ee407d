// Workers: the processes of agents, one for each (agent, instruction) that somebody has called.
// Each serves MCP over HTTP on connections that come through a channel of its own
// (transport/handing.h); the front holds the other end and nobody else can reach it. The end that a
// worker reads is held here too, so that connections that no worker has taken outlive it: the next
// one takes them.
//
// A worker ends by itself when it is idle. One that crashes is started again when the next
// connection waits; one that crashes again before it has settled rests first, and its channel is
// closed meanwhile.
//
// Threads: the one that made it, which must live as long as the process: workers die with it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace remit::front {

using SteadyClock = std::chrono::steady_clock;

// How a process is started: descriptors 3 and 4 are given, the standard ones are /dev/null but for
// stderr, all others are closed. It dies (SIGTERM) with the thread that starts it.
struct Start {
  std::string program;
  std::vector<std::string> words;  // argv
  int third = -1, fourth = -1;     // what it has as descriptors 3 and 4
};
// Errors: unavailable.
Result<pid_t> start_process(const Start& start);

// Waits for children of this process, which were told to end, and kills those that have not ended
// after `patience`.
void await_ends(std::vector<pid_t> children, std::chrono::milliseconds patience);

// How long a worker that has crashed `times` times in a row rests.
std::chrono::milliseconds rest_after(int times);

class Workers {
 public:
  using Key = std::pair<std::string, std::string>;  // agent, instruction

  // What a worker of this agent and instruction is started from.
  struct Plan {
    std::vector<std::string> words;  // argv
    std::string packed;              // policy::pack of its persona's files
  };

  explicit Workers(std::string program) : program_(std::move(program)) {}
  ~Workers();  // end_all()
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // The front's end of a new channel; the one before is closed. The worker starts when something
  // comes. Errors: unavailable while it rests, or with too many workers.
  Result<Fd> open(const Key& key, Plan plan);
  // Ends the workers of an agent; their channels are closed. What has not ended after kWorkerEnd is
  // killed by kill_late().
  void retire(const std::string& agent);
  // Ends everything, and `other`, a child of this process unless it is 0; what has not ended after
  // kWorkerEnd is killed.
  void end_all(pid_t other = 0);

  // --- for the loop that waits ---
  // Channels on which a worker is to be started when something comes.
  std::vector<int> watched() const;
  void start_waiting();
  // Kills what was told to end and has not. How long until it is to be asked again; -1: not before
  // a worker is told to end.
  std::chrono::milliseconds kill_late();
  // A child of this process has ended. False if it was no worker.
  bool ended(pid_t pid, int status);
  std::size_t running() const;

 private:
  struct Worker {
    Plan plan;
    Fd channel;  // what the worker reads; none while it rests
    pid_t pid = 0;
    int crashes = 0;  // in a row
    SteadyClock::time_point started, rests_until;
  };
  void start(const Key& key, Worker& worker);
  void tell_to_end(pid_t pid);
  void crashed(const Key& key, Worker& worker, const std::string& how);

  const std::string program_;
  std::map<Key, Worker> workers_;
  std::map<pid_t, SteadyClock::time_point> retired_;  // told to end: by when
};

}  // namespace remit::front
