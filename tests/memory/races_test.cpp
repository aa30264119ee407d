// Eight processes on one Agent_Memory that read, append to, edit and replace its documents, one and
// two at a time, as fast as they can. Afterwards each document must have been what one process
// after the other would have made of it (tests/memory/linearizable.h), down to its last state.
// 1,000 operations of each process; 100,000 with REMIT_FULL=1.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"
#include "memory/sqlite.h"
#include "memory/store.h"
#include "tests/memory/linearizable.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

using Op = DocumentChange::Op;
constexpr int kProcesses = 8;
constexpr int kDocuments = 6;

int operations_each() {
  return std::getenv("REMIT_FULL") != nullptr ? 100'000 : 1'000;
}

std::string name_of(unsigned number) {
  return "inst_1/d" + std::to_string(number % kDocuments) + ".yaml";
}

// One process: does its operations and notes what each of them met and left.
class Racer {
 public:
  Racer(const Scratch& scratch, int slot)
      : scratch_(scratch), who_("w" + std::to_string(slot)), random_(static_cast<unsigned>(slot)) {}

  int run() {
    auto state = State::open({scratch_.at("state"), {}}, system_clock());
    auto root = fs::open_root(scratch_.at("memory"));
    if (!state || !root) return 2;
    auto store = open_file_store(**state, std::move(*root));
    if (!store) return 3;
    store_ = store->get();
    notes_ = std::fopen(scratch_.at(who_).c_str(), "we");
    if (notes_ == nullptr) return 4;
    for (number_ = 0; number_ < operations_each(); ++number_) {
      if (const auto done = one(); !done) {
        std::fprintf(stderr, "%s: %s\n", who_.c_str(), done.error().message.c_str());
        return 5;
      }
    }
    return std::fclose(notes_) == 0 ? 0 : 6;
  }

 private:
  Result<void> one() {
    const unsigned document = static_cast<unsigned>(random_());
    switch (random_() % 10) {
      case 0:
      case 1:
      case 2:
      case 3:
        return read(name_of(document));
      case 4:
        return commit({append(name_of(document))});
      case 5:
        return commit({edit(name_of(document))});
      case 6:
        return commit({edit(name_of(document)), edit(name_of(document + 1))});
      default:
        return replace(name_of(document));
    }
  }

  // A text that no other operation leaves.
  std::string token() const { return who_ + "." + std::to_string(number_) + "\n"; }

  Result<void> read(const std::string& name) {
    const std::int64_t began = monotonic_ns();
    const auto now = store_->read(DocPath::parse(name).value());
    if (!now && now.error().kind != ErrorKind::not_found) return tl::unexpected<Error>(now.error());
    const std::string etag = now ? now->etag : "";
    note(name, began, etag, etag);
    known_[name] = etag;
    return {};
  }
  DocumentChange change(Op op, const std::string& name) const {
    DocumentChange out;
    out.op = op;
    out.path = DocPath::parse(name).value();
    out.body = token();
    return out;
  }
  DocumentChange append(const std::string& name) const { return change(Op::append, name); }
  // Keeps the last words of the document, so that it does not grow without end.
  DocumentChange edit(const std::string& name) const {
    DocumentChange out = change(Op::replace, name);
    out.edit = [token = token()](const std::optional<std::string>& now) -> Result<std::string> {
      constexpr std::size_t kKept = 2000;
      const std::string before = now.value_or("");
      return before.substr(before.size() - std::min(before.size(), kKept)) + token;
    };
    return out;
  }
  // With the etag that this process met last, which may be an old one by now.
  Result<void> replace(const std::string& name) {
    DocumentChange out = change(Op::replace, name);
    if (known_[name].empty()) {
      out.op = Op::create;
      out.if_none_match = true;
    } else {
      out.if_match = known_[name];
    }
    return commit({std::move(out)});
  }

  Result<void> commit(std::vector<DocumentChange> changes) {
    if (changes.size() == 2 && changes[0].path.text() == changes[1].path.text()) changes.pop_back();
    const std::int64_t began = monotonic_ns();
    const auto done = store_->commit(changes, {who_, "p", "inst_1", ""}, "");
    if (!done && done.error().kind == ErrorKind::conflict && done.error().data != nullptr) {
      // The refusal names what is there: as good as a read.
      const std::string etag = etag_in(done.error());
      note(changes[0].path.text(), began, etag, etag);
      known_[changes[0].path.text()] = etag;
      return {};
    }
    if (!done && done.error().code == "locked") return {};  // nothing was done
    if (!done) return tl::unexpected<Error>(done.error());
    for (std::size_t n = 0; n < changes.size(); ++n) {
      note(changes[n].path.text(), began, (*done)[n].previous_etag, (*done)[n].etag);
      known_[changes[n].path.text()] = (*done)[n].etag;
    }
    return {};
  }
  static std::string etag_in(const Error& error) {
    const auto found = error.data->find("etag");
    return found == error.data->end() ? std::string() : found->get<std::string>();
  }

  void note(const std::string& name, std::int64_t began, const std::string& before,
            const std::string& after) {
    const Operation one{began, monotonic_ns(), true, before, after, who_};
    std::fputs(operation_line(name, one).c_str(), notes_);
  }

  const Scratch& scratch_;
  const std::string who_;
  std::mt19937 random_;
  int number_ = 0;
  std::map<std::string, std::string> known_;
  std::FILE* notes_ = nullptr;
  Store* store_ = nullptr;
};

std::map<std::string, std::vector<Operation>> noted(const Scratch& scratch) {
  std::map<std::string, std::vector<Operation>> out;
  for (int slot = 0; slot < kProcesses; ++slot) {
    std::ifstream in(scratch.at("w" + std::to_string(slot)));
    std::string line, document;
    while (std::getline(in, line)) {
      Operation one;
      REQUIRE(parse_operation(line, document, one));
      out[document].push_back(std::move(one));
    }
  }
  return out;
}

TEST_CASE("what eight processes do to a document is linearizable") {
  const Scratch scratch;
  REQUIRE(::mkdir(scratch.at("memory").c_str(), 0755) == 0);
  const auto began = std::chrono::steady_clock::now();
  std::array<pid_t, kProcesses> running{};
  for (int slot = 0; slot < kProcesses; ++slot) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(Racer(scratch, slot).run());
    running[static_cast<std::size_t>(slot)] = child;
  }
  for (const pid_t child : running) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  const auto took = std::chrono::steady_clock::now() - began;

  std::size_t operations = 0, writes = 0;
  const auto state = open_state(scratch, system_clock());
  const auto store = open_file_store(*state, fs::open_root(scratch.at("memory")).value());
  REQUIRE(store);
  for (auto& [document, all] : noted(scratch)) {
    CAPTURE(document);
    // Who reads it now comes after all of them.
    const auto now = (*store)->read(DocPath::parse(document).value());
    REQUIRE(now);
    const std::int64_t at = monotonic_ns();
    all.push_back({at, at, true, now->etag, now->etag, "end"});
    operations += all.size() - 1;
    for (const Operation& one : all) {
      if (one.changes()) ++writes;
    }
    CHECK(check_linearizable("", all) == "");
  }
  // A pair of documents counts twice; what waited too long for a lock is not counted.
  CHECK(operations > 0);
  CHECK(writes > 0);
  std::printf("%d processes, %zu operations, %zu of them writes, %.1f s\n", kProcesses, operations,
              writes, std::chrono::duration<double>(took).count());
}

}  // namespace
}  // namespace remit::memory
