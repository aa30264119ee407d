// Heads and chunked bodies: what is taken, and the smuggling list of what is not.
#include "server/transport/http_head.h"

#include <string>

#include <doctest/doctest.h>

#include "base/limits.h"

namespace remit::transport {
namespace {

std::string head(const std::string& fields, const std::string& line = "POST /mcp HTTP/1.1") {
  return line + "\r\nHost: localhost\r\n" + fields + "\r\n";
}
int status_of(const std::string& text) {
  const auto parsed = parse_head(text);
  const auto* refusal = std::get_if<Refusal>(&parsed);
  return refusal == nullptr ? 200 : refusal->status;
}

TEST_CASE("a head is taken apart") {
  const auto parsed =
      parse_head(head("Content-Length: 12\r\nX-A:  b c \t\r\nx-a: d\r\nExpect: 100-continue\r\n",
                      "POST /mcp?x=1 HTTP/1.1"));
  REQUIRE(std::holds_alternative<Head>(parsed));
  const auto& got = std::get<Head>(parsed);
  CHECK(got.method == "POST");
  CHECK(got.path() == "/mcp");
  CHECK(got.framing == Framing::length);
  CHECK(got.length == 12);
  CHECK(got.keep_alive);
  CHECK(got.expects_continue);
  CHECK(*got.field("x-a") == "b c");
  CHECK(got.count("x-a") == 2);
  // No percent-decoding, as the library does.
  CHECK(*std::get<Head>(parse_head(head("Mcp-Name: a%0d%0ab\r\n"))).field("mcp-name") ==
        "a%0d%0ab");
  CHECK_FALSE(std::get<Head>(parse_head(head("Connection: x, Close\r\n"))).keep_alive);
  CHECK_FALSE(std::get<Head>(parse_head(head("", "GET / HTTP/1.0"))).keep_alive);
}

TEST_CASE("a head that two readers could take differently is refused") {
  struct Row {
    const char* what;
    std::string text;
    int status;
  };
  const std::string line = "POST /mcp HTTP/1.1\r\n";
  const Row rows[] = {
      {"no host", line + "\r\n", 400},
      {"two hosts", head("Host: localhost\r\n"), 400},
      {"CL + TE", head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"two CL", head("Content-Length: 1\r\nContent-Length: 1\r\n"), 400},
      {"CL list", head("Content-Length: 1, 1\r\n"), 400},
      {"CL zz", head("Content-Length: zz\r\n"), 400},
      {"CL sign", head("Content-Length: +1\r\n"), 400},
      {"CL negative", head("Content-Length: -1\r\n"), 400},
      {"CL empty", head("Content-Length: \r\n"), 400},
      {"CL hex", head("Content-Length: 0x1\r\n"), 400},
      {"CL huge", head("Content-Length: 99999999999999999999\r\n"), 400},
      {"TE other", head("Transfer-Encoding: gzip\r\n"), 400},
      {"TE list", head("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {"TE odd", head("Transfer-Encoding: xchunked\r\n"), 400},
      {"two TE", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"TE in 1.0", head("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0"), 400},
      {"blank before colon", head("X-A : b\r\n"), 400},
      {"no colon", head("X-A\r\n"), 400},
      {"no name", head(": b\r\n"), 400},
      {"control character", head("X-A: b\x01\r\n"), 400},
      {"bad method", head("", "P@ST /mcp HTTP/1.1"), 400},
      {"no version", head("", "POST /mcp"), 400},
      {"other version", head("", "POST /mcp HTTP/2.0"), 505},
      {"absolute target", head("", "POST http://evil/mcp HTTP/1.1"), 400},
      {"blank in target", head("", "POST /mcp x HTTP/1.1"), 400},
      {"fragment", head("", "POST /mcp#x HTTP/1.1"), 400},
      {"long line", head("", "POST /" + std::string(limits::kHttpLineBytes, 'a') + " HTTP/1.1"),
       414},
      {"TE chunked", head("Transfer-Encoding: Chunked\r\n"), 200},
      {"CL zero", head("Content-Length: 0\r\n"), 200},
      {"high bytes", head("X-A: \xc3\xa4\r\n"), 200},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(status_of(row.text) == row.status);
  }
  std::string many;
  for (std::size_t i = 0; i + 1 < limits::kHttpFields; ++i) many += "a: b\r\n";
  CHECK(status_of(head(many)) == 200);
  CHECK(status_of(head(many + "a: b\r\n")) == 431);
}

TEST_CASE("the end of a head is found piece by piece, and broken lines at once") {
  const std::string text = head("A: b\r\n");
  for (std::size_t size = 0; size < text.size(); ++size)
    for (std::size_t seen = 0; seen <= size; ++seen)
      CHECK(find_head_end(std::string_view(text).substr(0, size), seen) == 0);
  CHECK(find_head_end(text + "body", 0) == text.size());
  CHECK(find_head_end(text, text.size() - 1) == text.size());
  for (const std::string& bad :
       {std::string("GET / HTTP/1.1\nHost: a\n\n"), std::string("GET / HTTP/1.1\r\nA: b\r\n c\r\n"),
        std::string("GET / HTTP/1.1\r\nA: b\rC: d\r\n"), std::string("\r\nGET / HTTP/1.1\r\n"),
        std::string("GET / HTTP/1.1\r\nA: b\0c\r\n", 24)})
    CHECK(find_head_end(bad, 0) == std::string_view::npos);
}

struct Decoded {
  ChunkDecoder::State state = ChunkDecoder::State::more;
  std::string data;
  std::size_t left = 0;
};
Decoded decode(std::string_view text, std::size_t piece) {
  ChunkDecoder decoder;
  Decoded out;
  char room[7];
  while (!text.empty() && out.state == ChunkDecoder::State::more) {
    std::string_view in = text.substr(0, piece);
    const std::size_t given = in.size();
    std::size_t written = 0;
    out.state = decoder.next(in, room, sizeof room, written);
    out.data.append(room, written);
    text.remove_prefix(given - in.size());
  }
  out.left = text.size();
  return out;
}

TEST_CASE("a chunked body, whatever the pieces") {
  const std::string text = "5\r\nhello\r\n00a\r\n world, ok\r\n0\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Decoded got = decode(text + "GET", piece);
    CHECK(got.state == ChunkDecoder::State::done);
    CHECK(got.data == "hello world, ok");
    CHECK(got.left == 3);
  }
  for (const char* bad :
       {"-5\r\nhello\r\n", "+5\r\nhello\r\n", "0x5\r\nhello\r\n", " 5\r\nhello\r\n",
        "5;a=b\r\nhello\r\n", "5\nhello\r\n", "5\r\nhelloX\r\n", "5\r\nhello\r\r\n", "\r\n",
        "123456789\r\n", "0\r\nTrailer: x\r\n\r\n", "zz\r\n", "5 \r\nhello\r\n"}) {
    CAPTURE(bad);
    CHECK(decode(bad, 1).state == ChunkDecoder::State::bad);
  }
}

}  // namespace
}  // namespace remit::transport
