// Three replicas on one database, which is killed and started again while they work, as they are
// themselves: no acknowledged write is lost, none is written over unseen, and every document went
// through one order of states that all of them agree on. Some seconds; REMIT_FULL: ten minutes.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "base/crypto.h"
#include "base/json.h"
#include "tests/memory/linearizable.h"
#include "tests/memory/postgres_house.h"

namespace remit::memory {
namespace {

constexpr int kReplicas = 3, kThreads = 3;
constexpr unsigned kRegisters = 4, kLogs = 16;

std::string register_name(unsigned n) {
  return "r" + std::to_string(n) + ".yaml";
}

std::string log_name(unsigned n) {
  return "log" + std::to_string(n) + ".txt";
}

// One life of a replica: works until it is killed. What it sees goes to a file before and after
// each step, so that a killed one leaves what it had asked for.
class Replica {
 public:
  Replica(PostgresUrl url, std::string file, std::string name)
      : url_(std::move(url)), file_(std::move(file)), name_(std::move(name)) {}

  [[noreturn]] void run() {
    notes_ = Fd(::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    for (;;) {
      auto opened = PostgresStore::open(url_, system_clock());
      if (opened) {
        store_ = std::move(*opened);
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // it is being restarted
    }
    std::vector<std::jthread> threads;
    for (int n = 0; n < kThreads; ++n) threads.emplace_back([this, n] { work(n); });
    for (std::jthread& thread : threads) thread.join();
    ::_exit(1);
  }

 private:
  void note(const std::string& line) { static_cast<void>(fs::write_all(notes_.get(), line)); }

  void work(int thread) {
    std::mt19937 random(static_cast<unsigned>(std::hash<std::string>()(name_)) +
                        static_cast<unsigned>(thread));
    for (int n = 0;; ++n) {
      const std::string who = name_ + "." + std::to_string(thread) + "." + std::to_string(n);
      const std::string path = register_name(random() % kRegisters);
      switch (random() % 4) {
        case 0:
          look(path, who);
          break;
        case 1:
          replace(path, who);
          break;
        case 2:
          edit(path, who);
          break;
        case 3:
          append(log_name(static_cast<unsigned>(random()) % kLogs), who);
          break;
      }
    }
  }

  std::string look(const std::string& path, const std::string& who) {
    Operation seen{monotonic_ns(), 0, true, "", "", who};
    const auto document = store_->read(doc(path));
    seen.ended_ns = monotonic_ns();
    if (!document && document.error().kind != ErrorKind::not_found) return "away";
    if (document) seen.before = seen.after = document->etag;
    note(operation_line(path, seen));
    return seen.before;
  }

  void finish(const std::string& path, Operation one, const Result<std::vector<Committed>>& done) {
    one.ended_ns = monotonic_ns();
    if (done) {
      one.certain = true;
      one.before = done->at(0).previous_etag;
      one.after = done->at(0).etag;
      note(operation_line(path, one));
    } else if (done.error().kind == ErrorKind::conflict && done.error().data) {
      one.certain = true;
      one.before = one.after = done.error().data->value("etag", "");
      note(operation_line(path, one));
    } else if (done.error().code != "unknown_outcome") {
      note("void " + one.who + "\n");
    }
  }

  void replace(const std::string& path, const std::string& who) {
    const std::string before = look(path, who + ".look");
    if (before == "away") return;
    DocumentChange one = change(before.empty() ? Op::create : Op::replace, path, "token: " + who);
    one.if_match = before;
    one.if_none_match = before.empty();
    Operation asked{
        monotonic_ns(), 0, false, before, store_->etag_of(one.path, sha256_hex(one.body)), who};
    note(operation_line(path, asked));
    finish(path, asked, store_->commit(std::span(&one, 1), kAnna, ""));
  }

  void edit(const std::string& path, const std::string& who) {
    DocumentChange one = change(Op::replace, path, "");
    Operation asked{monotonic_ns(), 0, false, "", "", who};
    one.edit = [&](const std::optional<std::string>& current) -> Result<std::string> {
      std::string body = "token: " + who + "\nwas: " + sha256_hex(current.value_or(""));
      asked.before = current ? store_->etag_of(one.path, sha256_hex(*current)) : "";
      asked.after = store_->etag_of(one.path, sha256_hex(body));
      note(operation_line(path, asked));
      return body;
    };
    finish(path, asked, store_->commit(std::span(&one, 1), kAnna, ""));
  }

  // Twice with one key, as a client that heard no answer does.
  void append(const std::string& path, const std::string& who) {
    const DocumentChange one = change(Op::append, path, who + "\n");
    auto done = store_->commit(std::span(&one, 1), kAnna, who);
    if (!done) done = store_->commit(std::span(&one, 1), kAnna, who);
    if (done) note("line " + who + "\n");
  }

  const PostgresUrl url_;
  const std::string file_, name_;
  Fd notes_;
  std::unique_ptr<PostgresStore> store_;
};

struct Seen {
  std::map<std::string, std::vector<Operation>> by_document;
  std::set<std::string> lines;
  std::size_t acknowledged = 0;
};

Seen read_notes(const std::vector<std::string>& names) {
  Seen out;
  for (const std::string& name : names) {
    std::map<std::string, std::pair<std::string, Operation>> last;  // by who: the end overrides
    std::istringstream notes(slurp(name));
    for (std::string line; std::getline(notes, line);) {
      std::string document;
      Operation one;
      if (line.starts_with("void ")) {
        last.erase(line.substr(5));
      } else if (line.starts_with("line ")) {
        // The last line of a killed replica may be cut off.
        if (!notes.eof()) out.lines.insert(line.substr(5));
      } else if (!notes.eof() && parse_operation(line, document, one)) {
        last[one.who] = {document, one};
      }
    }
    for (auto& [who, noted] : last) {
      if (noted.second.certain && noted.second.changes()) ++out.acknowledged;
      out.by_document[noted.first].push_back(std::move(noted.second));
    }
  }
  return out;
}

TEST_CASE("PostgreSQL: replicas that die and a server that restarts lose and overwrite nothing") {
  const bool whole = std::getenv("REMIT_FULL") != nullptr;
  const auto length = whole ? std::chrono::seconds(600) : std::chrono::seconds(8);
  const PostgresUrl url = cluster().make_database();
  const Scratch scratch;
  std::vector<std::string> notes;
  std::array<pid_t, kReplicas> replicas{};
  const auto start = [&](std::size_t n) {
    const std::string name = "p" + std::to_string(n) + "g" + std::to_string(notes.size());
    notes.push_back(scratch.at(name));
    replicas[n] = ::fork();
    if (replicas[n] == 0) Replica(url, notes.back(), name).run();
  };
  for (std::size_t n = 0; n < kReplicas; ++n) start(n);
  std::mt19937 random(1);
  int restarts = 0, deaths = 0;
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + random() % 700));
    if (random() % 3 == 0) {
      cluster().stop(SIGQUIT);
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
      REQUIRE(cluster().resume());
      ++restarts;
    } else {
      const std::size_t n = random() % kReplicas;
      ::kill(replicas[n], SIGKILL);
      ::waitpid(replicas[n], nullptr, 0);
      ++deaths;
      start(n);
    }
  }
  for (const pid_t replica : replicas) {
    ::kill(replica, SIGKILL);
    ::waitpid(replica, nullptr, 0);
  }

