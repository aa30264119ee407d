// ClientCall: the ClientLink of one request on one connection.
#pragma once

#include "server/mcp/exchange.h"
#include "server/mcp/parts.h"
#include "server/mcp/questions.h"

namespace remit::mcp {

// What a request needs of its connection.
struct CallLink {
  PendingAnswers& pending;
  bool client_ready = false;  // the server may send requests on this connection
};

class ClientCall final : public ClientLink {
 public:
  // `inputs`: of the request, in the era that has them.
  ClientCall(Parts& parts, const CallLink& link, Exchange& exchange, RetryInputs& inputs)
      : parts_(parts), link_(link), exchange_(exchange), inputs_(inputs) {}
  // The call may become a task. It may then outlive its connection, whose `link` it no longer uses.
  void may_become(TaskRun& run) { run_ = &run; }

  const ClientFeatures& features() const override { return exchange_.envelope.client; }
  void log(LogLevel level, const std::string& text) override;
  Result<ClientAnswers> ask(const std::vector<ClientQuestion>& questions, Seal seal) override;
  void release_stream() override { exchange_.outbox().release(); }
  bool become_task() override { return run_ != nullptr && run_->become_task(); }

  // After ask() failed with "missing_capability": what the client would need.
  const ClientFeatures& lacking() const { return lacking_; }

 private:
  Result<ClientAnswers> ask_by_request(const std::vector<ClientQuestion>& questions);
  Result<ClientAnswers> ask_by_retry(const std::vector<ClientQuestion>& questions, Seal seal);

  Parts& parts_;
  const CallLink link_;
  Exchange& exchange_;
  RetryInputs& inputs_;
  TaskRun* run_ = nullptr;
  ClientFeatures lacking_;
  ClientAnswers asked_;  // what this run of the handler got answered: a sealed state carries it on
};

// notifications/message, if the client asked for this level; redacted.
void log_to_client(Parts& parts, Exchange& exchange, LogLevel level, const std::string& text);

}  // namespace remit::mcp
