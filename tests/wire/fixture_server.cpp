// A server of toys on stdio, for the transcripts and the benchmark of the protocol layer.
//   fixture_server [--structured all|records|none] [--list-page N] [--heartbeat MS]
//                  [--question-life MS] [--bare]     (--bare: one tool, no redaction)
#include <cstdio>
#include <cstring>
#include <string>

#include "base/log.h"
#include "server/mcp/dispatcher.h"
#include "server/transport/stdio.h"
#include "tests/wire/toy_service.h"

int main(int argc, char** argv) {
  using namespace remit;
  auto pipe = transport::take_stdio();
  log::start(log::Level::warning);
  mcp::Service service = wire_test::toy_service();
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (flag == "--bare") {
      service.redact = nullptr;
      continue;
    }
    ++i;
    if (flag == "--structured" && value == "all")
      service.structured = mcp::Structured::all;
    else if (flag == "--structured" && value == "none")
      service.structured = mcp::Structured::none;
    else if (flag == "--list-page")
      service.list_page = std::stoul(value);
    else if (flag == "--heartbeat")
      service.heartbeat = std::chrono::milliseconds(std::stoi(value));
    else if (flag == "--question-life")
      service.question_life = std::chrono::milliseconds(std::stoi(value));
    else if (flag != "--structured") {
      std::fprintf(stderr, "unknown flag %s\n", flag.c_str());
      return 2;
    }
  }
  mcp::Server server(std::move(service));
  return transport::serve_stdio(std::move(pipe), server);
}
