// Streams, their rings, and sessions, without a socket.
#include "server/transport/http_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "server/transport/http_server.h"
#include "server/transport/http_sessions.h"
#include "server/transport/http_threads.h"
#include "tests/wire/toy_service.h"
#include "tests/within.h"

namespace remit::transport {
namespace {

using Keep = EventStream::Keep;

std::string texts(const EventStream::Taken& taken) {
  std::string out;
  for (const auto& event : taken.events) out += std::to_string(event.number) + event.message + " ";
  return out;
}

TEST_CASE("a stream gives what comes, then its answer, then nothing") {
  const auto kept = std::make_shared<std::atomic<std::size_t>>(0);
  const Wake wake;
  EventStream stream(Keep::nothing, kept);
  stream.send("a");
  CHECK(stream.attach(wake));
  stream.send("b");
  const auto first = stream.take(wake);
  CHECK(texts(first) == "1a 2b ");
  CHECK_FALSE(first.ended);
  CHECK(*kept == 0);
  stream.answer("c", mcp::Step::method);
  stream.send("late");
  stream.answer("later", mcp::Step::served);
  const auto last = stream.take(wake);
  CHECK(texts(last) == "3c ");
  CHECK(last.answered);
  CHECK(last.ended);
  CHECK(last.step == mcp::Step::method);
  CHECK_FALSE(stream.finished());  // it may still be written
  stream.detach(wake);
  CHECK(stream.finished());
}

TEST_CASE("a cancelled request ends its stream without an answer") {
  const auto kept = std::make_shared<std::atomic<std::size_t>>(0);
  const Wake wake;
  EventStream stream(Keep::nothing, kept);
  stream.attach(wake);
  stream.abandon();
  const auto taken = stream.take(wake);
  CHECK(taken.ended);
  CHECK_FALSE(taken.answered);
  CHECK(taken.events.empty());
}

TEST_CASE("a ring replays what follows an event") {
  const auto kept = std::make_shared<std::atomic<std::size_t>>(0);
  const Wake first, second;
  EventStream stream(Keep::ring, kept);
  stream.attach(first);
  for (const char* text : {"a", "b", "c"}) stream.send(text);
  CHECK(texts(stream.take(first)) == "1a 2b 3c ");
  stream.detach(first);
  stream.send("d");
  CHECK(stream.attach(second, 1));
  CHECK(texts(stream.take(second)) == "2b 3c 4d ");
  stream.detach(second);
  // Without a number: what nobody took.
  stream.send("e");
  CHECK(stream.attach(second));
  CHECK(texts(stream.take(second)) == "5e ");
  // A number from the future is none.
  CHECK_FALSE(stream.attach(second, 9));
}

TEST_CASE("a stream lets go of its reader only where the client can come back") {
  const auto kept = std::make_shared<std::atomic<std::size_t>>(0);
  const Wake first, second;
  for (const bool allowed : {false, true}) {
    CAPTURE(allowed);
    EventStream stream(Keep::ring, kept);
    if (allowed) stream.allow_release();
    stream.attach(first);
    stream.release();
    stream.answer("a", mcp::Step::served);
    const auto taken = stream.take(first);
    CHECK(taken.taken_over == allowed);
    CHECK(texts(taken) == (allowed ? "" : "1a "));
    CHECK(stream.attach(second, 0));
    CHECK(texts(stream.take(second)) == "1a ");
  }
}

TEST_CASE("who attaches takes the stream over") {
  const auto kept = std::make_shared<std::atomic<std::size_t>>(0);
  const Wake first, second;
  EventStream stream(Keep::ring, kept);
  stream.attach(first);
  stream.attach(second);
  stream.send("a");
  CHECK(stream.take(first).taken_over);
  CHECK(texts(stream.take(second)) == "1a ");
  stream.detach(first);  // changes nothing for the second
  stream.send("b");
  CHECK(texts(stream.take(second)) == "2b ");
}

TEST_CASE("a ring is bounded by events and bytes, and keeps the newest") {
  const auto kept = std::make_shared<std::atomic<std::size_t>>(0);
  const Wake wake;
  {
    EventStream stream(Keep::ring, kept);
    for (std::size_t i = 0; i < limits::kHttpRingEvents + 10; ++i) stream.send("x");
    CHECK(*kept == limits::kHttpRingEvents);
    CHECK_FALSE(stream.attach(wake, 1));
    CHECK(stream.take(wake).events.size() == limits::kHttpRingEvents);
    stream.detach(wake);
    stream.send(std::string(limits::kHttpRingBytes + 1, 'y'));
    CHECK(*kept == limits::kHttpRingBytes + 1);  // alone: a result waits, however large
    CHECK(stream.attach(wake));
    CHECK(stream.take(wake).events.size() == 1);
  }
  CHECK(*kept == 0);
}

TEST_CASE("a reader that takes nothing ends its stream, and a call waits before that") {
  const auto kept = std::make_shared<std::atomic<std::size_t>>(0);
  const Wake wake;
  EventStream stream(Keep::nothing, kept);
  stream.attach(wake);
  CHECK(stream.wait_for_room({}));
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) stream.send(piece);
  std::stop_source stopped;
  stopped.request_stop();
  CHECK_FALSE(stream.wait_for_room(stopped.get_token()));
  for (int i = 0; i < 10; ++i) stream.send(piece);
  CHECK(*kept <= limits::kOutboxMaxBytes + piece.size());
  CHECK(stream.take(wake).ended);
}

TEST_CASE("a stream that a task holds outlives the sessions") {
  std::shared_ptr<EventStream> held;
  {
    mcp::Server server(wire_test::toy_service());
    ManualClock clock;
    Sessions sessions(server, clock);
    held = std::make_shared<EventStream>(Keep::ring, sessions.kept_bytes());
  }
  held->send("late");
  const Wake wake;
  CHECK(held->attach(wake));
  CHECK(texts(held->take(wake)) == "1late ");
}

mcp::Frame hello() {
  return mcp::parse_frame(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
      R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
}

TEST_CASE("a session belongs to its caller, expires, and makes room for newer ones") {
  mcp::Server server(wire_test::toy_service());
  ManualClock clock;
  Sessions sessions(server, clock);
  const auto mine = sessions.make("me");
  CHECK(mine->id.size() == 32);
  CHECK_FALSE(mine->agreed());
  mine->receive(hello(), {});
  CHECK(mine->agreed() == mcp::Revision::v2025_06_18);
  CHECK(sessions.find(mine->id, "me") == nullptr);  // not known yet
  sessions.add(mine);
  CHECK(sessions.find(mine->id, "me") == mine);
  CHECK(sessions.find(mine->id, "you") == nullptr);
  CHECK(sessions.find("", "me") == nullptr);
  CHECK_FALSE(sessions.remove(mine->id, "you"));
  CHECK(sessions.remove(mine->id, "me"));
  CHECK_FALSE(sessions.remove(mine->id, "me"));
  CHECK(sessions.find(mine->id, "me") == nullptr);

  const auto old = sessions.make("me");
  sessions.add(old);
  clock.advance_ms(std::chrono::milliseconds(limits::kHttpSessionIdle).count());
  CHECK(sessions.find(old->id, "me") == old);  // at the limit, and used
  clock.advance_ms(std::chrono::milliseconds(limits::kHttpSessionIdle).count() + 1);
  CHECK(sessions.find(old->id, "me") == nullptr);

  std::vector<std::string> ids;
  for (std::size_t i = 0; i < limits::kHttpSessions; ++i) {
    const auto one = sessions.make("me");
    ids.push_back(one->id);
    sessions.add(one);
    clock.advance_ms(1);
  }
  CHECK(sessions.find(ids[0], "me") != nullptr);  // used: no longer the oldest
  sessions.add(sessions.make("me"));
  CHECK(sessions.size() == limits::kHttpSessions);
  CHECK(sessions.find(ids[0], "me") != nullptr);
  CHECK(sessions.find(ids[1], "me") == nullptr);
}

TEST_CASE("of the streams that nobody reads any more a session keeps the newest") {
  mcp::Server server(wire_test::toy_service());
  ManualClock clock;
  Sessions sessions(server, clock);
  const auto session = sessions.make("me");
  // Each client left before the answer came, which waits for Last-Event-ID.
  std::vector<std::weak_ptr<EventStream>> abandoned;
  for (std::size_t i = 0; i <= limits::kHttpStreamsKept; ++i) {
    const Wake wake;
    auto stream = std::make_shared<EventStream>(Keep::ring, sessions.kept_bytes());
    stream->attach(wake);
    session->keep(stream);
    stream->detach(wake);
    stream->answer("late", mcp::Step::served);
    abandoned.push_back(stream);
  }
  CHECK(abandoned[0].expired());
  for (std::size_t i = 1; i < abandoned.size(); ++i) CHECK_FALSE(abandoned[i].expired());
  // One that is at work stays, however many end after it.
  auto busy = std::make_shared<EventStream>(Keep::ring, sessions.kept_bytes());
  const std::uint64_t number = session->keep(busy);
  for (std::size_t i = 0; i <= limits::kHttpStreamsKept; ++i) {
    auto stream = std::make_shared<EventStream>(Keep::ring, sessions.kept_bytes());
    stream->answer("done", mcp::Step::served);
    session->keep(std::move(stream));
  }
  CHECK(session->stream(number) == busy);
}

// The kernel tells a listening socket's backlog where it tells others' unacknowledged segments.
int backlog_of(const std::string& port) {
  for (int fd = 3; fd < 256; ++fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    tcp_info info{};
    socklen_t info_size = sizeof info;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        address.sin_family != AF_INET || std::to_string(ntohs(address.sin_port)) != port)
      continue;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_size) == 0)
      return static_cast<int>(info.tcpi_sacked);
  }
  return -1;
}

