// SQLite behind a seam: one database file, two connections (one writes, one reads), prepared
// statements kept by their text, BEGIN IMMEDIATE transactions, errors as Result. sqlite3.h is
// included only by sqlite_connection.h, which memory/sqlite*.cpp alone use.
//
//   TRY(Transaction t, database.write());
//   TRY_DO(t.sql("insert into pin_failure(at_ms) values(?)").bind(now).run());
//   TRY_DO(t.commit(Sync::durable));          // left without commit: rolled back
//
// Threads: any. Each connection has a gate that one thread at a time passes, first come first
// served; it waits at most kStateLockWait, as does BEGIN IMMEDIATE for other processes. A thread
// that holds a Transaction must not ask for a second one (refused as `internal`); it may hold a
// Snapshot beside it. A Transaction stays on the thread that began it.
//
// Durability: commits are written with synchronous=NORMAL, that is to the page cache: consistent
// after any crash, durable against kill -9, but not against power loss. Sync::durable then waits
// until fdatasync of the write-ahead log has covered the commit. That sync runs outside the write
// lock and is shared by all threads that wait, so that processes do not queue up behind one
// another's disk (docs/decisions.md has the figures). A failed sync is final: the kernel may
// have dropped the dirty pages and a second fsync would lie, so every later transaction of this
// Database fails with `unavailable`.
//
// Errors: unavailable with code "locked" (waited kStateLockWait), "disk_full", "io", "corrupt";
// conflict for a violated constraint (code "constraint"); too_large; internal for a bug of ours.
//
// fork(): a Database must not be used in a child process (SQLite, "How To Corrupt", 2.6). Opening
// and closing state.db or state.db-shm by other means in the same process drops SQLite's POSIX
// locks (same page, 2.2): nothing but this file may open them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

struct sqlite3_stmt;

namespace remit::memory {

class Connection;  // sqlite_connection.h

enum class Sync {
  cached,   // committed: seen by every process, survives kill -9
  durable,  // and on the disk when commit returns
};

// One execution of a prepared statement. Errors of preparing and binding are kept and reported by
// step() or run(). Destroyed before its Transaction or Snapshot.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Parameters in the order of their '?'. Texts and blobs are copied.
  Statement& bind(std::int64_t value);
  Statement& bind(int value) { return bind(std::int64_t{value}); }
  Statement& bind(std::string_view text);
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind_blob(std::string_view bytes);
  // Not copied: `bytes` must live until the statement is destroyed.
  Statement& bind_borrowed(std::string_view bytes);
  Statement& bind_borrowed_blob(std::string_view bytes);
  Statement& bind_null();

  Result<bool> step();  // true: a row is there; false: done
  Result<void> run();   // steps to the end, ignoring rows

  // Columns of the current row, from 0. Views live until the next step.
  std::int64_t integer(int column) const;
  std::string_view view(int column) const;
  std::string text(int column) const { return std::string(view(column)); }
  bool is_null(int column) const;

 private:
  friend class Connection;
  Statement(Connection& connection, sqlite3_stmt* statement, bool cached,
            std::optional<Error> error);
  void note(int code);
  Connection* connection_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  bool cached_ = false;
  int next_ = 1;
  std::optional<Error> error_;
};

// Lets one thread pass at a time, in order of arrival.
class Gate {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  Result<void> enter(Deadline deadline);
  void leave();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::uint64_t> queue_;  // tickets; the front one may pass
  std::uint64_t next_ = 0;
  bool inside_ = false;
  std::thread::id owner_;
};

class Database;

// A write transaction: BEGIN IMMEDIATE, so that what it reads cannot change before it commits.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  Statement sql(std::string_view text);
  std::int64_t changes() const;  // rows changed by the last insert, update or delete
  std::int64_t last_id() const;  // rowid of the last insert
  Result<void> commit(Sync sync);
  // Commits without waiting for the disk; the number is for Database::sync_to.
  Result<std::uint64_t> commit_numbered();

 private:
  friend class Database;
  explicit Transaction(Database& database) : database_(&database) {}
  void end();
  Database* database_;
};

// A consistent view of the database for reading. Keep it short: a checkpoint cannot pass it.
class Snapshot {
 public:
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&&) = delete;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot();
  Statement sql(std::string_view text);

 private:
  friend class Database;
  Snapshot(Connection& connection, Gate& gate) : connection_(&connection), gate_(&gate) {}
  Connection* connection_;
  Gate* gate_;
};

// One step of the schema: `statements` bring user_version from `version - 1` to `version`.
struct Migration {
  int version;
  const char* statements;
};

class Database {
 public:
  // Opens or makes `name` in `directory` (absolute path without symlinks; `directory_fd` is the
  // same directory). Errors: unavailable if the file has another application_id or is newer than
  // `migrations`.
  static Result<std::unique_ptr<Database>> open(const std::string& directory,
                                                const Fd& directory_fd, const std::string& name,
                                                std::int32_t application_id,
                                                const std::vector<Migration>& migrations);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Transaction> write();
  Result<Snapshot> read();
  // A snapshot on the connection that writes, for what a start asks while nobody else works here:
  // the other one has not read the schema yet, for which a start need not wait. No write() while it
  // lives.
  Result<Snapshot> read_at_start();
  // Waits until commit number `commit` (and every earlier one) is on the disk.
  Result<void> sync_to(std::uint64_t commit);
  // The same for all commits of this process so far.
  Result<void> sync();
  // Copies the log into the database file if it has grown past kCheckpointPages; never waits for
  // readers or writers.
  Result<void> checkpoint_if_large();
  // The same however small it is, and cuts the log to nothing, so that no file holds what was
  // deleted before. Waits kStateLockWait for others that read. Errors: unavailable if they go on.
  Result<void> empty_log();

 private:
  friend class Transaction;
  friend class Snapshot;
  Database();
  Result<void> sync_log();
  static Result<Snapshot> snapshot(Connection& connection, Gate& gate);

  std::unique_ptr<Connection> writer_, reader_;
  Gate write_gate_, read_gate_;
  Fd log_;  // state.db-wal, for fdatasync

  std::mutex sync_mutex_;  // guards the rest
  std::condition_variable synced_changed_;
  std::uint64_t committed_ = 0, synced_ = 0;
  bool syncing_ = false;
  std::optional<Error> broken_;  // a sync failed
};

}  // namespace remit::memory
