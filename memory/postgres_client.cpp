#include "memory/postgres_client.h"

#include <sys/socket.h>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/commit_rules.h"
#include "memory/document_pages.h"
#include "memory/document_rows.h"
#include "memory/postgres_limits.h"
#include "memory/postgres_process.h"
#include "memory/postgres_wire.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

using wire::Ask;
using wire::Reader;
using wire::Say;
using wire::Writer;

Writer ask(Ask what) {
  Writer out;
  out.number(static_cast<std::int64_t>(what));
  return out;
}

Error misspoken() {
  return Error{ErrorKind::internal, "an answer of PostgreSQL's keeper is damaged", {}, {}, nullptr};
}

// The channels of one use, each held by one thread at a time.
class Channels {
 public:
  void add(Fd channel) { free_.push_back(std::move(channel)); }

  Result<Fd> take() {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, limits::kStateLockWait, [&] { return !free_.empty(); })) {
      return fail(ErrorKind::unavailable, "every channel to PostgreSQL is in use; try again", {},
                  "locked");
    }
    Fd out = std::move(free_.back());
    free_.pop_back();
    return out;
  }
  // Also one that broke: whoever takes it hears so at once.
  void give_back(Fd channel) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(std::move(channel));
    }
    freed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Fd> free_;
};

// Answers a question of the keeper in the middle of a commit.
using Reply = std::function<Result<std::string>(Say what, Reader& reader)>;

// The answer: what follows a `done`, or the keeper's error. `broke`: none came, and why.
struct Exchanged {
  bool broke = false;
  Result<std::string> answer;
};

Exchanged exchange_on(int channel, const std::string& request, const Reply& reply) {
  const auto broke = [](Error error) {
    return Exchanged{true, tl::unexpected<Error>(std::move(error))};
  };
  if (const auto sent = wire::send_frame(channel, request); !sent) {
    // Too large: nothing of it was sent.
    return Exchanged{sent.error().kind != ErrorKind::too_large,
                     tl::unexpected<Error>(sent.error())};
  }
  for (;;) {
    const Result<std::string> frame = wire::receive_frame(channel, limits::kPostgresAnswer);
    if (!frame) return broke(frame.error());
    Reader reader(*frame);
    const auto what = static_cast<Say>(reader.number());
    if (what == Say::done) return Exchanged{false, frame->substr(sizeof(std::int64_t))};
    if (what == Say::failed) {
      Error error = reader.error();
      if (!reader.ok()) return broke(misspoken());
      return Exchanged{false, tl::unexpected<Error>(std::move(error))};
    }
    if (!reply) return broke(misspoken());
    const Result<std::string> answer = reply(what, reader);
    Writer out;
    out.number(static_cast<std::int64_t>(answer ? Say::done : Say::failed));
    const auto sent = wire::send_frame(
        channel, answer ? out.text(*answer).take() : out.error(answer.error()).take());
    if (!sent) return broke(sent.error());
  }
}