TEST_CASE("the listener has a backlog of its own, and its port to itself") {
  const auto http = HttpServer::start_listening({"127.0.0.1:0", "", false});
  REQUIRE(http);
  const std::string& url = (*http)->url();
  const std::string port = url.substr(17, url.find('/', 17) - 17);
  std::ifstream most("/proc/sys/net/core/somaxconn");
  int allowed = 0;
  most >> allowed;
  CHECK(backlog_of(port) == std::min(allowed, limits::kHttpBacklog));
  const auto second = HttpServer::start_listening({"127.0.0.1:" + port, "", false});
  REQUIRE_FALSE(second);
  CHECK(second.error().message == "cannot listen on 127.0.0.1:" + port + ": it is in use");
}

TEST_CASE("loopback is an address, not how a name begins") {
  for (const char* address : {"127.0.0.1.example.org:0", "127.1:0", "localhost.example.org:0",
                              "10.0.0.1:0", "[::2]:0", "::11:0"}) {
    CAPTURE(address);
    const auto http = HttpServer::start_listening({address, "", false});
    REQUIRE_FALSE(http);
    CHECK(http.error().message.find("is no loopback address") != std::string::npos);
  }
  for (const char* address : {"127.0.0.1:0", "127.0.0.2:0", "localhost:0"}) {
    CAPTURE(address);
    CHECK(HttpServer::start_listening({address, "", false}));
  }
}

TEST_CASE("connection threads: as many as jobs, up to the cap") {
  std::atomic<int> running = 0;
  std::atomic<bool> go = false;
  ConnectionThreads threads(3);
  const auto job = [&] {
    ++running;
    within(kPatience, [&] { return go.load(); });
  };
  for (int i = 0; i < 3; ++i) CHECK(threads.run(job));
  CHECK(within(kPatience, [&] { return running == 3; }));
  CHECK(threads.busy() == 3);
  CHECK_FALSE(threads.run(job));
  go = true;
  REQUIRE(within(kPatience, [&] { return threads.busy() == 0; }));
  CHECK(threads.run(job));
  threads.join();
  CHECK(running == 4);
  CHECK_FALSE(threads.run(job));
}

}  // namespace
}  // namespace remit::transport
