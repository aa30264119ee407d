// Which documents of Agent_Memory change, whoever changes them: this server, another one, a hook, a
// person with an editor. All of them end in the file system, so one inotify watch of the folders
// (man 7 inotify) sees every writer. What it tells is a hint: whoever cares reads the document
// again.
//
// Threads: one of its own, from start() to the destructor; `tell` runs on it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/fs.h"
#include "base/result.h"
#include "memory/store.h"

namespace remit::memory {

class DocumentWatch final : public Watching {
 public:
  using Tell = Store::Tell;  // at most one call every kWatchSettle
  // Watches the folders beneath `root`, at most kWatchedFolders, the nearest ones first. Errors:
  // unavailable if the system gives no watch.
  static Result<std::unique_ptr<DocumentWatch>> start(Fd root, Tell tell);
  ~DocumentWatch() override;
  DocumentWatch(const DocumentWatch&) = delete;
  DocumentWatch& operator=(const DocumentWatch&) = delete;

 private:
  DocumentWatch(Fd root, Fd events, Fd stop, Tell tell)
      : root_(std::move(root)),
        events_(std::move(events)),
        stop_(std::move(stop)),
        tell_(std::move(tell)) {}

  // Watches `folder` and those below it; with `found`, names the documents in them as come.
  void watch_tree(const std::string& folder, std::map<std::string, bool>* found);
  bool watch_folder(const std::string& folder, const Fd& fd);
  void forget_tree(const std::string& folder);
  void run();
  // Takes one buffer of what is to be read: a writer as fast as the reader must not keep it here.
  void read_events(std::map<std::string, bool>& changed);

  const Fd root_, events_, stop_;
  const Tell tell_;
  std::map<int, std::string>
      folders_;  // by watch descriptor; used by the thread alone, once it runs
  bool full_ = false;
  std::thread thread_;
};

}  // namespace remit::memory
