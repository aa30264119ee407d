// Questions: what the server asks its client, in each era's way, whatever it is about.
// * Initialize eras: a request on the stream of the call that asks (ask_client); the call waits.
// * 2026-07-28: the request ends with input_required and comes again with the answers
// (RetryInputs). Approvals (approvals.h) and tools that talk to the client (client_call.h) stand on
// these.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/mcp/exchange.h"
#include "server/mcp/request_state.h"

namespace remit::mcp {

// Passes one question at a time. Safe from any thread.
class QuestionTurn {
 public:
  // False if `stop` fired first. Each true needs one release().
  bool acquire(std::stop_token stop);
  void release();

 private:
  std::mutex mutex_;
  std::condition_variable_any free_;
  bool taken_ = false;
};

// The requests of the server that the client has not answered yet. Safe from any thread.
class PendingAnswers {
 public:
  struct Wait {
    std::mutex mutex;
    std::condition_variable_any answered;
    std::optional<Response> response;
  };
  // A fresh id and the place where its answer will be put.
  std::pair<IdText, std::shared_ptr<Wait>> open();
  void close(const IdText& id);
  // False if nothing waits for this id.
  bool deliver(Response response);

 private:
  std::mutex mutex_;
  std::map<IdText, std::shared_ptr<Wait>> waiting_;
  std::uint64_t next_ = 1;
};

// Sends a request to the client on the stream of `exchange` and waits for the answer. An open
// question is withdrawn (notifications/cancelled) when nobody waits for it any more. Errors:
// cancelled; timeout, code "approval_timeout", after `life`.
Result<Response> ask_client(Exchange& exchange, PendingAnswers& pending, const std::string& method,
                            const std::string& params, std::chrono::milliseconds life,
                            const std::stop_token& stop);

// Whether `answer` has the shape of a result of `method` (elicitation/create,
// sampling/createMessage, roots/list).
bool is_answer_to(const std::string& method, const Json& answer);

// The answers that came with a retried 2026-07-28 request, and the input_required result that asks
// for more. One per request; used by its handler's thread alone.
class RetryInputs {
 public:
  // What it is given must outlive it. The arguments are hashed only if a state is sealed or opened.
  RetryInputs(const StateSeal& seal, std::string_view method, std::string_view name,
              const Json& arguments)
      : seal_(seal), method_(method), name_(name), arguments_(arguments) {}

  // Takes `inputResponses` and `requestState` out of `params`. Errors: invalid_argument for a token
  // that does not fit or was used, and for responses that are no object.
  Result<void> take(const Json& params);

  bool can_seal() const { return seal_.available(); }
  // The state that came with the request, if one did and it fits.
  const std::optional<OpenedState>& opened() const { return opened_; }
  // The answer of this key: of this round, or (sealed) of an earlier one.
  const Json* answer(const std::string& key) const;
  // Ends the request with `requests` (JSON members `"key":{..},..`). `sealed`: with a requestState
  // that carries the question, and the answers so far. Returns the error for the handler to return:
  // needs_approval, code "input_required".
  tl::unexpected<Error> require(std::string_view requests, const AskedQuestion* sealed);
  // After require(): the members of the result. Empty before.
  const std::string& required() const { return required_; }

 private:
  std::string binding() const { return StateSeal::binding(method_, name_, arguments_); }

  const StateSeal& seal_;
  const std::string_view method_, name_;
  const Json& arguments_;
  std::optional<OpenedState> opened_;
  std::map<std::string, Json> answers_;
  std::string required_;
};

}  // namespace remit::mcp
