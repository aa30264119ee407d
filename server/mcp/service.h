// Service: what the protocol layer serves. `remit` fills one from a compiled Remit, the conformance
// server from its fixtures; the layer itself knows no tool, no persona and no policy.
//
// Threads: a Service is filled before serving and never changed afterwards; what is offered of it
// may be replaced as a whole (Server::offer). Its functions and providers are called from several
// threads at once and must be safe for that.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "memory/task_store.h"
#include "policy/access.h"
#include "server/mcp/client_link.h"
#include "tools/tool.h"

namespace remit::mcp {

struct ResourceEntry {
  std::string uri, name, title, description, mime_type;
  std::optional<std::uint64_t> size;  // bytes
};
struct ResourceTemplate {
  std::string uri_template, name, title, description, mime_type;
};
struct ResourceContent {
  std::string uri, mime_type, bytes;
  bool binary = false;  // sent as base64 `blob` instead of `text`
};

// The resources/* methods. list() and templates() must give the same order for the same state.
// Errors: not_found and denied look alike to a client (code of "resource not found").
class ResourceProvider {
 public:
  virtual ~ResourceProvider() = default;
  virtual Result<std::vector<ResourceEntry>> list() = 0;
  virtual Result<std::vector<ResourceTemplate>> templates() = 0;
  // Whether this agent may be told when `uri` changes. Errors: as read().
  virtual Result<void> watch(const std::string& uri) {
    (void)uri;
    return fail(ErrorKind::not_found, "this resource cannot be subscribed to");
  }
  // Never empty on success.
  virtual Result<std::vector<ResourceContent>> read(const std::string& uri,
                                                    const policy::CallScope& call,
                                                    std::stop_token stop) = 0;
};

struct PromptArgument {
  std::string name, description;
  bool required = false;
};
struct PromptEntry {
  std::string name, title, description;
  std::vector<PromptArgument> arguments;
};
struct PromptMessage {
  enum class Role { user, assistant };
  Role role = Role::user;
  tools::Content content;
};
struct PromptText {
  std::string description;
  std::vector<PromptMessage> messages;
};

// The prompts/* methods. Required arguments are checked before get() is called. Errors: not_found
// and invalid_argument become -32602.
class PromptProvider {
 public:
  virtual ~PromptProvider() = default;
  virtual Result<std::vector<PromptEntry>> list() = 0;
  virtual Result<PromptText> get(const std::string& name,
                                 const std::map<std::string, std::string>& arguments,
                                 ClientLink& client) = 0;
};

// What completion/complete is asked for: the values of one argument of a prompt or URI template.
struct CompletionQuery {
  std::string prompt;        // name, or empty
  std::string uri_template;  // or empty
  std::string argument, prefix;
};

// A tools/call about to run, for the ledger. `meta` is the client's `_meta` (null if there is
// none): claudecode/toolUseId, traceparent and the like; it goes into no decision.
struct CallStart {
  const policy::CallScope& scope;
  const nlohmann::json& meta;
};

// What the protocol layer is told of a tool beyond its declaration.
struct ToolTraits {
  ClientFeatures needs;  // without these a 2026-07-28 call is refused (-32021) before it runs
  // A call that takes longer becomes a task, for a client that declares tasks. Unset: never.
  std::optional<std::chrono::milliseconds> task_after;
  // Runs instead of tool.run, for a tool that talks to its client in the protocol's own words.
  std::function<Result<tools::Reply>(const nlohmann::json& arguments, tools::Call& call,
                                     ClientLink& client)>
      run;
};

// Which lists a server says it announces changes of, and whether resources can be subscribed to.
struct Announces {
  bool tools = false, prompts = false, resources = false;
  bool resource_updates = false;
  bool any() const { return tools || prompts || resources || resource_updates; }
};

class Server;  // dispatcher.h

// What tells a server of changes (Server::list_changed, resource_updated, task_orders), from
// threads of its own.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;
  // Called once, by the server that serves.
  virtual void attach(Server& server) = 0;
  // Called before that server goes; it is not told anything afterwards.
  virtual void stop() = 0;
};

// Which results carry structuredContent and publish an outputSchema (docs/protocol.md).
enum class Structured { all, records, none };

// What a client is offered. One call sees one offer from its beginning to its end.
struct Offer {
  std::function<policy::Access&()>
      access;                      // the hands of the agent that is served. First, so that it
                                   // ends after the tools, which may still act through it
  std::string instructions;        // cut nowhere: at most kInstructionsChars
  std::vector<tools::Tool> tools;  // in the order tools/list shows them
  std::map<std::string, ToolTraits, std::less<>> traits;  // by name; most tools have none
  std::shared_ptr<ResourceProvider> resources;            // null: no resources capability
  std::shared_ptr<PromptProvider> prompts;                // null: no prompts capability
  std::function<Result<std::vector<std::string>>(const CompletionQuery&)>
      complete;  // null: no values
};

// What stays as it is while a server runs.
struct Settings {
  std::string name = "remit";
  std::string version;
  Announces announces;
  std::shared_ptr<ChangeSource> changes;  // null: nothing changes by itself

  std::function<void(const CallStart&)> on_call;  // before each tools/call; may be null
  std::size_t page_chars = limits::kPageChars;
  Structured structured = Structured::records;

  // Who is served, for the seal of a requestState: "uid:1000/technical-support-engineer/inst_x".
  std::string principal;
  // Keys of at least 32 bytes; the first seals, any opens. Empty: no questions by input_required.
  std::vector<std::string> request_state_keys;
  // Records a nonce as used, once per installation: true the first time, false ever after (until
  // `expires_unix_ms`, when the seal itself has expired). Null: no questions by input_required.
  std::function<Result<bool>(const std::string& nonce, std::int64_t expires_unix_ms)> consume_nonce;

  // Where tasks are kept. Null: no tasks.
  std::shared_ptr<memory::TaskStore> tasks;

  // Applied to every tool, resource and prompt text on its way out, in one place (wire.cpp).
  std::function<std::string(std::string)> redact;

  const Clock* clock = &system_clock();
  // Changed by tests only.
  std::size_t list_page = limits::kListPage;
  std::chrono::milliseconds heartbeat = limits::kProgressHeartbeat;
  std::chrono::milliseconds question_life = limits::kApprovalLife;
};

struct Service : Offer, Settings {};

}  // namespace remit::mcp
