// Eight processes on one state directory and one Agent_Memory, killed at random with SIGKILL and
// started again, while a ninth program that knows nothing of Remit rewrites one of the documents.
// Afterwards: every document is a whole version, no acknowledged write is lost, nothing was done
// twice, the ledger verifies and holds every acknowledged record.
//   REMIT_STRESS_SECONDS (default 3) is how long it lasts; with REMIT_FULL=1 until 10,000 kills.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <map>
#include <random>
#include <set>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "base/text.h"
#include "memory/ledger.h"
#include "memory/sqlite.h"
#include "memory/store.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

using Op = DocumentChange::Op;
constexpr int kProcesses = 8;
constexpr int kDocuments = 4;  // d0 is the one the outsider edits

// A body that shows by itself whether it is whole.
std::string body_of(const std::string& token, std::size_t fill) {
  const std::string text = "token: " + token + "\nfill: " + std::string(fill, 'x') + "\n";
  return text + "sum: " + sha256_hex(text) + "\n";
}

bool is_whole(const std::string& body) {
  const std::size_t at = body.rfind("sum: ");
  return at != std::string::npos &&
         body == body.substr(0, at) + "sum: " + sha256_hex(body.substr(0, at)) + "\n";
}

std::string token_of(const std::string& body) {
  const std::size_t end = body.find('\n');
  return body.starts_with("token: ") ? body.substr(7, end - 7) : "";
}

DocPath path(const std::string& text) {
  return DocPath::parse(text).value();
}

DocumentChange change(Op op, const std::string& name, std::string body) {
  DocumentChange out;
  out.op = op;
  out.path = path(name);
  out.body = std::move(body);
  return out;
}

// One process: works until it is killed, and notes in its own file what was acknowledged to it.
class Worker {
 public:
  Worker(const Scratch& scratch, int slot, int generation)
      : scratch_(scratch),
        slot_(slot),
        generation_(generation),
        random_(static_cast<unsigned>(slot * 1000 + generation)) {}

  int run() {
    acks_ = Fd(::open(scratch_.at("acks" + std::to_string(slot_)).c_str(),
                      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    auto state = State::open({scratch_.at("state"), {}}, system_clock());
    if (!state) return complain(state.error());
    auto root = fs::open_root(scratch_.at("memory"));
    auto store = open_file_store(**state, std::move(*root));
    if (!store) return complain(store.error());
    store_ = store->get();
    if (const auto left = Ledger::recover(**state); !left) return complain(left.error());
    Ledger ledger(**state);
    if (const auto spool = ledger.open_spool(); !spool) return complain(spool.error());
    if (!repeat_pending()) return 1;
    for (int n = 0;; ++n) {
      const std::string token =
          std::to_string(slot_) + "." + std::to_string(generation_) + "." + std::to_string(n);
      Result<void> done;
      switch (random_() % 8) {
        case 0:
        case 1:
          done = append_ledger(ledger, token, Durability::read);
          break;
        case 2:
          done = append_ledger(ledger, token, Durability::effect);
          break;
        case 3:
          done = append_line(token);
          break;
        case 4:
          done = replace_one(token);
          break;
        case 5:
          done = replace_pair(token);
          break;
        case 6:
          done = increment();
          break;
        case 7:
          done = append_once(token);
          break;
      }
      // What may happen: waited too long for a lock; an outsider or another process was faster.
      if (!done && done.error().code != "locked" && done.error().kind != ErrorKind::conflict) {
        return complain(done.error());
      }
    }
  }

 private:
  int complain(const Error& error) {
    std::fprintf(stderr, "worker %d: %s (%s)\n", slot_, error.message.c_str(), error.code.c_str());
    return 1;
  }
  void acknowledge(const std::string& line) {
    static_cast<void>(fs::write_all(acks_.get(), line + "\n"));
  }
  Result<std::vector<Committed>> commit(std::vector<DocumentChange> changes,
                                        const std::string& key = "") {
    return store_->commit(changes,
                          {"w" + std::to_string(slot_), "p" + std::to_string(slot_), "", ""}, key);
  }
  Result<void> append_ledger(Ledger& ledger, const std::string& token, Durability durability) {
    TRY_DO(ledger.append({"decision", token, "p", "allow", "r", "f:1:1", "{}"}, durability));
    acknowledge("L " + token);
    return {};
  }
  Result<void> append_line(const std::string& token) {
    TRY_DO(commit({change(Op::append, "log.txt", token + "\n")}));
    acknowledge("A " + token);
    return {};
  }
  Result<void> replace_one(const std::string& token) {
    const std::string name = "d" + std::to_string(random_() % kDocuments) + ".yaml";
    DocumentChange one = change(Op::replace, name, "");
    const std::string body = body_of(token, random_() % 20000);
    one.edit = [&](const std::optional<std::string>&) -> Result<std::string> { return body; };
    TRY(const auto done, commit({one}));
    acknowledge("D " + name + " " + std::to_string(done[0].version) + " " + done[0].sha256);
    return {};
  }
  Result<void> replace_pair(const std::string& token) {
    const std::string body = body_of(token, 100);
    DocumentChange a = change(Op::replace, "pair/a.yaml", ""),
                   b = change(Op::replace, "pair/b.yaml", "");
    a.edit =
        b.edit = [&](const std::optional<std::string>&) -> Result<std::string> { return body; };
    TRY_DO(commit({a, b}));
    acknowledge("P " + token);
    return {};
  }
  Result<void> increment() {
    TRY(const Document now, store_->read(path("counter.txt")));
    DocumentChange next =
        change(Op::replace, "counter.txt", std::to_string(std::stoll(now.body) + 1));
    next.if_match = now.etag;
    TRY_DO(commit({next}));
    acknowledge("C " + next.body);
    return {};
  }
  // Announced first, so that the successor of a killed process repeats it with the same key.
  Result<void> append_once(const std::string& token) {
    spew(scratch_.at("pending" + std::to_string(slot_)), token);
    TRY_DO(commit({change(Op::append, "once.txt", token + "\n")}, "key-" + token));
    acknowledge("O " + token);
    TRY_DO(commit({change(Op::append, "once.txt", token + "\n")}, "key-" + token));
    return {};
  }
  bool repeat_pending() {
    const std::string token = slurp(scratch_.at("pending" + std::to_string(slot_)));
    if (token.empty()) return true;
    const auto done = commit({change(Op::append, "once.txt", token + "\n")}, "key-" + token);
    if (done) acknowledge("O " + token);
    return done || done.error().code == "locked" || complain(done.error()) == 0;
  }

  const Scratch& scratch_;
  const int slot_, generation_;
  std::mt19937 random_;
  Fd acks_;
  Store* store_ = nullptr;
};

void sleep_ms(long ms) {
  const struct timespec wait{ms / 1000, ms % 1000 * 1'000'000};
  ::nanosleep(&wait, nullptr);
}

// An editor: a new file renamed over the old one, or the old one overwritten in place.
int outsider(const Scratch& scratch) {
  const std::string file = scratch.at("memory/d0.yaml");
  for (int n = 0;; ++n) {
    const std::string body = body_of("outsider." + std::to_string(n), 5000);
    if (n % 2 == 0) {
      spew(scratch.at("memory/.d0.swp"), body);
      if (::rename(scratch.at("memory/.d0.swp").c_str(), file.c_str()) != 0) return 1;
    } else {
      spew(file, body);
    }
    sleep_ms(7);
  }
}

pid_t start(const Scratch& scratch, int slot, int generation) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::_exit(slot == kProcesses ? outsider(scratch) : Worker(scratch, slot, generation).run());
  }
  return pid;
}

