#include "memory/sqlite_connection.h"

#include <algorithm>
#include <ctime>

#include "base/limits.h"

namespace remit::memory {
namespace {

// An upper bound far above any record of ours: documents are 4 MiB.
constexpr int kSqliteValueBytes = 64 << 20;

Error sqlite_error(int code, const char* text, std::string_view what) {
  const std::string message =
      "state database: " + std::string(what) + ": " + (text != nullptr ? text : "unknown error");
  const auto make = [&](ErrorKind kind, const char* word) {
    return Error{kind, message, {}, word, nullptr};
  };
  switch (code & 0xff) {
    // PROTOCOL: the log's index was re-read many times without a stable result, that is contention.
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return locked_error();
    case SQLITE_FULL:
      return make(ErrorKind::unavailable, "disk_full");
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_NOLFS:
      return make(ErrorKind::unavailable, "io");
    case SQLITE_NOMEM:
      return make(ErrorKind::unavailable, "memory");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return make(ErrorKind::unavailable, "corrupt");
    case SQLITE_CONSTRAINT:
      return make(ErrorKind::conflict, "constraint");
    case SQLITE_TOOBIG:
      return make(ErrorKind::too_large, "");
    default:
      return make(ErrorKind::internal, "");
  }
}

}  // namespace

void sleep_us(std::int64_t us) {
  const struct timespec wait{0, us * 1000};
  ::nanosleep(&wait, nullptr);
}

Error locked_error() {
  return Error{ErrorKind::unavailable,
               "the state database was locked for " +
                   std::to_string(limits::kStateLockWait.count()) +
                   " ms by another process; try again",
               {},
               "locked",
               nullptr};
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& file) {
  std::unique_ptr<Connection> self(new Connection);
  // NOMUTEX: the gates serialise each connection. NOFOLLOW: no symlink anywhere in the path.
  const int code = ::sqlite3_open_v2(
      file.c_str(), &self->handle_,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
      "unix");
  if (code != SQLITE_OK) {
    const char* text =
        self->handle_ != nullptr ? ::sqlite3_errmsg(self->handle_) : ::sqlite3_errstr(code);
    return tl::unexpected<Error>(sqlite_error(code, text, "open"));
  }
  ::sqlite3_busy_handler(self->handle_, &Connection::on_busy, self.get());
  ::sqlite3_limit(self->handle_, SQLITE_LIMIT_LENGTH, kSqliteValueBytes);
  ::sqlite3_limit(self->handle_, SQLITE_LIMIT_ATTACHED, 0);
  for (const int option :
       {SQLITE_DBCONFIG_DQS_DDL, SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_TRUSTED_SCHEMA,
        SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW}) {
    ::sqlite3_db_config(self->handle_, option, 0, nullptr);
  }
  for (const int option :
       {SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_ENABLE_FKEY, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE}) {
    ::sqlite3_db_config(self->handle_, option, 1, nullptr);
  }
  return self;
}

Connection::~Connection() {
  for (auto& [text, statement] : cache_) ::sqlite3_finalize(statement);
  ::sqlite3_close(handle_);
}

Statement Connection::prepare(std::string_view text) {
  const auto found = cache_.find(text);
  if (found != cache_.end() && ::sqlite3_stmt_busy(found->second) == 0) {
    return Statement(*this, found->second, true, std::nullopt);
  }
  sqlite3_stmt* statement = nullptr;
  const bool keep = found == cache_.end();
  const int code = ::sqlite3_prepare_v3(handle_, text.data(), static_cast<int>(text.size()),
                                        keep ? SQLITE_PREPARE_PERSISTENT : 0u, &statement, nullptr);
  if (code != SQLITE_OK) return Statement(*this, nullptr, false, error(code, "prepare"));
  if (keep) cache_.emplace(std::string(text), statement);
  return Statement(*this, statement, keep, std::nullopt);
}

Result<void> Connection::execute(const char* text) {
  const int code = ::sqlite3_exec(handle_, text, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return tl::unexpected<Error>(error(code, text));
  return {};
}

Result<std::string> Connection::ask(const char* text) {
  Statement statement = prepare(text);
  TRY(const bool row, statement.step());
  return row ? statement.text(0) : std::string();
}

Error Connection::error(int code, std::string_view what) const {
  return sqlite_error(code, ::sqlite3_errmsg(handle_), what);
}

int Connection::on_busy(void* self, int tries) {
  auto& me = *static_cast<Connection*>(self);
  const auto now = Clock::now();
  if (now >= me.deadline_) return 0;
  const std::int64_t ceiling = std::min<std::int64_t>(200 + 100 * std::int64_t{tries}, 3000);
  const std::int64_t jitter = now.time_since_epoch().count() / 1000 % (ceiling / 2 + 1);
  sleep_us(ceiling / 2 + jitter);
  return 1;
}

}  // namespace remit::memory
