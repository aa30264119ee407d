#include "memory/sqlite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "memory/sqlite_connection.h"

namespace remit::memory {

namespace {
using Steady = std::chrono::steady_clock;
}  // namespace

Database::Database() = default;

// Both connections go before the log. The last close of all processes does not copy the log into
// the database and remove it, as SQLite would: that is three syncs, and two more when the next
// process begins a new log, for a command that itself runs for milliseconds. Past kClosingLog it is
// done, since who opens the database next reads what the log holds.
Database::~Database() {
  reader_.reset();
  constexpr std::int64_t kClosingLog = 256 << 10;
  struct stat st{};
  if (writer_ && log_ && ::fstat(log_.get(), &st) == 0 && st.st_size > kClosingLog) {
    writer_->wait_until(Steady::now());
    // Refused while others read: they or the next one do it.
    ::sqlite3_wal_checkpoint_v2(writer_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                nullptr);
  }
  writer_.reset();
}

namespace {

// Retries what SQLite refuses with BUSY without asking the busy handler: switching to WAL does so
// while another process opens the same new file.
template <class F>
Result<void> until_free(F&& body) {
  const auto deadline = Steady::now() + limits::kStateLockWait;
  for (;;) {
    Result<void> done = body();
    if (done || done.error().code != "locked" || Steady::now() >= deadline) return done;
    sleep_us(2000);
  }
}

// None of these has SQLite read the schema, which takes half a millisecond.
Result<void> tune(Connection& connection) {
  // Nothing may make a file after the server has confined itself: temporary structures in memory.
  // Debian's build has secure_delete on, which purge relies on.
  TRY_DO(connection.execute(
      "pragma temp_store=memory; pragma mmap_size=0; pragma cell_size_check=on;"));
  ::sqlite3_wal_autocheckpoint(connection.handle(), limits::kCheckpointPages * 8);
  return {};
}

Result<void> switch_to_wal(Connection& connection) {
  return until_free([&]() -> Result<void> {
    TRY(const std::string mode, connection.ask("pragma journal_mode"));
    if (mode == "wal") return {};
    TRY(const std::string now, connection.ask("pragma journal_mode=wal"));
    if (now != "wal") {
      return fail(ErrorKind::unavailable,
                  "the state directory's file system cannot share memory between processes (WAL "
                  "refused); choose another with --state",
                  {}, "io");
    }
    return {};
  });
}

// The version of a database that is ours or empty (then 0). Inside a transaction only: between two
// of its questions another process may make the database.
Result<int> version_of_ours(Connection& connection, std::int32_t application_id, int newest) {
  TRY(const std::string id, connection.ask("pragma application_id"));
  TRY(const std::string version, connection.ask("pragma user_version"));
  TRY(const std::string tables, connection.ask("select count(*) from sqlite_schema"));
  const bool fresh = id == "0" && version == "0" && tables == "0";
  if (!fresh && id != std::to_string(application_id)) {
    return fail(ErrorKind::unavailable,
                "state.db is not a database of remit (application_id " + id +
                    "); choose another directory with --state",
                {}, "corrupt");
  }
  const int known = version.size() > 9 ? INT_MAX : std::stoi("0" + version);
  if (known > newest) {
    return fail(ErrorKind::unavailable,
                "state.db has version " + version + ", this remit knows up to " +
                    std::to_string(newest) + "; run the newer remit",
                {}, "newer");
  }
  return known;
}

// `body` between `begin` and a commit; a failure of either rolls back.
template <class F>
Result<void> in_transaction(Connection& connection, const char* begin, F&& body) {
  TRY_DO(connection.execute(begin));
  Result<void> done = body();
  if (done) done = connection.execute("commit");
  if (!done) static_cast<void>(connection.execute("rollback"));
  return done;
}

Result<void> migrate(Connection& connection, std::int32_t application_id,
                     const std::vector<Migration>& migrations) {
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  int version = 0;
  const auto look = [&]() -> Result<void> {
    TRY(version, version_of_ours(connection, application_id, newest));
    return {};
  };
  TRY_DO(in_transaction(connection, "begin", look));
  if (version == newest) return {};
  return in_transaction(connection, "begin immediate", [&]() -> Result<void> {
    TRY_DO(look());  // another process may have been faster
    for (const Migration& step : migrations) {
      if (step.version <= version) continue;
      TRY_DO(connection.execute(step.statements));
      TRY_DO(connection.execute(("pragma user_version=" + std::to_string(step.version)).c_str()));
    }
    return connection.execute(("pragma application_id=" + std::to_string(application_id)).c_str());
  });
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& directory,
                                                 const Fd& directory_fd, const std::string& name,
                                                 std::int32_t application_id,
                                                 const std::vector<Migration>& migrations) {
  // Made by us with 0600 (SQLite would take 0644 & ~umask); the log and its index inherit the mode.
  // Only ever created, never opened here: closing it would drop SQLite's locks.
  const int made = ::openat(directory_fd.get(), name.c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (made >= 0) {
    ::close(made);
  } else if (errno != EEXIST) {
    return fail_errno(errno, "make " + escape_ascii(name) + " in the state directory");
  }
  std::unique_ptr<Database> self(new Database);
  const std::string file = fs::join(directory, name);
  const auto deadline = Steady::now() + limits::kStateLockWait;
  TRY(self->writer_, Connection::open(file));
  self->writer_->wait_until(deadline);
  TRY_DO(tune(*self->writer_));
  TRY_DO(self->writer_->execute("pragma synchronous=normal"));
  TRY_DO(switch_to_wal(*self->writer_));
  TRY_DO(migrate(*self->writer_, application_id, migrations));
  TRY(self->reader_, Connection::open(file));
  self->reader_->wait_until(deadline);
  TRY_DO(tune(*self->reader_));
  // The first read maps the log's index; from here on no connection opens a file by its name, and
  // while one is open nobody removes the log.
  TRY_DO(self->reader_->ask("pragma application_id"));
  self->log_ =
      Fd(::openat(directory_fd.get(), (name + "-wal").c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!self->log_) return fail_errno(errno, "open the state database's log");
  // SQLite syncs the directory of a new log only with its own first sync of it; ours must find the
  // name on the disk too.
  TRY(const Fd folder, fs::reopen(directory_fd, O_RDONLY | O_DIRECTORY));
  if (made >= 0) {
    if (::fsync(folder.get()) != 0) return fail_errno(errno, "sync the state directory");
    TRY_DO(self->sync_log());
  }
  return self;
}

Result<Transaction> Database::write() {
  {
    const std::scoped_lock lock(sync_mutex_);
    if (broken_) return tl::unexpected<Error>(*broken_);
  }
  const auto deadline = Steady::now() + limits::kStateLockWait;
  TRY_DO(write_gate_.enter(deadline));
  writer_->wait_until(deadline);
  Result<void> begun = writer_->prepare("begin immediate").run();
  if (!begun) {
    write_gate_.leave();
    return tl::unexpected<Error>(std::move(begun).error());
  }
  return Transaction(*this);
}

Result<Snapshot> Database::snapshot(Connection& connection, Gate& gate) {
  const auto deadline = Steady::now() + limits::kStateLockWait;
  TRY_DO(gate.enter(deadline));
  connection.wait_until(deadline);
  Result<void> begun = connection.prepare("begin").run();
  if (!begun) {
    gate.leave();
    return tl::unexpected<Error>(std::move(begun).error());
  }
  return Snapshot(connection, gate);
}

Result<Snapshot> Database::read() {
  return snapshot(*reader_, read_gate_);
}

Result<Snapshot> Database::read_at_start() {
  return snapshot(*writer_, write_gate_);
}

Result<void> Database::sync_log() {
  while (::fdatasync(log_.get()) != 0) {
    if (errno == EINTR) continue;
    return fail_errno(errno, "sync the state database's log");
  }
  return {};
}

Result<void> Database::sync_to(std::uint64_t commit) {
  std::unique_lock lock(sync_mutex_);
  while (synced_ < commit) {
    if (broken_) return tl::unexpected<Error>(*broken_);
    if (syncing_) {
      synced_changed_.wait(lock);
      continue;
    }
    // This thread syncs for everybody who committed until now.
    syncing_ = true;
    const std::uint64_t covered = committed_;
    lock.unlock();
    const Result<void> done = sync_log();
    lock.lock();
    syncing_ = false;
    if (done) {
      synced_ = std::max(synced_, covered);
    } else {
      broken_ = Error{
          ErrorKind::unavailable, done.error().message + "; restart the server", {}, "io", nullptr};
    }
    synced_changed_.notify_all();
  }
  return {};
}

Result<void> Database::sync() {
  std::uint64_t commit = 0;
  {
    const std::scoped_lock lock(sync_mutex_);
    commit = committed_;
  }
  return sync_to(commit);
}

Result<void> Database::checkpoint_if_large() {
  struct stat st{};
  if (::fstat(log_.get(), &st) != 0) return fail_errno(errno, "stat the state database's log");
  constexpr std::int64_t kFrame = 4096 + 24;
  if (st.st_size < std::int64_t{limits::kCheckpointPages} * kFrame) return {};
  TRY_DO(write_gate_.enter(Steady::now() + limits::kStateLockWait));
  const int code = ::sqlite3_wal_checkpoint_v2(writer_->handle(), nullptr,
                                               SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  Result<void> done;
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
    done = tl::unexpected<Error>(writer_->error(code, "checkpoint"));  // before others use it
  write_gate_.leave();
  return done;
}

Result<void> Database::empty_log() {
  const auto deadline = Steady::now() + limits::kStateLockWait;
  TRY_DO(write_gate_.enter(deadline));
  writer_->wait_until(deadline);
  const int code = ::sqlite3_wal_checkpoint_v2(writer_->handle(), nullptr,
                                               SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  Result<void> done;
  if (code != SQLITE_OK) done = tl::unexpected<Error>(writer_->error(code, "empty the log"));
  write_gate_.leave();
  return done;
}

}  // namespace remit::memory