// SIGKILL; false if it had ended by itself, which none of them does.
bool kill_one(pid_t pid) {
  int status = 0;
  ::kill(pid, SIGKILL);
  return ::waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

std::multiset<std::string> lines_of(const std::string& text) {
  std::multiset<std::string> out;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) out.emplace(line);
  }
  return out;
}

struct Acknowledged {
  std::multiset<std::string> ledger, appended, once, counted, pairs;
  std::map<std::string, std::map<std::int64_t, std::string>> versions;  // document, version, sha256
  std::size_t total = 0;
};

Acknowledged read_acks(const Scratch& scratch) {
  Acknowledged out;
  for (int slot = 0; slot < kProcesses; ++slot) {
    const std::string text = slurp(scratch.at("acks" + std::to_string(slot)));
    for (const std::string_view line : split(text, '\n')) {
      const auto words = split(line, ' ');
      if (words.size() < 2) continue;
      ++out.total;
      const std::string word(words[1]);
      if (words[0] == "L") out.ledger.insert(word);
      if (words[0] == "A") out.appended.insert(word);
      if (words[0] == "O") out.once.insert(word);
      if (words[0] == "C") out.counted.insert(word);
      if (words[0] == "P") out.pairs.insert(word);
      if (words[0] == "D") {
        const auto fresh = out.versions[word].emplace(std::stoll(std::string(words[2])), words[3]);
        CHECK(fresh.second);  // no version number was given twice
      }
    }
  }
  return out;
}

