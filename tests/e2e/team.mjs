// ./dev demo --team: the eight shipped personas work one incident to its end, each driven by the
// official TypeScript client over HTTP, all through one `remit serve --agents`: one address, one
// credential each, one confined process each.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { House, instruction, source, textOf } from './house.mjs';
import { bugReport, evidenceOf } from './story.mjs';
import { Teller } from './telling.mjs';

const folder = join(source, 'agent_definitions');
const engineer = 'technical-support-engineer', rep = 'customer-support-rep';
const slugs = [rep, engineer, 'dba', 'sysadmin', 'security-specialist', 'technical-writer', 'escalation-manager', 'vp-customer-support'];
const house = new House('team').fill();
house.put(`Agent_Memory/${instruction}/instruction.yaml`,
  `id: ${instruction}\nrequest: "Orders cannot be paid since 14:00 UTC; three customers have called"\n`);
const { title, say, quote, expect, end } = new Teller(house);

// A persona's line, for what it says.
function lineOf(slug, pattern) {
  const lines = readFileSync(join(folder, slug + '.md'), 'utf8').split('\n');
  return lines.findIndex((line) => pattern.test(line)) + 1;
}

title('Eight personas, one server, a credential each');
const file = join(house.root, 'credentials');
const tokens = {};
for (const slug of slugs) {
  const made = house.run('credential', slug, '--file', file, '--instructions', instruction);
  tokens[slug] = made.out.trim();
}
say('$ remit credential customer-support-rep --file credentials --instructions ' + instruction + '   (and seven more)');
expect(new Set(Object.values(tokens)).size === 8 && !readFileSync(file, 'utf8').includes(tokens.dba),
  'eight tokens; the file holds their digests only');
