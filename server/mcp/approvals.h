// Approvals: the client's person is asked through the protocol. Two ways, one form:
// * FormAsker ("elicitation", initialize eras): a request to the client on the same pipe; the call
//   stays parked until it is answered. One question at a time in this process.
// * RetryAsker ("mrtr", 2026-07-28): the call ends with input_required and is sent again with the
//   answer and the sealed requestState; nothing stays parked. Once the call is a task, its question
//   is one of the task's ("task") and the task waits.
//
// Either way the client can be asked to offer a page of the console instead (elicitation's mode
// "url"): what it answers says only whether its person went there; they decide on the page.
//
// What counts as a yes (docs/protocol.md): action accept, decision "approve", the four digits of
// the message, and at least kMachineAnswer after the question. Clients accept by themselves (hooks,
// stray keys), so anything less is none. A decline or cancel within kMachineDecline is a machine's
// and comes back as Reply::cancel: the caller tries the next channel.
#pragma once

#include <optional>
#include <string>

#include "server/mcp/exchange.h"
#include "server/mcp/pool.h"
#include "server/mcp/questions.h"
#include "server/mcp/tasks.h"
#include "tools/tool.h"

namespace remit::mcp {

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

// The offer of a page. `with_id`: elicitationId, which the initialize era has.
std::string page_params(const tools::Asker::Page& page, bool with_id);
// Whether its person went there: no yes and no code is expected.
tools::Asker::Reply judge_page(const FormAnswer& answer, std::chrono::milliseconds latency);

class FormAsker final : public tools::Asker {
 public:
  FormAsker(Exchange& exchange, const Settings& service, PendingAnswers& pending,
            QuestionTurn& turn, Pool& pool, bool client_ready)
      : exchange_(exchange),
        service_(service),
        pending_(pending),
        turn_(turn),
        pool_(pool),
        client_ready_(client_ready) {}
  bool available() const override { return client_ready_ && exchange_.envelope.client.form; }
  Result<Answer> ask(const policy::Question& question, std::stop_token stop) override;
  bool opens_pages() const override { return client_ready_ && exchange_.envelope.client.url; }
  Result<Reply> open_page(const Page& page, std::stop_token stop) override;
  void page_done(const std::string& id) override;

 private:
  Result<Answer> ask_in_turn(const policy::Question& question, std::stop_token stop);

  Exchange& exchange_;
  const Settings& service_;
  PendingAnswers& pending_;
  QuestionTurn& turn_;
  Pool& pool_;
  const bool client_ready_;  // after notifications/initialized
  bool page_open_ = false;   // the client was told of one and may wait for its end
};

class RetryAsker final : public tools::Asker {
 public:
  RetryAsker(const Envelope& envelope, const Settings& service, const StateSeal& seal,
             RetryInputs& inputs)
      : envelope_(envelope), service_(service), seal_(seal), inputs_(inputs) {}
  // The call may become a task: from then on its questions are the task's.
  void may_become(TaskRun& run) { run_ = &run; }
  bool available() const override { return envelope_.client.form && seal_.available(); }
  Result<Answer> ask(const policy::Question& question, std::stop_token stop) override;
  bool opens_pages() const override { return envelope_.client.url && seal_.available(); }
  Result<Reply> open_page(const Page& page, std::stop_token stop) override;

 private:
  Result<Answer> ask_in_task(const policy::Question& question);

  const Envelope& envelope_;
  const Settings& service_;
  const StateSeal& seal_;
  RetryInputs& inputs_;
  TaskRun* run_ = nullptr;
  bool answered_ = false;  // the one answer of a retry is taken once
};

}  // namespace remit::mcp
