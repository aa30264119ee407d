// remit export claude and remit doctor --client claude, over temporary projects.
#include "server/cli/export.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "base/json.h"
#include "server/cli/doctor_client.h"

namespace remit::server {
namespace {

class Project {
 public:
  Project() {
    std::string pattern = std::filesystem::temp_directory_path().string() + "/remit-export-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Project() { std::filesystem::remove_all(path_); }
  Project(const Project&) = delete;
  Project& operator=(const Project&) = delete;
  const std::string& path() const { return path_; }
  void put(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  std::string get(const std::string& name) const {
    std::ifstream in(std::filesystem::path(path_) / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  bool has(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::path(path_) / name);
  }

 private:
  std::string path_;
};

policy::Remit engineer() {
  policy::Remit remit;
  remit.name = remit.slug = "technical-support-engineer";
  remit.description = "Troubleshoots: \"deep\" things";
  remit.model = "sonnet";
  remit.color = "cyan";
  remit.body = "\n# Engineer\r\n\nno newline at the end: \xc3\xa9";
  remit.persona_file = "/personas/technical-support-engineer.md";
  remit.persona_sha256 = sha256_hex("the persona");
  for (const char* name : {"Read", "Bash", "memory_read"}) remit.tools.push_back({name, {}});
  remit.diagnostics.push_back({"timeline", {}});
  remit.tools_not_provided = {"TodoWrite"};
  return remit;
}

ExportOptions options_for_claude() {
  ExportOptions options;
  options.client = "claude";
  options.binary = "/opt/re mit/remit";
  options.serve_args = {"--agent", "/personas/technical-support-engineer.md", "--workspace",
                        "/w s"};
  options.tools = {"Read", "Bash", "memory_read"};
  return options;
}

const ExportedFile& file_named(const Export& exported, const std::string& path) {
  for (const ExportedFile& file : exported.files) {
    if (file.path == path) return file;
  }
  FAIL("no file " << path);
  return exported.files.front();
}

bool mentions(const std::vector<DoctorFinding>& findings, DoctorSeverity severity,
              const std::string& file, const std::string& words) {
  for (const DoctorFinding& finding : findings) {
    if (finding.severity == severity && finding.file == file &&
        finding.message.find(words) != std::string::npos && !finding.remedy.empty()) {
      return true;
    }
  }
  return false;
}

DoctorReport examine(const Project& project) {
  const DoctorOptions options{
      "claude", project.path(), "/opt/re mit/remit", {"Read", "Bash", "memory_read"}, {}};
  auto report = doctor_client(engineer(), options);
  REQUIRE(report);
  return *report;
}

TEST_CASE("export claude: the agent names exactly the served tools and keeps the body") {
  const policy::Remit remit = engineer();
  const auto exported = export_client(remit, options_for_claude());
  REQUIRE(exported);
  REQUIRE(exported->files.size() == 2);
  const std::string& agent =
      file_named(*exported, ".claude/agents/technical-support-engineer.md").content;
  CHECK(
      agent.starts_with("---\nname: technical-support-engineer\n"
                        "description: \"Troubleshoots: \\\"deep\\\" things\"\n"));
  CHECK(agent.find("\ntools: mcp__remit__Read, mcp__remit__Bash, mcp__remit__memory_read\n") !=
        std::string::npos);
  CHECK(agent.find("\nmodel: sonnet\ncolor: cyan\n---\n") != std::string::npos);
  CHECK(agent.ends_with("---\n" + remit.body));
  CHECK(agent.find("mcpServers") == std::string::npos);
}

TEST_CASE("export claude: the server, the notes and the lines") {
  const auto exported = export_client(engineer(), options_for_claude());
  REQUIRE(exported);
  const auto mcp = parse_json(file_named(*exported, ".mcp.json").content);
  REQUIRE(mcp);
  const Json& server = (*mcp)["mcpServers"]["remit"];
  CHECK(server["type"] == "stdio");
  CHECK(server["command"] == "/opt/re mit/remit");
  CHECK(server["args"] == Json({"serve", "--agent", "/personas/technical-support-engineer.md",
                                "--workspace", "/w s"}));
  CHECK(server["timeout"] == 600000);
  CHECK(exported->notes.at(0).find("TodoWrite, timeline") != std::string::npos);
  CHECK(exported->headless.starts_with("claude -p \"what to do\" --agent "));
  CHECK(exported->headless.find("--strict-mcp-config --tools \"\"") != std::string::npos);
  CHECK(exported->headless.find("permission-prompt-tool") == std::string::npos);
  CHECK(exported->check ==
        "'/opt/re mit/remit' doctor --client claude --agent "
        "/personas/technical-support-engineer.md --workspace '/w s'");
  CHECK(to_text(*exported).find("==> .mcp.json <==") != std::string::npos);
}

TEST_CASE("export claude: interactive leaves Bash to a person and switches the built-ins off") {
  ExportOptions options = options_for_claude();
  options.interactive = true;
  auto exported = export_client(engineer(), options);
  REQUIRE(exported);
  auto settings = parse_json(file_named(*exported, ".claude/settings.json").content);
  REQUIRE(settings);
  CHECK((*settings)["permissions"]["allow"] ==
        Json({"mcp__remit__Read", "mcp__remit__memory_read"}));
  CHECK((*settings)["permissions"]["deny"] == Json(claude_bypass_tools()));

  options.native_approval = true;
  options.serve_approver = true;
  exported = export_client(engineer(), options);
  REQUIRE(exported);
  settings = parse_json(file_named(*exported, ".claude/settings.json").content);
  REQUIRE(settings);
  CHECK((*settings)["permissions"]["allow"] ==
        Json({"mcp__remit__Read", "mcp__remit__Bash", "mcp__remit__memory_read"}));
  CHECK(file_named(*exported, ".mcp.json").content.find("--native-approval") != std::string::npos);
  CHECK(exported->files[0].content.find("mcp__remit__BashApproved") != std::string::npos);
  CHECK(exported->headless.find("--permission-prompt-tool mcp__remit__approve") !=
        std::string::npos);
}

TEST_CASE("export: an unknown client is refused, and the known ones are named") {
  ExportOptions options = options_for_claude();
  options.client = "claud";
  const auto unknown = export_client(engineer(), options);
  REQUIRE(!unknown);
  CHECK(unknown.error().kind == ErrorKind::invalid_argument);
  CHECK(unknown.error().message.find("claude, claude-sdk, codex") != std::string::npos);
}

TEST_CASE("write_export: writes, writes again, merges and keeps what is not ours") {
  const Project project;
  project.put(".mcp.json", R"({"zeta":1,"mcpServers":{"other":{"command":"x"}}})");
  project.put(".claude/settings.json", R"({"permissions":{"allow":["WebSearch"],"ask":["A"]}})");
  ExportOptions options = options_for_claude();
  options.interactive = true;
  const auto exported = export_client(engineer(), options);
  REQUIRE(exported);
  for (int round = 0; round < 2; ++round) {
    const auto written = write_export(*exported, engineer(), project.path());
    INFO((written ? std::string() : written.error().message));
    REQUIRE(written);
    CHECK(written->size() == 3);
  }
  const std::string mcp = project.get(".mcp.json");
  CHECK(mcp.find("zeta") < mcp.find("mcpServers"));
  const auto parsed = parse_json(mcp);
  REQUIRE(parsed);
  CHECK((*parsed)["mcpServers"]["other"]["command"] == "x");
  CHECK((*parsed)["mcpServers"]["remit"]["command"] == "/opt/re mit/remit");
  const auto settings = parse_json(project.get(".claude/settings.json"));
  REQUIRE(settings);
  CHECK((*settings)["permissions"]["allow"] ==
        Json({"WebSearch", "mcp__remit__Read", "mcp__remit__memory_read"}));
  CHECK((*settings)["permissions"]["ask"] == Json({"A"}));
}

TEST_CASE(
    "write_export: never over a persona, a stranger's file or another agent; all or nothing") {
  const std::string agent = ".claude/agents/technical-support-engineer.md";
  const auto exported = export_client(engineer(), options_for_claude());
  REQUIRE(exported);
  const auto refused = [&](const Project& project, const std::string& code) {
    const auto written = write_export(*exported, engineer(), project.path());
    REQUIRE(!written);
    CHECK(written.error().kind == ErrorKind::conflict);
    CHECK(written.error().code == code);
  };
  {
    const Project project;
    project.put(agent, "the persona");
    refused(project, "is_persona");
    CHECK(project.get(agent) == "the persona");
    CHECK(!project.has(".mcp.json"));
  }
  {
    const Project project;
    project.put(agent, "---\nname: x\n---\n");
    refused(project, "not_ours");
  }
  {
    const Project project;
    project.put(".mcp.json", R"({"mcpServers":{"remit":{"args":["serve","--agent","dba"]}}})");
    refused(project, "other_agent");
    CHECK(!project.has(agent));
  }
  const Project broken;
  broken.put(".mcp.json", "{");
  CHECK(!write_export(*exported, engineer(), broken.path()));
  CHECK(!broken.has(agent));
}

TEST_CASE("doctor claude: an empty project reaches nothing; a full export is clean") {
  const Project project;
  DoctorReport report = examine(project);
  CHECK(mentions(report.findings, DoctorSeverity::broken,
                 ".claude/agents/technical-support-engineer.md", "not there"));
  CHECK(mentions(report.findings, DoctorSeverity::broken, ".mcp.json", "no MCP server"));
  CHECK(mentions(report.findings, DoctorSeverity::bypass, ".claude/settings.json", "main session"));
  CHECK(report.looked_at.empty());

  ExportOptions options = options_for_claude();
  options.interactive = true;
  const auto exported = export_client(engineer(), options);
  REQUIRE(exported);
  REQUIRE(write_export(*exported, engineer(), project.path()));
  report = examine(project);
  INFO(to_text(report));
  CHECK(report.ok());
  CHECK(report.looked_at.size() == 3);
  const auto json = parse_json(to_json(report));
  REQUIRE(json);
  CHECK((*json)["ok"] == true);
}

TEST_CASE("doctor claude: an agent file that opens the client's tools") {
  const Project project;
  const std::string path = ".claude/agents/technical-support-engineer.md";
  const auto with = [&](const std::string& front) {
    project.put(path, "---\nname: x\n" + front + "---\n" + engineer().body);
    return examine(project).findings;
  };
  CHECK(mentions(with("tools: Read, Grep, Bash\n"), DoctorSeverity::bypass, path,
                 "Read, Grep, Bash"));
  CHECK(mentions(with("tools:\n  - mcp__remit__Read\n  - \"Write\"\n"), DoctorSeverity::bypass,
                 path, "see: Write"));
  CHECK(mentions(with("tools: [mcp__remit__Read, Edit]\n"), DoctorSeverity::bypass, path,
                 "see: Edit"));
  CHECK(mentions(with("tools:\n"), DoctorSeverity::bypass, path, "empty list"));
  CHECK(mentions(with("model: x\n"), DoctorSeverity::bypass, path, "inherits every tool"));
  CHECK(mentions(with("tools: mcp__remit__Read, mcp__remit__Bash\n"), DoctorSeverity::broken, path,
                 "for the agent: memory_read"));
  CHECK(mentions(with("tools: mcp__remit__*\nmcpServers:\n  remit: {}\n"), DoctorSeverity::broken,
                 path, "cancelled"));
  project.put(path, "no front matter\n");
  CHECK(mentions(examine(project).findings, DoctorSeverity::bypass, path, "inherits every tool"));
  project.put(path, "---\ntools: mcp__remit__*\n---\nother text\n");
  CHECK(mentions(examine(project).findings, DoctorSeverity::broken, path, "differs"));
}

TEST_CASE("doctor claude: settings and servers that let something past, with their line") {
  const Project project;
  const std::string local = ".claude/settings.local.json";
  project.put(local,
              "{\"permissions\": {\n \"allow\": [\"WebSearch\",\n  \"Bash(git log:*)\"],\n"
              " \"deny\": [\"Bash(rm:*)\"],\n \"defaultMode\": \"bypassPermissions\"},\n"
              " \"hooks\": {\"Elicitation\": []},\n \"disabledMcpjsonServers\": [\"remit\"]}\n");
  project.put(".mcp.json", R"({"mcpServers":{"remit":{"command":"./dev","args":["run"]}}})");
  const DoctorReport report = examine(project);
  CHECK(mentions(report.findings, DoctorSeverity::bypass, local, "Bash(git log:*)"));
  CHECK(mentions(report.findings, DoctorSeverity::bypass, local, "bypassPermissions"));
  CHECK(mentions(report.findings, DoctorSeverity::bypass, local, "Elicitation"));
  CHECK(mentions(report.findings, DoctorSeverity::broken, local, "switched off"));
  CHECK(mentions(report.findings, DoctorSeverity::broken, ".mcp.json", "starts ./dev"));
  CHECK(mentions(report.findings, DoctorSeverity::broken, ".mcp.json", "serves no agent"));
  CHECK(mentions(report.findings, DoctorSeverity::bypass, ".claude/settings.json",
                 "Bash, Monitor, Read"));
  for (const DoctorFinding& finding : report.findings) {
    if (finding.message.find("git log") != std::string::npos) CHECK(finding.line == 3);
    if (finding.message.find("defaultMode") != std::string::npos) CHECK(finding.line == 5);
  }
  project.put(local, "{broken");
  CHECK(mentions(examine(project).findings, DoctorSeverity::broken, local, "not a JSON object"));
  CHECK(to_text(examine(project)).find(".mcp.json:1: broken:") != std::string::npos);
  const auto other = doctor_client(engineer(), {"emacs", project.path(), "/x", {}, {}});
  REQUIRE(!other);
  CHECK(other.error().kind == ErrorKind::invalid_argument);
}

TEST_CASE("shell_word quotes what a shell would read") {
  CHECK(shell_word("/usr/bin/remit") == "/usr/bin/remit");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("$(x)") == "'$(x)'");
}

}  // namespace
}  // namespace remit::server