  // What a dead replica was in the middle of ends with its connection; then all is read once more.
  auto store = PostgresStore::open(url, system_clock());
  REQUIRE(store);
  Seen seen = read_notes(notes);
  std::size_t operations = 0;
  for (unsigned n = 0; n < kRegisters; ++n) {
    const std::string path = register_name(n);
    std::vector<Operation>& all = seen.by_document[path];
    // Waits for writers that are still at it.
    const DocumentChange touch = change(Op::append, path, "");
    REQUIRE((*store)->commit(std::span(&touch, 1), kAnna, ""));
    Operation last{monotonic_ns(), 0, true, "", "", "end"};
    last.before = last.after = (*store)->read(doc(path)).value().etag;
    last.ended_ns = monotonic_ns();
    all.push_back(last);
    operations += all.size();
    CAPTURE(path);
    CHECK(check_linearizable("", all) == "");
  }
  std::map<std::string, int> there;
  for (unsigned n = 0; n < kLogs; ++n) {
    const auto document = (*store)->read(doc(log_name(n)));
    if (!document && document.error().kind == ErrorKind::not_found) continue;
    REQUIRE(document);
    std::istringstream log(document->body);
    for (std::string line; std::getline(log, line);) ++there[line];
  }
  std::size_t lost = 0, twice = 0;
  for (const std::string& line : seen.lines) lost += there[line] == 0 ? 1U : 0U;
  for (const auto& [line, count] : there) twice += count > 1 ? 1U : 0U;
  CHECK(lost == 0);
  CHECK(twice == 0);
  CHECK(seen.acknowledged > 10);
  CHECK(restarts > 0);
  std::printf(
      "%zu operations on %u registers, %zu acknowledged writes and %zu acknowledged lines; "
      "%d restarts of the server, %d deaths of replicas: %zu lines lost, %zu twice\n",
      operations, kRegisters, seen.acknowledged, seen.lines.size(), restarts, deaths, lost, twice);
}

}  // namespace
}  // namespace remit::memory
