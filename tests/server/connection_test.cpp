// A Connection without a transport: one reply per request from many threads, the bytes of a list.
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"
#include "base/limits.h"
#include "server/limits.h"
#include "server/mcp/dispatcher.h"
#include "server/mcp/held_bytes.h"
#include "server/mcp/messages.h"
#include "server/mcp/parts.h"
#include "server/mcp/pool.h"
#include "tests/wire/toy_service.h"

namespace remit::mcp {
namespace {

class Kept final : public Outbox {
 public:
  void send(std::string message) override {
    const std::lock_guard held(mutex_);
    messages_.push_back(std::move(message));
  }
  bool wait_for_room(std::stop_token stop) override { return !stop.stop_requested(); }
  std::vector<std::string> take() {
    const std::lock_guard held(mutex_);
    return std::move(messages_);
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> messages_;
};

constexpr const char* kHello =
    R"({"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
    R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})";

TEST_CASE("what is held: of two that need what the other has, one waits and is served") {
  HeldBytes held;
  auto one = held.open(), other = held.open();
  REQUIRE(one.grow(limits::kHeldBytes / 2));
  REQUIRE(other.grow(limits::kHeldBytes / 2));
  std::atomic<int> served = 0;
  const auto need_all = [&](HeldBytes::Share& share) {
    if (share.grow_in_turn(limits::kHeldBytes)) ++served;
    share = HeldBytes::Share();  // served or refused, it ends
  };
  std::thread first([&] { need_all(one); }), second([&] { need_all(other); });
  first.join();
  second.join();
  CHECK(served >= 1);  // 2 if the second came when the first had ended
  // Nothing is promised any longer, and what never comes is not waited for without end.
  auto stays = held.open(), waits = held.open();
  REQUIRE(stays.grow(limits::kHeldBytes));
  CHECK_FALSE(waits.grow_in_turn(limits::kHeldBytes));
  stays.shrink(limits::kHeldBytes / 2);
  CHECK(waits.grow(limits::kHeldBytes / 2));
}

TEST_CASE("what is held: bounded together, the first of any size, what needs none always") {
  HeldBytes held;
  {
    auto large = held.open(), beside = held.open();
    REQUIRE(large.grow(limits::kHeldBytes * 3));  // alone
    CHECK_FALSE(beside.grow(1));
    CHECK(beside.grow(0));  // a ping
  }
  auto half = held.open(), rest = held.open(), more = held.open();
  CHECK(half.grow(limits::kHeldBytes / 2));
  CHECK(rest.grow(limits::kHeldBytes / 2));
  CHECK_FALSE(more.grow(1));
  CHECK_FALSE(half.grow(limits::kHeldBytes / 2 + 1));
  rest.shrink(limits::kHeldBytes / 4);
  CHECK(half.grow(limits::kHeldBytes / 2 + 1));
  // A part goes on when the rest has ended.
  auto part = half.split(limits::kHeldBytes / 4);
  half = HeldBytes::Share();
  CHECK(part.size() == limits::kHeldBytes / 4);
  CHECK(more.grow(limits::kHeldBytes / 2));
  CHECK_FALSE(more.grow(limits::kHeldBytes / 2 + 1));
  // What nobody has read counts.
  part = HeldBytes::Share();
  *held.unread() += limits::kHeldBytes / 2;
  CHECK_FALSE(more.grow(limits::kHeldBytes / 2 + 1));
  *held.unread() -= limits::kHeldBytes / 2;
  CHECK(more.grow(limits::kHeldBytes / 2 + 1));
}

TEST_CASE("a call that waited while another offer came is not done") {
  Server server(wire_test::toy_service());
  Kept outbox;
  {
    Connection connection(server, outbox);
    connection.receive(kHello);
    const auto call = [&](std::size_t id, const char* tool, const char* arguments) {
      connection.receive(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
                         R"(,"method":"tools/call","params":{"name":")" + tool +
                         R"(","arguments":)" + arguments + "}}");
    };
    for (std::size_t i = 0; i < limits::kToolThreads; ++i) call(i, "slow", R"({"ms":60000})");
    call(100, "add", R"({"a":1,"b":1})");
    server.offer(wire_test::toy_service());
    CHECK(connection.wait_idle(std::chrono::seconds(10)));
    call(101, "add", R"({"a":1,"b":1})");
    CHECK(connection.wait_idle(std::chrono::seconds(10)));
  }
  bool refused = false, done = false;
  for (const std::string& text : outbox.take()) {
    const Json message = Json::parse(text);
    if (message["id"] == 100) refused = message.contains("error");
    if (message["id"] == 101) done = message.contains("result");
  }
  CHECK(refused);
  CHECK(done);
}