say('$ remit serve --agents agent_definitions --http 127.0.0.1:0 --token-file ~/.config/remit/credentials');
const server = await house.serveAgents(folder, '--token-file', file);
const urlOf = (slug) => new URL(`/agents/${slug}/mcp`, server.url);
const seats = {};
for (const slug of slugs) {
  const client = new Client({ name: `team-${slug}`, version: '1' }, { capabilities: {}, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(urlOf(slug),
    { requestInit: { headers: { Authorization: `Bearer ${tokens[slug]}` } } }));
  seats[slug] = { client, tools: (await client.listTools()).tools.map((tool) => tool.name) };
}
quote(slugs.map((slug) => `/agents/${slug}/mcp  ${seats[slug].tools.length} tools`).join('\n'), 8);
expect(seats[engineer].tools.includes('bug_report') && !seats.dba.tools.includes('handoff') && !seats[rep].tools.includes('Bash'),
  'each has the tools of its own text');
const strange = async (slug) => {
  const answer = await fetch(urlOf(slug), { method: 'POST', body: '{}',
    headers: { Authorization: `Bearer ${tokens.dba}`, 'Content-Type': 'application/json' } });
  return `${answer.status} ${await answer.text()}`;
};
const [there, nowhere] = [await strange(engineer), await strange('no-such-agent')];
expect(there.startsWith('403 ') && there === nowhere, 'with the dba\'s token nobody else can be called, nor be found out', [there, nowhere]);

const call = async (slug, name, args) => {
  const result = await seats[slug].client.callTool({ name, arguments: args }, { timeout: 90_000 });
  return { text: textOf(result), error: result.isError === true, data: result.structuredContent };
};
// One act that must work; `shown` lines of what came of it.
async function act(slug, name, args, what, shown = 2) {
  say(`${slug}: ${name} ${args.action ?? args.op ?? args.kind ?? ''} ${args.to ?? args.path ?? ''}`.trimEnd());
  const done = await call(slug, name, args);
  if (shown) quote(done.text, shown);
  expect(!done.error, what, done.text);
  return done;
}
const stateOf = async (slug, id) => (await call(slug, 'handoff', { action: 'status', id })).data?.state;

title('The customer-support-rep takes the call, and looks before it escalates');
await act(rep, 'memory_read', { path: `${instruction}/instruction.yaml` }, 'it reads what the customers said');
const seen = await act(rep, 'log_patterns', { source: ['logs/api.log'], min_level: 'error' }, 'and finds a pattern in the log', 4);
const raised = await act(rep, 'handoff', { kind: 'escalate', to: engineer, severity: 'high',
  issue: 'Orders cannot be paid: the database pool is exhausted', impact: 'Three customers cannot pay since 14:00 UTC',
  evidence: [evidenceOf(seen)] }, 'escalated to the engineer, with that evidence');
const incident = raised.data?.handoff_id;
expect(raised.data?.authorized_by?.includes(`${rep}.md:${lineOf(rep, /\*\*Escalate to\*\*/)}`), 'on the strength of its persona\'s line', raised.data);

title('A handoff outside the persona\'s edges');
const outside = await call(rep, 'handoff', { kind: 'consult', to: 'dba', question: 'Can you restart the database for me?' });
quote(outside.text, 4);
expect(outside.error && outside.text.includes(`${rep}.md:`), 'refused, with the persona\'s own lines');

title('The engineer takes it, and asks those who know');
const inbox = await act(engineer, 'inbox', {}, 'it is in the engineer\'s inbox', 4);
expect(inbox.text.includes(incident), 'the very one');
await act(engineer, 'respond', { id: incident, action: 'ack' }, 'acknowledged: the ladder stops');
await act(engineer, 'respond', { id: incident, action: 'progress', text: 'I am looking at the pool' }, 'in progress');
const proof = await act(engineer, 'log_patterns', { source: ['logs/api.log'], min_level: 'error' }, 'its own investigation', 0);
const asked = {};
for (const [slug, question] of [['dba', 'Is a pool of 50 connections enough for this load?'],
  ['sysadmin', 'Was anything deployed or restarted around 14:00 UTC?'],
  ['security-specialist', 'May the pool\'s error text, which names the host, go into the public runbook?']]) {
  const sent = await act(engineer, 'handoff', { kind: 'consult', to: slug, question, parent_id: incident }, `the ${slug} is asked`);
  asked[slug] = sent.data?.handoff_id;
}
for (const [slug, text] of [['dba', 'No: 80, and a timeout of 5 s, so that a failed connection comes back'],
  ['sysadmin', 'Nothing was deployed; the replica failed over at 13:58'],
  ['security-specialist', 'Not the host name; say "the database" instead']]) {
  await act(slug, 'inbox', {}, `the ${slug} sees the question`, 2);
  await act(slug, 'respond', { id: asked[slug], action: 'answer', text }, 'and answers it');
}
for (const slug of Object.keys(asked)) {
  const answer = await call(engineer, 'handoff', { action: 'status', id: asked[slug] });
  expect(answer.data?.state === 'answered' && answer.data.answer, `the engineer has the ${slug}'s answer`, answer.text);
}

title('The resolution is written, and the incident closed');
const resolution = `${instruction}/tasks/completed/technical_resolution.yaml`;
await act(engineer, 'memory_write', { path: resolution, op: 'create',
  content: `id: TSE-1\ninstruction_id: ${instruction}\nsummary: The connection pool was exhausted after a failover\n` +
    'root_cause: a failed connection is counted as in use\nworkaround: pool of 80 with a timeout of 5 s\n' },
'the document that its persona owns');
const foreign = await call(rep, 'memory_read', { path: resolution });
quote(foreign.text, 3);
expect(foreign.error && foreign.text.includes(`${rep}.md:`), 'which the rep may not read: its lines do not grant it');
await act(engineer, 'respond', { id: incident, action: 'resolve', text: 'The pool is 80 now, orders are paid again' }, 'the escalation is resolved');
expect(await stateOf(rep, incident) === 'resolved', 'and the rep sees it');

title('Follow-up and documentation are delegated');
const duties = [
  [rep, 'Tell the three customers', 'Each of the three has been told that orders are paid again'],
  ['technical-writer', 'A runbook page for an exhausted pool', 'The page is in the documentation library'],
];
for (const [slug, name, criterion] of duties) {
  const sent = await act(engineer, 'handoff', { kind: 'delegate', to: slug, title: name, scope: name + ', by tomorrow', success_criteria: [criterion] },
    `delegated to the ${slug}`);
  const id = sent.data?.handoff_id;
  await act(slug, 'respond', { id, action: 'accept', text: 'I take it' }, 'accepted', 0);
  await act(slug, 'respond', { id, action: 'progress', text: 'begun' }, 'begun', 0);
  if (slug === 'technical-writer')
    await act(slug, 'memory_write', { path: `${instruction}/outputs/final/documentation.yaml`, op: 'create',
      content: 'title: An exhausted connection pool\naudience: operators\n' }, 'the writer records its delivery');
  await act(slug, 'respond', { id, action: 'complete', text: criterion }, 'completed');
  expect(await stateOf(engineer, id) === 'completed', 'and the engineer sees it');
}

title('The bug goes to the engineering queue');
const bug = await act(engineer, 'bug_report', { action: 'send', evidence: [evidenceOf(proof)], report: bugReport }, 'a typed report with evidence');
const dropped = await house.dropped();
expect(/engineering-team/.test(bug.text) && dropped.length === 1, 'its file is in the queue of the engineering-team', dropped);

title('Several customers were hit: the escalation-manager and the vp');
const wide = await act(engineer, 'handoff', { kind: 'escalate', to: 'escalation-manager', severity: 'high',
  issue: 'Three customers could not pay for an hour', impact: 'Refunds will be asked for', evidence: [evidenceOf(proof)] },
'escalated to the escalation-manager');
await act('escalation-manager', 'respond', { id: wide.data?.handoff_id, action: 'ack' }, 'acknowledged', 0);
await act('escalation-manager', 'memory_write', { path: `${instruction}/workflow/incident_timeline.yaml`, op: 'create',
  content: 'events:\n  - at: "13:58"\n    what: failover\n  - at: "14:00"\n    what: pool exhausted\n' }, 'the manager keeps the timeline');
const own = await act('escalation-manager', 'log_patterns', { source: ['logs/api.log'], min_level: 'error' }, 'looks for itself', 0);
const decision = await act('escalation-manager', 'handoff', { kind: 'escalate', to: 'vp-customer-support', severity: 'critical',
  issue: 'Decide on refunds for an hour without payments', impact: 'Three contracts have a service level',
  evidence: [evidenceOf(own)], parent_id: wide.data?.handoff_id }, 'a decision is asked of the vp');
const vp = 'vp-customer-support';
await act(vp, 'respond', { id: decision.data?.handoff_id, action: 'ack' }, 'acknowledged', 0);
await act(vp, 'respond', { id: decision.data?.handoff_id, action: 'progress', text: 'reading the contracts' }, 'in progress', 0);
await act(vp, 'memory_write', { path: `${instruction}/decisions/vp_decisions.yaml`, op: 'create',
  content: 'decisions:\n  - what: refund one day to each of the three\n    why: service level\n' }, 'decided, in writing');
await act(vp, 'respond', { id: decision.data?.handoff_id, action: 'resolve', text: 'One day is refunded to each' }, 'resolved');
await act('escalation-manager', 'respond', { id: wide.data?.handoff_id, action: 'progress', text: 'refunds are on their way' }, 'in progress', 0);
await act('escalation-manager', 'respond', { id: wide.data?.handoff_id, action: 'resolve', text: 'Customers are told and refunded' }, 'resolved');

title('The board, and the ledger of everything');
for (const { client } of Object.values(seats)) await client.close();
const board = house.run('handoffs', 'ls', '--all', '--workspace', house.workspace, '--state', house.state);
say('$ remit handoffs ls --all');
quote(board.out, 12);
const listed = JSON.parse(house.run('handoffs', 'ls', '--all', '--json', '--workspace', house.workspace, '--state', house.state).out);
const states = listed.handoffs.map((one) => one.state).sort();
expect(states.length === 9 && listed.handoffs.filter((one) => ['answered', 'completed', 'resolved'].includes(one.state)).length === 8,
  'nine handoffs: eight have come to their end, one waits in the queue', states);
const verified = house.run('ledger', 'verify', '--state', house.state);
say('$ remit ledger verify');
quote(verified.out, 2);
expect(verified.code === 0 && /^ok: \d+ records/.test(verified.out), 'every decision of all eight is in one chain');
expect(await server.stop() === 0, 'the server ends, and its workers with it', server.log());
end('That is a team.');
