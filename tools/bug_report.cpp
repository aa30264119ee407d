// bug_report: checks a bug report against the persona's form, and sends it as an escalation to a
// target that takes bug reports.
#include "base/limits.h"
#include "tools/bug_report_check.h"
#include "tools/handoff_result.h"
#include "tools/registry.h"
#include "tools/tool_builder.h"

namespace remit::tools {
namespace {

enum class BugAction { validate, send };
struct BugReportArgs {
  BugAction action = BugAction::validate;
  BugReport report;
  std::string to;
  std::vector<EvidenceArg> evidence;
  std::string idempotency_key;
};
struct ProblemLine {
  std::string pointer, message;
};
struct BugReportResult {
  bool valid = false;
  std::vector<ProblemLine> errors, warnings;
  std::optional<HandoffResult> handoff;
};

}  // namespace
}  // namespace remit::tools

template <>
struct remit::EnumNames<remit::tools::BugAction> {
  using E = remit::tools::BugAction;
  static constexpr std::array<std::pair<E, const char*>, 2> list{
      {{E::validate, "validate"}, {E::send, "send"}}};
};
template <>
struct remit::Fields<remit::tools::BugReportArgs> {
  using T = remit::tools::BugReportArgs;
  static constexpr auto list = std::tuple{
      required("action", &T::action, "validate has no effect"), required("report", &T::report, ""),
      field("to", &T::to, "Default: the one target that takes bug reports",
            {.max_length = limits::kNameBytes}),
      field("evidence", &T::evidence, "Results that show it; send needs one, log_snippets count",
            {.max_items = 32}),
      field("idempotency_key", &T::idempotency_key, "", {.max_length = 128})};
};
template <>
struct remit::Fields<remit::tools::ProblemLine> {
  using T = remit::tools::ProblemLine;
  static constexpr auto list =
      std::tuple{required("pointer", &T::pointer, ""), required("message", &T::message, "")};
};
template <>
struct remit::Fields<remit::tools::BugReportResult> {
  using T = remit::tools::BugReportResult;
  static constexpr auto list =
      std::tuple{required("valid", &T::valid, ""), required("errors", &T::errors, ""),
                 required("warnings", &T::warnings, ""), field("handoff", &T::handoff, "")};
};

namespace remit::tools {
namespace {

std::vector<ProblemLine> lines_of(const std::vector<Problem>& problems) {
  std::vector<ProblemLine> out;
  for (const Problem& problem : problems) out.push_back({problem.pointer, problem.message});
  return out;
}

std::string default_target(const policy::Remit& remit) {
  std::string target;
  for (const policy::EdgeRule& edge : remit.edges) {
    if (edge.kind != policy::HandoffKind::escalate || !edge.requires_bug_report) continue;
    if (!target.empty()) return {};
    target = edge.target;
  }
  return target;
}

Result<Outcome<BugReportResult>> bug_report(const BugReportArgs& args, Call& call) {
  BugReportResult result;
  const BugReportVerdict verdict = check_bug_report(args.report);
  result.valid = verdict.errors.empty();
  result.errors = lines_of(verdict.errors);
  result.warnings = lines_of(verdict.warnings);
  std::string text;
  for (const Problem& problem : verdict.errors)
    text += "error " + problem.pointer + ": " + problem.message + "\n";
  for (const Problem& problem : verdict.warnings)
    text += "warning " + problem.pointer + ": " + problem.message + "\n";
  if (args.action == BugAction::validate) {
    text = std::string(result.valid ? "valid\n" : "not valid\n") + text;
    return Outcome<BugReportResult>{std::move(result), std::move(text), std::nullopt};
  }
  if (!result.valid) {
    return fail(ErrorKind::invalid_argument,
                "the bug report is not valid; nothing was sent:\n" + text, "/report",
                "bug_report_invalid");
  }
  policy::HandoffDraft draft;
  draft.kind = policy::HandoffKind::escalate;
  draft.to = args.to.empty() ? default_target(call.access.remit()) : args.to;
  if (draft.to.empty()) {
    return fail(ErrorKind::invalid_argument,
                "name the target: no edge or several edges take bug reports", "/to");
  }
  draft.title = args.report.title;
  draft.severity = encode(args.report)["severity"].get<std::string>();
  draft.priority = draft.severity == "medium" ? "normal" : draft.severity;
  draft.idempotency_key = args.idempotency_key;
  draft.has_bug_report = true;
  draft.evidence = evidence_of(args.evidence);
  for (const LogSnippet& snippet : args.report.technical_details.log_snippets) {
    draft.evidence.push_back({snippet.call_id, snippet.sha256.value_or(""), snippet.text});
  }
  draft.fields_json = dump(Json{{"issue", args.report.title},
                                {"severity", draft.severity},
                                {"bug_report", encode(args.report)}});
  TRY(const policy::Delivered sent, call.access.send(call.scope, draft));
  result.handoff = result_of(sent, draft);
  text = text_of(*result.handoff) + text;
  return Outcome<BugReportResult>{std::move(result), std::move(text), std::nullopt};
}

}  // namespace

Tool make_bug_report(const ToolState&) {
  return tool<BugReportArgs, BugReportResult>(
      {.name = "bug_report",
       .title = "Check or send a bug report",
       .description = "Checks a bug report against the persona's form (all problems at once), or "
                      "sends it to the "
                      "engineering queue. Sending needs evidence: the call_id of a diagnostic's "
                      "result, and quoted "
                      "log snippets must stand in it.",
       .annotations = {}},
      bug_report);
}

}  // namespace remit::tools
