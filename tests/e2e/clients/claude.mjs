// Claude Code, headless and as its main session, with a model on loopback.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { done } from '../house.mjs';
import { check, ClientHouse, clientProgram, enforced, overHttp, personaLine } from './client.mjs';

const program = clientProgram('@anthropic-ai/claude-code-linux-x64/claude', '@anthropic-ai/claude-code-linux-arm64/claude');
const house = new ClientHouse('claude');
const name = (tool) => `mcp__remit__${tool}`;
const environment = (model) => ({ ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'none', ENABLE_TOOL_SEARCH: 'false',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1' });
const attempts = [
  { tool: 'Bash', args: { command: 'touch made-by-client.txt', description: 'x' } },
  { tool: 'Write', args: { file_path: join(house.workspace, 'made-by-client.txt'), content: 'x' } },
  { tool: 'Read', args: { file_path: join(house.workspace, 'notes.txt') } },
];

// The headless line, as it is printed (a shell reads it).
const exported = house.export();
house.doctor('main session');
const line = exported.headless.replace(/^claude/, `'${program}'`);
const first = await enforced(house, { name, attempts,
  run: (model) => house.start(model, 'sh', ['-c', line], environment(model)) });
check(first.turns[0].instructions.includes(personaLine()),
  'the persona is what the model is told', first.turns[0].instructions.slice(0, 2000));

// The main session, with the rules of --interactive, in a project that its person trusts.
house.export('--interactive');
house.doctor();
mkdirSync(house.home, { recursive: true });
writeFileSync(join(house.home, '.claude.json'), JSON.stringify({ hasCompletedOnboarding: true,
  projects: { [house.workspace]: { hasTrustDialogAccepted: true, enabledMcpjsonServers: ['remit'] } } }));
const listed = await house.start(null, program, ['mcp', 'list']);
check(/remit: .*Connected/.test(listed.out), 'claude mcp list reaches the server', listed);
await overHttp('claude', /remit: .*Connected/, (other, token) => {
  writeFileSync(join(other.home, '.claude.json'), JSON.stringify({ hasCompletedOnboarding: true,
    projects: { [other.workspace]: { hasTrustDialogAccepted: true, enabledMcpjsonServers: ['remit'] } } }));
  return other.start(null, program, ['mcp', 'list'], { REMIT_TOKEN: token });
});
// What is left of its own tools reaches no file, process or network.
const harmless = ['Agent', 'CronDelete', 'CronList', 'ExitWorktree', 'ListAgents', 'ListMcpResourcesTool',
  'ReadMcpResourceDirTool', 'ReadMcpResourceTool', 'ReportFindings', 'ScheduleWakeup', 'SendMessage', 'Skill'];
const main = await enforced(house, { name, harmless, attempts,
  run: (model) => house.start(model, program, ['-p', 'what to do'], environment(model)) });
check(!/matches no known tool/.test(main.err), 'each denied name is a tool of the client', main.err);
done('claude');
