// ./dev demo: what Remit does, in thirty seconds, told by a client that nobody here wrote: the
// official TypeScript client over stdio. Everything happens in a temporary folder with its own
// workspace, Agent_Memory, state directory and PIN; the PIN is typed by this script on a
// pseudo-terminal where a person would type it, and it says so.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { binary, House, pin, slug, source, textOf } from './house.mjs';
import { evidenceOf } from './story.mjs';
import { Teller } from './telling.mjs';

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
const teller = new Teller(house);
const { title, say, quote, expect, paint } = teller;
house.put('logs/api.log', makeLog(100_000, 62_000));
house.put('notes.txt', 'a note\n');
house.put('Agent_Memory/_knowledge/semantic/known_issues.yaml', 'issues: [{title: known to others only}]\n');

console.log(paint('1', 'Remit: an agent\'s written remit, enforced'));
say(`agent ${slug}, driven by the official TypeScript client over stdio`);
say('in a temporary folder with its own workspace, Agent_Memory, state directory and PIN');
const set = await house.setPin();
expect(set.code === 0, 'the operator\'s PIN is set: here this script types it, on a pseudo-terminal');

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
async function approved(command, shownLines = 0) {
  const running = call('Bash', { command });
  const question = await pending();
  expect(question?.command === command, 'held: nothing has run, a person is asked');
  if (!question) return running;
  say(`$ remit approve ${question.id.slice(0, 8)}`);
  const shown = await house.approve(question);
  if (shownLines) quote(shown.out.replaceAll('\r', ''), shownLines);
  expect(shown.code === 0 && shown.out.includes(command), 'shown in full, approved with the PIN');
  return running;
}

title('The persona\'s own lines are the policy');
say(`agent_definitions/${slug}.md says:`);
const lines = readFileSync(persona, 'utf8').split('\n');
const numbered = (i) => `${String(i + 1).padStart(3)}  ${lines[i]}`;
const after = (pattern) => lines.findIndex((line) => pattern.test(line));
const memory = after(/^## Memory Ownership/), edges = after(/^## Collaboration Protocols/);
const told = [after(/^tools:/), memory];
for (let i = memory; i < edges + 6; ++i) if (/^\*\*|^- /.test(lines[i])) told.push(i);
quote(told.map(numbered).join('\n'), 16);
const tools = (await client.listTools()).tools.map((tool) => tool.name);
expect(tools.includes('Bash') && tools.includes('handoff') && !tools.includes('Edit'),
  'so the agent has these tools and no other:');
quote(tools.join(', '));

title('A memory read that no line grants');
const denied = await call('memory_read', { path: '_knowledge/semantic/known_issues.yaml' });
quote(denied.text, 4);
expect(denied.error && denied.text.includes(`${slug}.md:${memory + 1}`), 'denied, and the persona\'s line is cited');
const secret = 'Agent_Memory/_knowledge/semantic/known_issues.yaml';
const sneak = existsSync('/usr/bin/python3')
  ? `python3 -c "print(open('${secret}').read())"`
  : `perl -e 'open(F, "<", "${secret}") or die "No such file\\n"; print <F>'`;
say('the same through Bash, approved by a person who did not notice:');
say(`Bash: ${sneak}`);
const inside = await approved(sneak);
quote(inside.text.split('\n').filter((line) => /exit|No such/.test(line)).join('\n'), 4);
expect(/No such file/.test(inside.text) && !inside.text.includes('known to others only'),
  'it ran, and in its world there is no such file');
expect(house.get(secret).includes('known to others only'), 'which is there all the while');

title('100,000 log lines, one finding');
const begin = Date.now();
const patterns = await call('log_patterns', { source: ['logs/api.log'], min_level: 'error' });
const took = Date.now() - begin;
say('log_patterns: logs/api.log, 100,000 lines');
quote(patterns.text.slice(patterns.text.indexOf('high log.')), 6);
expect(patterns.text.match(/^(critical|high|medium|low) log\./gm)?.length === 1 && /api\.log:62000\b/.test(patterns.text),
  `one finding, with file and line, in ${took} ms`);

title('A command is held, approved, and with one byte changed held again');
const command = 'sort -u logs/api.log | grep -c ERROR > count.txt';
say(`Bash: ${command}`);
const ran = await approved(command, 12);
quote(ran.text, 5);
expect(!ran.error, 'it ran');
const byte = command.replace('-c ERROR', '-c  ERROR');
say(`Bash: ${byte}`);
const changed = call('Bash', { command: byte });
const again = await pending();
expect(again?.command === byte, 'one more blank: a new question, the old yes does not cover it');
if (again) {
  say(`$ remit deny ${again.id.slice(0, 8)}`);
  await house.deny(again);
}
const no = await changed;
quote(no.text, 2);
expect(no.error, 'denied: it did not run');

title('What Bash changes reaches the workspace as a write does, or waits');
expect(/applied create count\.txt/.test(ran.text) && house.get('count.txt').trim() === '200',
  'the new count.txt was listed and applied: it says 200');
say('Bash: rm notes.txt');
const removal = await approved('rm notes.txt');
quote(removal.text, 6);
expect(house.has('notes.txt'), 'a deletion is held: notes.txt is still there');
const sets = JSON.parse(house.run('changes', 'ls', '--json', '--state', house.state).out).sets;
expect(sets.length === 1 && sets[0].changes === 1, 'one change set waits for a person');
if (sets.length) {
  say(`$ remit changes apply ${sets[0].id}`);
  const applied = await house.typed(['--expect', 'PIN:', '--secret', pin],
    'changes', 'apply', sets[0].id, '--state', house.state);
  quote(applied.out.replaceAll('\r', ''), 12);
  expect(applied.code === 0 && !house.has('notes.txt'), 'applied with the PIN: now it is gone');
}

title('An escalation needs evidence');
const draft = {
  kind: 'escalate', to: 'escalation-manager', severity: 'high',
  issue: 'Connection pool exhausted for all api customers',
  impact: 'Half of the requests fail since 13:51 UTC',
};
say('handoff: escalate to escalation-manager, evidence: none');
const bare = await call('handoff', { ...draft, evidence: [] });
quote(bare.text, 3);
expect(bare.error && /evidence_required/.test(bare.text), 'refused: nothing was investigated');
say('handoff: the same, evidence: the log finding of step 3');
const sent = await call('handoff', { ...draft, evidence: [evidenceOf(patterns)] });
const file = sent.text.match(/_communication\/inbox\/escalation-manager\/[\w.-]+\.yaml/)?.[0];
expect(!sent.error && file && house.has(`Agent_Memory/${file}`), 'accepted; the file in the inbox:');
if (file) {
  say(`Agent_Memory/${file}`);
  quote(house.get(`Agent_Memory/${file}`), 30);
}

title('Every decision is in a hash-chained ledger');
await client.close();
const verified = house.run('ledger', 'verify', '--state', house.state);
say('$ remit ledger verify');
quote(verified.out, 3);
expect(verified.code === 0 && /^ok: \d+ records/.test(verified.out), 'every record is as it was written');

teller.end('That is Remit.');
