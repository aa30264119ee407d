// One connection to PostgreSQL: statements with parameters, transactions, notifications, errors as
// Result. libpqxx is included by postgres_session.cpp alone.
//
//   TRY(auto session, PostgresSession::open(url));
//   TRY_DO(session->begin());
//   TRY(const SqlRows rows, session->run("select body from version where path = $1", {path}));
//   TRY_DO(session->rollback());
//
// Threads: one at a time. Every wait ends: connecting after kPostgresConnect, a statement after
// kPostgresStatement, a lock after kStateLockWait, a peer that is gone without a word after
// kPostgresPeer; the server ends a transaction that idles for kPostgresIdleTransaction.
//
// Errors: unavailable, with code "locked" (another writer did not finish), "disk_full", "read_only"
// (a standby), "refused" (no right, no such database), "lost" (the connection broke: the session is
// of no more use) or "" ; internal for a statement of ours that the server does not take. What the
// server says goes to the log, never to a caller: it may quote values.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/postgres_url.h"

namespace remit::memory {

// A parameter of a statement, always sent as text; the statement says the type ($1::bytea).
class SqlValue {
 public:
  SqlValue(std::string_view text) : text_(text) {}
  SqlValue(const std::string& text) : text_(text) {}
  SqlValue(const char* text) : text_(text) {}
  SqlValue(std::int64_t number) : text_(std::to_string(number)) {}
  SqlValue(bool value) : text_(value ? "true" : "false") {}
  SqlValue(std::nullopt_t) {}
  static SqlValue bytes(std::string_view raw);
  static SqlValue texts(const std::vector<std::string>& all);     // a text[]
  static SqlValue numbers(const std::vector<std::int64_t>& all);  // a bigint[]
  const char* get() const { return text_ ? text_->c_str() : nullptr; }

 private:
  std::optional<std::string> text_;
};

// What a statement gave, copied out of the library.
class SqlRows {
 public:
  std::size_t size() const { return columns_ == 0 ? 0 : cells_.size() / columns_; }
  bool empty() const { return cells_.empty(); }
  std::uint64_t affected() const { return affected_; }
  bool is_null(std::size_t row, std::size_t column) const { return !cell(row, column); }
  const std::string& text(std::size_t row, std::size_t column) const;
  std::int64_t integer(std::size_t row, std::size_t column) const;
  bool truth(std::size_t row, std::size_t column) const { return text(row, column) == "t"; }
  std::string bytes(std::size_t row, std::size_t column) const;  // of a bytea

 private:
  friend class PostgresSession;
  const std::optional<std::string>& cell(std::size_t row, std::size_t column) const {
    return cells_.at(row * columns_ + column);
  }
  std::size_t columns_ = 0;
  std::uint64_t affected_ = 0;
  std::vector<std::optional<std::string>> cells_;
};

class PostgresSession {
 public:
  static Result<std::unique_ptr<PostgresSession>> open(const PostgresUrl& url);
  ~PostgresSession();
  PostgresSession(const PostgresSession&) = delete;
  PostgresSession& operator=(const PostgresSession&) = delete;

  Result<SqlRows> run(const std::string& sql, std::initializer_list<SqlValue> values = {});
  // Several statements without parameters, in one transaction; what they give is dropped.
  Result<void> run_all(const std::string& sql);
  Result<void> begin();
  // Errors: code "lost" if nobody knows whether it was committed.
  Result<void> commit();
  Result<void> rollback();

  // False once the connection broke, or a transaction could not be ended.
  bool usable() const { return usable_; }
  bool at_rest() const { return usable_ && !in_transaction_; }
  int server_version() const;  // 150018

  // Waits for a notification of a channel that was listened to, for `other` to become readable, or
  // the time. True if there was a notification.
  Result<bool> await(int other, std::chrono::milliseconds most);

 private:
  struct Parts;
  // What `work` does with the library, with its exceptions as errors.
  template <class Work>
  Result<SqlRows> guarded(const Work& work);
  explicit PostgresSession(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
  bool usable_ = true, in_transaction_ = false;
};

}  // namespace remit::memory
