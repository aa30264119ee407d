// Multi round-trip requests, end to end: the official 2.x client answers a question by sending its call
// again with the sealed requestState. That state is worth one answer to that one call: a wrong code, a
// tampered state and a second use run nothing.
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { binary, check, done, House, sleep, textOf, until } from './house.mjs';
import { questionCode } from './story.mjs';

const house = new House('mrtr').fill();
const client = new Client({ name: 'e2e-mrtr', version: '1' }, {
  capabilities: { elicitation: {} },
  versionNegotiation: { mode: { pin: '2026-07-28' } },
});
let answer, asked = 0;
client.setRequestHandler('elicitation/create', async (request) => {
  asked += 1;
  await sleep(1200);  // no machine's answer
  return answer(request.params);
});
const yes = (params) => ({ action: 'accept', content: { decision: 'approve', code: questionCode(params) } });

// What goes over the pipe, and a hand on the calls that carry a state.
const transport = new StdioClientTransport({
  command: binary, args: house.serveArguments(), cwd: house.workspace, stderr: 'inherit',
});
const retries = [], answers = new Map();
let tamper = (state) => state;
const send = transport.send.bind(transport);
transport.send = (message, options) => {
  if (message.params?.requestState === undefined) return send(message, options);
  const changed = { ...message, params: { ...message.params, requestState: tamper(message.params.requestState) } };
  retries.push(changed);
  return send(changed, options);
};
await client.connect(transport);
const receive = transport.onmessage;
transport.onmessage = (message, extra) => {
  if (typeof message.id === 'string' && message.id.startsWith('again-')) answers.set(message.id, message);
  else receive(message, extra);
};
const bash = async (command) => {
  try {
    const result = await client.callTool({ name: 'Bash', arguments: { command } });
    return { text: textOf(result), error: result.isError === true };
  } catch (error) {
    return { text: String(error.message), error: true, code: error.code };
  }
};
// The same bytes of a call again, under an id of our own.
const again = async (message, change = (params) => params) => {
  const id = `again-${answers.size}`;
  await send({ ...message, id, params: change(structuredClone(message.params)) });
  return until('an answer to a repeated call', () => answers.get(id));
};

// The code was read wrongly: nothing runs.
answer = (params) => ({ action: 'accept', content: { decision: 'approve', code: questionCode(params) === '0000' ? '0001' : '0000' } });
const wrong = await bash('touch wrong.txt');
check(wrong.error && asked === 1 && !house.has('wrong.txt'), 'a wrong code runs nothing', wrong);

// A state with one changed byte, in each of its parts: one error, that says nothing.
answer = yes;
const refusals = new Set();
for (const [name, change] of [
  ['payload', (state) => state.replace(/\.(.)/, (_, first) => '.' + (first === 'A' ? 'B' : 'A'))],
  ['seal', (state) => state.slice(0, -4) + (state.endsWith('AAAA') ? 'BBBB' : 'AAAA')],
  ['version', (state) => state.replace(/^v1/, 'v2')],
]) {
  tamper = change;
  const refused = await bash(`touch ${name}.txt`);
  check(refused.error && refused.code === -32602, `a state with a changed ${name} is refused`, refused);
  check(!house.has(`${name}.txt`), `and ran nothing (${name})`);
  refusals.add(refused.text);
}
check(refusals.size === 1, 'each with the same words', [...refusals]);
tamper = (state) => state;

// Asked, answered, run.
const made = await bash('touch made.txt');
check(!made.error && house.has('made.txt'), 'an answered call runs', made.text);
const used = retries.at(-1);
check(used.params.inputResponses && used.params.requestState.startsWith('v1.'), 'by a second request with the state', used);

// The state again: for the same call, and for another one.
const reused = await again(used);
check(reused.error?.code === -32602, 'a used state is refused', reused);
const other = await again(used, (params) => ({ ...params, arguments: { command: 'touch other.txt' } }));
check(other.error?.code === -32602 && !house.has('other.txt'), 'and is no other call\'s', other);
// Without it the call is a new one, with a question of its own.
const fresh = await again(used, ({ requestState, inputResponses, ...params }) => params);
check(fresh.result?.resultType === 'input_required' && fresh.result.requestState !== used.params.requestState,
  'asked anew', fresh);

const ledger = house.run('ledger', 'verify', '--state', house.state);
check(ledger.code === 0, 'the ledger verifies', ledger);
await client.close();
done('mrtr');
