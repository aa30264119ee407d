// What the front knows of the agents it serves: their names, and who may call which under which
// instruction. No text of a persona and no path is in it. Made by the process that starts the
// workers (launcher.h), which alone reads the operator's files.
//
// Values; safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "server/transport/http_auth.h"

namespace remit::front {

struct Agent {
  std::string refused;          // why it is not served, or ""
  std::int64_t generation = 0;  // another one: its workers are to be replaced
};

struct Table {
  std::map<std::string, Agent, std::less<>> agents;  // by slug, those that are refused too
  std::vector<transport::Credential> credentials;
  std::string instruction;  // of callers that have no list of their own
  bool needs_token = true;
};

std::string encode(const Table& table);
// Errors: too_large for a table that does not go into one message to the front.
Result<void> check_size(const Table& table);
// Errors: internal.
Result<Table> decode(std::string_view text);

// Where a request goes, and for whom.
struct Destination {
  std::string agent, instruction, principal;
  std::int64_t generation = 0;
};

// Who sends this head: the principal, or nullopt for nobody known.
struct Caller {
  std::string principal;
  const transport::Credential* credential = nullptr;  // of the table; none without tokens
};
std::optional<Caller> find_caller(const Table& table, const transport::Head& head);

// The worker that `caller` asks for at /agents/`agent`/mcp. A credential for another agent is
// refused alike whether there is such an agent or not.
std::variant<Destination, transport::Refusal> choose(const Table& table, const Caller& caller,
                                                     std::string_view agent,
                                                     const transport::Head& head);

// The agent of /agents/NAME/mcp, and of /mcp if one agent is all there is; "" for any other path.
std::string agent_of_path(const Table& table, std::string_view path);

}  // namespace remit::front
