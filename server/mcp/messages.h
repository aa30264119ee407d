// Messages: one frame of JSON-RPC 2.0 (https://www.jsonrpc.org/specification) as typed values.
//
// A frame that is not a message becomes Malformed with the code to answer, never a dropped line: a
// client that waits for an answer would hang. Pure functions, safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "server/mcp/held_bytes.h"
#include "server/mcp/weight.h"

namespace remit::mcp {

// A request id as the JSON text to echo: `7` or `"seven"`. A string stays a string.
using IdText = std::string;

struct Request {
  IdText id;
  std::string method;
  Json params;  // as sent; null when absent. Its type is checked once the method is known.
};
struct Notification {
  std::string method;
  Json params;
};
struct Response {
  IdText id;
  Json result;  // null for an error
  Json error;   // null for a result
};
struct Malformed {
  IdText id;  // empty: not readable, and then not in the answer
  int code = 0;
  std::string message;
};
using Message = std::variant<Malformed, Request, Notification, Response>;

struct Frame {
  HeldBytes::Share held;  // the memory of what follows
  Message message;        // the frame, unless it is a batch
  bool batch = false;     // an array; `elements` is then as long as the array (0 if too long)
  std::size_t batch_size = 0;
  std::vector<Message> elements;
};

Frame parse_frame(std::string_view text);
// The same with its memory: nullopt if `held`, which may have been taken for the text already,
// cannot become what the frame weighs. busy_message() is then for its sender.
std::optional<Frame> parse_frame(std::string_view text, const Weight& weight,
                                 HeldBytes::Share held);
std::string busy_message(const Weight& weight);

// The text of an id, if it is one: a string of at most kIdBytes, or an integer within +-(2^53 - 1).
// null, fractions, booleans and containers are none; nor is 2^64, which the parser holds as a
// double.
std::optional<IdText> id_text(const Json& id);

}  // namespace remit::mcp
