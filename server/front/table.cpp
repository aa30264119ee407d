#include "server/front/table.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/json.h"
#include "policy/compile.h"
#include "server/limits.h"

namespace remit::front {
namespace {

constexpr std::string_view kBefore = "/agents/", kAfter = "/mcp";
constexpr const char* kInstructionField = "remit-instruction";

transport::Refusal bad_request(int status, std::string message) {
  return {status, std::move(message)};
}

// The instruction that the head names among those that the credential may choose from.
std::variant<std::string, transport::Refusal> instruction_of(const Table& table,
                                                             const Caller& caller,
                                                             const transport::Head& head) {
  if (head.count(kInstructionField) > 1) return bad_request(400, "Remit-Instruction stands twice");
  const std::string* named = head.field(kInstructionField);
  if (named != nullptr && !policy::valid_instruction(*named))
    return bad_request(400, "Remit-Instruction is no id: a letter, then up to 95 of A-Za-z0-9_-");
  const transport::Credential* credential = caller.credential;
  const bool any = credential != nullptr && credential->any_instruction;
  std::vector<std::string> own;
  if (credential != nullptr) own = credential->instructions;
  if (own.empty() && !any) own.push_back(table.instruction);
  if (named == nullptr) {
    if (own.size() == 1) return own.front();
    return bad_request(400, "Remit-Instruction is missing: this credential is for several");
  }
  if (any || std::find(own.begin(), own.end(), *named) != own.end()) return *named;
  return bad_request(403, "this credential is not for that instruction");
}

std::vector<std::string> strings(const Json& values) {
  std::vector<std::string> out;
  for (const Json& value : values) out.push_back(value.get<std::string>());
  return out;
}

}  // namespace

std::string encode(const Table& table) {
  Json agents = Json::object(), credentials = Json::array();
  for (const auto& [slug, agent] : table.agents)
    agents[slug] = {{"refused", agent.refused}, {"generation", agent.generation}};
  for (const transport::Credential& one : table.credentials)
    credentials.push_back({{"agent", one.agent},
                           {"digest", one.digest},
                           {"instructions", one.instructions},
                           {"any", one.any_instruction}});
  return dump(Json{{"agents", std::move(agents)},
                   {"credentials", std::move(credentials)},
                   {"instruction", table.instruction},
                   {"needs_token", table.needs_token}});
}

Result<Table> decode(std::string_view text) {
  TRY(const Json all, parse_json(text));
  Table out;
  try {
    for (const auto& [slug, agent] : all.at("agents").items())
      out.agents[slug] = {agent.at("refused").get<std::string>(),
                          agent.at("generation").get<std::int64_t>()};
    for (const Json& one : all.at("credentials"))
      out.credentials.push_back({one.at("agent").get<std::string>(),
                                 one.at("digest").get<std::string>(),
                                 strings(one.at("instructions")), one.at("any").get<bool>()});
    out.instruction = all.at("instruction").get<std::string>();
    out.needs_token = all.at("needs_token").get<bool>();
  } catch (const Json::exception& error) {
    return fail(ErrorKind::internal, std::string("not a table of agents: ") + error.what());
  }
  return out;
}

Result<void> check_size(const Table& table) {
  const std::size_t bytes = encode(table).size();
  if (bytes <= limits::kTableBytes) return {};
  return fail(ErrorKind::too_large, "the agents and credentials take " + std::to_string(bytes) +
                                        " bytes; the front takes " +
                                        std::to_string(limits::kTableBytes) +
                                        ": serve fewer agents, or give out fewer credentials");
}

std::optional<Caller> find_caller(const Table& table, const transport::Head& head) {
  if (!table.needs_token) return Caller{"-", nullptr};
  const std::string digest = transport::token_digest(head);
  if (digest.empty()) return std::nullopt;
  const transport::Credential* found = nullptr;
  for (const transport::Credential& one : table.credentials)  // all of them, whichever fits
    if (equal_constant_time(one.digest, digest)) found = &one;
  if (found == nullptr) return std::nullopt;
  return Caller{found->principal(), found};
}

std::variant<Destination, transport::Refusal> choose(const Table& table, const Caller& caller,
                                                     std::string_view agent,
                                                     const transport::Head& head) {
  if (caller.credential != nullptr && caller.credential->agent != agent)
    return bad_request(403, "this credential is not for this agent");
  const auto known = table.agents.find(agent);
  if (known == table.agents.end())
    return bad_request(caller.credential == nullptr ? 404 : 503,
                       "persona_invalid: there is no such agent in the folder that is served");
  if (!known->second.refused.empty())
    return bad_request(503, "persona_invalid: " + known->second.refused);
  auto instruction = instruction_of(table, caller, head);
  if (auto* refusal = std::get_if<transport::Refusal>(&instruction)) return std::move(*refusal);
  return Destination{std::string(agent), std::move(std::get<std::string>(instruction)),
                     caller.principal, known->second.generation};
}

std::string agent_of_path(const Table& table, std::string_view path) {
  if (path == kAfter && table.agents.size() == 1) return table.agents.begin()->first;
  if (path.size() <= kBefore.size() + kAfter.size() || !path.starts_with(kBefore) ||
      !path.ends_with(kAfter))
    return {};
  path.remove_prefix(kBefore.size());
  path.remove_suffix(kAfter.size());
  return path.find('/') == std::string_view::npos ? std::string(path) : std::string();
}

}  // namespace remit::front
