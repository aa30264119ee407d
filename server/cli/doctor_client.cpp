#include "server/cli/doctor_client.h"

#include "base/json.h"
#include "base/text.h"
#include "server/cli/clients.h"
#include "server/cli/doctor_examination.h"

namespace remit::server {

const char* to_string(DoctorSeverity severity) {
  switch (severity) {
    case DoctorSeverity::bypass:
      return "bypass";
    case DoctorSeverity::broken:
      return "broken";
    case DoctorSeverity::limit:
      return "limit";
  }
  return "broken";
}

Result<DoctorReport> doctor_client(const policy::Remit& remit, const DoctorOptions& options) {
  const Client* client = find_client(options.client);
  if (client == nullptr) {
    return fail(ErrorKind::invalid_argument,
                "unknown client '" + escape_ascii(options.client) +
                    "'; available clients: " + join_text(client_names(), ", "));
  }
  TRY(Fd project, fs::open_root(options.project));
  Examination examination(remit, options, std::move(project));
  ExportOptions wanted;
  wanted.client = options.client;
  wanted.binary = options.binary;
  wanted.serve_args = options.serve_args;
  wanted.url = options.url;
  wanted.tools = options.tools;
  const Export exported = client->fill(remit, wanted);
  wanted.interactive = true;
  if (client->compared) TRY_DO(examination.compare(exported, client->fill(remit, wanted)));
  if (client->examine != nullptr) TRY_DO(client->examine(examination));
  for (const Limit& limit : exported.limits) {
    const std::string file = exported.files.empty() ? "" : exported.files.front().path;
    examination.add(DoctorSeverity::limit, file, 1, limit.message, limit.remedy);
  }
  return examination.finish(client->not_looked_at);
}

std::string to_text(const DoctorReport& report) {
  std::string text;
  for (const DoctorFinding& finding : report.findings) {
    text += printable(finding.file) + ":" + std::to_string(finding.line) + ": " +
            to_string(finding.severity) + ": " + printable(finding.message) + "\n  " +
            printable(finding.remedy) + "\n";
  }
  if (report.ok()) {
    text += "no built-in tool of " + report.client + " gets past Remit in this project\n";
  }
  text += "looked at: " + printable(join_text(report.looked_at, ", ")) + "\n";
  if (!report.not_there.empty())
    text += "not there: " + printable(join_text(report.not_there, ", ")) + "\n";
  return text + "not looked at: " + report.not_looked_at + "\n";
}

std::string to_json(const DoctorReport& report) {
  OrderedJson root;
  root["client"] = report.client;
  root["ok"] = report.ok();
  root["findings"] = OrderedJson::array();
  for (const DoctorFinding& finding : report.findings) {
    OrderedJson row;
    row["severity"] = to_string(finding.severity);
    row["file"] = finding.file;
    row["line"] = finding.line;
    row["message"] = finding.message;
    row["remedy"] = finding.remedy;
    root["findings"].push_back(std::move(row));
  }
  root["looked_at"] = report.looked_at;
  root["not_there"] = report.not_there;
  root["not_looked_at"] = report.not_looked_at;
  return dump_pretty(root);
}

}  // namespace remit::server
