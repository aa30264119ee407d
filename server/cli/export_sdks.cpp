// Agent libraries: a module of the library's own language that gives an agent Remit's tools and
// nothing else. What varies is data, written by one quoting, in one place at the top of the module.
#include "base/limits.h"
#include "server/cli/client_formats.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

ExportedFile program(std::string path, std::string content) {
  return {ExportedFile::Format::program, std::move(path), std::move(content), {}};
}

// What every module starts with: the data of this agent, as literals of Python.
std::string python_head(std::string_view client, const policy::Remit& remit,
                        const ExportOptions& options, const OrderedJson& tools) {
  std::string text = marker_line("#", client);
  if (!options.url.empty()) text += "\nimport os\n";
  text += "\nNAME = " + quote_text(remit.slug) + "\n";
  text += "DESCRIPTION = " + quote_text(remit.description) + "\n";
  text += "PERSONA = " + quote_text(remit.body) + "\n";
  if (options.url.empty()) {
    text += "COMMAND = " + quote_text(options.binary) + "\n";
    text += "ARGS = " + to_python(server_object(options).at("args")) + "\n";
  } else {
    text += "URL = " + quote_text(options.url) + "\n";
    text += "HEADERS = {\"Authorization\": \"Bearer \" + os.environ[\"REMIT_TOKEN\"]}\n";
  }
  text += "TOOLS = " + to_python(tools) + "\n";
  return text;
}

// The same server as the library wants it: `kind` is the key that names its transport; none
// without.
std::string python_server(const ExportOptions& options, std::string_view kind) {
  const bool remote = !options.url.empty();
  std::string text = "SERVER = {";
  if (!kind.empty()) text += quote_text(kind) + ": " + (remote ? "\"http\"" : "\"stdio\"") + ", ";
  text += remote ? "\"url\": URL, \"headers\": HEADERS" : "\"command\": COMMAND, \"args\": ARGS";
  return text + "}\n";
}

OrderedJson allowed_tools(const ExportOptions& options) {
  OrderedJson names = OrderedJson::array();
  for (const std::string& tool : options.tools) {
    if (!options.interactive || tool != "Bash") names.push_back(std::string(kToolPrefix) + tool);
  }
  return names;
}

constexpr std::string_view kClaudePython = R"(
import asyncio
import json
import sys

from claude_agent_sdk import (
    AgentDefinition,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    PermissionResultAllow,
    PermissionResultDeny,
)


async def can_use_tool(name, tool_input, context):
    """Asks on the terminal about what ALLOWED does not name, and refuses all but Remit's tools."""
    if name not in TOOLS:
        return PermissionResultDeny(message="only the tools of the server remit may be used")
    print(name, json.dumps(tool_input), file=sys.stderr)
    answer = await asyncio.to_thread(input, "Run it? [y/N] ")
    if answer.strip().lower() == "y":
        return PermissionResultAllow(updated_input=tool_input)
    return PermissionResultDeny(message="the person said no")


def options(**more):
    """No tool of the client, no settings file, no server but Remit's."""
    return ClaudeAgentOptions(
        mcp_servers={"remit": SERVER},
        strict_mcp_config=True,
        setting_sources=[],
        tools=[],
        allowed_tools=ALLOWED,
        system_prompt=PERSONA,
        agents={
            NAME: AgentDefinition(
                description=DESCRIPTION, prompt=PERSONA, tools=TOOLS, mcpServers=["remit"]
            )
        },
        can_use_tool=can_use_tool,
        **more,
    )


async def main(prompt):
    async with ClaudeSDKClient(options=options()) as client:
        await client.query(prompt)
        async for message in client.receive_response():
            print(message)


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:])))
)";

constexpr std::string_view kClaudeScript = R"(
import { pathToFileURL } from 'node:url';

// A question of Remit's is declined, until the program that imports this asks somebody: `remit approve`
// in another terminal answers, too.
export async function onElicitation() {
  return { action: 'decline' };
}

// Refuses all but Remit's tools; what `allowedTools` does not name is refused, too, until the program
// that imports this asks somebody.
export async function canUseTool(name, input) {
  return { behavior: 'deny', message: `${name} is not allowed here` };
}

// No tool of the client, no settings file, no server but Remit's.
export const options = {
  mcpServers: { remit: server },
  strictMcpConfig: true,
  settingSources: [],
  tools: [],
  allowedTools,
  systemPrompt: persona,
  agents: { [name]: { description, prompt: persona, tools, mcpServers: ['remit'] } },
  canUseTool,
  onElicitation,
};

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { query } = await import('@anthropic-ai/claude-agent-sdk');
  for await (const message of query({ prompt: process.argv.slice(2).join(' '), options })) {
    console.log(message);
  }
}
)";

