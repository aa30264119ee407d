#include "memory/postgres_keeper.h"

#include <poll.h>

#include <system_error>
#include <thread>

#include "base/log.h"
#include "memory/postgres_limits.h"
#include "memory/postgres_store.h"
#include "memory/postgres_watch.h"
#include "memory/postgres_wire.h"

namespace remit::memory {
namespace {

using wire::Ask;
using wire::Reader;
using wire::Say;
using wire::Writer;

Writer say(Say what) {
  Writer out;
  out.number(static_cast<std::int64_t>(what));
  return out;
}

Error misspoken() {
  return Error{ErrorKind::internal, "a message to PostgreSQL's keeper is damaged", {}, {}, nullptr};
}

class Channel {
 public:
  Channel(PostgresStore& store, int socket) : store_(store), socket_(socket) {}

  void serve() {
    for (;;) {
      const auto frame = wire::receive_frame(socket_);
      if (!frame) return;
      Reader reader(*frame);
      const auto ask = static_cast<Ask>(reader.number());
      if (ask == Ask::watch) return watch();
      Result<std::string> answer = this->answer(ask, reader);
      if (!answer) answer = say(Say::failed).error(answer.error()).take();
      if (const auto sent = wire::send_frame(socket_, *answer); !sent) {
        // Too large to be sent: its caller hears that instead.
        if (sent.error().kind != ErrorKind::too_large) return;
        if (!wire::send_frame(socket_, say(Say::failed).error(sent.error()).take())) return;
      }
    }
  }

 private:
  Result<std::string> answer(Ask ask, Reader& reader) {
    switch (ask) {
      case Ask::hello:
        return say(Say::done)
            .text(store_.identity().id)
            .text(store_.identity().etag_key)
            .text(store_.standing())
            .take();
      case Ask::page: {
        const std::string prefix = reader.text(), after = reader.text();
        TRY(const std::vector<DocumentEntry> page, store_.page(prefix, after));
        Writer out = say(Say::done);
        out.number(static_cast<std::int64_t>(page.size()));
        for (const DocumentEntry& one : page) {
          out.text(one.path)
              .text(one.etag)
              .number(static_cast<std::int64_t>(one.bytes))
              .number(one.modified_unix_ms);
        }
        return out.take();
      }
      case Ask::recorded: {
        TRY(const std::vector<std::string> paths, store_.recorded(reader.text()));
        Writer out = say(Say::done);
        out.number(static_cast<std::int64_t>(paths.size()));
        for (const std::string& path : paths) out.text(path);
        return out.take();
      }
      case Ask::commit:
        return commit(reader);
      case Ask::load: {
        TRY(const std::int64_t count, store_.load([this] { return next(); }));
        return say(Say::done).number(count).take();
      }
      case Ask::read:
      case Ask::history:
      case Ask::version_body:
      case Ask::version_sent:
      case Ask::purge:
      case Ask::is_own: {
        TRY(const DocPath path, DocPath::parse(reader.text()));
        return answer_of(ask, path, reader);
      }
      case Ask::watch:
        break;
    }
    return tl::unexpected<Error>(misspoken());
  }

  // Of one document.
  Result<std::string> answer_of(Ask ask, const DocPath& path, Reader& reader) {
    if (ask == Ask::read) {
      TRY(const Document document, store_.read(path));
      return say(Say::done)
          .text(document.body)
          .text(document.etag)
          .text(document.sha256)
          .number(document.modified_unix_ms)
          .text(document.author)
          .take();
    }
    if (ask == Ask::is_own) {
      TRY(const bool own, store_.is_own(path, reader.author()));
      return say(Say::done).number(own ? 1 : 0).take();
    }
    if (ask == Ask::history) {
      TRY(const std::vector<VersionRow> rows, store_.history(path));
      Writer out = say(Say::done);
      out.number(static_cast<std::int64_t>(rows.size()));
      for (const VersionRow& row : rows) {
        out.number(row.version)
            .text(row.etag)
            .text(row.sha256)
            .text(row.op)
            .number(static_cast<std::int64_t>(row.bytes))
            .number(row.at_unix_ms)
            .author(row.author);
      }
      return out.take();
    }
    const std::int64_t version = reader.number();
    if (ask == Ask::purge) {
      TRY(const std::int64_t purged,
          store_.purge(path, version == 0 ? std::nullopt : std::optional(version)));
      return say(Say::done).number(purged).take();
    }
    TRY(const std::string text, ask == Ask::version_body ? store_.version_body(path, version)
                                                         : store_.version_sent(path, version));
    return say(Say::done).text(text).take();
  }

