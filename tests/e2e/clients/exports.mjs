// What `remit export` writes, for every client, read by a parser of the client's own format that
// nobody here wrote (node's JSON, the npm package yaml, Python's tomllib and Python itself), with a
// persona and paths full of what a careless emitter would stumble over.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse as parseYaml } from 'yaml';
import { binary, check, done, House, persona } from '../house.mjs';

const description = 'Says "hi" & \'bye\': #1 - {a: [b]} \\n \\" %s ${HOME} {env:HOME} */ --> \u00e9\u{1F980} end';
const body = '# "Quoted" \'\'\' """ \\ \\u0041 ${HOME} {file:/etc/passwd} \u2028\u0085\ufeff \u{1F980}\n\tTab\n---\nkey: value\n"""\n\'\'\'\n*/ `${x}`\nlast line, no newline';
// The same for names of folders; what a client would replace in its configuration is added below.
const hostile = 'w\u00f6rk "q" \'a\' \\ \n #: [x] \u{1F980} %s';
const substitutes = { claude: '${HOME}', gemini: '$HOME', opencode: '{env:HOME}', copilot: '$HOME', vscode: '$HOME', cursor: '${HOME}', json: '${HOME}' };

class Project extends House {
  constructor(name, folder) {
    super(name);
    this.workspace = join(this.root, folder);
    this.memory = join(this.root, 'memory "m"');
    mkdirSync(this.workspace, { recursive: true });
    mkdirSync(this.memory);
    mkdirSync(join(this.root, 'it\'s'));
    this.persona = join(this.root, 'it\'s', 'odd-one.md');
    writeFileSync(this.persona, `---\nname: odd-one\ndescription: ${JSON.stringify(description)}\ntools: Read, Write, Bash\nmodel: "no"\n---\n${body}`);
  }
  export(client, ...more) {
    return this.run('export', client, '--agent', this.persona, '--workspace', this.workspace, '--memory', this.memory,
      '--state', this.state, '--json', ...more);
  }
  serve() {
    return ['serve', '--agent', this.persona, '--workspace', this.workspace, '--memory', this.memory, '--state', this.state];
  }
}

const url = 'http://127.0.0.1:8811/mcp';
process.env.REMIT_TOKEN = 'of-the-test';  // for the modules, which read it where they are loaded

function python(program, ...args) {
  const ran = spawnSync('python3', ['-c', program, ...args], { encoding: 'utf8', cwd: '/', input: 'y\nn\n' });
  check(ran.status === 0, 'python reads it', { error: String(ran.error ?? ''), stderr: ran.stderr });
  return JSON.parse(ran.stdout.replace(/^(Run it\? \[y\/N\] )+/, ''));  // what a module asked
}
const toml = (path) => python('import json,sys,tomllib; print(json.dumps(tomllib.load(open(sys.argv[1],"rb"))))', path);

// Runs a module of Python with libraries that only write down what they are given.
const runModule = (path, expression) => python(`
import asyncio, importlib.util, json, sys, types
class Any:
    def __init__(self, *args, **named): self.args, self.named = args, named
def library(name, *names):
    module = types.ModuleType(name)
    for one in names: setattr(module, one, type(one, (Any,), {}))
    sys.modules[name] = module
library('claude_agent_sdk', 'AgentDefinition', 'ClaudeAgentOptions', 'ClaudeSDKClient', 'PermissionResultAllow', 'PermissionResultDeny')
library('agents', 'Agent', 'Runner')
library('agents.mcp', 'MCPServerStdio', 'MCPServerStreamableHttp', 'create_static_tool_filter')
library('langchain_mcp_adapters')
library('langchain_mcp_adapters.client', 'MultiServerMCPClient')
spec = importlib.util.spec_from_file_location('exported', sys.argv[1])
module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)
def plain(value): return {'args': value.args, **value.named} if isinstance(value, Any) else str(value)
print(json.dumps(eval(sys.argv[2], {'m': module, 'asyncio': asyncio}), default=plain))`, path, expression);

const agent = (text) => {
  const end = text.indexOf('\n---', 4);
  return { front: parseYaml(text.slice(4, end + 1)), body: text.slice(end + 5) };
};

