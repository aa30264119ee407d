// ./dev demo: what Remit does, in thirty seconds, told by a client that nobody here wrote: the
// official TypeScript client over stdio. Everything happens in a temporary folder with its own
// workspace, Agent_Memory, state directory and PIN; the PIN is typed by this script on a
// pseudo-terminal where a person would type it, and it says so.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { binary, House, instruction, slug, source, textOf } from './house.mjs';
import { evidenceOf } from './story.mjs';

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
const started = Date.now();
let step = 0;
let failed = false;

function title(text) {
  step += 1;
  console.log(`\n${paint('1;36', `${step}. ${text}`)}`);
}
const say = (text) => console.log(`   ${text}`);
function quote(text, lines = 6) {
  const all = text.trimEnd().split('\n');
  for (const line of all.slice(0, lines)) console.log(paint('2', `   | ${line.slice(0, 150)}`));
  if (all.length > lines) console.log(paint('2', `   | … ${all.length - lines} more lines`));
}
function expect(condition, what) {
  if (condition) {
    console.log(`   ${paint('32', 'ok')} ${what}`);
    return;
  }
  failed = true;
  console.log(`   ${paint('1;31', 'NOT AS IT SHOULD BE')}: ${what}`);
}

// A log of a bad afternoon: 100,000 lines, one burst of errors in it.
function makeLog(lines, firstBad) {
  const out = [];
  const from = Date.UTC(2026, 0, 10, 13, 0, 0);
  for (let i = 1; i <= lines; ++i) {
    const at = new Date(from + i * 50).toISOString();
    const bad = i >= firstBad && i < firstBad + 400 && i % 2 === 0;
    out.push(bad
      ? `${at} ERROR pool: connection pool exhausted, 50 of 50 in use, request_id=r${i}`
      : `${at} INFO api: GET /v1/orders/${i % 977} 200 ${3 + (i % 19)}ms request_id=r${i}`);
  }
  return out.join('\n') + '\n';
}

const persona = join(source, 'agent_definitions', slug + '.md');
const house = new House('demo');
house.put('logs/api.log', makeLog(100_000, 62_000));
house.put('Agent_Memory/_knowledge/semantic/known_issues.yaml', 'issues: [{title: known to others only}]\n');

console.log(paint('1', 'Remit: an agent\'s written remit, enforced'));
say(`workspace ${house.workspace} (temporary, with its own memory, state and PIN)`);
const set = await house.setPin();
expect(set.code === 0, 'an operator\'s PIN is set; this script types it on a pseudo-terminal, where a person would');

const client = new Client({ name: 'remit-demo', version: '1' }, { capabilities: {} });
await client.connect(new StdioClientTransport({
  command: binary, args: house.serveArguments(persona), cwd: house.workspace, stderr: 'ignore',
}));
async function call(name, args) {
  const result = await client.callTool({ name, arguments: args }, { timeout: 90_000 });
  return { text: textOf(result), error: result.isError === true, data: result.structuredContent };
}
async function pending() {
  for (let tries = 0; tries < 400; ++tries) {
    const open = house.pending()[0];
    if (open) return open;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return null;
}
// Runs a command that must ask; the operator looks at it and types the PIN.
async function approved(command) {
  const running = call('Bash', { command });
  const question = await pending();
  expect(question, 'held: nothing has run; it waits for a person');
  if (!question) return running;
  const shown = await house.approve(question);
  expect(shown.code === 0, `remit approve ${question.id.slice(0, 8)}…: shown in full, PIN typed on a terminal`);
  return running;
}

title('The persona\'s own lines are the policy');
const lines = readFileSync(persona, 'utf8').split('\n');
const at = lines.findIndex((line) => /^## Memory Ownership/.test(line));
quote(`${String(4).padStart(3)}  ${lines[3]}\n` +
  lines.slice(at, at + 9).map((line, i) => `${String(at + i + 1).padStart(3)}  ${line}`).join('\n'), 12);
const tools = (await client.listTools()).tools.map((tool) => tool.name);
say(`tools that exist for this agent: ${tools.join(', ')}`);

title('A memory read that no line grants');
const denied = await call('memory_read', { path: '_knowledge/semantic/known_issues.yaml' });
quote(denied.text, 4);
expect(denied.error && denied.text.includes(`${slug}.md:`), 'denied, and the persona\'s line is cited');
const secret = 'Agent_Memory/_knowledge/semantic/known_issues.yaml';
const sneak = existsSync('/usr/bin/python3')
  ? `python3 -c "print(open('${secret}').read())"`
  : `perl -e 'open(F, "<", "${secret}") or die "no such file"; print <F>'`;
say(`the same from a shell: ${sneak}`);
const inside = await approved(sneak);
quote(inside.text, 4);
expect(!inside.text.includes('known to others only'), 'it ran, approved by a person, and there is no such file in its world');

title('100,000 log lines, one finding');
const begin = Date.now();
const patterns = await call('log_patterns', { source: ['logs/api.log'] });
quote(patterns.text, 6);
expect(/api\.log:\d+/.test(patterns.text) && /exhaust/.test(patterns.text),
  `found with file and line in ${Date.now() - begin} ms`);

title('A command is held, approved, and one changed byte is held again');
const command = 'sort -u logs/api.log | grep -c ERROR > count.txt';
const ran = await approved(command);
quote(ran.text, 5);
const changed = call('Bash', { command: command.replace('ERROR', 'ERRORS') });
const again = await pending();
expect(again, 'one byte more: a new question, the old answer does not cover it');
if (again) await house.deny(again);
expect((await changed).error, 'denied this time');

title('What Bash changed is listed, decided as a write, and applied');
expect(ran.text.includes('count.txt'), 'the result lists count.txt');
expect(house.has('count.txt') && house.get('count.txt').trim() === '200', 'and the real workspace has it: 200');

title('An escalation needs evidence');
const draft = {
  kind: 'escalate', to: 'escalation-manager', severity: 'high',
  issue: 'Connection pool exhausted for all api customers',
  impact: 'Half of the requests fail since 13:51 UTC',
};
const bare = await call('handoff', { ...draft, evidence: [] });
quote(bare.text, 3);
expect(bare.error, 'refused: nothing was investigated');
const sent = await call('handoff', { ...draft, evidence: [evidenceOf(patterns)] });
quote(sent.text, 4);
const file = sent.text.match(/_communication\/inbox\/escalation-manager\/[\w.-]+\.yaml/)?.[0];
expect(!sent.error && file, 'accepted with the log finding as evidence');
if (file) quote(house.get(`Agent_Memory/${file}`), 12);

title('Every decision is in a hash-chained ledger');
await client.close();
const verified = house.run('ledger', 'verify', '--state', house.state);
quote(verified.out, 3);
expect(verified.code === 0, 'remit ledger verify');

console.log(`\n${failed ? paint('1;31', 'The story did not go as told.') : paint('1;32', 'That is Remit.')} ` +
  `${((Date.now() - started) / 1000).toFixed(1)} s; instruction ${instruction}.`);
process.exit(failed ? 1 : 0);
