#include "policy/operator_acts.h"

#include <algorithm>

#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "base/unified_diff.h"
#include "memory/handoff_outbox.h"

namespace remit::policy {
namespace {

// `fields`: an object, to which comes how the person was there.
Result<void> record_act(memory::Ledger& ledger, const Principal& principal, const CallScope& call,
                        const char* rule, Json fields, const Presence& presence) {
  add_presence(fields, presence);
  memory::LedgerRecord row;
  row.kind = "operator";
  row.call_id = call.call_id;
  row.principal = principal_text(principal);
  row.verdict = "allow";
  row.rule = rule;
  row.fields = dump(fields);
  return ledger.append(std::move(row), memory::Durability::effect);
}

std::string shown_name(const std::string& path) {
  return escape_ascii(fs::base_name(path));
}

// True once somebody has said that they work on it.
bool is_taken(const memory::Handoff& handoff) {
  return handoff.state == "accepted" || handoff.state == "acknowledged" ||
         handoff.state == "in_progress" || handoff.state == "input_required";
}

// A version's content; one that removed the document has none.
Result<std::string> content_of(Access& access, const CallScope& call, const std::string& path,
                               std::int64_t version) {
  auto body = access.document_version(call, path, version);
  if (body || body.error().kind != ErrorKind::not_found) return body;
  TRY(const auto versions, access.document_history(call, path));
  for (const memory::VersionRow& one : versions) {
    if (one.version == version && one.op == "remove") return std::string();
  }
  return body;
}

// What is there now; nullopt: nothing.
Result<std::optional<memory::Document>> present(Access& access, const CallScope& call,
                                                const std::string& path) {
  auto now = access.open_document(call, path);
  if (now) return std::optional<memory::Document>(std::move(*now));
  if (now.error().kind == ErrorKind::not_found) return std::optional<memory::Document>();
  return tl::unexpected<Error>(now.error());
}

}  // namespace

Result<DocumentDifference> document_difference(Access& access, const CallScope& call,
                                               const std::string& path,
                                               std::optional<std::int64_t> from,
                                               std::optional<std::int64_t> to,
                                               std::size_t most_lines) {
  DocumentDifference out;
  if (from) {
    out.from = *from;
  } else {
    TRY(const auto versions, access.document_history(call, path));
    if (versions.size() > 1) out.from = versions[1].version;
  }
  std::string before, after;
  if (out.from > 0) {
    TRY(before, content_of(access, call, path, out.from));
  }
  if (to) {
    TRY(after, content_of(access, call, path, *to));
  } else {
    TRY(std::optional<memory::Document> now, present(access, call, path));
    if (now) after = std::move(now->body);
  }
  const UnifiedDiff found = unified_diff(before, after, shown_name(path), most_lines);
  out.text = printable(found.text);
  out.whole = found.whole;
  return out;
}

Result<PlannedWrite> plan_write(Access& access, const CallScope& call, const std::string& path,
                                std::string body, std::size_t most_lines) {
  TRY(const std::optional<memory::Document> now, present(access, call, path));
  PlannedWrite out;
  out.path = path;
  out.body = std::move(body);
  if (now) out.etag = now->etag;
  const UnifiedDiff found =
      unified_diff(now ? now->body : "", out.body, shown_name(path), most_lines);
  out.difference = printable(found.text);
  out.whole = found.whole;
  return out;
}

Result<PlannedWrite> plan_revert(Access& access, const CallScope& call, const std::string& path,
                                 std::int64_t version, std::size_t most_lines) {
  TRY(std::string body, access.document_version(call, path, version));
  TRY(PlannedWrite out, plan_write(access, call, path, std::move(body), most_lines));
  out.rule = "memory.revert";
  out.version = version;
  return out;
}

Result<Replaced> write_planned(memory::Ledger& ledger, Access& access, const CallScope& call,
                               const PlannedWrite& plan, const Presence& presence) {
  TRY_DO(need_person(presence));
  Json fields = {{"path", plan.path}};
  if (plan.version > 0) fields["version"] = plan.version;
  TRY_DO(record_act(ledger, access.principal(), call, plan.rule, std::move(fields), presence));
  ReplaceRequest request;
  request.document = true;
  request.path = plan.path;
  request.bytes = plan.body;
  request.op = plan.etag.empty() ? ReplaceOp::create : ReplaceOp::replace;
  // What was shown, and nothing newer.
  request.if_match = plan.etag;
  request.if_absent = plan.etag.empty();
  return access.replace(call, request);
}

Result<std::int64_t> purge_versions(memory::Ledger& ledger, OperatorAccess& hands,
                                    const CallScope& call, const std::string& path,
                                    std::optional<std::int64_t> version, const Presence& presence) {
  TRY_DO(need_person(presence));
  TRY(const memory::DocPath document, memory::DocPath::parse(path));
  Json fields = {{"path", path}};
  if (version) fields["version"] = *version;
  TRY_DO(record_act(ledger, hands.access().principal(), call, "memory.purge", std::move(fields),
                    presence));
  return hands.store()->purge(document, version);
}

Result<void> record_import(memory::Ledger& ledger, Access& access, const CallScope& call,
                           std::int64_t documents, std::int64_t versions, const std::string& sha256,
                           const Presence& presence) {
  TRY_DO(need_person(presence));
  return record_act(ledger, access.principal(), call, "memory.import",
                    {{"documents", documents}, {"versions", versions}, {"file_sha256", sha256}},
                    presence);
}

Result<std::string> archive_instruction(memory::Ledger& ledger, OperatorAccess& hands,
                                        const CallScope& call, const std::string& instruction,
                                        const Presence& presence) {
  TRY_DO(need_person(presence));
  TRY_DO(record_act(ledger, hands.access().principal(), call, "memory.archive",
                    {{"instruction", instruction}}, presence));
  return hands.store()->archive(instruction);
}

const char* to_string(HandoffStanding standing) {
  switch (standing) {
    case HandoffStanding::open:
      return "open";
    case HandoffStanding::acknowledged:
      return "acknowledged";
    case HandoffStanding::overdue:
      return "overdue";
    case HandoffStanding::done:
      return "done";
    case HandoffStanding::dead:
      return "dead";
  }
  return "";
}

HandoffStanding standing_of(const memory::Handoff& handoff, std::int64_t now_ms) {
  if (is_terminal(handoff.type, handoff.state)) {
    const bool untaken =
        handoff.state == "exhausted" ||
        (handoff.type == memory::HandoffType::delegate && handoff.state == "expired");
    return untaken ? HandoffStanding::dead : HandoffStanding::done;
  }
  const std::int64_t due = due_of(handoff);
  if (due > 0 && due <= now_ms) return HandoffStanding::overdue;
  return is_taken(handoff) ? HandoffStanding::acknowledged : HandoffStanding::open;
}

std::int64_t due_of(const memory::Handoff& handoff) {
  const std::int64_t end = handoff.deadline_ms, taking = handoff.ack_deadline_ms;
  if (is_taken(handoff) || taking == 0) return end;
  return end == 0 ? taking : std::min(taking, end);
}

Result<ManyHandoffs> many_handoffs(Access& access, const CallScope& call, InboxQuery query,
                                   std::size_t most) {
  ManyHandoffs out;
  for (out.more = true; out.more && out.handoffs.size() < most;) {
    TRY(Inbox page, access.list_inbox(call, query));
    out.more = page.more;
    for (memory::Handoff& one : page.handoffs) out.handoffs.push_back(std::move(one));
    if (!out.handoffs.empty()) query.before = out.handoffs.back().id;
  }
  return out;
}

Result<memory::Handoff> act_on_handoff(memory::Ledger& ledger, Access& access,
                                       const CallScope& call, const HandoffReply& reply,
                                       const Presence& presence) {
  TRY_DO(need_person(presence));
  TRY_DO(record_act(ledger, access.principal(), call, "handoffs.act",
                    {{"handoff", reply.id}, {"act", to_string(reply.act)}}, presence));
  return access.respond(call, reply);
}

Result<std::int64_t> retry_delivery(memory::State& state, memory::Ledger& ledger,
                                    OperatorAccess& hands, const CallScope& call,
                                    const std::string& id, const std::string& drop_root,
                                    const Presence& presence) {
  TRY_DO(hands.access().open_handoff(call, id));
  TRY_DO(record_act(ledger, hands.access().principal(), call, "handoffs.retry", {{"handoff", id}},
                    presence));
  TRY(Fd drop, memory::open_drop_root(state, drop_root));
  return memory::HandoffDelivery(state, *hands.store(), std::move(drop)).run_for(id);
}

}  // namespace remit::policy