// Per client: what its files must say, each read from disk. `at` reads one file of the project.
const same = (seen, wanted, what) => check(JSON.stringify(seen) === JSON.stringify(wanted), what, { seen, wanted });
const checks = {
  claude({ json, markdown, server, prompt, tools }, interactive) {
    const { type, command, args, timeout } = json('.mcp.json').mcpServers.remit;
    same([type, command, args, timeout], ['stdio', binary, server, 600000], 'claude: the server');
    const front = markdown('.claude/agents/odd-one.md', prompt);
    same([front.description, front.tools, front.model], [description, tools.map((one) => 'mcp__remit__' + one).join(', '), 'no'], 'claude: the agent');
    if (interactive) check(!json('.claude/settings.json').permissions.allow.includes('mcp__remit__Bash'), 'claude: Bash is asked about');
  },
  codex({ toml: read, server, prompt, tools }, interactive) {
    const config = read('.codex/config.toml');
    same(config.developer_instructions, prompt, 'codex: the persona');
    const remit = config.mcp_servers.remit;
    same([remit.command, remit.args, remit.enabled_tools, remit.required], [binary, server, tools, true], 'codex: the server');
    same([config.sandbox_mode, config.features.shell_tool, config.agents.enabled], ['read-only', false, false], 'codex: its own tools');
    same(remit.tools?.Bash?.approval_mode, interactive ? 'prompt' : undefined, 'codex: Bash');
  },
  gemini({ json, toml: read, markdown, server, prompt, tools }, interactive) {
    const settings = json('.gemini/settings.json');
    same([settings.mcpServers.remit.command, settings.mcpServers.remit.args, settings.mcpServers.remit.trust],
      [binary, server, interactive ? undefined : true], 'gemini: the server');
    same(settings.policyPaths, ['.gemini/remit-policy.toml'], 'gemini: the policy is read');
    const rules = read('.gemini/remit-policy.toml').rule;
    same([rules[0].toolName, rules[0].decision, rules[1].toolName], ['*', 'deny', tools.map((one) => 'mcp_remit_' + one)], 'gemini: the policy');
    same(rules[2]?.decision, interactive ? 'ask_user' : undefined, 'gemini: Bash');
    const front = markdown('.gemini/agents/odd-one.md', prompt);
    same([front.description, front.tools], [description, ['mcp_remit_*']], 'gemini: the agent');
  },
  opencode({ json, markdown, server, prompt }, interactive) {
    const config = json('opencode.json');
    same(config.mcp.remit.command, [binary, ...server], 'opencode: the server');
    const rules = interactive ? { '*': 'deny', 'remit_*': 'allow', remit_Bash: 'ask' } : { '*': 'deny', 'remit_*': 'allow' };
    same(config.permission, rules, 'opencode: permissions');
    const front = markdown('.opencode/agents/odd-one.md', prompt);
    same([front.description, front.permission], [description, rules], 'opencode: the agent');
  },
  vscode({ json, markdown, server, prompt }) {
    same(json('.vscode/mcp.json').servers.remit, { type: 'stdio', command: binary, args: server }, 'vscode: the server');
    same(markdown('.github/agents/odd-one.agent.md', prompt).tools, ['remit/*'], 'vscode: the agent');
  },
  copilot({ markdown, server, prompt }) {
    const front = markdown('.github/agents/odd-one.agent.md', prompt);
    same([front.name, front.description, front.tools], ['odd-one', description, ['remit/*']], 'copilot: the agent');
    same(front['mcp-servers'].remit, { type: 'local', command: binary, args: server, tools: ['*'] }, 'copilot: the server');
  },
  cursor({ json, markdown, server, prompt }, interactive) {
    same(json('.cursor/mcp.json').mcpServers.remit, { command: binary, args: server }, 'cursor: the server');
    const { allow, deny } = json('.cursor/cli.json').permissions;
    same([allow.includes('Mcp(remit:Bash)'), deny], [!interactive, ['Shell(*)', 'Read(**)', 'Write(**)', 'WebFetch(*)']], 'cursor: permissions');
    same(markdown('.cursor/agents/odd-one.md', prompt).description, description, 'cursor: the agent');
  },
  json({ json, server }) {
    same(json('remit.mcp.json').mcpServers.remit, { type: 'stdio', command: binary, args: server }, 'json: the server');
  },
  async 'claude-sdk'({ at, server, prompt, tools }, interactive) {
    const named = tools.map((one) => 'mcp__remit__' + one);
    const allowed = named.filter((one) => !interactive || one !== 'mcp__remit__Bash');
    const options = runModule(at('remit_claude_sdk.py'), 'm.options()');
    same([options.mcp_servers.remit, options.tools, options.allowed_tools, options.system_prompt],
      [{ type: 'stdio', command: binary, args: server }, [], allowed, prompt], 'claude-sdk: Python');
    same([options.agents['odd-one'].description, options.agents['odd-one'].tools], [description, named], 'claude-sdk: its agent');
    // What it decides: a built-in is refused unseen, one of ours is asked about (the answers are y, then n).
    const decide = (...calls) => runModule(at('remit_claude_sdk.py'), `[(lambda r: [type(r).__name__, r.named])(asyncio.run(m.can_use_tool(*one, None))) for one in ${JSON.stringify(calls)}]`);
    const input = { command: 'ls' };
    const [builtin, yes, no] = decide(['Bash', {}], ['mcp__remit__Bash', input], ['mcp__remit__Bash', input]);
    same([builtin[0], yes, no[0]], ['PermissionResultDeny', ['PermissionResultAllow', { updated_input: input }], 'PermissionResultDeny'], 'claude-sdk: can_use_tool');
    // From a folder of another name: node imports nothing from a path with a backslash.
    const copy = join(mkdtempSync(join(dirname(server.at(-1)), 'copy-')), 'sdk.mjs');
    copyFileSync(at('remit_claude_sdk.mjs'), copy);
    const script = await import(pathToFileURL(copy).href);
    same([script.options.mcpServers.remit, script.options.tools, script.options.allowedTools, script.options.systemPrompt],
      [{ type: 'stdio', command: binary, args: server }, [], allowed, prompt], 'claude-sdk: JavaScript');
    // Nobody is there to be asked: a built-in and a tool that is not allowed beforehand are refused, and so is a question.
    for (const tool of ['Bash', 'mcp__remit__Bash']) {
      const said = await script.options.canUseTool(tool, input, { signal: new AbortController().signal });
      check(said.behavior === 'deny' && said.message.includes(tool), 'claude-sdk: canUseTool', said);
    }
    const form = { serverName: 'remit', message: 'Run it?', mode: 'form', requestedSchema: { type: 'object', properties: { decision: { type: 'string' } } } };
    same(await script.options.onElicitation(form, {}), { action: 'decline' }, 'claude-sdk: onElicitation');
  },
  'openai-agents'({ at, server, prompt, tools }, interactive) {
    const given = runModule(at('remit_openai_agents.py'), 'm.server()');
    same([given.params, given.tool_filter.allowed_tool_names, given.require_approval],
      [{ command: binary, args: server }, tools, interactive ? { always: { tool_names: ['Bash'] } } : 'never'], 'openai-agents: the server');
    same(runModule(at('remit_openai_agents.py'), 'm.agent(0)').instructions, prompt, 'openai-agents: the agent');
  },
  langchain({ at, server, tools }) {
    same(runModule(at('remit_langchain.py'), '[m.client().args[0]["remit"], m.TOOLS]'),
      [{ transport: 'stdio', command: binary, args: server }, tools], 'langchain: the client');
  },
  inspector() {},
};

