#include "tools/approval_flow.h"

#include <algorithm>
#include <chrono>

#include "base/limits.h"
#include "policy/approvals.h"

namespace remit::tools {
namespace {

using policy::ApprovalStatus;
using policy::Risk;

Result<void> no_channel(const policy::Question& question, bool form_possible) {
  std::string why = "this needs a person's approval and nobody can be asked";
  if (question.risk == Risk::high) {
    why +=
        ": it is of high risk, which only a person with the PIN may approve; the operator sets one "
        "with `remit pin` and then answers with `remit approve`";
  } else if (form_possible) {
    why +=
        ": the client gave no answer and no PIN is set for `remit approve` (`remit pin` sets one)";
  } else {
    why +=
        ": this client shows no forms and no PIN is set for `remit approve` (`remit pin` sets one)";
  }
  return fail(ErrorKind::denied, why, {}, "no_approval_channel");
}

// What the row's state means for the call that asked.
Result<void> outcome_of(policy::Approvals& approvals, ApprovalStatus status,
                        const std::string& id) {
  switch (status) {
    case ApprovalStatus::approved:
      return {};
    case ApprovalStatus::pending:
      return fail(ErrorKind::needs_approval,
                  "approval pending, id " + id + "; a person answers " +
                      approvals.how_to_answer(id) + "; call again with the same arguments",
                  {}, "approval_pending");
    case ApprovalStatus::denied: {
      TRY(const std::string reason, approvals.reason(id));
      return fail(ErrorKind::denied, "a person said no" + (reason.empty() ? "" : ": " + reason), {},
                  "denied_by_person");
    }
    case ApprovalStatus::expired:
      return fail(ErrorKind::timeout, "nobody answered in time; the request expired", {},
                  "approval_timeout");
    case ApprovalStatus::cancelled:
    case ApprovalStatus::consumed:
      break;
  }
  return fail(ErrorKind::denied, "the approval is no longer valid; call again to ask anew", {},
              "approval_cancelled");
}

// The form's answer becomes the row's, unless a person was first elsewhere: then that counts.
Result<void> settle(Call& call, const std::string& id, bool approve, const std::string& channel) {
  policy::Approvals& approvals = call.access.approvals();
  auto done = approvals.answer_by_client(id, approve, channel);
  if (!done && done.error().code != "already_decided" && done.error().code != "approval_timeout")
    return done;
  if (!approve)
    return fail(ErrorKind::denied, "declined by the person at the client", {}, "denied_by_person");
  if (done) return {};
  TRY(const ApprovalStatus status, approvals.wait(id, std::chrono::milliseconds{0}, call.stop));
  return outcome_of(approvals, status, id);
}

// Has the client offer the console's page of this question, if it can. False: a person said no.
Result<bool> offer_page(Call& call, const policy::Question& question, const std::string& id) {
  const std::string url = call.access.approvals().page_of(id);
  if (url.empty() || !call.asker.opens_pages()) return true;
  const std::string message =
      "A person must say yes or no at Remit's console, with the PIN or a passkey: " +
      question.title;
  const auto reply = call.asker.open_page({id, url, message, question.grant_key}, call.stop);
  if (reply) return *reply != Asker::Reply::decline;
  // A client that cannot after all takes nothing from the person, who has other ways.
  const ErrorKind kind = reply.error().kind;
  if (kind == ErrorKind::unavailable || kind == ErrorKind::timeout) return true;
  return tl::unexpected<Error>(reply.error());
}

// On a terminal or at the console, whose page the client may offer first.
Result<void> by_person(Call& call, const policy::Question& question, const std::string& id,
                       bool with_page) {
  policy::Approvals& approvals = call.access.approvals();
  const auto end = std::chrono::steady_clock::now() + limits::kApprovalWait;
  if (with_page) {
    TRY(const bool go_on, offer_page(call, question, id));
    if (!go_on) return settle(call, id, false, "url");
  }
  call.progress.report(0, std::nullopt,
                       "waiting for a person, who answers " + approvals.how_to_answer(id));
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  TRY(const ApprovalStatus status,
      approvals.wait(id, std::max(left, std::chrono::milliseconds{0}), call.stop));
  if (status != ApprovalStatus::pending) call.asker.page_done(id);
  return outcome_of(approvals, status, id);
}

}  // namespace

Result<void> obtain_approval(Call& call, const policy::Question& question) {
  policy::Approvals& approvals = call.access.approvals();
  // A form shows three short lines; what does not fit is not asked there (docs/protocol.md).
  const bool form = question.risk == Risk::low && !question.lines.empty() && call.asker.available();
  const bool person = approvals.person_available();
  if (!form && !person) return no_channel(question, false);
  TRY(const std::string id, approvals.request(question, call.scope));
  if (form) {
    auto answer = call.asker.ask(question, call.stop);
    if (!answer) {
      if (answer.error().kind != ErrorKind::unavailable) {
        return tl::unexpected<Error>(std::move(answer).error());
      }
    } else if (answer->reply == Asker::Reply::approve) {
      return settle(call, id, true, answer->channel);
    } else if (answer->reply == Asker::Reply::decline) {
      return settle(call, id, false, answer->channel);
    }
    // A cancel is a machine's answer or a closed dialog: the next channel is asked.
    if (!person) {
      TRY_DO(approvals.withdraw(id, "nobody can be asked"));
      return no_channel(question, true);
    }
  }
  // A client that answers a form by itself would do so with the page.
  return by_person(call, question, id, !form);
}

Result<void> approve_as_shown(Call& call, const policy::Question& question) {
  if (question.risk == Risk::high) return obtain_approval(call, question);
  TRY(const std::string id, call.access.approvals().request(question, call.scope));
  return settle(call, id, true, "native");
}

Result<void> settle_spawn(Call& call, const policy::SpawnRequest& request, const AskPerson& ask) {
  TRY(const policy::Access::SpawnJudgement judgement, call.access.judge_spawn(call.scope, request));
  if (judgement.decision.verdict == policy::Verdict::deny)
    return tl::unexpected<Error>(policy::denial(judgement.decision));
  if (!judgement.question) return {};
  // An earlier yes may be waiting to be taken; asking anew would void nothing but patience.
  TRY(const bool ready, call.access.approvals().ready(judgement.question->grant_key));
  return ready ? Result<void>() : ask(call, *judgement.question);
}

Result<policy::Replaced> replace_approved(Call& call, const policy::ReplaceRequest& request) {
  auto done = call.access.replace(call.scope, request);
  if (done || done.error().code != "needs_approval") return done;
  TRY(const std::optional<policy::Question> question,
      call.access.judge_replace(call.scope, request));
  if (question) TRY_DO(obtain_approval(call, *question));
  return call.access.replace(call.scope, request);
}

}  // namespace remit::tools