  // A question to the server in the middle of a commit, and what it says to it.
  Result<std::string> ask_back(const std::string& question) {
    TRY_DO(wire::send_frame(socket_, question));
    TRY(const std::string frame, wire::receive_frame(socket_, limits::kPostgresIdleTransaction));
    Reader reader(frame);
    if (reader.number() == static_cast<std::int64_t>(Say::done)) return reader.text();
    Error error = reader.error();
    return tl::unexpected<Error>(reader.ok() ? std::move(error) : misspoken());
  }

  // Of a load: "" is the end.
  Result<std::optional<KeptVersion>> next() {
    TRY(const std::string bytes, ask_back(say(Say::next).take()));
    if (bytes.empty()) return std::optional<KeptVersion>();
    Reader reader(bytes);
    KeptVersion version = reader.version();
    if (!reader.ok()) return tl::unexpected<Error>(misspoken());
    return std::optional(std::move(version));
  }

  Result<std::string> commit(Reader& reader) {
    const Author author = reader.author();
    const std::string key = reader.text();
    std::vector<DocumentChange> changes(reader.count());
    for (std::size_t n = 0; n < changes.size(); ++n) {
      DocumentChange& change = changes[n];
      const std::int64_t op = reader.number();
      if (op < 0 || op > static_cast<std::int64_t>(DocumentChange::Op::remove))
        return tl::unexpected<Error>(misspoken());
      change.op = static_cast<DocumentChange::Op>(op);
      TRY(change.path, DocPath::parse(reader.text()));
      change.body = reader.text();
      change.if_match = reader.text();
      change.if_none_match = reader.number() != 0;
      change.edit_digest = reader.text();
      const auto index = static_cast<std::int64_t>(n);
      if (reader.number() != 0) {
        change.edit = [this, index](const std::optional<std::string>& current) {
          return ask_back(say(Say::edit)
                              .number(index)
                              .number(current ? 1 : 0)
                              .text(current.value_or(""))
                              .take());
        };
      }
      if (reader.number() != 0) {
        change.check = [this, index](std::string_view body) -> Result<void> {
          TRY_DO(ask_back(say(Say::check).number(index).text(body).take()));
          return {};
        };
      }
    }
    if (!reader.ok()) return tl::unexpected<Error>(misspoken());
    TRY(const std::vector<Committed> done, store_.commit(changes, author, key));
    Writer out = say(Say::done);
    out.number(static_cast<std::int64_t>(done.size()));
    for (const Committed& one : done) {
      out.text(one.etag)
          .text(one.sha256)
          .number(one.version)
          .number(one.created ? 1 : 0)
          .number(static_cast<std::int64_t>(one.bytes))
          .text(one.previous_etag);
    }
    return out.take();
  }

  void watch() {
    auto watch = PostgresWatch::start(store_.url());
    if (!watch) {
      static_cast<void>(wire::send_frame(socket_, say(Say::failed).error(watch.error()).take()));
      return;
    }
    if (!wire::send_frame(socket_, say(Say::done).number(0).take())) return;
    for (;;) {
      // The server says nothing more on this channel: readable means that it is gone.
      const std::map<std::string, bool> changed = (*watch)->wait(socket_);
      if (changed.empty()) return;
      Writer out = say(Say::done);
      out.number(static_cast<std::int64_t>(changed.size()));
      for (const auto& [path, listed] : changed) out.text(path).number(listed ? 1 : 0);
      if (!wire::send_frame(socket_, out.take())) return;
    }
  }

  PostgresStore& store_;
  const int socket_;
};

}  // namespace

int serve_channels(const PostgresUrl& url, const Clock& clock, std::vector<Fd> channels) {
  constexpr int kUnavailable = 3;
  auto store = PostgresStore::open(url, clock);
  if (!store) {
    // Whoever started this asks on one of them, and says why.
    std::vector<pollfd> asked;
    for (const Fd& channel : channels) asked.push_back({channel.get(), POLLIN, 0});
    ::poll(asked.data(), asked.size(), static_cast<int>(limits::kPostgresConnect.count()));
    for (const pollfd& one : asked) {
      if ((one.revents & POLLIN) == 0) continue;
      static_cast<void>(wire::receive_frame(one.fd, limits::kPostgresConnect));
      static_cast<void>(wire::send_frame(one.fd, say(Say::failed).error(store.error()).take()));
    }
    return kUnavailable;
  }
  try {
    std::vector<std::jthread> threads;
    for (Fd& channel : channels) {
      threads.emplace_back([&store, socket = std::move(channel)] {
        try {
          Channel(**store, socket.get()).serve();
        } catch (...) {
          log::error("a channel to PostgreSQL failed");
        }
      });
    }
  } catch (const std::system_error&) {
    log::error("no thread for a channel to PostgreSQL");
    return kUnavailable;
  }
  return 0;
}

}  // namespace remit::memory
