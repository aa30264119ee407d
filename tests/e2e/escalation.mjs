// An escalation needs evidence of an investigation; with it the inbox file appears, and only along an
// edge that the persona's text names.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { binary, check, done, House, textOf } from './house.mjs';
import { bugReport, evidenceOf } from './story.mjs';

const house = new House('escalation').fill();
const client = new Client({ name: 'e2e-escalation', version: '1' }, { capabilities: {} });
await client.connect(new StdioClientTransport({
  command: binary, args: house.serveArguments(), cwd: house.workspace, stderr: 'inherit',
}));
async function call(name, args, error) {
  const result = await client.callTool({ name, arguments: args });
  check(error === undefined || (result.isError === true) === error, `${name} ${error ? 'is refused' : 'works'}`, textOf(result));
  return { text: textOf(result), data: result.structuredContent };
}
const works = (name, args) => call(name, args, false);
const refused = (name, args) => call(name, args, true);

const base = {
  kind: 'escalate', to: 'escalation-manager', severity: 'high',
  issue: 'Database pool exhausted for several customers',
  impact: 'Requests fail for all customers of the api since 14:00 UTC',
};
const without = await refused('handoff', { ...base, evidence: [] });
check(/evidence/.test(without.text), 'the refusal asks for evidence', without.text);
const patterns = await works('log_patterns', { source: ['logs/api.log'], min_level: 'error' });
const evidence = evidenceOf(patterns);
const sent = await works('handoff', { ...base, evidence: [evidence] });
check(/inbox\/escalation-manager\//.test(sent.text), 'the inbox file is named', sent.text);
const path = sent.text.match(/_communication\/inbox\/escalation-manager\/[\w.-]+\.yaml/)[0];
check(house.get(`Agent_Memory/${path}`).includes('pool exhausted'), 'and is on disk');
// A queue of people is reached by a file drop, which the server may still write once it is locked in.
// It takes typed bug reports only.
await refused('handoff', { ...base, to: 'engineering-team', evidence: [evidence] });
const typo = await call('bug_report', { action: 'validate', report: { ...bugReport, severity: 'urgent' } });
check(/severity/.test(typo.text) && /critical/.test(typo.text), 'an unknown severity is named with the known ones', typo.text);
const queued = await works('bug_report', { action: 'send', report: bugReport, evidence: [evidence] });
check(/engineering-team/.test(queued.text), 'the queue takes it', queued.text);
const dropped = await house.dropped();
check(dropped.length === 1, 'and its file was dropped', dropped);
const nobody = await refused('handoff', { ...base, to: 'board', evidence: [evidence] });
check(/escalation-manager|no_edge|edge|one of/.test(nobody.text), 'no edge, no handoff', nobody.text);
const ledger = house.run('ledger', 'verify', '--state', house.state);
check(ledger.code === 0, 'the ledger verifies', ledger);
await client.close();
done('escalation');