// The same for a server over HTTP: what each client's own format says of it.
const bearer = (variable) => ({ Authorization: `Bearer ${variable}` });
const remoteServer = {
  claude: ({ json }) => [json('.mcp.json').mcpServers.remit, { type: 'http', url, headers: bearer('${REMIT_TOKEN}'), timeout: 600000 }],
  codex({ toml: read }) {
    const { command, url: address, bearer_token_env_var: variable } = read('.codex/config.toml').mcp_servers.remit;
    return [[command, address, variable], [undefined, url, 'REMIT_TOKEN']];
  },
  gemini: ({ json }) => [json('.gemini/settings.json').mcpServers.remit, { httpUrl: url, headers: bearer('$REMIT_TOKEN'), timeout: 600000, trust: true }],
  opencode: ({ json }) => [json('opencode.json').mcp.remit, { type: 'remote', url, headers: bearer('{env:REMIT_TOKEN}'), enabled: true }],
  vscode({ json }) {
    const { servers, inputs } = json('.vscode/mcp.json');
    return [[servers.remit, inputs.map((one) => [one.type, one.id, one.password])],
      [{ type: 'http', url, headers: bearer('${input:remit_token}') }, [['promptString', 'remit_token', true]]]];
  },
  copilot: ({ front }) => [front('.github/agents/odd-one.agent.md')['mcp-servers'].remit,
    { type: 'http', url, headers: bearer('$COPILOT_MCP_REMIT_TOKEN'), tools: ['*'] }],
  cursor: ({ json }) => [json('.cursor/mcp.json').mcpServers.remit, { url, headers: bearer('${env:REMIT_TOKEN}') }],
  json: ({ json }) => [json('remit.mcp.json').mcpServers.remit, { type: 'http', url, headers: bearer('${REMIT_TOKEN}') }],
  async 'claude-sdk'({ at }) {
    const wanted = { type: 'http', url, headers: bearer('of-the-test') };
    const copy = join(mkdtempSync(join(dirname(at('remit_claude_sdk.mjs')), '..', 'copy-')), 'sdk.mjs');
    copyFileSync(at('remit_claude_sdk.mjs'), copy);
    const script = await import(pathToFileURL(copy).href);
    return [[runModule(at('remit_claude_sdk.py'), 'm.options()').mcp_servers.remit, script.options.mcpServers.remit], [wanted, wanted]];
  },
  'openai-agents'({ at }) {
    return [runModule(at('remit_openai_agents.py'), '[type(m.server()).__name__, m.server().named["params"]]'),
      ['MCPServerStreamableHttp', { url, headers: bearer('of-the-test') }]];
  },
  langchain: ({ at }) => [runModule(at('remit_langchain.py'), 'm.client().args[0]["remit"]'), { transport: 'http', url, headers: bearer('of-the-test') }],
};

