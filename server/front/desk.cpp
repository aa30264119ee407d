#include "server/front/desk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "policy/remit.h"
#include "server/documents.h"
#include "server/tokens.h"

namespace remit::front {
namespace {

Result<std::string> folder(const std::string& path, const char* what) {
  const auto fd = fs::open_root(fs::absolute(path));
  if (!fd)
    return fail(ErrorKind::unavailable, std::string(what) + " " + escape_ascii(fs::absolute(path)) +
                                            ": " + fd.error().message);
  return fs::real_path(*fd);
}

policy::Principal front_principal(const std::string& instruction) {
  return {"uid:" + std::to_string(::geteuid()), memory::kFrontAgent, instruction, ""};
}

bool somebody_may_call(const Table& table) {
  return std::any_of(table.credentials.begin(), table.credentials.end(),
                     [&](const transport::Credential& one) {
                       const auto agent = table.agents.find(one.agent);
                       return agent != table.agents.end() && agent->second.refused.empty();
                     });
}

// Lines that serve nobody are a mistake of the operator's, or what is left of an agent.
void warn_of_strangers(const Table& table) {
  std::set<std::string, std::less<>> strangers;
  for (const transport::Credential& one : table.credentials)
    if (!table.agents.contains(one.agent)) strangers.insert(one.agent);
  for (const std::string& name : strangers)
    log::warning("there is a credential for an agent that is not in the folder", {{"agent", name}});
}

}  // namespace

Result<std::unique_ptr<Desk>> Desk::open(const LauncherOptions& options) {
  std::unique_ptr<Desk> out(new Desk(options));
  TRY_DO(out->settle());
  TRY(out->roster_, read_roster(out->where_));
  std::string refused;
  std::size_t served = 0;
  for (const auto& [slug, persona] : out->roster_) {
    out->table_.agents[slug] = {persona.refused, 1};
    if (persona.refused.empty()) {
      ++served;
      continue;
    }
    log::error("not served", {{"agent", slug}, {"why", persona.refused}});
    refused += (refused.empty() ? "" : "; ") + persona.refused;
  }
  if (served == 0) return fail(ErrorKind::unavailable, "no agent can be served: " + refused);
  out->table_.instruction = options.serve.instruction;
  out->table_.needs_token = !options.no_auth;
  if (out->reads_credentials()) {
    TRY(out->table_.credentials, out->credentials_for(out->roster_));
    warn_of_strangers(out->table_);
    if (!somebody_may_call(out->table_))
      return fail(ErrorKind::unavailable,
                  escape_ascii(options.token_file) + " has no token for an agent of " +
                      escape_ascii(out->where_.folder) + ": nobody could call one");
  }
  TRY_DO(check_size(out->table_));
  TRY_DO(out->register_server());
  if (!options.no_auth && options.token_file.empty()) TRY_DO(out->make_tokens());
  out->record("", out->roster_fields());
  return out;
}

// The paths, as the workers will be given them.
Result<void> Desk::settle() {
  const server::ServeOptions& serve = options_.serve;
  TRY(where_.folder, folder(options_.agents, "the folder of agents"));
  where_.site = serve.site;
  policy::Binding& binding = where_.binding;
  TRY(binding.workspace, folder(serve.workspace.empty() ? "." : serve.workspace, "the workspace"));
  state_directory_ = server::state_directory(serve.state);
  binding.state = state_directory_;
  TRY(const auto database, server::database_of(serve.memory));
  if (database) {
    binding.memory_root = binding.workspace + "/Agent_Memory";
    binding.memory_database = database->shown;
    memory_option_ = database->text;
    return {};
  }
  const std::string memory =
      serve.memory.empty() ? binding.workspace + "/Agent_Memory" : fs::absolute(serve.memory);
  if (serve.memory.empty() && ::mkdir(memory.c_str(), 0755) != 0 && errno != EEXIST)
    return fail(ErrorKind::unavailable,
                errno_error(errno, "make the memory folder " + escape_ascii(memory)).message);
  TRY(binding.memory_root, folder(memory, "the memory folder"));
  memory_option_ = binding.memory_root;
  return {};
}

Result<void> Desk::register_server() {
  TRY(state_, memory::State::open(
                  {state_directory_, {where_.binding.workspace, where_.binding.memory_root}},
                  system_clock()));
  TRY_DO(memory::ServerRows(*state_).reap());
  TRY_DO(memory::Ledger::recover(*state_));
  ledger_ = std::make_unique<memory::Ledger>(*state_);
  TRY(registration_, memory::ServerRegistration::make(
                         *state_, memory::kFrontAgent, options_.serve.instruction,
                         policy::principal_text(front_principal(options_.serve.instruction))));
  return {};
}

Result<std::vector<transport::Credential>> Desk::credentials_for(const Roster& roster) const {
  std::vector<std::string> reach{where_.binding.workspace, where_.binding.memory_root};
  for (const auto& [slug, persona] : roster)
    reach.insert(reach.end(), persona.reach.begin(), persona.reach.end());
  return read_credentials(options_.token_file, reach);
}

// One for each agent that is served, in a file of the state directory: "AGENT TOKEN" lines.
Result<void> Desk::make_tokens() {
  std::string lines;
  for (const auto& [slug, agent] : table_.agents) {
    if (!agent.refused.empty()) continue;
    const std::string token = server::make_token();
    lines += slug + " " + token + "\n";
    table_.credentials.push_back({slug, sha256_hex(token), {}, false});
  }
  TRY_DO(check_size(table_));
  TRY(token_file_, server::write_token_file(*state_, registration_->row().server_id, lines));
  return {};
}

Result<Workers::Plan> Desk::plan(const std::string& agent, const std::string& instruction) const {
  const auto known = roster_.find(agent);
  if (known == roster_.end() || known->second.packed.empty() ||
      !policy::valid_instruction(instruction))
    return fail(ErrorKind::not_found, "there is no such agent");
  Workers::Plan out;
  out.words = {
      "remit",       "worker",        "--agent",   known->second.file, "--agents",
      where_.folder, "--instruction", instruction, "--workspace",      where_.binding.workspace,
      "--memory",    memory_option_,  "--state",   state_directory_};
  if (!where_.site.empty()) out.words.insert(out.words.end(), {"--site", where_.site});
  out.words.insert(out.words.end(), options_.more.begin(), options_.more.end());
  out.packed = known->second.packed;
  return out;
}

std::vector<std::string> Desk::keeper_words() const {
  std::vector<std::string> out{"remit",         "handoffs",     "due",
                               "--follow",      "--workspace",  where_.binding.workspace,
                               "--memory",      memory_option_, "--state",
                               state_directory_};
  if (!where_.site.empty()) out.insert(out.end(), {"--site", where_.site});
  return out;
}

Desk::Changed Desk::read_again() {
  Changed out;
  const auto refuse = [&](const std::string& why) {
    log::error("reload refused; what was served before stays", {{"why", why}});
    Changed nothing;
    nothing.why = why;
    return nothing;
  };
  auto next = read_roster(where_);
  if (!next) return refuse(next.error().message);
  Table table = table_;
  std::int64_t generation = generation_;
  std::set<std::string, std::less<>> names;
  for (const auto& [slug, persona] : roster_) names.insert(slug);
  for (const auto& [slug, persona] : *next) names.insert(slug);
  for (const std::string& slug : names) {
    const auto before = roster_.find(slug), after = next->find(slug);
    if (after == next->end()) {
      out.agents.push_back(slug);
      out.said.push_back(slug + ": gone from the folder, not served any more");
      table.agents.erase(slug);
      continue;
    }
    const Persona& now = after->second;
    Agent& agent = table.agents[slug];
    const bool same = before != roster_.end() && before->second.packed == now.packed &&
                      before->second.refused == now.refused && before->second.file == now.file;
    if (same) continue;
    agent.refused = now.refused;
    agent.generation = ++generation;
    out.agents.push_back(slug);
    out.said.push_back(slug + (!now.refused.empty()      ? ": persona_invalid: " + now.refused
                               : before == roster_.end() ? ": served from now on"
                                                         : ": its next call finds a new worker"));
  }
  if (reads_credentials()) {
    const std::string before = encode(table);
    auto read = credentials_for(*next);
    if (!read && read.error().code == server::kWithinReach) return refuse(read.error().message);
    if (!read) {
      out.why = "the credentials stay as they were: " + read.error().message;
      log::error("reload", {{"why", out.why}});
    } else {
      table.credentials = std::move(*read);
    }
    out.credentials = encode(table) != before;
    if (out.credentials) out.said.emplace_back("credentials: read again");
    if (!somebody_may_call(table)) {
      log::warning("no credential is left for an agent that is served: nobody may call");
      if (out.credentials) out.said.back() += "; nobody may call any more";
    }
    warn_of_strangers(table);
  }
  if (const auto fits = check_size(table); !fits) return refuse(fits.error().message);
  roster_ = std::move(*next);
  table_ = std::move(table);
  generation_ = generation;
  for (const std::string& line : out.said) log::info("reload", {{"what", line}});
  return out;
}

std::string Desk::roster_fields() const {
  Json agents = Json::object(), refused = Json::object();
  for (const auto& [slug, persona] : roster_) {
    if (persona.refused.empty())
      agents[slug] = sha256_hex(persona.packed);
    else
      refused[slug] = persona.refused;
  }
  return dump(Json{{"server_id", registration_->row().server_id},
                   {"agents", std::move(agents)},
                   {"refused", std::move(refused)},
                   {"version", REMIT_VERSION}});
}

void Desk::record_reload(const Changed& changed) {
  Json fields = Json::parse(roster_fields());
  fields["taken"] = changed.said;
  if (!changed.why.empty()) fields["why"] = changed.why;
  record(!changed.why.empty()   ? "server.reload_refused"
         : changed.said.empty() ? "server.unchanged"
                                : "server.reloaded",
         dump(fields));
  if (const auto told = memory::notify(*state_, "", "reload"); !told)
    log::warning("nobody can be told of the reload", {{"error", told.error().message}});
}

void Desk::record(const std::string& rule, const std::string& fields) {
  memory::LedgerRecord row;
  row.kind = "server";
  row.principal = policy::principal_text(front_principal(options_.serve.instruction));
  row.rule = rule;
  row.fields = fields;
  if (const auto done = ledger_->append(std::move(row), memory::Durability::effect); !done)
    log::error("it is not in the ledger", {{"why", done.error().message}});
}

}  // namespace remit::front
