// The files of handoffs while several processes write them.
#include "memory/handoff_outbox.h"

#include <thread>

#include <doctest/doctest.h>

#include "memory/sqlite.h"
#include "tests/memory/handoff_house.h"
#include "tests/within.h"

namespace remit::memory {
namespace {

// A Store whose next write waits for something to happen first: the slower of two writers.
class SlowStore : public Store {
 public:
  SlowStore(Store& store, std::function<void()> meanwhile)
      : store_(store), meanwhile_(std::move(meanwhile)) {}
  Result<std::vector<Committed>> commit(std::span<const DocumentChange> changes,
                                        const Author& author, const std::string& key) override {
    if (meanwhile_) std::exchange(meanwhile_, nullptr)();
    return store_.commit(changes, author, key);
  }
  Result<Document> read(const DocPath& path) override { return store_.read(path); }
  Result<std::vector<DocumentEntry>> list(
      const std::string& prefix, const std::function<bool(std::string_view)>& enter,
      const std::function<bool(std::string_view)>& wanted) override {
    return store_.list(prefix, enter, wanted);
  }
  Result<std::vector<std::string>> recorded(const std::string& prefix) override {
    return store_.recorded(prefix);
  }
  Result<std::vector<VersionRow>> history(const DocPath& path) override {
    return store_.history(path);
  }
  Result<std::string> version_body(const DocPath& path, std::int64_t version) override {
    return store_.version_body(path, version);
  }
  Result<std::string> version_sent(const DocPath& path, std::int64_t version) override {
    return store_.version_sent(path, version);
  }
  Result<std::int64_t> purge(const DocPath& path, std::optional<std::int64_t> version) override {
    return store_.purge(path, version);
  }
  Result<Retained> retain(RetainWhen when) override { return store_.retain(when); }
  Result<std::string> archive(const std::string& instruction) override {
    return store_.archive(instruction);
  }
  Result<bool> is_own(const DocPath& path, const Author& author) override {
    return store_.is_own(path, author);
  }
  Result<std::unique_ptr<Watching>> watch(Tell tell) override {
    return store_.watch(std::move(tell));
  }
  std::string etag_of(const DocPath& path, std::string_view sha256_hex) const override {
    return store_.etag_of(path, sha256_hex);
  }
  std::int64_t root_id() const override { return store_.root_id(); }

 private:
  Store& store_;
  std::function<void()> meanwhile_;
};

std::string status_of(const std::string& file) {
  const yaml::Parsed parsed = yaml::parse(file);
  return parsed.ok() ? field(parsed, "status") : "(unreadable)";
}

TEST_CASE("whoever looked at a handoff before its file was written may answer all the same") {
  House house;
  for (const HandoffType type : {HandoffType::escalate, HandoffType::consult}) {
    const Handoff seen = house.send(draft(type, "technical-writer"));
    REQUIRE(house.delivery->run());
    const Handoff now = *house.rows->get(seen.id);
    CHECK(now.state != seen.state);
    HandoffStep back = as(kTse, "withdrawn");
    back.if_match = "somebody else's";
    CHECK(house.rows->step(seen.id, back).error().code == "conflict");
    back.if_match = seen.etag;
    const auto done = house.rows->step(seen.id, back);
    REQUIRE(done);
    CHECK(done->etag != seen.etag);
  }
}

TEST_CASE("a reply that was overtaken is not put back by its slower writer") {
  House house;
  const Handoff sent = house.send(draft(HandoffType::delegate, "technical-writer"));
  REQUIRE(house.delivery->run());
  REQUIRE(house.rows->step(sent.id, as("technical-writer", "accepted")));
  SlowStore slow(*house.store, [&] {
    const auto on = as("technical-writer", "in_progress", R"({"progress":"half of it"})");
    REQUIRE(house.rows->step(sent.id, on));
    REQUIRE(house.delivery->run());
    REQUIRE(status_of(house.inbox(kTse, "progress_report", sent)) == "in_progress");
  });
  HandoffDelivery slower(*house.state, slow, fs::open_root(house.drops).value());
  CHECK(slower.run());
  CHECK(status_of(house.inbox(kTse, "progress_report", sent)) == "in_progress");
  CHECK(status_of(house.inbox("technical-writer", "delegation", sent)) == "in_progress");
  // Nor does it stay in the history as a version after the newer one.
  const DocPath path = DocPath::parse(inbox_path(kTse, "progress_report", sent.id)).value();
  CHECK(house.store->history(path).value().size() == 1);
}

TEST_CASE("a file for a queue that was overtaken is not written either") {
  House house;
  NewHandoff d = draft(HandoffType::escalate, "engineering-team");
  d.to_kind = TargetKind::queue;
  const Handoff sent = house.send(d);
  const std::string path = "engineering-team/escalation_" + sent.id + ".yaml";
  auto lock = NameLocks::take(*house.state, {"drop:" + path});
  REQUIRE(lock);
  Result<std::int64_t> written = 0;
  std::thread slower([&] { written = house.delivery->run_for(sent.id); });
  const bool taken = within(kPatience, [&] {
    auto snapshot = house.state->database().read();
    auto row = snapshot->sql("select 1 from outbox where lease_ms > 0 and place = 'drop'");
    return row.step().value();
  });
  HandoffStep ack = as("operator", "acknowledged");
  ack.is_operator = true;
  const auto stepped = house.rows->step(sent.id, ack);
  lock = NameLocks();
  slower.join();
  REQUIRE(taken);
  REQUIRE(stepped);
  CHECK(written.value() == 2);  // the newer one and the reply
  CHECK(status_of(slurp(house.drops + "/" + path)) == "acknowledged");
}

}  // namespace
}  // namespace remit::memory
