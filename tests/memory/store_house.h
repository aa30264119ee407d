// A store of documents in a scratch directory, two authors, and what they write in few words.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "memory/file_store.h"
#include "memory/sqlite.h"
#include "tests/memory/scratch.h"

namespace remit::memory {

using Op = DocumentChange::Op;
inline const Author kAnna{"technical-support-engineer", "uid:0/tse", "inst_1", "call_a"};
inline const Author kBert{"qa-lead", "uid:0/qa", "inst_1", "call_b"};

inline DocPath doc(const std::string& text) {
  auto path = DocPath::parse(text);
  if (!path) FAIL(path.error().message);
  return *path;
}

inline DocumentChange change(Op op, const std::string& path, std::string body) {
  DocumentChange out;
  out.op = op;
  out.path = doc(path);
  out.body = std::move(body);
  return out;
}

// What is written and looked at in few words, of a house with a `store`.
template <class House>
struct StoreWords {
  Result<std::vector<Committed>> write(std::vector<DocumentChange> changes,
                                       const Author& author = kAnna, const std::string& key = "") {
    return self().store->commit(changes, author, key);
  }
  Committed put(Op op, const std::string& path, const std::string& body,
                const Author& author = kAnna) {
    auto done = write({change(op, path, body)}, author);
    if (!done) FAIL(done.error().message);
    return done->at(0);
  }
  // "(none)": there is no such document.
  std::string text(const std::string& path) {
    auto read = self().store->read(doc(path));
    if (!read && read.error().kind != ErrorKind::not_found) FAIL(read.error().message);
    return read ? read->body : "(none)";
  }
  std::vector<std::string> ops(const std::string& path) {
    std::vector<std::string> out;
    const auto rows = self().store->history(doc(path)).value();
    for (const VersionRow& row : rows) out.push_back(row.op);
    return out;
  }

 private:
  House& self() { return static_cast<House&>(*this); }
};

// A store over a scratch Agent_Memory, which can be opened again as another process would.
struct StoreHouse : StoreWords<StoreHouse> {
  StoreHouse() : clock(system_clock().unix_ms()) {
    REQUIRE(::mkdir(root.c_str(), 0755) == 0);
    state = open_state(scratch, clock);
    open();
  }
  void open() {
    auto fd = fs::open_root(root);
    REQUIRE(fd);
    auto opened = open_file_store(*state, std::move(*fd));
    if (!opened) FAIL(opened.error().message);
    store = std::move(*opened);
  }
  std::string file(const std::string& path) const { return root + "/" + path; }
  std::string body(const std::string& path) const { return slurp(file(path)); }
  void sql(const std::string& text) {
    auto t = state->database().write();
    REQUIRE(t);
    const auto done = t->sql(text).run();
    if (!done) FAIL(done.error().message);
    REQUIRE(t->commit(Sync::cached));
  }
  Scratch scratch;
  ManualClock clock;
  std::string root = scratch.at("Agent_Memory");
  std::unique_ptr<State> state;
  std::unique_ptr<Store> store;
};

}  // namespace remit::memory
