// What the doctor says about projects of the other clients that undo an export, and what an export
// does to files that are there. What the files say: tests/e2e/clients/exports.mjs.
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include "server/cli/doctor_client.h"
#include "server/cli/export.h"

namespace remit::server {
namespace {

class Exported {
 public:
  explicit Exported(const std::string& client, const std::string& url = "") {
    std::string pattern = std::filesystem::temp_directory_path().string() + "/remit-client-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    remit_.slug = remit_.name = "dba";
    remit_.description = "d";
    remit_.body = "who it is\n";
    remit_.persona_file = "/p/dba.md";
    options_.client = client;
    options_.url = url;
    options_.binary = "/usr/bin/remit";
    options_.serve_args = {"--agent", "/p/dba.md"};
    options_.tools = {"Read", "Bash"};
    write();
  }
  ~Exported() { std::filesystem::remove_all(path_); }
  Exported(const Exported&) = delete;
  Exported& operator=(const Exported&) = delete;

  Result<std::vector<std::string>> try_write() const {
    const auto exported = export_client(remit_, options_);
    if (!exported) return tl::unexpected<Error>(exported.error());
    return write_export(*exported, remit_, path_);
  }
  void write() const {
    const auto written = try_write();
    INFO((written ? std::string() : written.error().message));
    REQUIRE(written);
  }
  ExportOptions& options() { return options_; }
  void put(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  std::string get(const std::string& name) const {
    std::ifstream in(std::filesystem::path(path_) / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  // Replaces the first `what` of a file, which must be there.
  void edit(const std::string& name, const std::string& what, const std::string& with) const {
    std::string text = get(name);
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    put(name, text.replace(at, what.size(), with));
  }
  DoctorReport look() const {
    const auto report = doctor_client(remit_, {options_.client, path_, options_.binary,
                                               options_.tools, options_.serve_args, options_.url});
    INFO((report ? std::string() : report.error().message));
    REQUIRE(report);
    return *report;
  }
  // Whether the only finding says so.
  bool finds(DoctorSeverity severity, const std::string& words) const {
    const DoctorReport report = look();
    INFO(to_text(report));
    CHECK(report.findings.size() == 1);
    return !report.findings.empty() && report.findings[0].severity == severity &&
           report.findings[0].message.find(words) != std::string::npos &&
           (!report.findings[0].remedy.starts_with("run: ") ||
            report.findings[0].remedy.starts_with("run: /usr/bin/remit export " + options_.client +
                                                  " --agent /p/dba.md --write"));
  }

 private:
  std::string path_;
  policy::Remit remit_;
  ExportOptions options_;
};

constexpr DoctorSeverity kBypass = DoctorSeverity::bypass;
constexpr DoctorSeverity kBroken = DoctorSeverity::broken;

TEST_CASE("doctor codex: each thing that opens the configuration again") {
  const std::string file = ".codex/config.toml";
  struct Case {
    std::string what, with;
    DoctorSeverity severity;
    std::string words;
  };
  for (const Case& one : {
           Case{"shell_tool = false", "shell_tool = true", kBypass, "features.shell_tool"},
           Case{"sandbox_mode = \"read-only\"", "sandbox_mode = \"workspace-write\"", kBypass,
                "apply_patch"},
           Case{"enabled = false", "enabled = true", kBypass, "agents of its own"},
           Case{"required = true\n", "", kBroken, "without Remit"},
           Case{"[\"Read\", \"Bash\"]", "[\"Read\"]", kBroken, "lacks Bash"},
           Case{"/usr/bin/remit", "/tmp/other", kBroken, "starts /tmp/other"},
           Case{"/p/dba.md", "/p/else.md", kBroken, "serves /p/else.md"},
           Case{"who it is", "another", kBroken, "its text differs"},
           Case{"[mcp_servers.remit]", "[mcp_servers.files]\ncommand = \"x\"\n[mcp_servers.remit]",
                kBypass, "server files"},
           Case{"required = true", "required = true true", kBroken, "not TOML"},
       }) {
    const Exported project("codex");
    CAPTURE(one.what);
    CHECK(project.look().ok());
    project.edit(file, one.what, one.with);
    CHECK(project.finds(one.severity, one.words));
  }
}

TEST_CASE("doctor gemini: the policy and what switches it or the server off") {
  const std::string policy = ".gemini/remit-policy.toml", settings = ".gemini/settings.json";
  {
    const Exported project("gemini");
    CHECK(project.look().ok());
    project.edit(policy, "\"deny\"", "\"allow\"");
    CHECK(project.finds(kBypass, "does not deny"));
  }
  {
    const Exported project("gemini");
    project.put(policy,
                project.get(policy) +
                    "[[rule]]\ntoolName = \"read_file\"\ndecision = \"allow\"\npriority = 999\n");
    CHECK(project.finds(kBypass, "rule 3"));
  }
  {
    const Exported project("gemini");
    project.edit(settings, ".gemini/remit-policy.toml", "other.toml");
    CHECK(project.finds(kBypass, "policyPaths lacks"));
  }
  {
    const Exported project("gemini");
    project.edit(settings, "\"exclude\": [", "\"core\": [], // a comment\n \"exclude\": [");
    CHECK(project.finds(kBroken, "tools.core"));
  }
  {
    const Exported project("gemini");
    project.edit(settings, "{\n", "{\n\"mcp\": {\"allowed\": [\"other\"]},\n");
    CHECK(project.finds(kBroken, "switched off"));
  }
}

TEST_CASE("doctor opencode: permissions in any of its files") {
  {
    const Exported project("opencode");
    CHECK(project.look().ok());
    project.edit("opencode.json", "\"*\": \"deny\"", "\"*\": \"deny\", \"bash\": \"allow\"");
    CHECK(project.finds(kBypass, "permission.bash"));
  }
  {
    const Exported project("opencode");
    project.edit("opencode.json", "\"*\": \"deny\",", "");
    CHECK(project.finds(kBypass, "does not start with"));
  }
  {
    const Exported project("opencode");
    project.edit("opencode.json", "\"enabled\": true", "\"enabled\": false");
    CHECK(project.finds(kBroken, "switched off"));
  }
  {
    const Exported project("opencode");
    project.put("opencode.jsonc",
                "{ // mine\n \"agent\": {\"build\": {\"permission\": {\"edit\": \"allow\"}}}, }");
    CHECK(project.finds(kBypass, "agent.build.permission.edit"));
  }
  {
    const Exported project("opencode");
    project.put(".opencode/agents/other.md",
                "---\nmode: primary\npermission:\n  bash: allow\n---\n");
    CHECK(project.finds(kBypass, "another agent"));
    CHECK(project.look().findings[0].line == 3);
  }
  // Below folders too, in any form of YAML; what denies, or speaks of Remit's tools, may stand.
  struct Case {
    const char* path;
    const char* text;
    const char* words;  // "" if it is none
  };
  for (const Case& one : {
           Case{".opencode/agent/deep/er/x.md", "---\n{permission: {bash: allow}}\n---\n",
                "another agent"},
           Case{".opencode/agents/x.md", "---\n\"permission\" : allow\n---\n", "another agent"},
           Case{".opencode/mode/x.md", "---\ntools:\n  bash: true\n---\n", "tools of its own"},
           Case{".opencode/agents/x.md", "---\npermission: {bash: {'*': deny, ls: ask}}\n---\n",
                "another agent"},
           Case{".opencode/agents/x.md", "---\npermission: &a {bash: allow}\n---\n",
                "cannot be read"},
           Case{".opencode/agents/x.md",
                "---\npermission:\n  bash: {'*': deny}\n  remit_Bash: ask\n---\n", ""},
           Case{".opencode/agents/x.md", "text\npermission: allow\n", ""},
           Case{".opencode/plugin/x.ts", "", "a plugin"},
           Case{".opencode/opencode.json", R"({"plugin": ["other"]})", "a plugin"},
       }) {
    CAPTURE(one.text);
    const Exported project("opencode");
    project.put(one.path, one.text);
    if (*one.words == '\0')
      CHECK(project.look().ok());
    else
      CHECK(project.finds(kBypass, one.words));
  }
  {
    const Exported project("opencode");
    project.edit(".opencode/agents/dba.md", "\"*\": deny", "\"*\": allow");
    CHECK(project.finds(kBypass, "differs"));
  }
}

TEST_CASE("doctor: an edited persona, and what has no switch") {
  const Exported project("vscode");
  DoctorReport report = project.look();
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].severity == DoctorSeverity::limit);
  project.edit(".github/agents/dba.agent.md", "who it is", "nobody");
  project.put(".vscode/settings.json", "{\"chat.tools.autoApprove\": true}");
  report = project.look();
  REQUIRE(report.findings.size() == 3);
  CHECK(report.findings[0].message.find("its text differs") != std::string::npos);
  CHECK(report.findings[1].message.find("autoApprove") != std::string::npos);
  const Exported cursor("cursor");
  cursor.edit(".cursor/cli.json", "\"Mcp(remit:Read)\"", "\"Mcp(remit:Read)\", \"Shell(ls)\"");
  CHECK(cursor.look().findings.at(0).message.find("Shell(ls)") != std::string::npos);
}

TEST_CASE("doctor: comments are read only where the client reads them") {
  for (const char* client : {"claude", "cursor", "gemini"}) {
    CAPTURE(client);
    const Exported project(client);
    const std::string file = client == std::string("claude")   ? ".mcp.json"
                             : client == std::string("cursor") ? ".cursor/mcp.json"
                                                               : ".gemini/settings.json";
    project.edit(file, "{", "{ // a remark");
    const DoctorReport report = project.look();
    INFO(to_text(report));
    CHECK(report.ok() == (client == std::string("gemini")));
    CHECK(std::any_of(report.findings.begin(), report.findings.end(), [](const DoctorFinding& one) {
            return one.message.find("not a JSON object") != std::string::npos;
          }) == (client != std::string("gemini")));
  }
}

TEST_CASE("doctor: a server over HTTP is not taken for Remit, nor one that has a command, too") {
  const Exported project("gemini");
  const std::string file = ".gemini/settings.json", written = project.get(".gemini/settings.json");
  project.edit(file, "\"command\": \"/usr/bin/remit\"", "\"httpUrl\": \"http://127.0.0.1:1/mcp\"");
  CHECK(project.finds(DoctorSeverity::limit, "over HTTP"));
  project.put(file, written);
  project.edit(file, "\"command\": \"/usr/bin/remit\"",
               "\"url\": \"http://127.0.0.1:1/mcp\", \"command\": \"/tmp/other\"");
  CHECK(project.finds(kBroken, "starts /tmp/other"));
}

TEST_CASE(
    "a server over HTTP: each client's own form, no token in a file, and the doctor knows it") {
  const std::string url = "http://127.0.0.1:8811/mcp";
  struct Case {
    const char* client;
    const char* file;
    std::vector<std::string> words;
  };
  for (const Case& one : {
           Case{"claude", ".mcp.json", {"\"type\": \"http\"", "\"Bearer ${REMIT_TOKEN}\""}},
           Case{"codex", ".codex/config.toml", {"bearer_token_env_var = \"REMIT_TOKEN\""}},
           Case{"gemini", ".gemini/settings.json", {"\"httpUrl\"", "\"Bearer $REMIT_TOKEN\""}},
           Case{"opencode", "opencode.json", {"\"remote\"", "\"Bearer {env:REMIT_TOKEN}\""}},
           Case{"vscode",
                ".vscode/mcp.json",
                {"\"type\": \"http\"", "\"Bearer ${input:remit_token}\"", "\"password\": true"}},
           Case{"copilot",
                ".github/agents/dba.agent.md",
                {"type: http", "\"Bearer $COPILOT_MCP_REMIT_TOKEN\""}},
           Case{"cursor", ".cursor/mcp.json", {"\"Bearer ${env:REMIT_TOKEN}\""}},
           Case{"claude-sdk", "remit_claude_sdk.py", {"\"type\": \"http\"", "os.environ"}},
           Case{"claude-sdk", "remit_claude_sdk.mjs", {"type: 'http'", "process.env.REMIT_TOKEN"}},
           Case{"openai-agents",
                "remit_openai_agents.py",
                {"MCPServerStreamableHttp(", "os.environ"}},
           Case{"langchain", "remit_langchain.py", {"\"transport\": \"http\"", "os.environ"}},
           Case{"json", "remit.mcp.json", {"\"type\": \"http\"", "\"Bearer ${REMIT_TOKEN}\""}},
       }) {
    CAPTURE(one.client);
    const Exported project(one.client, url);
    const std::string text = project.get(one.file);
    INFO(text);
    CHECK(text.find(url) != std::string::npos);
    CHECK(text.find("/usr/bin/remit") == std::string::npos);
    for (const std::string& words : one.words) {
      CAPTURE(words);
      CHECK(text.find(words) != std::string::npos);
    }
    for (const DoctorFinding& finding : project.look().findings) {
      INFO(finding.message);
      CHECK((finding.severity == DoctorSeverity::limit ||
             finding.message.find("main session") != std::string::npos));
    }
    project.write();  // again, which changes nothing
    CHECK(project.get(one.file) == text);
  }
  Exported project("gemini", url);
  project.options().url = "http://127.0.0.1:9/mcp";
  CHECK(project.look().findings.at(0).message.find("not the one at") != std::string::npos);
  const auto other = project.try_write();
  REQUIRE(!other);
  CHECK(other.error().code == "other_agent");
  for (const char* bad : {"127.0.0.1:1/mcp", "ftp://x/mcp", "http://x/mcp?token=y",
                          "http://a@x/mcp", "http://x/'", "http://x/\"", "http://x/$HOME"}) {
    CAPTURE(bad);
    project.options().url = bad;
    const auto refused = project.try_write();
    REQUIRE(!refused);
    CHECK(refused.error().kind == ErrorKind::invalid_argument);
  }
}

TEST_CASE("what an earlier export allowed and is no longer granted goes") {
  Exported project("claude");
  project.options().interactive = true;
  project.options().tools = {"Read", "Write", "Bash"};
  project.put(".claude/settings.json",
              R"json({"permissions": {"allow": ["WebFetch(domain:x)", "mcp__remit__Bash"]}})json");
  project.write();
  const std::string file = ".claude/settings.json";
  CHECK(project.get(file).find("mcp__remit__Write") != std::string::npos);
  CHECK(project.get(file).find("mcp__remit__Bash") == std::string::npos);
  project.options().tools = {"Read", "Bash"};
  project.write();
  CHECK(project.get(file).find("mcp__remit__Write") == std::string::npos);
  CHECK(project.get(file).find("mcp__remit__Read") != std::string::npos);
  CHECK(project.get(file).find("WebFetch(domain:x)") != std::string::npos);
}

TEST_CASE("write_export: comments, other values and unknown ends of paths stay as they are") {
  {
    const Exported project("opencode");
    project.put("opencode.json", "{ // mine\n}");
    const auto written = project.try_write();
    REQUIRE(!written);
    CHECK(written.error().code == "has_comments");
  }
  {
    Exported project("opencode");
    project.options().interactive = true;
    project.write();  // from one form to the other and back
    CHECK(project.get("opencode.json").find("\"remit_Bash\": \"ask\"") != std::string::npos);
    CHECK(project.look().ok());
    project.options().interactive = false;
    project.write();
    project.edit("opencode.json", "\"*\": \"deny\"", "\"*\": \"ask\"");
    const auto written = project.try_write();
    REQUIRE(!written);
    CHECK(written.error().code == "other_value");
  }
  Exported project("cursor");
  project.options().interactive = true;
  project.write();
  CHECK(project.get(".cursor/cli.json").find("remit:Bash") == std::string::npos);
}

}  // namespace
}  // namespace remit::server
