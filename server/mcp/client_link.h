// ClientLink: the client of one request, in the protocol's own words. Tools see tools::Asker and
// tools::Progress and never this; it is for what a server has of the protocol alone: logs,
// questions of any kind, a call that becomes a task. The product has no such tool, the conformance
// server is made of them.
//
// Threads: used by the handler of the request, on its thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace remit::mcp {

// Severity as in RFC 5424, from debug up; `off` is ours.
enum class LogLevel { debug, info, notice, warning, error, critical, alert, emergency, off };

// What the client declared it can do: with the request (2026-07-28) or for its session.
struct ClientFeatures {
  bool form = false, url = false;  // elicitation
  bool sampling = false;
  bool roots = false;
  bool tasks = false;  // the extension io.modelcontextprotocol/tasks; 2026-07-28 only

  bool covers(const ClientFeatures& needed) const {
    return (form || !needed.form) && (url || !needed.url) && (sampling || !needed.sampling) &&
           (roots || !needed.roots) && (tasks || !needed.tasks);
  }
};

// One thing asked of the client: elicitation/create, sampling/createMessage or roots/list.
struct ClientQuestion {
  std::string key;  // names the answer within the request
  std::string method;
  std::string params;  // JSON text
};
using ClientAnswers = std::map<std::string, nlohmann::json>;

class ClientLink {
 public:
  virtual ~ClientLink() = default;
  virtual const ClientFeatures& features() const = 0;

  // notifications/message, if the client asked for this level.
  virtual void log(LogLevel level, const std::string& text) = 0;

  // `sealed`: 2026-07-28 only. The question goes out with a requestState, its answer counts only
  // with that state, and answers of earlier rounds travel in it. `open`: an answer counts by its
  // key alone, which is enough where nothing depends on who asked.
  enum class Seal { open, sealed };
  // The answers to all of `questions`, by key; each has the shape of its method's result.
  // Initialize eras, and tasks: waits for them. 2026-07-28 otherwise: fails with needs_approval,
  // code "input_required", which the handler returns as it is; the request then comes again with
  // the answers, and the handler runs from its beginning. Errors: unavailable, code
  // "missing_capability", if the client declared no such thing; cancelled; timeout.
  virtual Result<ClientAnswers> ask(const std::vector<ClientQuestion>& questions, Seal seal) = 0;

  // The stream on which the client waits ends without the answer; the client comes back for it,
  // where the transport lets it.
  virtual void release_stream() = 0;

  // From here on the call is a task, if the client declared tasks and the tool may be one. False
  // if the client goes on waiting for the answer.
  virtual bool become_task() = 0;
};

}  // namespace remit::mcp