class ClientWatching final : public Watching {
 public:
  ClientWatching(Fd channel, Store::Tell tell)
      : channel_(std::move(channel)), tell_(std::move(tell)) {}
  Result<void> start() {
    TRY_DO(exchange_on(channel_.get(), ask(Ask::watch).take(), {}).answer);
    try {
      thread_ = std::thread([this] {
        try {
          run();
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
  ~ClientWatching() override {
    // The thread reads its end.
    ::shutdown(channel_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    for (;;) {
      const auto frame = wire::receive_frame(channel_.get());
      if (!frame) return;
      Reader reader(*frame);
      if (reader.number() != static_cast<std::int64_t>(Say::done)) return;
      std::map<std::string, bool> changed;
      const std::size_t count = reader.count();
      for (std::size_t n = 0; n < count; ++n) {
        std::string path = reader.text();
        changed[std::move(path)] = reader.number() != 0;
      }
      if (reader.ok()) tell_(changed);
    }
  }

  const Fd channel_;
  const Store::Tell tell_;
  std::thread thread_;
};

class PostgresClient final : public Store, public DocumentLoader {
 public:
  explicit PostgresClient(std::vector<Fd> channels) {
    for (std::size_t n = 0; n < channels.size(); ++n) {
      if (n < limits::kPostgresReaders) {
        readers_.add(std::move(channels[n]));
      } else if (n + 1 < channels.size()) {
        writers_.add(std::move(channels[n]));
      } else {
        watch_ = std::move(channels[n]);
      }
    }
  }

  Result<void> greet(State& state) {
    TRY(const std::string answer, exchange(readers_, ask(Ask::hello).take()));
    Reader reader(answer);
    const std::string id = reader.text();
    etag_key_ = reader.text();
    standing_ = reader.text();
    if (!reader.ok() || id.size() < 16) return tl::unexpected<Error>(misspoken());
    // No file system has device -1. The id's first 60 bits tell the databases of one state apart.
    TRY(Transaction transaction, state.database().write());
    TRY(root_id_, DocumentRows::root_id(transaction, -1,
                                        std::stoll(sha256_hex(id).substr(0, 15), nullptr, 16)));
    return transaction.commit(Sync::cached);
  }

  Result<Document> read(const DocPath& path) override {
    TRY(const std::string answer, exchange(readers_, ask(Ask::read).text(path.text()).take()));
    Reader reader(answer);
    Document out;
    out.path = path;
    out.body = reader.text();
    out.etag = reader.text();
    out.sha256 = reader.text();
    out.modified_unix_ms = reader.number();
    out.author = reader.text();
    return checked(reader, std::move(out));
  }

  Result<std::vector<DocumentEntry>> list(
      const std::string& prefix, const std::function<bool(std::string_view)>& enter,
      const std::function<bool(std::string_view)>& wanted) override {
    return list_pages(prefix, enter, wanted,
                      [&](const std::string& after) -> Result<std::vector<DocumentEntry>> {
                        TRY(const std::string answer,
                            exchange(readers_, ask(Ask::page).text(prefix).text(after).take()));
                        Reader reader(answer);
                        std::vector<DocumentEntry> out(reader.count());
                        for (DocumentEntry& one : out) {
                          one.path = reader.text();
                          one.etag = reader.text();
                          one.bytes = static_cast<std::uint64_t>(reader.number());
                          one.modified_unix_ms = reader.number();
                        }
                        return checked(reader, std::move(out));
                      });
  }

  Result<std::vector<Committed>> commit(std::span<const DocumentChange> changes,
                                        const Author& author,
                                        const std::string& idempotency_key) override {
    TRY_DO(check_changes(changes));
    Writer request = ask(Ask::commit);
    request.author(author).text(idempotency_key).number(static_cast<std::int64_t>(changes.size()));
    for (const DocumentChange& change : changes) {
      request.number(static_cast<std::int64_t>(change.op))
          .text(change.path.text())
          .text(change.body)
          .text(change.if_match)
          .number(change.if_none_match ? 1 : 0)
          .text(change.edit_digest)
          .number(change.edit ? 1 : 0)
          .number(change.check ? 1 : 0);
    }
    const Reply reply = [&](Say what, Reader& reader) { return answer(changes, what, reader); };
    Result<std::string> answered = exchange(writers_, request.take(), reply);
    if (!answered && answered.error().code == kChannelLost) {
      return fail(ErrorKind::unavailable,
                  "the process that speaks to PostgreSQL went away in the middle of a write, which "
                  "may have happened or not; read the document before you try again",
                  {}, "unknown_outcome");
    }
    TRY_DO(answered);
    Reader reader(*answered);
    std::vector<Committed> out(reader.count());
    for (Committed& one : out) {
      one.etag = reader.text();
      one.sha256 = reader.text();
      one.version = reader.number();
      one.created = reader.number() != 0;
      one.bytes = static_cast<std::uint64_t>(reader.number());
      one.previous_etag = reader.text();
    }
    if (out.size() != changes.size()) return tl::unexpected<Error>(misspoken());
    return checked(reader, std::move(out));
  }

  Result<std::vector<std::string>> recorded(const std::string& prefix) override {
    TRY(const std::string answer, exchange(readers_, ask(Ask::recorded).text(prefix).take()));
    Reader reader(answer);
    std::vector<std::string> out(reader.count());
    for (std::string& path : out) path = reader.text();
    return checked(reader, std::move(out));
  }

  Result<std::vector<VersionRow>> history(const DocPath& path) override {
    TRY(const std::string answer, exchange(readers_, ask(Ask::history).text(path.text()).take()));
    Reader reader(answer);
    std::vector<VersionRow> out(reader.count());
    for (VersionRow& row : out) {
      row.version = reader.number();
      row.etag = reader.text();
      row.sha256 = reader.text();
      row.op = reader.text();
      row.bytes = static_cast<std::uint64_t>(reader.number());
      row.at_unix_ms = reader.number();
      row.author = reader.author();
    }
    return checked(reader, std::move(out));
  }

  Result<std::string> version_body(const DocPath& path, std::int64_t version) override {
    return text_of(Ask::version_body, path, version);
  }
  Result<std::string> version_sent(const DocPath& path, std::int64_t version) override {
    return text_of(Ask::version_sent, path, version);
  }

  Result<std::int64_t> purge(const DocPath& path, std::optional<std::int64_t> version) override {
    TRY(const std::string answer,
        exchange(writers_, ask(Ask::purge).text(path.text()).number(version.value_or(0)).take()));
    Reader reader(answer);
    return checked(reader, reader.number());
  }

  Result<bool> is_own(const DocPath& path, const Author& author) override {
    TRY(const std::string answer,
        exchange(readers_, ask(Ask::is_own).text(path.text()).author(author).take()));
    Reader reader(answer);
    return checked(reader, reader.number() != 0);
  }

  Result<std::int64_t> load(const NextVersion& next) override {
    const Reply reply = [&](Say what, Reader&) -> Result<std::string> {
      if (what != Say::next) return tl::unexpected<Error>(misspoken());
      TRY(const std::optional<KeptVersion> version, next());
      return version ? Writer().version(*version).take() : std::string();
    };
    TRY(const std::string answer, exchange(writers_, ask(Ask::load).take(), reply));
    Reader reader(answer);
    return checked(reader, reader.number());
  }

  Result<std::unique_ptr<Watching>> watch(Tell tell) override {
    Fd channel;
    {
      const std::lock_guard lock(watch_mutex_);
      channel = std::move(watch_);
    }
    if (!channel) return fail(ErrorKind::unavailable, "this process watches Agent_Memory already");
    auto out = std::make_unique<ClientWatching>(std::move(channel), std::move(tell));
    TRY_DO(out->start());
    return std::unique_ptr<Watching>(std::move(out));
  }

  std::string etag_of(const DocPath& path, std::string_view sha256_hex) const override {
    return etag_text(etag_key_, path.text(), sha256_hex);
  }
  std::int64_t root_id() const override { return root_id_; }
  std::string standing() const override { return standing_; }

 private:
  // The keeper's own "lost" is said only of what it knows not to have happened.
  static constexpr const char* kChannelLost = "channel_lost";

  static Result<std::string> answer(std::span<const DocumentChange> changes, Say what,
                                    Reader& reader) {
    const auto index = static_cast<std::size_t>(reader.number());
    if (!reader.ok() || index >= changes.size()) return tl::unexpected<Error>(misspoken());
    const DocumentChange& change = changes[index];
    if (what == Say::edit && change.edit) {
      const bool exists = reader.number() != 0;
      std::string current = reader.text();
      if (!reader.ok()) return tl::unexpected<Error>(misspoken());
      return change.edit(exists ? std::optional(std::move(current)) : std::nullopt);
    }
    if (what != Say::check || !change.check) return tl::unexpected<Error>(misspoken());
    TRY_DO(change.check(reader.text()));
    return std::string();
  }

  template <class T>
  static Result<T> checked(const Reader& reader, T value) {
    if (!reader.ok()) return tl::unexpected<Error>(misspoken());
    return value;
  }

  static Result<std::string> exchange(Channels& channels, const std::string& request,
                                      const Reply& reply = {}) {
    TRY(Fd channel, channels.take());
    Exchanged out = exchange_on(channel.get(), request, reply);
    // What may still be said on it belongs to nobody: whoever takes it next finds it closed.
    if (out.broke) ::shutdown(channel.get(), SHUT_RDWR);
    channels.give_back(std::move(channel));
    if (!out.broke) return std::move(out.answer);
    Error error = std::move(out.answer).error();
    error.code = kChannelLost;
    return tl::unexpected<Error>(std::move(error));
  }

  Result<std::string> text_of(Ask what, const DocPath& path, std::int64_t version) {
    TRY(const std::string answer,
        exchange(readers_, ask(what).text(path.text()).number(version).take()));
    Reader reader(answer);
    return checked(reader, reader.text());
  }

  Channels readers_, writers_;
  std::mutex watch_mutex_;
  Fd watch_;
  std::string etag_key_, standing_;
  std::int64_t root_id_ = 0;
};

}  // namespace

Result<std::unique_ptr<Store>> open_postgres_client(State& state, std::vector<Fd> channels) {
  auto out = std::make_unique<PostgresClient>(std::move(channels));
  TRY_DO(out->greet(state));
  return std::unique_ptr<Store>(std::move(out));
}

Result<std::unique_ptr<Store>> open_postgres_store(State& state, const PostgresUrl& url,
                                                   const std::string& program) {
  TRY(std::vector<Fd> channels, start_keeper(program, url));
  return open_postgres_client(state, std::move(channels));
}

}  // namespace remit::memory
