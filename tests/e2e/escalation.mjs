// An escalation needs evidence of an investigation; with it the inbox file appears, and only along an
// edge that the persona's text names.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { binary, check, done, House, textOf } from './house.mjs';
import { evidenceOf } from './story.mjs';

const house = new House('escalation').fill();
const client = new Client({ name: 'e2e-escalation', version: '1' }, { capabilities: {} });
await client.connect(new StdioClientTransport({
  command: binary, args: house.serveArguments(), cwd: house.workspace, stderr: 'inherit',
}));
async function call(name, args, error) {
  const result = await client.callTool({ name, arguments: args });
  check((result.isError === true) === error, `${name} ${error ? 'is refused' : 'works'}`, textOf(result));
  return { text: textOf(result), data: result.structuredContent };
}
const works = (name, args) => call(name, args, false);
const refused = (name, args) => call(name, args, true);

const base = {
  action: 'send', kind: 'escalate', to: 'escalation-manager', severity: 'high',
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
const nobody = await refused('handoff', { ...base, to: 'board', evidence: [evidence] });
check(/escalation-manager|no_edge|edge|one of/.test(nobody.text), 'no edge, no handoff', nobody.text);
const ledger = house.run('ledger', 'verify', '--state', house.state);
check(ledger.code === 0, 'the ledger verifies', ledger);
await client.close();
done('escalation');
