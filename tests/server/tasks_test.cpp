// Calls that become tasks, where the store fails them or their answers come at the same time.
#include <atomic>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"
#include "server/mcp/dispatcher.h"
#include "tests/wire/task_memory.h"
#include "tests/wire/toy_service.h"

namespace remit::mcp {
namespace {

class Replies final : public Outbox {
 public:
  void send(std::string message) override {
    const std::lock_guard held(mutex_);
    messages_.push_back(std::move(message));
    ++count_;
    count_.notify_all();
  }
  bool wait_for_room(std::stop_token stop) override { return !stop.stop_requested(); }
  Json at(std::size_t index) {
    for (std::size_t seen = count_; seen <= index; seen = count_) count_.wait(seen);
    const std::lock_guard held(mutex_);
    return Json::parse(messages_.at(index));
  }
  // The answer to `id`, once it has come.
  Json answer_to(int id) {
    for (std::size_t i = 0;; ++i)
      if (Json message = at(i); message.contains("id") && message["id"] == id) return message;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> messages_;
  std::atomic<std::size_t> count_ = 0;
};

std::string request(int id, const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method +
         R"(","params":{)" + params +
         R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
         R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{},)"
         R"("extensions":{"io.modelcontextprotocol/tasks":{}}}}}})";
}

class NoThreads final : public wire_test::TaskMemory {
 public:
  Result<void> create(const memory::TaskRecord&) override {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
  }
};

TEST_CASE("a call whose task cannot be made because something throws stays a call") {
  Service service = wire_test::toy_service();
  service.tasks = std::make_shared<NoThreads>();
  service.traits["slow"].task_after = std::chrono::milliseconds(1);
  Server server(std::move(service));
  Replies outbox;
  Connection connection(server, outbox);
  connection.receive(request(1, "tools/call", R"("name":"slow","arguments":{"ms":50})"));
  CHECK(outbox.answer_to(1)["result"]["content"][0]["text"] == "waited");
  CHECK(server.wait_tasks(std::chrono::seconds(0)));
}

// Holds the first record of open questions back until it is let go.
class Slow final : public wire_test::TaskMemory {
 public:
  Result<void> update(const memory::TaskRecord& task) override {
    if (task.status == memory::TaskStatus::input_required && !writing.exchange(true)) {
      writing.notify_all();
      go.wait(false);
    }
    return TaskMemory::update(task);
  }
  std::atomic<bool> writing = false, go = false;
};

TEST_CASE("answers that come at the same time leave a task working") {
  for (int round = 0; round < 20; ++round) {
    const auto store = std::make_shared<Slow>();
    std::atomic<bool> asked = false, end = false;
    Service service = wire_test::toy_service();
    service.tasks = store;
    ToolTraits& traits = service.traits["slow"];
    traits.task_after = std::chrono::seconds(60);
    traits.run = [&](const Json&, tools::Call&, ClientLink& client) -> Result<tools::Reply> {
      client.become_task();
      const std::string form =
          R"({"message":"?","requestedSchema":{"type":"object","properties":{}}})";
      const auto answers =
          client.ask({{"a", "elicitation/create", form}, {"b", "elicitation/create", form}},
                     ClientLink::Seal::sealed);
      asked = true;
      asked.notify_all();
      end.wait(false);
      return tools::Reply{answers ? "answered" : "not answered", nullptr, std::nullopt};
    };
    Server server(std::move(service));
    Replies outbox;
    Connection connection(server, outbox);
    connection.receive(request(1, "tools/call", R"("name":"slow","arguments":{})"));
    const std::string id = outbox.answer_to(1)["result"]["taskId"].get<std::string>();
    const std::string task = R"("taskId":")" + id + "\"";
    store->writing.wait(false);
    connection.receive(
        request(2, "tasks/update", task + R"(,"inputResponses":{"a":{"action":"decline"}})"));
    connection.receive(
        request(3, "tasks/update", task + R"(,"inputResponses":{"b":{"action":"decline"}})"));
    outbox.at(1);  // one has its reply; the other, if it came first, waits for the record
    store->go = true;
    store->go.notify_all();
    outbox.answer_to(2);
    outbox.answer_to(3);
    asked.wait(false);
    connection.receive(request(4, "tasks/get", task));
    CHECK(outbox.answer_to(4)["result"]["status"] == "working");
    end = true;
    end.notify_all();
    CHECK(server.wait_tasks(std::chrono::seconds(60)));
  }
}

}  // namespace
}  // namespace remit::mcp
