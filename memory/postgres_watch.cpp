#include "memory/postgres_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "base/limits.h"
#include "base/log.h"
#include "memory/postgres_limits.h"

namespace remit::memory {
namespace {

bool readable(int fd, std::chrono::milliseconds wait) {
  pollfd watched{fd, POLLIN, 0};
  return ::poll(&watched, 1, static_cast<int>(wait.count())) > 0;
}

class WatchThread final : public Watching {
 public:
  WatchThread(std::unique_ptr<PostgresWatch> watch, Store::Tell tell, Fd stop)
      : watch_(std::move(watch)), tell_(std::move(tell)), stop_(std::move(stop)) {}
  Result<void> start() {
    try {
      thread_ = std::thread([this] {
        try {
          while (!readable(stop_.get(), std::chrono::milliseconds{0})) {
            const std::map<std::string, bool> changed = watch_->wait(stop_.get());
            if (!changed.empty()) tell_(changed);
          }
        } catch (...) {
          log::error("the watch of Agent_Memory failed");
        }
      });
    } catch (const std::system_error&) {
      return fail(ErrorKind::unavailable,
                  "Agent_Memory cannot be watched: the system has no thread left");
    }
    return {};
  }
  ~WatchThread() override {
    const std::uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof one) < 0) log::error("a watch cannot be stopped");
    if (thread_.joinable()) thread_.join();
  }

 private:
  const std::unique_ptr<PostgresWatch> watch_;
  const Store::Tell tell_;
  const Fd stop_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<PostgresWatch>> PostgresWatch::start(const PostgresUrl& url) {
  std::unique_ptr<PostgresWatch> out(new PostgresWatch(url));
  TRY_DO(out->connect());
  TRY(const SqlRows now, out->session_->run("select pg_snapshot_xmin(pg_current_snapshot())"));
  out->low_ = now.text(0, 0);
  out->heard_ = std::chrono::steady_clock::now();
  return out;
}

Result<void> PostgresWatch::connect() {
  TRY(session_, PostgresSession::open(url_));
  // Makes the session listen; whatever is committed from here on wakes it.
  TRY_DO(session_->await(-1, std::chrono::milliseconds{0}));
  return {};
}

Result<void> PostgresWatch::name_all(std::map<std::string, bool>& changed) {
  TRY(const SqlRows rows,
      session_->run("select path from document where sha256 <> '' order by path limit $1::bigint",
                    {static_cast<std::int64_t>(limits::kListedDocuments)}));
  for (std::size_t row = 0; row < rows.size(); ++row) changed[rows.text(row, 0)] = true;
  return {};
}

Result<void> PostgresWatch::catch_up(std::map<std::string, bool>& changed) {
  TRY(const SqlRows rows,
      session_->run("select now.low, now.low < $1::xid8, e.seq, e.path, e.listed, e.xid >= now.low "
                    "from (select pg_snapshot_xmin(pg_current_snapshot()) as low) as now left join "
                    "event e on e.xid >= $1::xid8 order by e.seq",
                    {low_}));
  // Away for longer than events are kept, or the server is another one by now.
  const bool gap = std::chrono::steady_clock::now() - heard_ > limits::kPostgresEvents;
  if (gap || rows.truth(0, 1)) TRY_DO(name_all(changed));
  std::set<std::int64_t> again;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (rows.is_null(row, 2)) continue;
    const std::int64_t number = rows.integer(row, 2);
    if (rows.truth(row, 5)) again.insert(number);
    if (known_.contains(number)) continue;
    bool& listed = changed[rows.text(row, 3)];
    listed = listed || rows.truth(row, 4);
  }
  low_ = rows.text(0, 0);
  known_ = std::move(again);
  heard_ = std::chrono::steady_clock::now();
  return {};
}

std::map<std::string, bool> PostgresWatch::wait(int stop) {
  std::map<std::string, bool> changed;
  while (!readable(stop, std::chrono::milliseconds{0})) {
    const auto once = [&]() -> Result<void> {
      if (!session_ || !session_->usable()) TRY_DO(connect());
      TRY_DO(catch_up(changed));
      if (changed.empty()) TRY_DO(session_->await(stop, limits::kPostgresLook));
      return {};
    };
    const Result<void> done = once();
    if (!done && readable(stop, limits::kPostgresLook)) break;
    if (!done || changed.empty()) continue;
    // What belongs together comes together.
    if (readable(stop, limits::kWatchSettle)) break;
    static_cast<void>(catch_up(changed));
    return changed;
  }
  return {};
}

Result<std::unique_ptr<Watching>> watch_postgres(const PostgresUrl& url, Store::Tell tell) {
  TRY(std::unique_ptr<PostgresWatch> watch, PostgresWatch::start(url));
  Fd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return fail_errno(errno, "make an eventfd");
  auto thread = std::make_unique<WatchThread>(std::move(watch), std::move(tell), std::move(stop));
  TRY_DO(thread->start());
  return std::unique_ptr<Watching>(std::move(thread));
}

}  // namespace remit::memory
