// approve: Claude's permission-prompt tool. Before a call of this server's tools the client asks
// it, without showing it to the model, and reads one text block of JSON. It decides nothing from
// its own arguments: what it is asked about is judged as the call itself will be, and where that
// needs a person, the person is asked; the call that follows finds that approval by its own bytes.
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "tools/approval_flow.h"
#include "tools/bash_args.h"
#include "tools/registry.h"

namespace remit::tools {
namespace {

struct ApproverArgs {
  std::string tool_name;
  Json input;
  std::string tool_use_id;
};

}  // namespace
}  // namespace remit::tools

template <>
struct remit::Fields<remit::tools::ApproverArgs> {
  using T = remit::tools::ApproverArgs;
  static constexpr auto list = std::tuple{
      required("tool_name", &T::tool_name, "As the client names it",
               {.max_length = limits::kEchoedInput}),
      required("input", &T::input, "The arguments of that call"),
      field("tool_use_id", &T::tool_use_id, "The client's", {.max_length = limits::kEchoedInput})};
};

namespace remit::tools {
namespace {

constexpr std::string_view kPrefix = "mcp__remit__";

Reply deny(std::string why) {
  return {dump(OrderedJson{{"behavior", "deny"}, {"message", std::move(why)}}), nullptr, {}};
}

// The input unchanged: the client runs what it is given back.
Reply allow(const Json& input) {
  return {dump(OrderedJson{{"behavior", "allow"}, {"updatedInput", input}}), nullptr, {}};
}

Result<void> settle_command(const Json& input, Call& call) {
  TRY(const BashArgs args, decode<BashArgs>(input));
  call.scope.tool = "Bash";
  return settle_spawn(call, request_of(args), obtain_approval);
}

Result<Reply> approve(const Json& arguments, Call& call) {
  TRY(const ApproverArgs args, decode<ApproverArgs>(arguments));
  if (!args.tool_name.starts_with(kPrefix)) {
    return deny("only tools of this server are approved here; " + escape_ascii(args.tool_name) +
                " is none");
  }
  const std::string name = args.tool_name.substr(kPrefix.size());
  const bool bash = name == "Bash" || name == "BashApproved";
  if (!bash) {
    // Each other tool asks by itself, when it is called.
    if (call.access.remit().tool(name) == nullptr)
      return deny(escape_ascii(name) + " is not granted");
    return allow(args.input);
  }
  const Result<void> settled = settle_command(args.input, call);
  if (settled) return allow(args.input);
  if (settled.error().code == "input_required" || settled.error().kind == ErrorKind::cancelled) {
    return tl::unexpected<Error>(settled.error());
  }
  return deny(settled.error().message);
}

}  // namespace

Tool make_approver(const ToolState&) {
  Tool out;
  out.name = "approve";
  out.title = "Permission prompt of a client";
  out.description =
      "For the client (--permission-prompt-tool), not for the model: says whether a "
      "call of this server's tools may be made, and asks a person where one must say yes.";
  out.annotations = {.read_only = true};
  out.output = Output::text_first;
  out.input_schema = LazySchema(schema_of<ApproverArgs>);
  out.run = approve;
  return out;
}

}  // namespace remit::tools
