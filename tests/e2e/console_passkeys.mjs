// Passkeys at the console, in headless Chromium with its virtual authenticator: registered after the
// PIN, and then approving, logging in and applying; an answer that was recorded is good for nothing
// else; a key that does not verify its person is none. And the console's process, killed, is there
// again at the same address.
import { execFileSync } from 'node:child_process';
import { accessible, consoleHouse, watch } from './console_house.mjs';
import { check, done, pin, textOf, until } from './house.mjs';

const { house, server, home: numeric, client, bash, waiting, browser } = await consoleHouse('passkeys');
const port = new URL(numeric).port;
const origin = `http://localhost:${port}`;

const context = await browser.newContext();
const page = await context.newPage();
const said = watch(page);

// A page's authenticator: the keys that it holds, in one place.
const devtools = await context.newCDPSession(page);
await devtools.send('WebAuthn.enable');
const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options: {
  protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'usb', hasResidentKey: true,
  hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
const verifies = (isUserVerified) => devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });

const logIn = async (where) => {
  await page.goto(`${where}/console`);
  await page.getByLabel('PIN').fill(pin);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL('**/console/approvals');
};
const withPasskey = (form) => page.locator(form).getByRole('button', { name: /passkey/ }).click();

// --- registering ---
await logIn(new URL(numeric).origin);
await page.getByRole('link', { name: 'Passkeys' }).click();
check(await page.getByText(`${origin}/console/passkeys`).isVisible(), 'an IP address says where passkeys work');
await logIn(origin);
await page.getByRole('link', { name: 'Passkeys' }).click();
check(await page.getByText('None is registered.').isVisible(), 'there is none');
const add = 'form[action="/console/passkeys/add"]';
const register = async (name, secret = pin) => {
  await page.locator(add).getByLabel(/Its name/).fill(name);
  await page.locator(add).getByLabel('PIN').fill(secret);
  await withPasskey(add);
};
await register('the blue key', '0000');
check((await page.getByRole('alert').first().innerText()).includes('wrong PIN'), 'a wrong PIN registers nothing');
await devtools.send('WebAuthn.clearCredentials', { authenticatorId });
await register('the blue key');
await page.getByText('Registered passkey the blue key.').waitFor();
const listed = JSON.parse(house.run('pin', 'passkeys', '--json', '--state', house.state).out).passkeys;
check(listed.length === 1 && listed[0].name === 'the blue key' && listed[0].site === 'localhost', 'the terminal lists it', listed);
await register('twice');
await page.getByText('This passkey is registered already.').waitFor();

// --- every page's form as axe-core sees it, with the buttons shown ---
await accessible(browser, await context.storageState(), `${origin}/console/passkeys`, 'the passkeys');

// --- approving ---
const open = async (command) => {
  const question = await waiting(command);
  await page.goto(`${origin}/console/approvals/${question.id}`);
  return { question, form: `form[action="/console/approvals/${question.id}/approve"]` };
};
const command = 'perl -e "print 6*7"';
const running = bash(command);
{
  const { form } = await open(command);
  let sent = '';
  page.on('request', (one) => { if (one.method() === 'POST') sent = one.postData() ?? ''; });
  await withPasskey(form);
  await page.waitForURL('**/console/approvals');
  check((await page.getByRole('status').first().innerText()).startsWith('Approved: '), 'the page says so');
  const ran = await running;
  check(!ran.error && ran.text.includes('42'), 'the approved command ran', ran.text);
  check(sent.includes('pin=&'), 'no PIN was sent', sent);
  // What was recorded, sent for another question, and once more for the same one.
  const next = bash('perl -e "print 666"');
  const { question, form: other } = await open('perl -e "print 666"');
  const fields = new URLSearchParams(sent);
  const replayed = async (token) => {
    if (token) fields.set('token', token);
    return page.evaluate(async ([url, body]) => {
      const response = await fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
      return response.text();
    }, [`${origin}/console/approvals/${question.id}/approve`, fields.toString()]);
  };
  const token = await page.locator(`${other} input[name=token]`).inputValue();
  check((await replayed()).includes('This form was used before'), 'a recorded form approves nothing else');
  check((await replayed(token)).includes('signed something else than this form'), 'nor does a recorded answer with another form\'s token');
  check(house.pending().some((one) => one.id === question.id), 'the question still waits');
  // Chosen after the key was asked: another reach than the one that was signed.
  await page.reload();
  await page.evaluate((selector) => {
    const form = document.querySelector(selector);
    const submit = HTMLFormElement.prototype.submit;
    form.submit = () => { form.elements.scope.value = 'session'; submit.call(form); };
  }, other);
  await withPasskey(other);
  await page.getByRole('alert').first().waitFor();
  check((await page.getByRole('alert').first().innerText()).includes('signed something else than this form'), 'the reach is signed too');
  // A key that only saw a touch.
  await verifies(false);
  await withPasskey(other);
  await page.locator(`${other} [role=alert]`).waitFor();
  check(house.pending().some((one) => one.id === question.id), 'a key that verifies nobody approves nothing');
  await verifies(true);
  check((await house.deny(question)).code === 0 && (await next).error, 'the terminal answers as before');
}

