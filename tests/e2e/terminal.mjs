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

const pending = () => until('a pending question', () => house.pending()[0]);

// An interpreter: high risk, so only a proven person decides, whatever a client says.
const command = 'perl -e "print 6*7" > answer.txt';
const running = bash(command);
const question = await pending();
const wrong = await house.approve(question, '0000');
check(wrong.code !== 0, 'a wrong PIN approves nothing', wrong.out);
const yes = await house.approve(question);
check(yes.code === 0, 'the PIN on a terminal approves', yes.out);
check(yes.out.includes('print 6*7'), 'after showing the command', yes.out);
const ran = await running;
check(!ran.error, 'the approved command ran', ran.text);
check(house.get('answer.txt').trim() === '42', 'its file was applied');

const changed = bash(command.replace('6*7', '6*8'));
const again = await pending();
check(again.id !== question.id, 'one changed byte is a new question', again);
const no = await house.deny(again);
check(no.code === 0, 'remit deny', no.out);
check((await changed).error, 'denied: it did not run');
check(house.get('answer.txt').trim() === '42', 'and changed nothing');
const ledger = house.run('ledger', 'verify', '--state', house.state);
check(ledger.code === 0, 'the ledger verifies', ledger);
await client.close();
done('terminal');
