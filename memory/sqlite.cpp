// Over 400 lines because Database, Statement and Transaction share the private Connection and Gate.
#include "memory/sqlite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <ctime>
#include <unordered_map>
#include <utility>

#include <sqlite3.h>

#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

using Clock = std::chrono::steady_clock;

// An upper bound far above any record of ours: documents are 4 MiB.
constexpr int kSqliteValueBytes = 64 << 20;

Error locked_error() {
  return Error{ErrorKind::unavailable,
               "the state database was locked for 5 s by another process; try again",
               {},
               "locked",
               nullptr};
}

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

void sleep_us(std::int64_t us) {
  const struct timespec wait{0, us * 1000};
  ::nanosleep(&wait, nullptr);
}

}  // namespace

// --- Gate ---------------------------------------------------------------------------------------

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

// --- Connection ---------------------------------------------------------------------------------

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& file) {
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
    for (const int option : {SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_ENABLE_FKEY,
                             SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE}) {
      ::sqlite3_db_config(self->handle_, option, 1, nullptr);
    }
    return self;
  }
  ~Connection() {
    for (auto& [text, statement] : cache_) ::sqlite3_finalize(statement);
    ::sqlite3_close(handle_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Statement prepare(std::string_view text) {
    const auto found = cache_.find(text);
    if (found != cache_.end() && ::sqlite3_stmt_busy(found->second) == 0) {
      return Statement(*this, found->second, true, std::nullopt);
    }
    sqlite3_stmt* statement = nullptr;
    const bool keep = found == cache_.end();
    const int code =
        ::sqlite3_prepare_v3(handle_, text.data(), static_cast<int>(text.size()),
                             keep ? SQLITE_PREPARE_PERSISTENT : 0u, &statement, nullptr);
    if (code != SQLITE_OK) return Statement(*this, nullptr, false, error(code, "prepare"));
    if (keep) cache_.emplace(std::string(text), statement);
    return Statement(*this, statement, keep, std::nullopt);
  }
  Result<void> execute(const char* text) {
    const int code = ::sqlite3_exec(handle_, text, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return tl::unexpected<Error>(error(code, text));
    return {};
  }
  Result<std::string> ask(const char* text) {
    Statement statement = prepare(text);
    TRY(const bool row, statement.step());
    return row ? statement.text(0) : std::string();
  }
  Error error(int code, std::string_view what) const {
    return sqlite_error(code, ::sqlite3_errmsg(handle_), what);
  }
  sqlite3* handle() const { return handle_; }
  void wait_until(Clock::time_point deadline) { deadline_ = deadline; }

 private:
  Connection() = default;
  // SQLite's own busy timeout sleeps up to 100 ms between tries, which starves a writer among eight
  // others; its locks cannot be waited for, so this tries again after 0.2 to 3 ms, jittered.
  static int on_busy(void* self, int tries) {
    auto& me = *static_cast<Connection*>(self);
    const auto now = Clock::now();
    if (now >= me.deadline_) return 0;
    const std::int64_t ceiling = std::min<std::int64_t>(200 + 100 * std::int64_t{tries}, 3000);
    const std::int64_t jitter = now.time_since_epoch().count() / 1000 % (ceiling / 2 + 1);
    sleep_us(ceiling / 2 + jitter);
    return 1;
  }
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  sqlite3* handle_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::unordered_map<std::string, sqlite3_stmt*, Hash, std::equal_to<>> cache_;
};

// --- Statement ----------------------------------------------------------------------------------

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

// --- Transaction, Snapshot ----------------------------------------------------------------------

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
    : database_(std::exchange(other.database_, nullptr)) {}
Snapshot::~Snapshot() {
  if (database_ == nullptr) return;
  static_cast<void>(database_->reader_->prepare("rollback").run());
  database_->read_gate_.leave();
}
Statement Snapshot::sql(std::string_view text) {
  return database_->reader_->prepare(text);
}

// --- Database -----------------------------------------------------------------------------------

Database::Database() = default;

// Both connections go before the log. The last close of all processes does not copy the log into the
// database and remove it, as SQLite would: that is three syncs, and two more when the next process
// begins a new log, for a command that itself runs for milliseconds. Past kClosingLog it is done,
// since who opens the database next reads what the log holds.
Database::~Database() {
  reader_.reset();
  constexpr std::int64_t kClosingLog = 256 << 10;
  struct stat st{};
  if (writer_ && log_ && ::fstat(log_.get(), &st) == 0 && st.st_size > kClosingLog) {
    writer_->wait_until(Clock::now());
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
  const auto deadline = Clock::now() + limits::kStateLockWait;
  for (;;) {
    Result<void> done = body();
    if (done || done.error().code != "locked" || Clock::now() >= deadline) return done;
    sleep_us(2000);
  }
}

Result<void> tune(Connection& connection) {
  // Nothing may make a file after the server has confined itself: temporary structures in memory.
  // Debian's build has secure_delete on, which purge relies on.
  TRY_DO(
      connection.execute("pragma synchronous=normal; pragma temp_store=memory; pragma mmap_size=0;"
                         "pragma cell_size_check=on; pragma cache_size=-2000;"));
  const std::string pages = std::to_string(limits::kCheckpointPages * 8);
  return connection.execute(("pragma wal_autocheckpoint=" + pages).c_str());
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

Result<void> check_identity(Connection& connection, std::int32_t application_id, int newest) {
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
  if (version.size() > 9 || std::stoi("0" + version) > newest) {
    return fail(ErrorKind::unavailable,
                "state.db has version " + version + ", this remit knows up to " +
                    std::to_string(newest) + "; run the newer remit",
                {}, "newer");
  }
  return {};
}

Result<void> migrate(Connection& connection, std::int32_t application_id,
                     const std::vector<Migration>& migrations) {
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  TRY_DO(check_identity(connection, application_id, newest));
  TRY(const std::string before, connection.ask("pragma user_version"));
  if (before == std::to_string(newest)) return {};
  TRY_DO(connection.execute("begin immediate"));
  const auto steps = [&]() -> Result<void> {
    // Another process may have been faster: look again inside the transaction.
    TRY_DO(check_identity(connection, application_id, newest));
    TRY(const std::string now, connection.ask("pragma user_version"));
    for (const Migration& step : migrations) {
      if (step.version <= std::stoi("0" + now)) continue;
      TRY_DO(connection.execute(step.statements));
      TRY_DO(connection.execute(("pragma user_version=" + std::to_string(step.version)).c_str()));
    }
    TRY_DO(connection.execute(("pragma application_id=" + std::to_string(application_id)).c_str()));
    return connection.execute("commit");
  };
  Result<void> done = steps();
  if (!done) static_cast<void>(connection.execute("rollback"));
  return done;
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
  const auto deadline = Clock::now() + limits::kStateLockWait;
  TRY(self->writer_, Connection::open(file));
  self->writer_->wait_until(deadline);
  TRY_DO(tune(*self->writer_));
  TRY_DO(switch_to_wal(*self->writer_));
  TRY_DO(migrate(*self->writer_, application_id, migrations));
  TRY(self->reader_, Connection::open(file));
  self->reader_->wait_until(deadline);
  TRY_DO(tune(*self->reader_));
  // The first read maps the log's index; from here on no connection opens a file by its name, and
  // while one is open nobody removes the log.
  TRY_DO(self->reader_->ask("select count(*) from sqlite_schema"));
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
  const auto deadline = Clock::now() + limits::kStateLockWait;
  TRY_DO(write_gate_.enter(deadline));
  writer_->wait_until(deadline);
  Result<void> begun = writer_->prepare("begin immediate").run();
  if (!begun) {
    write_gate_.leave();
    return tl::unexpected<Error>(std::move(begun).error());
  }
  return Transaction(*this);
}

Result<Snapshot> Database::read() {
  const auto deadline = Clock::now() + limits::kStateLockWait;
  TRY_DO(read_gate_.enter(deadline));
  reader_->wait_until(deadline);
  Result<void> begun = reader_->prepare("begin").run();
  if (!begun) {
    read_gate_.leave();
    return tl::unexpected<Error>(std::move(begun).error());
  }
  return Snapshot(*this);
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
  TRY_DO(write_gate_.enter(Clock::now() + limits::kStateLockWait));
  const int code = ::sqlite3_wal_checkpoint_v2(writer_->handle(), nullptr,
                                               SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  write_gate_.leave();
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
    return tl::unexpected<Error>(writer_->error(code, "checkpoint"));
  }
  return {};
}

}  // namespace remit::memory
