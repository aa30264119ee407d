#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "server/transport/line_reader.h"
#include "server/transport/stdio_outbox.h"

namespace remit::transport {
namespace {

mcp::HeldBytes::Unread unread() {
  return std::make_shared<std::atomic<std::size_t>>(0);
}

// Feeds `bytes` in pieces of `piece`; "!" stands for an oversize line.
std::vector<std::string> frames(const std::string& bytes, std::size_t piece, std::size_t max_line) {
  LineReader reader(max_line);
  std::vector<std::string> out;
  std::string_view line;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto room = reader.room();
    REQUIRE(room.size > 0);
    const std::size_t size = std::min({piece, room.size, bytes.size() - at});
    std::memcpy(room.at, bytes.data() + at, size);
    reader.received(size);
    at += size;
    for (auto got = reader.next(line); got != LineReader::Got::nothing; got = reader.next(line))
      out.push_back(got == LineReader::Got::line ? std::string(line) : "!");
  }
  if (reader.rest(line) == LineReader::Got::line) out.push_back("rest:" + std::string(line));
  return out;
}

TEST_CASE("frames come out whole, however the bytes come in") {
  using List = std::vector<std::string>;
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{100'000}}) {
    CAPTURE(piece);
    CHECK(frames("a\nbc\n\nd", piece, 10) == List{"a", "bc", "", "rest:d"});
    CHECK(frames("0123456789\n01234567890\nx\n", piece, 10) == List{"0123456789", "!", "x"});
    CHECK(frames(std::string(50, 'x') + "\ny\n" + std::string(50, 'z'), piece, 10) ==
          List{"!", "y", "!"});
  }
  const std::string big(200'000, 'q');
  CHECK(frames(big + "\nx\n" + big + "\n", 65'536, 300'000) == List{big, "x", big});
}

struct Pipe {
  Fd read_end, write_end;
  Pipe() {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    read_end.reset(fds[0]);
    write_end.reset(fds[1]);
  }
  std::string take() const {
    std::string all(1 << 20, '\0');
    const ssize_t got = ::read(read_end.get(), all.data(), all.size());
    all.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return all;
  }
};

TEST_CASE("an outbox never blocks, keeps order and knows when there is room") {
  for (const bool waits : {false, true}) {
    CAPTURE(waits);
    Pipe pipe;
    StdioOutbox outbox(pipe.write_end, waits, unread());
    outbox.send("one");
    CHECK(pipe.take() == "one\n");
    CHECK_FALSE(outbox.has_backlog());
    std::string expected;
    for (int i = 0; i < 9; ++i) {
      const std::string message(1 << 20, static_cast<char>('a' + i));
      expected += message + "\n";
      outbox.send(message);
    }
    CHECK(outbox.has_backlog());
    std::stop_source stop;
    stop.request_stop();
    CHECK_FALSE(outbox.wait_for_room(stop.get_token()));  // over 8 MiB wait
    std::string got;
    while (got.size() < expected.size()) {
      got += pipe.take();
      outbox.write_more();
    }
    CHECK(got == expected);
    CHECK_FALSE(outbox.has_backlog());
    CHECK(outbox.wait_for_room({}));
    CHECK_FALSE(outbox.broken());
  }
}

TEST_CASE("a client that reads nothing at all is given up, in bounded memory") {
  Pipe pipe;
  StdioOutbox outbox(pipe.write_end, false, unread());
  for (int i = 0; i < 16; ++i) outbox.send(std::string(1 << 20, 'x'));
  CHECK_FALSE(outbox.broken());
  outbox.send(std::string(1 << 20, 'x'));
  CHECK(outbox.broken());
}

TEST_CASE("a closed pipe is noticed") {
  Pipe pipe;
  StdioOutbox outbox(pipe.write_end, false, unread());
  pipe.read_end.reset();
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before{};
  ::sigaction(SIGPIPE, &ignore, &before);
  outbox.send("x");
  ::sigaction(SIGPIPE, &before, nullptr);
  CHECK(outbox.broken());
}

}  // namespace
}  // namespace remit::transport