void check_documents(Store& store, const Acknowledged& acked) {
  for (int n = 0; n < kDocuments; ++n) {
    const std::string name = "d" + std::to_string(n) + ".yaml";
    CAPTURE(name);
    const auto now = store.read(path(name));
    if (!now && !acked.versions.contains(name)) continue;  // a short run may not reach each
    REQUIRE(now);
    // The outsider also writes in place, and is killed while it does: what is there then begins as
    // its own texts do.
    const std::string beginning = now->body.substr(0, std::string_view("token: outsider").size());
    const bool torn_by_outsider = n == 0 && now->author == "external" && !is_whole(now->body) &&
                                  std::string_view("token: outsider").starts_with(beginning);
    CHECK((is_whole(now->body) || torn_by_outsider));
    const auto history = store.history(path(name)).value();
    REQUIRE(!history.empty());
    const auto acks = acked.versions.find(name);
    if (acks == acked.versions.end()) continue;
    CHECK(history.front().version >= acks->second.rbegin()->first);
    for (const VersionRow& row : history) {
      const auto ack = acks->second.find(row.version);
      if (ack != acks->second.end()) CHECK(row.sha256 == ack->second);
    }
    if (n > 0) {
      CHECK(now->sha256 == history.front().sha256);
    } else if (!torn_by_outsider) {
      // The outsider's: flagged as his, or ours.
      CHECK((now->author == "external") == token_of(now->body).starts_with("outsider"));
    }
  }
}

void check_lines(Store& store, const Acknowledged& acked) {
  if (const auto log = store.read(path("log.txt"))) {
    const auto there = lines_of(log->body);
    for (const std::string& token : acked.appended) CHECK(there.count(token) == 1);
  }
  if (const auto once = store.read(path("once.txt"))) {
    const auto there = lines_of(once->body);
    for (const std::string& token : acked.once) CHECK(there.count(token) == 1);
    for (const std::string& token : there) CHECK(there.count(token) == 1);
  }
  for (const std::string& value : acked.counted) CHECK(acked.counted.count(value) == 1);
  const std::int64_t counter = std::stoll(store.read(path("counter.txt")).value().body);
  CHECK(counter >= static_cast<std::int64_t>(acked.counted.size()));
  const auto a = store.read(path("pair/a.yaml")), b = store.read(path("pair/b.yaml"));
  CHECK(a.has_value() == b.has_value());
  if (a && b) CHECK(a->body == b->body);
  CHECK((a || acked.pairs.empty()));
}

void check_ledger(State& state, const Acknowledged& acked) {
  CHECK(Ledger::recover(state));
  Ledger ledger(state);
  const LedgerCheck check = ledger.verify(std::nullopt).value();
  CAPTURE(check.problem);
  CHECK(check.ok);
  std::set<std::string> there;
  for (std::int64_t after = 0;;) {
    const auto rows = ledger.rows(after, 5000).value();
    if (rows.empty()) break;
    for (const LedgerRow& row : rows) CHECK(there.insert(row.record.call_id).second);
    after = rows.back().seq;
  }
  for (const std::string& token : acked.ledger) CHECK(there.contains(token));
}

TEST_CASE("eight processes, one state directory, kill -9 at random, an outsider who edits") {
  const char* asked = std::getenv("REMIT_STRESS_SECONDS");
  const long seconds = asked == nullptr ? 3 : std::max(1L, std::strtol(asked, nullptr, 10));
  const Scratch scratch;
  REQUIRE(::mkdir(scratch.at("memory").c_str(), 0755) == 0);
  spew(scratch.at("memory/counter.txt"), "0");
  spew(scratch.at("memory/d0.yaml"), body_of("outsider.first", 10));
  std::array<pid_t, kProcesses + 1> running{};
  for (int slot = 0; slot <= kProcesses; ++slot) {
    running[static_cast<std::size_t>(slot)] = start(scratch, slot, 0);
  }
  std::mt19937 random(20261123);
  int kills = 0;
  bool all_lived = true;
  const int wanted = std::getenv("REMIT_FULL") != nullptr && asked == nullptr ? 10'000 : 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (wanted > 0 ? kills < wanted : std::chrono::steady_clock::now() < end) {
    sleep_ms(20 + static_cast<long>(random() % 100));
    const int slot = static_cast<int>(random() % kProcesses);
    all_lived = kill_one(running[static_cast<std::size_t>(slot)]) && all_lived;
    running[static_cast<std::size_t>(slot)] = start(scratch, slot, ++kills);
  }
  for (const pid_t pid : running) all_lived = kill_one(pid) && all_lived;
  CHECK(all_lived);  // nobody failed on its own

  const Acknowledged acked = read_acks(scratch);
  auto state = open_state(scratch, system_clock());
  auto store = open_file_store(*state, fs::open_root(scratch.at("memory")).value());
  REQUIRE(store);
  check_documents(**store, acked);
  check_lines(**store, acked);
  check_ledger(*state, acked);
  {
    auto snapshot = state->database().read();
    Statement pending = snapshot->sql("select count(*) from version where state = 0");
    REQUIRE(pending.step().value());
    CHECK(pending.integer(0) == 0);
  }
  std::printf(
      "%d kills, %zu acknowledged: %zu ledger records, %zu appends, %zu once, %zu pairs, "
      "%zu increments\n",
      kills, acked.total, acked.ledger.size(), acked.appended.size(), acked.once.size(),
      acked.pairs.size(), acked.counted.size());
  CHECK(kills > 0);
  CHECK(acked.total > 0);
}

}  // namespace
}  // namespace remit::memory
