#include "memory/postgres_session.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include <libpq-fe.h>
#include <pqxx/pqxx>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/postgres_limits.h"

namespace remit::memory {
namespace {

std::string ms_text(std::chrono::milliseconds time) {
  return std::to_string(time.count());
}

// What we add to the URI stands last, where libpq lets it win.
std::string with_timeouts(const PostgresUrl& url) {
  const auto seconds = [](std::chrono::milliseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
  };
  const std::string idle = seconds(limits::kPostgresPeer / 3);
  return url.text + (url.text.find('?') == std::string::npos ? '?' : '&') +
         "application_name=remit&client_encoding=UTF8&connect_timeout=" +
         seconds(limits::kPostgresConnect) + "&keepalives=1&keepalives_idle=" + idle +
         "&keepalives_interval=" + idle +
         "&keepalives_count=2&tcp_user_timeout=" + ms_text(limits::kPostgresPeer);
}

// Of every session. A server whose default gives up durability (off, local) is asked for it; one
// that asks for more than "on" keeps it.
std::string session_settings() {
  return "set statement_timeout = " + ms_text(limits::kPostgresStatement) +
         "; set lock_timeout = " + ms_text(limits::kStateLockWait) +
         "; set idle_in_transaction_session_timeout = " +
         ms_text(limits::kPostgresIdleTransaction) +
         "; set default_transaction_isolation = 'read committed'"
         "; set bytea_output = 'hex'; set standard_conforming_strings = on"
         "; set client_min_messages = error; set search_path = remit"
         "; select set_config('synchronous_commit', 'on', false)"
         " where current_setting('synchronous_commit') in ('off', 'local')";
}

Error unavailable(std::string message, const char* code) {
  return Error{ErrorKind::unavailable, std::move(message), {}, code, nullptr};
}

Error lost() {
  return unavailable("PostgreSQL cannot be reached; nothing was done, try again later", "lost");
}

// The first line: the others may quote the row.
std::string first_line(const char* text) {
  const std::string_view all(text);
  return escape_ascii(all.substr(0, all.find('\n')));
}

Error error_of(const pqxx::sql_error& error) {
  const std::string& state = error.sqlstate();
  if (state == "55P03" || state == "40P01")
    return unavailable("another writer holds the document; try again", "locked");
  if (state == "57014")
    return unavailable("PostgreSQL did not answer in time; try again", "locked");
  log::warning("PostgreSQL refused a statement",
               {{"state", state}, {"error", first_line(error.what())}});
  if (state.starts_with("57P") || state.starts_with("08")) return lost();
  if (state == "53100") return unavailable("PostgreSQL's disk is full", "disk_full");
  if (state == "25006") return unavailable("this PostgreSQL server is read-only", "read_only");
  if (state == "42501" || state.starts_with("28") || state.starts_with("3D"))
    return unavailable("PostgreSQL refuses this user; the log says more", "refused");
  if (state.starts_with("53")) return unavailable("PostgreSQL is out of resources", "");
  return Error{
      ErrorKind::internal, "PostgreSQL refused a statement (" + state + ")", {}, {}, nullptr};
}

// By libpq's own parser, whatever ours made of the URI.
Result<void> refuse_password(const std::string& uri) {
  if (std::getenv("PGPASSWORD") != nullptr) {
    return fail(ErrorKind::invalid_argument,
                "PGPASSWORD is set; a password comes from the file that PGPASSFILE names", {},
                "password_in_environment");
  }
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&::PQconninfoFree)> options(
      ::PQconninfoParse(uri.c_str(), &why), &::PQconninfoFree);
  const std::unique_ptr<char, decltype(&::PQfreemem)> words(why, &::PQfreemem);
  if (!options) {
    return fail(ErrorKind::invalid_argument,
                "the URL of --memory is none of libpq's" +
                    (words ? ": " + first_line(words.get()) : std::string()));
  }
  for (const PQconninfoOption* one = options.get(); one->keyword != nullptr; ++one) {
    const std::string_view keyword(one->keyword);
    if ((keyword == "password" || keyword == "sslpassword") && one->val != nullptr) {
      return fail(ErrorKind::invalid_argument, "the URL of --memory holds a password", {},
                  "password_in_url");
    }
  }
  return {};
}

class Listener : public pqxx::notification_receiver {
 public:
  Listener(pqxx::connection_base& connection, const std::string& channel, bool& told)
      : pqxx::notification_receiver(connection, channel), told_(told) {}
  void operator()(const std::string&, int) override { told_ = true; }

 private:
  bool& told_;
};

constexpr const char* kHexDigits = "0123456789abcdef";

}  // namespace

SqlValue SqlValue::bytes(std::string_view raw) {
  SqlValue out(std::nullopt);
  std::string text = "\\x";
  text.reserve(raw.size() * 2 + 2);
  for (const char c : raw) {
    text += kHexDigits[static_cast<unsigned char>(c) >> 4];
    text += kHexDigits[static_cast<unsigned char>(c) & 15];
  }
  out.text_ = std::move(text);
  return out;
}

