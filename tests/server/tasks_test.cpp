// Calls that become tasks, where the store fails them.
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

}  // namespace
}  // namespace remit::mcp