constexpr std::string_view kOpenaiPython = R"(
import asyncio
import sys

from agents import Agent, Runner
from agents.mcp import @SERVER@, create_static_tool_filter


def server():
    """The only tools that the agent has; SECONDS is longer than the longest command."""
    return @SERVER@(
        name="remit",
        params=SERVER,
        cache_tools_list=True,
        client_session_timeout_seconds=SECONDS,
        tool_filter=create_static_tool_filter(allowed_tool_names=TOOLS),
        require_approval=APPROVAL,
    )


def agent(remit):
    return Agent(name=NAME, handoff_description=DESCRIPTION, instructions=PERSONA, mcp_servers=[remit])


async def main(prompt):
    async with server() as remit:
        result = await Runner.run(agent(remit), prompt)
        print(result.final_output)


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:])))
)";

constexpr std::string_view kLangchainPython = R"(
from langchain_mcp_adapters.client import MultiServerMCPClient

SERVERS = {"remit": SERVER}


def client():
    return MultiServerMCPClient(SERVERS)


async def tools():
    """What an agent may be given: Remit's tools that the persona grants, and no others.

    For example: create_agent(model, tools=await tools(), system_prompt=PERSONA)
    """
    return [tool for tool in await client().get_tools() if tool.name in TOOLS]
)";

std::string seconds() {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(limits::kBashTimeoutMax).count());
}

}  // namespace

Export fill_claude_sdk(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  const OrderedJson tools = tool_names(options, kToolPrefix);
  out.files.push_back(program("remit_claude_sdk.py",
                              python_head("claude-sdk", remit, options, tools) +
                                  "ALLOWED = " + to_python(allowed_tools(options)) + "\n" +
                                  python_server(options, "type") + std::string(kClaudePython)));
  std::string script = marker_line("//", "claude-sdk") + "\n";
  const auto constant = [&](const char* name, const std::string& value) {
    script += "const " + std::string(name) + " = " + value + ";\n";
  };
  // Lists of quoted strings are written alike in both languages.
  constant("name", quote_text(remit.slug));
  constant("description", quote_text(remit.description));
  constant("persona", quote_text(remit.body));
  if (options.url.empty()) {
    constant("command", quote_text(options.binary));
    constant("args", to_python(server_object(options).at("args")));
    constant("server", "{ type: 'stdio', command, args }");
  } else {
    constant("headers", "{ Authorization: 'Bearer ' + process.env.REMIT_TOKEN }");
    constant("server", "{ type: 'http', url: " + quote_text(options.url) + ", headers }");
  }
  constant("tools", to_python(tools));
  constant("allowedTools", to_python(allowed_tools(options)));
  out.files.push_back(program("remit_claude_sdk.mjs", script + std::string(kClaudeScript)));
  out.headless = "python3 remit_claude_sdk.py \"what to do\"";
  return out;
}

Export fill_openai_agents(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  const std::string approval =
      options.interactive ? "{\"always\": {\"tool_names\": [\"Bash\"]}}" : "\"never\"";
  std::string body(kOpenaiPython);
  constexpr std::string_view kPlace = "@SERVER@";
  for (std::size_t at = body.find(kPlace); at != std::string::npos; at = body.find(kPlace))
    body.replace(at, kPlace.size(),
                 options.url.empty() ? "MCPServerStdio" : "MCPServerStreamableHttp");
  out.files.push_back(
      program("remit_openai_agents.py",
              python_head("openai-agents", remit, options, tool_names(options, "")) +
                  python_server(options, "") + "APPROVAL = " + approval +
                  "\nSECONDS = " + seconds() + "\n" + body));
  if (options.interactive) {
    out.notes.emplace_back(
        "a run stops at Bash with result.interruptions: approve them, then Runner.run goes on");
  }
  out.headless = "python3 remit_openai_agents.py \"what to do\"";
  return out;
}

Export fill_langchain(const policy::Remit& remit, const ExportOptions& options) {
  Export out;
  out.files.push_back(program("remit_langchain.py",
                              python_head("langchain", remit, options, tool_names(options, "")) +
                                  python_server(options, "transport") +
                                  std::string(kLangchainPython)));
  if (options.interactive) {
    out.notes.emplace_back(
        "to be asked before Bash, add HumanInTheLoopMiddleware(interrupt_on={\"Bash\": True})");
  }
  return out;
}

}  // namespace remit::server
