// A client without elicitation: a command that needs a person waits for `remit approve` on a
// terminal, with the operator's PIN; the same bytes run once, changed bytes are asked again.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { binary, check, done, House, pin, textOf, until } from './house.mjs';

const house = new House('terminal').fill();
const set = await house.setPin();
check(set.code === 0, 'remit pin sets a PIN on a terminal', set);
check(!set.out.includes(pin), 'the PIN is not echoed', set.out);
const piped = house.run('approve', '0'.repeat(32), '--state', house.state);
check(piped.code !== 0 && /terminal/.test(piped.err), 'remit approve without a terminal is refused', piped);

const client = new Client({ name: 'e2e-terminal', version: '1' }, { capabilities: {} });
await client.connect(new StdioClientTransport({
  command: binary, args: house.serveArguments(), cwd: house.workspace, stderr: 'inherit',
}));
const bash = async (command) => {
  const result = await client.callTool({ name: 'Bash', arguments: { command } }, undefined, { timeout: 90_000 });
  return { text: textOf(result), error: result.isError === true };
};

async function pending() {
  return until('a pending approval', () => {
    const listed = house.run('approvals', '--json', '--state', house.state);
    if (listed.code !== 0) return null;
    const rows = JSON.parse(listed.out);
    const open = (rows.approvals ?? rows).filter((row) => row.state === 'pending');
    return open[0];
  });
}

const command = 'python3 -c "print(6*7)" > answer.txt';
const running = bash(command);
const question = await pending();
const wrong = await house.typed(['--secret', '0000'], 'approve', question.id,
  '--digest', question.grant_key ?? question.digest, '--state', house.state);
check(wrong.code !== 0, 'a wrong PIN approves nothing', wrong.out);
const yes = await house.approve(question.id, question.grant_key ?? question.digest);
check(yes.code === 0, 'the PIN on a terminal approves', yes.out);
check(yes.out.includes('print(6*7)'), 'after showing the command', yes.out);
const ran = await running;
check(!ran.error, 'the approved command ran', ran.text);
check(house.get('answer.txt').trim() === '42', 'its file was applied');

const changed = bash(command.replace('6*7', '6*8'));
const again = await pending();
check(again.id !== question.id, 'one changed byte is a new question', again);
const no = await house.typed(['--secret', pin], 'deny', again.id, '--state', house.state);
check(no.code === 0, 'remit deny', no.out);
check((await changed).error, 'denied: it did not run');
check(house.get('answer.txt').trim() === '42', 'and changed nothing');
const ledger = house.run('ledger', 'verify', '--state', house.state);
check(ledger.code === 0, 'the ledger verifies', ledger);
await client.close();
done('terminal');
