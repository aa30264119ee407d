// Fuzzes frames: the bytes of the input, split at newlines, are received by a connection of the toy
// service. Whatever they are, each answer must be one JSON text, and the process must live.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

#include "base/json.h"
#include "server/mcp/dispatcher.h"
#include "server/mcp/weight.h"
#include "tests/wire/toy_service.h"

namespace {

class CheckedOutbox final : public remit::mcp::Outbox {
 public:
  void send(std::string message) override {
    if (!remit::parse_json(message) || message.find('\n') != std::string::npos) std::abort();
  }
  bool wait_for_room(std::stop_token stop) override { return !stop.stop_requested(); }
};

// Tools that wait, ask or answer at length would make the fuzzer slow, not thorough.
remit::mcp::Service quick_service() {
  auto service = remit::wire_test::toy_service();
  std::erase_if(service.tools, [](const remit::tools::Tool& tool) {
    return tool.name == "slow" || tool.name == "big" || tool.name == "steps" ||
           tool.name == "print";
  });
  return service;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static remit::mcp::Server server(quick_service());
  CheckedOutbox outbox;
  remit::mcp::Connection connection(server, outbox);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    // What a frame weighs is no less than what the parser finds in it.
    const std::string_view frame = rest.substr(0, end);
    std::size_t values = 0;
    remit::JsonBounds bounds;
    bounds.counted = &values;
    if (remit::parse_json(frame, bounds) && remit::mcp::weigh(frame).values < values) std::abort();
    connection.receive(frame);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  connection.stop();
  return 0;
}