SqlValue SqlValue::texts(const std::vector<std::string>& all) {
  std::string text = "{";
  for (const std::string& one : all) {
    text += text.size() > 1 ? ",\"" : "\"";
    for (const char c : one) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return SqlValue(text + "}");
}

SqlValue SqlValue::numbers(const std::vector<std::int64_t>& all) {
  std::string text = "{";
  for (const std::int64_t one : all) text += (text.size() > 1 ? "," : "") + std::to_string(one);
  return SqlValue(text + "}");
}

const std::string& SqlRows::text(std::size_t row, std::size_t column) const {
  static const std::string kNone;
  const std::optional<std::string>& one = cell(row, column);
  return one ? *one : kNone;
}

std::int64_t SqlRows::integer(std::size_t row, std::size_t column) const {
  const std::string& digits = text(row, column);
  std::int64_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

std::string SqlRows::bytes(std::size_t row, std::size_t column) const {
  const std::string& hex = text(row, column);
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t at = 2; at + 1 < hex.size(); at += 2)
    out += static_cast<char>(value(hex[at]) * 16 + value(hex[at + 1]));
  return out;
}

// --- session ------------------------------------------------------------------------------------

struct PostgresSession::Parts {
  explicit Parts(const std::string& uri) : connection(uri) {}
  pqxx::connection connection;
  // Says no BEGIN of its own, and no ROLLBACK over a connection that broke: libpqxx would connect
  // anew for it.
  std::optional<pqxx::nontransaction> statements;
  bool told = false;
  std::optional<Listener> listener;
};

PostgresSession::PostgresSession(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

PostgresSession::~PostgresSession() {
  try {
    parts_->listener.reset();
    parts_->statements.reset();
    parts_.reset();
  } catch (...) {
    log::error("a connection to PostgreSQL cannot be closed");
  }
}

Result<std::unique_ptr<PostgresSession>> PostgresSession::open(const PostgresUrl& url) {
  const std::string uri = with_timeouts(url);
  TRY_DO(refuse_password(uri));
  try {
    auto parts = std::make_unique<Parts>(uri);
    parts->statements.emplace(parts->connection);
    parts->statements->exec(session_settings());
    std::unique_ptr<PostgresSession> out(new PostgresSession(std::move(parts)));
    if (out->server_version() < limits::kPostgresVersion) {
      return fail(ErrorKind::unavailable,
                  "this PostgreSQL is " + std::to_string(out->server_version() / 10000) +
                      "; Remit needs " + std::to_string(limits::kPostgresVersion / 10000) +
                      " or later",
                  url.shown, "too_old");
    }
    return out;
  } catch (const pqxx::sql_error& error) {
    return tl::unexpected<Error>(error_of(error));
  } catch (const std::exception& error) {
    return fail(ErrorKind::unavailable, "PostgreSQL cannot be reached: " + first_line(error.what()),
                url.shown, "lost");
  }
}

template <class Work>
Result<SqlRows> PostgresSession::guarded(const Work& work) {
  if (!usable_) return tl::unexpected<Error>(lost());
  try {
    return work();
  } catch (const pqxx::sql_error& error) {
    if (!parts_->connection.is_open()) usable_ = false;
    return tl::unexpected<Error>(usable_ ? error_of(error) : lost());
  } catch (const std::exception& error) {
    usable_ = false;
    log::warning("the connection to PostgreSQL broke", {{"error", first_line(error.what())}});
    return tl::unexpected<Error>(lost());
  }
}

Result<SqlRows> PostgresSession::run(const std::string& sql,
                                     std::initializer_list<SqlValue> values) {
  return guarded([&] {
    std::vector<const char*> texts;
    for (const SqlValue& value : values) texts.push_back(value.get());
    const pqxx::result found =
        parts_->statements->exec_params(sql, pqxx::prepare::make_dynamic_params(texts));
    SqlRows out;
    out.columns_ = found.columns();
    out.affected_ = found.affected_rows();
    out.cells_.reserve(found.size() * out.columns_);
    for (const pqxx::row& row : found) {
      for (const pqxx::field& field : row) {
        out.cells_.emplace_back();
        if (!field.is_null()) out.cells_.back().emplace(field.c_str(), field.size());
      }
    }
    return out;
  });
}

Result<void> PostgresSession::run_all(const std::string& sql) {
  TRY_DO(guarded([&] {
    parts_->statements->exec(sql);
    return SqlRows();
  }));
  return {};
}

Result<void> PostgresSession::begin() {
  TRY_DO(run("begin"));
  in_transaction_ = true;
  return {};
}

Result<void> PostgresSession::commit() {
  in_transaction_ = false;
  const auto done = run("commit");
  // A server that answers an error to COMMIT has rolled back; one that answers nothing may have
  // done either.
  if (!done && usable_) TRY_DO(rollback());
  TRY_DO(done);
  return {};
}

Result<void> PostgresSession::rollback() {
  in_transaction_ = false;
  const auto done = run("rollback");
  if (!done) usable_ = false;
  TRY_DO(done);
  return {};
}

int PostgresSession::server_version() const {
  return parts_->connection.server_version();
}

Result<bool> PostgresSession::await(int other, std::chrono::milliseconds most) {
  TRY_DO(guarded([&] {
    parts_->statements.reset();  // libpqxx tells nothing while a transaction object stands
    if (!parts_->listener) parts_->listener.emplace(parts_->connection, "remit", parts_->told);
    parts_->connection.get_notifs();
    if (!parts_->told) {
      std::array<pollfd, 2> watched{{{parts_->connection.sock(), POLLIN, 0}, {other, POLLIN, 0}}};
      ::poll(watched.data(), watched.size(), static_cast<int>(most.count()));
      parts_->connection.get_notifs();
    }
    if (!parts_->connection.is_open()) throw pqxx::broken_connection();
    parts_->statements.emplace(parts_->connection);
    return SqlRows();
  }));
  return std::exchange(parts_->told, false);
}

}  // namespace remit::memory