TEST_CASE("every request is answered exactly once, whatever is cancelled meanwhile") {
  Server server(wire_test::toy_service());
  Kept outbox;
  std::multiset<int> answered;
  {
    Connection connection(server, outbox);
    connection.receive(kHello);
    for (int round = 0; round < 50; ++round) {
      for (int i = 0; i < 20; ++i) {
        const std::string id = std::to_string(round * 20 + i);
        connection.receive(R"({"jsonrpc":"2.0","id":)" + id +
                           R"(,"method":"tools/call","params":{"name":"slow","arguments":{"ms":)" +
                           std::to_string(i % 3) + "}}}");
        if (i % 4 == 0)
          connection.receive(
              R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id +
              "}}");
      }
      CHECK(connection.wait_idle(std::chrono::seconds(10)));
    }
  }
  for (const std::string& text : outbox.take()) {
    const auto message = Json::parse(text);
    if (message["id"].is_number()) answered.insert(message["id"].get<int>());
  }
  for (int i = 0; i < 1000; ++i) {
    CAPTURE(i);
    const auto count = answered.count(i);
    CHECK(count <= 1);
    if (i % 20 % 4 != 0) CHECK(count == 1);
  }
}

TEST_CASE("the list has the same bytes and digest on every start and connection") {
  Server one(wire_test::toy_service());
  Server two(wire_test::toy_service());
  CHECK(one.tools_sha256() == two.tools_sha256());
  CHECK(one.tools_bytes() > 1000);
  std::vector<std::string> lists;
  for (Server* server : {&one, &one, &two}) {
    Kept outbox;
    Connection connection(*server, outbox);
    connection.receive(kHello);
    connection.receive(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
    lists.push_back(outbox.take().at(1));
  }
  CHECK(lists[0] == lists[1]);
  CHECK(lists[0] == lists[2]);
}

TEST_CASE("a service without prompts, resources and tools says so") {
  Service service;
  service.name = "bare";
  Server server(std::move(service));
  Kept outbox;
  Connection connection(server, outbox);
  connection.receive(kHello);
  for (const char* method : {"tools/list", "prompts/list", "resources/list", "completion/complete"})
    connection.receive(std::string(R"({"jsonrpc":"2.0","id":1,"method":")") + method + "\"}");
  const auto messages = outbox.take();
  CHECK(Json::parse(messages.at(0))["result"]["capabilities"] == Json{{"logging", Json::object()}});
  for (std::size_t i = 1; i < messages.size(); ++i)
    CHECK(Json::parse(messages[i])["error"]["code"] == -32601);
}

TEST_CASE("a listener whose client left before its turn is told of nothing and forgotten") {
  Service service = wire_test::toy_service();
  service.announces.tools = true;
  Server server(std::move(service));
  std::atomic<bool> release{false};
  for (std::size_t i = 0; i < limits::kToolThreads; ++i)
    REQUIRE(server.parts().pool.run([&] { release.wait(false); }));
  const auto outbox = std::make_shared<Kept>();
  {
    Connection connection(server, *outbox, Connection::Eras::modern_only);
    connection.receive(
        parse_frame(R"({"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{)"
                    R"("notifications":{"toolsListChanged":true},)"
                    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                    R"("io.modelcontextprotocol/clientCapabilities":{}}}})"),
        {outbox});
    connection.stop();
    release = true;
    release.notify_all();
  }
  outbox->take();
  CHECK(outbox.use_count() == 1);  // no entry holds its exchange
  server.list_changed(Server::List::tools);
  CHECK(outbox->take().empty());
}

TEST_CASE("what waits for a thread is bounded, all connections together") {
  std::atomic<bool> release{false};
  std::atomic<std::size_t> ran{0};
  {
    Pool pool(1);
    std::atomic<bool> busy{false};
    REQUIRE(pool.run([&] {
      busy = true;
      busy.notify_all();
      release.wait(false);
    }));
    busy.wait(false);  // it waits no more: the queue is empty
    for (std::size_t i = 0; i < limits::kPoolQueue; ++i) REQUIRE(pool.run([&] { ++ran; }));
    CHECK_FALSE(pool.run([&] { ++ran; }));
    release = true;
    release.notify_all();
  }
  CHECK(ran == limits::kPoolQueue);
}

TEST_CASE("parked threads are replaced, so that questions cannot stop other calls") {
  std::atomic<int> waiting{0};
  std::atomic<bool> release{false};
  std::atomic<bool> ran{false};
  {
    Pool pool(2);
    for (int i = 0; i < 2; ++i)
      CHECK(pool.run([&] {
        const Pool::Parked parked(pool);
        ++waiting;
        release.wait(false);
      }));
    CHECK(pool.run([&] {
      ran = true;
      ran.notify_all();
    }));
    ran.wait(false);
    release = true;
    release.notify_all();
  }
  CHECK(ran);
  CHECK(waiting == 2);
}

}  // namespace
}  // namespace remit::mcp
