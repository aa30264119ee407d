// Gate, Statement, Transaction and Snapshot; the Database that gives them is in sqlite.cpp.
#include <cassert>
#include <utility>

#include "base/limits.h"
#include "memory/sqlite_connection.h"

namespace remit::memory {

Result<void> Gate::enter(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (inside_ && owner_ == std::this_thread::get_id()) {
    return fail(ErrorKind::internal, "this thread has a transaction open already");
  }
  if (inside_ || !queue_.empty()) {
    const std::uint64_t ticket = next_++;
    queue_.push_back(ticket);
    const bool passed =
        changed_.wait_until(lock, deadline, [&] { return !inside_ && queue_.front() == ticket; });
    if (!passed) {
      std::erase(queue_, ticket);
      changed_.notify_all();
      return tl::unexpected<Error>(locked_error());
    }
    queue_.pop_front();
  }
  inside_ = true;
  owner_ = std::this_thread::get_id();
  return {};
}

void Gate::leave() {
  const std::scoped_lock lock(mutex_);
  inside_ = false;
  owner_ = {};
  if (!queue_.empty()) changed_.notify_all();
}

Statement::Statement(Connection& connection, sqlite3_stmt* statement, bool cached,
                     std::optional<Error> error)
    : connection_(&connection), statement_(statement), cached_(cached), error_(std::move(error)) {}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      cached_(other.cached_),
      next_(other.next_),
      error_(std::move(other.error_)) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  if (cached_) {
    ::sqlite3_reset(statement_);
    ::sqlite3_clear_bindings(statement_);
  } else {
    ::sqlite3_finalize(statement_);
  }
}

void Statement::note(int code) {
  if (code != SQLITE_OK && !error_) error_ = connection_->error(code, "bind");
}

Statement& Statement::bind(std::int64_t value) {
  if (!error_) note(::sqlite3_bind_int64(statement_, next_++, value));
  return *this;
}
Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL, and an empty view may have one.
  const char* bytes = text.data() != nullptr ? text.data() : "";
  if (!error_) {
    note(::sqlite3_bind_text64(statement_, next_++, bytes, text.size(), SQLITE_TRANSIENT,
                               SQLITE_UTF8));
  }
  return *this;
}
Statement& Statement::bind_blob(std::string_view bytes) {
  const char* data = bytes.data() != nullptr ? bytes.data() : "";
  if (!error_)
    note(::sqlite3_bind_blob64(statement_, next_++, data, bytes.size(), SQLITE_TRANSIENT));
  return *this;
}
Statement& Statement::bind_borrowed(std::string_view bytes) {
  const char* data = bytes.data() != nullptr ? bytes.data() : "";
  if (!error_) {
    note(
        ::sqlite3_bind_text64(statement_, next_++, data, bytes.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  return *this;
}
Statement& Statement::bind_borrowed_blob(std::string_view bytes) {
  const char* data = bytes.data() != nullptr ? bytes.data() : "";
  if (!error_) note(::sqlite3_bind_blob64(statement_, next_++, data, bytes.size(), SQLITE_STATIC));
  return *this;
}
Statement& Statement::bind_null() {
  if (!error_) note(::sqlite3_bind_null(statement_, next_++));
  return *this;
}

Result<bool> Statement::step() {
  if (error_) return tl::unexpected<Error>(*error_);
  const int code = ::sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  error_ = connection_->error(code, "run");
  return tl::unexpected<Error>(*error_);
}

Result<void> Statement::run() {
  for (;;) {
    TRY(const bool row, step());
    if (!row) return {};
  }
}

std::int64_t Statement::integer(int column) const {
  return ::sqlite3_column_int64(statement_, column);
}
std::string_view Statement::view(int column) const {
  const void* bytes = ::sqlite3_column_blob(statement_, column);
  const int size = ::sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr || size <= 0) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}
bool Statement::is_null(int column) const {
  return ::sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // SQLite rolls back by itself after some errors (FULL, IOERR); a second rollback is harmless.
  static_cast<void>(database_->writer_->execute("rollback"));
  end();
}

void Transaction::end() {
  std::exchange(database_, nullptr)->write_gate_.leave();
}

Statement Transaction::sql(std::string_view text) {
  assert(database_ != nullptr);
  return database_->writer_->prepare(text);
}
std::int64_t Transaction::changes() const {
  return ::sqlite3_changes64(database_->writer_->handle());
}
std::int64_t Transaction::last_id() const {
  return ::sqlite3_last_insert_rowid(database_->writer_->handle());
}

Result<std::uint64_t> Transaction::commit_numbered() {
  assert(database_ != nullptr);
  // A reading statement left open would keep its old view across the commit, and the next BEGIN
  // IMMEDIATE of this connection would fail with BUSY_SNAPSHOT for ever.
  sqlite3* const handle = database_->writer_->handle();
  for (sqlite3_stmt* each = ::sqlite3_next_stmt(handle, nullptr); each != nullptr;
       each = ::sqlite3_next_stmt(handle, each)) {
    if (::sqlite3_stmt_busy(each) != 0) ::sqlite3_reset(each);
  }
  TRY_DO(database_->writer_->prepare("commit").run());  // on failure the destructor rolls back
  Database& database = *database_;
  std::uint64_t number = 0;
  {
    const std::scoped_lock lock(database.sync_mutex_);
    number = ++database.committed_;
  }
  end();
  return number;
}

Result<void> Transaction::commit(Sync sync) {
  assert(database_ != nullptr);
  Database& database = *database_;
  TRY(const std::uint64_t number, commit_numbered());
  if (sync == Sync::durable) return database.sync_to(number);
  return {};
}

Snapshot::Snapshot(Snapshot&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)), gate_(other.gate_) {}
Snapshot::~Snapshot() {
  if (connection_ == nullptr) return;
  static_cast<void>(connection_->prepare("rollback").run());
  gate_->leave();
}
Statement Snapshot::sql(std::string_view text) {
  return connection_->prepare(text);
}

}  // namespace remit::memory
