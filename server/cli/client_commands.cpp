// remit export CLIENT and remit doctor.
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "policy/check.h"
#include "policy/show.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/doctor_client.h"
#include "server/cli/export.h"
#include "server/cli/serve_flags.h"
#include "server/cli/welcome.h"
#include "server/documents.h"
#include "server/mcp/dispatcher.h"
#include "server/process.h"

namespace remit::cli {
namespace {

std::vector<std::string> tool_names_of(server::Assembly& all) {
  std::vector<std::string> names;
  for (const tools::Tool& tool : all.tools()) names.push_back(tool.name);
  return names;
}

// `database`: what is known of the database of Agent_Memory; "": it is a folder.
std::string machine_report(const policy::SandboxReport& report, const std::string& database,
                           bool json) {
  if (json) {
    OrderedJson points = OrderedJson::array();
    for (const policy::CanaryPoint& point : report.canary) {
      points.push_back({{"name", point.name}, {"ok", point.ok}, {"detail", point.detail}});
    }
    return dump(OrderedJson{{"format", "remit.doctor/1"},
                            {"tier", policy::to_string(report.tier)},
                            {"landlock_abi", report.landlock_abi},
                            {"degraded", report.degraded},
                            {"remedy", report.remedy},
                            {"canary", std::move(points)},
                            {"memory", database}}) +
           "\n";
  }
  std::string text = "sandbox tier  " + std::string(policy::to_string(report.tier)) +
                     "\nLandlock ABI  " + std::to_string(report.landlock_abi) + "\n";
  if (!database.empty()) text += "Agent_Memory  " + database + "\n";
  for (const std::string& point : report.degraded) text += "degraded      " + point + "\n";
  text += "canary:\n";
  for (const policy::CanaryPoint& point : report.canary) {
    text += std::string(point.ok ? "  ok      " : "  FAILED  ") + point.name +
            (point.detail.empty() ? "" : " (" + printable(point.detail) + ")") + "\n";
  }
  if (!report.remedy.empty()) text += "remedy: " + report.remedy + "\n";
  return text;
}

}  // namespace

int export_command(std::span<const std::string> args) {
  server::AssemblyOptions options;
  options.dry = true;
  bool write = false, interactive = false, json = false;
  server::ExportOptions wanted;
  Flags flags("remit export CLIENT --agent NAME [--url URL] [--write] [--interactive]  (" +
              join_text(server::client_names(), "|") + ")");
  flags.value("--agent", &options.serve.agent, "FILE_OR_NAME  (required)")
      .value("--url", &wanted.url, "URL  of a server over HTTP, whose token is in REMIT_TOKEN")
      .toggle("--write", &write, "write the files into the workspace")
      .toggle("--interactive", &interactive, "leave Bash to the client's own prompt")
      .toggle("--json", &json, "machine readable");
  add_path_flags(flags, options.serve);
  const auto words = flags.parse(args, 1, 1);
  if (!words) return report_usage(words.error(), "export");
  if (flags.helped()) return print(flags.help()), kDone;
  if (options.serve.agent.empty()) {
    return report_usage({ErrorKind::invalid_argument, "--agent is required", {}, {}, nullptr},
                        "export");
  }
  auto assembly = server::Assembly::build(options);
  if (!assembly) return report(assembly.error());
  wanted.client = (*words)[0];
  wanted.binary = server::own_binary();
  wanted.serve_args = serve_arguments(**assembly, options.serve);
  wanted.tools = tool_names_of(**assembly);
  wanted.interactive = interactive;
  const auto exported = server::export_client((*assembly)->remit(), wanted);
  if (!exported) return report(exported.error());
  std::vector<std::string> written;
  if (write) {
    auto paths = server::write_export(*exported, (*assembly)->remit(),
                                      (*assembly)->remit().roots.front().path);
    if (!paths) return report(paths.error());
    written = std::move(*paths);
  }
  if (json) return print(server::to_json(*exported, written)), kDone;
  print(write ? server::to_summary(*exported, written) : server::to_text(*exported));
  return kDone;
}

int doctor_command(std::span<const std::string> args) {
  server::AssemblyOptions options;
  options.serve.agent = "technical-support-engineer";
  std::string client, url;
  bool json = false;
  Flags flags("remit doctor [--client NAME --agent NAME]");
  flags
      .value("--client", &client,
             "NAME  does this client's configuration let its built-ins past Remit?")
      .value("--agent", &options.serve.agent, "FILE_OR_NAME  default: technical-support-engineer")
      .value("--url", &url, "URL  the server over HTTP that --client is to use")
      .toggle("--json", &json, "machine readable");
  add_path_flags(flags, options.serve);
  const auto words = flags.parse(args, 0, 0);
  if (!words) return report_usage(words.error(), "doctor");
  if (flags.helped()) return print(flags.help()), kDone;
  options.dry = !client.empty();
  auto assembly = server::Assembly::build(options);
  if (!assembly) return report(assembly.error());
  if (client.empty()) {
    const policy::SandboxReport& sandbox = (*assembly)->access().sandbox();
    print(machine_report(sandbox, (*assembly)->database_report(), json));
    return sandbox.tier == policy::Tier::t1 ? kDone : kFindings;
  }
  const server::DoctorOptions wanted{client,
                                     (*assembly)->remit().roots.front().path,
                                     server::own_binary(),
                                     tool_names_of(**assembly),
                                     serve_arguments(**assembly, options.serve),
                                     url};
  const auto found = server::doctor_client((*assembly)->remit(), wanted);
  if (!found) return report(found.error());
  print(json ? server::to_json(*found) + "\n" : server::to_text(*found));
  return found->ok() ? kDone : kFindings;
}

std::string tools_list_hash(const policy::Remit& remit) {
  mcp::Service service;
  tools::ToolState state;  // declarations only: nothing is called
  state.redactor = std::make_shared<Redactor>(std::string(32, '\0'));
  service.tools = tools::granted_tools(remit, state);
  return mcp::Server(std::move(service)).tools_sha256();
}

}  // namespace remit::cli
