// The front's end of its talk with the launcher (launcher.h): the table as it stands, and channels
// to workers. Connections to a worker are made here, by handing it one end of a pair of sockets;
// those that a worker leaves open are kept for the next request.
//
// Threads: all safe from any thread, after start().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "server/front/table.h"
#include "server/transport/http_wire.h"

namespace remit::front {

class Link {
 public:
  Link(Fd link, Table table);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Listens to the launcher from now on. `on_end`: called once, on that thread, when it has ended.
  // Errors: unavailable if the system gives no thread.
  Result<void> start(std::function<void()> on_end);
  void ask_reload();
  bool is_broken() const;

  std::shared_ptr<const Table> table() const;
  // Rings `wake` whenever the table changes, until the handle goes.
  std::shared_ptr<void> watch(const transport::Wake& wake);

  // A connection to the worker of `to`: one that was kept, unless `fresh`, or a new one. Errors:
  // unavailable: it rests, there are too many, or the launcher is gone or does not answer.
  struct Connection {
    Fd socket;
    bool kept = false;
  };
  Result<Connection> connect(const Destination& to, bool fresh);
  // Gives back a connection on which nothing is going on.
  void keep(const Destination& to, Fd socket);

 private:
  using Key = std::pair<std::string, std::string>;
  struct Channel {
    std::int64_t generation = 0;
    std::shared_ptr<const Fd> end;
    std::vector<Fd> kept;  // connections, the last one used last
  };
  void listen(const std::function<void()>& on_end);
  Result<std::shared_ptr<const Fd>> channel_of(const Destination& to,
                                               const std::shared_ptr<const Fd>& dead);
  // With `held`, the lock of mutex_; waits for at most kChannelWait.
  Result<Fd> ask_open(const Destination& to, std::unique_lock<std::mutex>& held);

  const Fd link_;
  mutable std::mutex mutex_;          // guards what follows, to opening_
  std::condition_variable answered_;  // or opening_ has become false
  std::shared_ptr<const Table> table_;
  std::map<Key, Channel> channels_;
  std::list<const transport::Wake*> watchers_;
  bool broken_ = false;
  std::int64_t asked_ = 0;            // the number of the last question
  std::optional<Result<Fd>> answer_;  // to that one; later ones to others are dropped
  bool opening_ = false;              // one channel is asked for at a time
  std::thread thread_;
};

}  // namespace remit::front
