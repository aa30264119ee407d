#include "server/console/live.h"

#include <chrono>

#include "base/json.h"
#include "base/limits.h"
#include "server/console/approval_pages.h"
#include "server/console/ledger_pages.h"

namespace remit::console {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::string event(const char* name, const OrderedJson& data) {
  return std::string("event: ") + name + "\ndata: " + dump(data) + "\n\n";
}

class Live final : public transport::HttpStreaming {
 public:
  Live(Desk& desk, std::shared_ptr<Session> session, const transport::HttpTurn& turn,
       std::optional<std::int64_t> after, std::shared_ptr<void> slot)
      : desk_(desk),
        session_(std::move(session)),
        wire_(turn.wire),
        wake_(turn.wake),
        slot_(std::move(slot)),
        seen_(after) {}

  void run(const std::function<bool(std::string_view)>& write) override {
    auto written = SteadyClock::now();
    if (!write(": watching\n\n")) return;
    for (;;) {
      if (!desk_.sessions.stands(*session_)) {
        write("event: ended\ndata: {}\n\n");
        return;
      }
      std::string news = waiting_news() + ledger_news();
      if (news.empty() && SteadyClock::now() - written >= limits::kConsoleBeat)
        news = ": still here\n\n";
      if (!news.empty()) {
        if (!write(news)) return;
        written = SteadyClock::now();
      }
      switch (wire_.wait(wake_, true, limits::kConsoleLook)) {
        case transport::HttpWire::Woken::timeout:
        case transport::HttpWire::Woken::rung:
        case transport::HttpWire::Woken::other:
          break;
        case transport::HttpWire::Woken::peer_gone:
        case transport::HttpWire::Woken::draining:
          return;
      }
    }
  }

 private:
  // The whole list, when it is another one than before.
  std::string waiting_news() {
    const auto lines = waiting(desk_);
    if (!lines) return {};
    OrderedJson list = OrderedJson::array();
    for (const WaitingLine& one : *lines)
      list.push_back({{"id", one.id},
                      {"title", visible(one.title)},
                      {"risk", one.risk},
                      {"command", one.command},
                      {"agent", one.agent},
                      {"expires_ms", one.expires_ms}});
    std::string text = event("waiting", list);
    if (text == waiting_) return {};
    waiting_ = text;
    return text;
  }

  std::string ledger_news() {
    const bool first = !seen_;
    const auto rows =
        first ? desk_.ledger.rows(-1, 1) : desk_.ledger.rows(*seen_, limits::kConsoleRows);
    if (!rows) return {};
    if (first) seen_ = 0;
    OrderedJson list = OrderedJson::array();
    for (const memory::LedgerRow& row : *rows) {
      seen_ = row.seq;
      const ActivityLine line = line_of(row);
      list.push_back({{"time", line.time},
                      {"what", line.what},
                      {"verdict", line.verdict},
                      {"who", line.who},
                      {"details", line.details}});
    }
    if (first || list.empty()) return {};
    return "id: " + std::to_string(*seen_) + "\n" + event("rows", list);
  }

  Desk& desk_;
  const std::shared_ptr<Session> session_;
  transport::HttpWire& wire_;
  const transport::Wake& wake_;
  const std::shared_ptr<void> slot_;
  std::string waiting_;               // the last event
  std::optional<std::int64_t> seen_;  // the last record that the page has
};

}  // namespace

std::shared_ptr<transport::HttpStreaming> live_updates(Desk& desk, std::shared_ptr<Session> session,
                                                       const transport::HttpTurn& turn,
                                                       std::optional<std::int64_t> after,
                                                       std::shared_ptr<void> slot) {
  return std::make_shared<Live>(desk, std::move(session), turn, after, std::move(slot));
}

}  // namespace remit::console