// --- a copy of the key, which has not seen the last uses ---
{
  const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
  const original = credentials[0];
  check(original.signCount > 1, 'the key counts', original);
  const next = bash('perl -e "print 7"');
  const { question, form } = await open('perl -e "print 7"');
  await devtools.send('WebAuthn.clearCredentials', { authenticatorId });
  await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: { ...original, signCount: 0 } });
  await withPasskey(form);
  await page.getByRole('alert').first().waitFor();
  check((await page.getByRole('alert').first().innerText()).includes('it may have been copied'), 'a copied key is found out');
  await devtools.send('WebAuthn.clearCredentials', { authenticatorId });
  await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: original });
  await withPasskey(form);
  await page.waitForURL('**/console/approvals');
  check(!(await next).error, 'the original goes on', question.id);
}

// --- a change set, and the login ---
house.put('old.txt', 'precious\n');
const removing = bash('rm old.txt');
await withPasskey((await open('rm old.txt')).form);
await page.waitForURL('**/console/approvals');
await removing;
await page.goto(`${origin}/console/changes`);
await page.getByRole('link', { name: /1 change by/ }).click();
await withPasskey('form[action$="/apply"]');
await page.waitForURL('**/console/changes');
check(!house.has('old.txt'), 'the change set is applied');
await page.getByRole('button', { name: 'Log out' }).click();
await page.waitForURL('**/console/login');
await withPasskey('form.login');
await page.waitForURL('**/console/approvals');
check(await page.getByText('Nothing waits for approval').isVisible(), 'a passkey logs in');

// --- words over several lines, which a form sends otherwise than a script reads them ---
const asked = await client.callTool({ name: 'handoff', arguments: { kind: 'consult', to: 'dba', question: 'May I restart the pool tonight?' } });
check(asked.isError !== true, 'the agent consults', textOf(asked));
const { handoff_id: id } = asked.structuredContent;
await page.goto(`${origin}/console/handoffs/${id}`);
const answer = `form[action="/console/handoffs/${id}/answer"]`;
await page.locator(answer).getByLabel('Answer', { exact: true }).selectOption('answer');
await page.locator(answer).getByLabel(/What is said/).fill('yes, after 22:00\n\nnot before; \u00fc & \u{1f511} = +1%');
await withPasskey(answer);
await page.getByText('It is answered now.').waitFor();
const told = await client.callTool({ name: 'inbox', arguments: { action: 'read', id } });
check(textOf(told).includes('not before'), 'the agent is told every line', textOf(told));

const ledger = house.run('ledger', 'tail', '-n', '500', '--state', house.state).out;
const rows = ledger.split('\n').filter((one) => one.includes('"attestation":"passkey"'));
for (const part of ['approval.approved', 'changes.apply', 'handoffs.act', `"credential":"${listed[0].id}"`])
  check(rows.some((one) => one.includes(part)), `the ledger has ${part} by a passkey`, ledger);
check(ledger.includes('passkey.added') && ledger.includes('passkey.copied'), 'and the life of the key', ledger);

// --- nobody else is http://localhost:PORT ---
const squat = await import('node:net').then(({ createServer }) => new Promise((resolve) => {
  const other = createServer().listen(Number(port), '::1');
  other.on('listening', () => { other.close(); resolve('listening'); });
  other.on('error', (error) => resolve(error.code));
}));
check(['EADDRINUSE', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(squat), 'the other loopback address is held', squat);

// --- the console's process, killed: there again, at the same address ---
const consoles = () => execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  .filter((one) => one.includes('remit console ') && one.includes(house.state)).map((one) => Number(one.trim().split(' ')[0]));
const before = consoles();
check(before.length === 1, 'one process is the console', before);
process.kill(before[0], 'SIGKILL');
await until('the console to be there again', async () => {
  const now = consoles();
  return now.length === 1 && now[0] !== before[0] && (await fetch(`${origin}/console/login`).then((one) => one.status, () => 0)) === 200;
});
check(server.log().includes('the console ended and is started again'), 'the server says so');
await page.goto(`${origin}/console`);
check(new URL(page.url()).pathname === '/console/login', 'people log in again');
await withPasskey('form.login');
await page.waitForURL('**/console/approvals');
const after = house.run('ledger', 'tail', '-n', '500', '--state', house.state).out;
check(after.includes('console.restarted') && after.includes('signal 9'), 'the ledger has it', after);

check((await house.typed(['--expect', 'PIN:', '--secret', pin], 'pin', 'passkeys', 'remove', 'the blue key', '--state', house.state)).code === 0,
  'the terminal removes the key');
await page.reload();
await page.getByRole('link', { name: 'Passkeys' }).click();
check(await page.getByText('None is registered.').isVisible(), 'it is gone');
// The killed console broke its stream of events.
const complaints = said.filter((text) => !/status of (403|404|400)|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_REFUSED/.test(text));
check(complaints.length === 0, 'the browser complains of nothing', complaints.join('\n'));

await client.close();
await browser.close();
check(await server.stop() === 0, 'the server ends');
await until('its console to end', async () => fetch(numeric).then(() => false, () => true));
check(consoles().length === 0, 'and nothing starts it again');
done('passkeys');