const known = binary && new House('names').run('export', 'none', '--agent', persona()).err;
for (const client of Object.keys(checks)) {
  check(known.includes(client), `${client} is known`, known);
  for (const interactive of [false, true]) {
    const project = new Project(client, hostile);
    const more = interactive ? ['--interactive'] : [];
    const first = project.export(client, '--write', ...more);
    check(first.code === 0, `remit export ${client}`, first);
    const exported = JSON.parse(first.out);
    const at = (path) => {
      check(exported.written.includes(path), `${client} writes ${path}`, exported.written);
      const text = readFileSync(join(project.workspace, path), 'utf8');
      same(text, exported.files.find((file) => file.path === path).content, `${client}: ${path} is what was announced`);
      return join(project.workspace, path);
    };
    const tools = spawnSync(binary, ['show', project.persona, '--json'], { encoding: 'utf8' });
    const granted = JSON.parse(tools.stdout).remit.filter((row) => row.grant === 'tool').map((row) => row.what).sort();
    await checks[client]({ at, prompt: body, tools: granted, server: project.serve(),
      json: (path) => JSON.parse(readFileSync(at(path), 'utf8')), toml: (path) => toml(at(path)),
      markdown(path, prompt) {
        const { front, body: text } = agent(readFileSync(at(path), 'utf8'));
        same(text, prompt, `${client}: the persona's text`);
        return front;
      } }, interactive);
    // The doctor reads them as their clients do: nothing but what the client has no switch for.
    const looked = project.run('doctor', '--client', client, '--agent', project.persona, '--workspace', project.workspace,
      '--memory', project.memory, '--state', project.state, '--json');
    const findings = JSON.parse(looked.out).findings.filter((one) => one.severity !== 'limit' && !one.message.includes('main session'));
    same(findings, [], `the doctor's findings for ${client}`);
    for (const path of exported.written) {
      const said = project.run('explain', project.persona, 'Write', JSON.stringify({ file_path: path, content: 'x' }),
        '--workspace', project.workspace, '--memory', project.memory, '--state', project.state, '--json');
      check(JSON.parse(said.out).decision === 'deny', `the agent cannot rewrite ${path}`, said);
    }
    // Again changes nothing; over a file of somebody else nothing is written.
    same(JSON.parse(project.export(client, '--write', ...more).out), exported, `${client}: exported again`);
    check(project.export(client, '--write', ...(interactive ? [] : ['--interactive'])).code === 0, `${client}: and in its other form`);
    const whole = exported.written.find((path) => !path.endsWith('.json'));
    if (!whole) continue;
    writeFileSync(join(project.workspace, whole), 'a person wrote this\n');
    const refused = project.export(client, '--write', ...more);
    check(refused.code !== 0 && readFileSync(join(project.workspace, whole), 'utf8') === 'a person wrote this\n',
      `${client}: never over a stranger's file`, refused);
  }
  if (remoteServer[client]) {
    const project = new Project(client, 'remote');
    const written = project.export(client, '--write', '--url', url);
    check(written.code === 0, `remit export ${client} --url`, written);
    const at = (path) => join(project.workspace, path);
    const [seen, wanted] = await remoteServer[client]({ at, json: (path) => JSON.parse(readFileSync(at(path), 'utf8')),
      toml: (path) => toml(at(path)), front: (path) => agent(readFileSync(at(path), 'utf8')).front });
    same(seen, wanted, `${client}: a server over HTTP`);
    const looked = project.run('doctor', '--client', client, '--agent', project.persona, '--workspace', project.workspace,
      '--memory', project.memory, '--state', project.state, '--url', url, '--json');
    same(JSON.parse(looked.out).findings.filter((one) => one.severity !== 'limit' && !one.message.includes('main session')), [],
      `the doctor's findings for ${client} over HTTP`);
  }
  if (!substitutes[client]) continue;
  const project = new Project(client, `x ${substitutes[client]}`);
  const refused = project.export(client);
  check(refused.code !== 0 && refused.err.includes('would replace'), `${client}: a path that it would rewrite`, refused);
}
done('exports');
