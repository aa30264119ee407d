// Approvals: the client's person is asked through the protocol. Two ways, one form:
// * FormAsker ("elicitation", initialize eras): a request to the client on the same pipe; the call
//   stays parked until it is answered. One question at a time in this process.
// * RetryAsker ("mrtr", 2026-07-28): the call ends with input_required and is sent again with the
//   answer and the sealed requestState; nothing stays parked.
//
// What counts as a yes (docs/protocol.md): action accept, decision "approve", the four digits of
// the message, and at least kMachineAnswer after the question. Clients accept by themselves (hooks,
// stray keys), so anything less is none. A decline or cancel within kMachineDecline is a machine's
// and comes back as Reply::cancel: the caller tries the next channel.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/mcp/exchange.h"
#include "server/mcp/pool.h"
#include "server/mcp/request_state.h"
#include "tools/tool.h"

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

// The form's message (lines and code) and its schema, as params of elicitation/create (JSON text).
// Empty if the question does not fit a form whole: it must not be shown cut.
std::string form_params(const policy::Question& question, const std::string& code, bool name_mode);
std::string four_digits();

struct FormAnswer {
  std::string action;    // accept, decline, cancel; anything else is malformed
  std::string decision;  // approve or deny
  std::string code;
};
// Reads an ElicitResult; nullopt if it is none.
std::optional<FormAnswer> read_form_answer(const Json& result);
// The rules above. `code_fits`: the digits were right.
tools::Asker::Reply judge(const FormAnswer& answer, bool code_fits,
                          std::chrono::milliseconds latency);

class FormAsker final : public tools::Asker {
 public:
  FormAsker(Exchange& exchange, const Service& service, PendingAnswers& pending, QuestionTurn& turn,
            Pool& pool, bool client_ready)
      : exchange_(exchange),
        service_(service),
        pending_(pending),
        turn_(turn),
        pool_(pool),
        client_ready_(client_ready) {}
  bool available() const override { return client_ready_ && exchange_.envelope.form_elicitation; }
  Result<Answer> ask(const policy::Question& question, std::stop_token stop) override;

 private:
  Result<Answer> ask_in_turn(const policy::Question& question, std::stop_token stop);

  Exchange& exchange_;
  const Service& service_;
  PendingAnswers& pending_;
  QuestionTurn& turn_;
  Pool& pool_;
  const bool client_ready_;  // after notifications/initialized
};

class RetryAsker final : public tools::Asker {
 public:
  // `arguments` must outlive this object; they are hashed only if a question comes up.
  RetryAsker(const Envelope& envelope, const Service& service, const StateSeal& seal,
             const std::string& tool, const Json& arguments)
      : envelope_(envelope), service_(service), seal_(seal), tool_(tool), arguments_(arguments) {}
  bool available() const override { return envelope_.form_elicitation && seal_.available(); }
  Result<Answer> ask(const policy::Question& question, std::stop_token stop) override;

  // The retry's `inputResponses` and `requestState` (either may be null). Errors: invalid_argument
  // for a token that does not fit or was used.
  Result<void> take_answer(const Json* responses, const Json* state);
  // After ask() failed with code "input_required": the members of the result.
  const std::string& input_required() const { return input_required_; }

 private:
  std::string binding() const;

  const Envelope& envelope_;
  const Service& service_;
  const StateSeal& seal_;
  const std::string& tool_;
  const Json& arguments_;
  std::optional<OpenedState> opened_;
  std::optional<FormAnswer> answer_;
  std::string input_required_;
};

}  // namespace remit::mcp
