// The console in headless Chromium, with and without JavaScript: a client's Bash calls are held, a
// person logs in with the PIN, approves by keyboard, denies, applies a change set, goes back to an
// older version of a document and ends a handoff; what an agent or another page may not do; and what
// axe-core says of each page.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { accessible, consoleHouse, watch } from './console_house.mjs';
import { binary, check, done, instruction, pin, slug, textOf, until } from './house.mjs';

const { house, server, home, client, bash, waiting, browser } = await consoleHouse('console');
const origin = new URL(home).origin;
const checked = (storage, path, what) => accessible(browser, storage, origin + path, what);

// Tab until what is focused fits; as far as a person would go.
async function tab_to(page, what, selector) {
  for (let i = 0; i < 40; ++i) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((css) => document.activeElement?.matches(css), selector)) {
      const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      check(ring !== 'none', `the focus on ${what} is seen`);
      return;
    }
  }
  check(false, `${what} is reached with Tab`);
}

// Agent_Memory: the agent writes twice, the person finds it in the tree, compares and goes back.
const document = `${instruction}/tasks/completed/technical_resolution.yaml`;
async function memory_story(context, page, go, javaScriptEnabled) {
  const key = javaScriptEnabled ? 'summary' : 'details';
  const write = async (content) => {
    const op = house.has(`Agent_Memory/${document}`) ? 'append' : 'create';
    const written = await client.callTool({ name: 'memory_write', arguments: { path: document, op, content } });
    check(written.isError !== true, 'the agent writes its document', textOf(written));
    return house.get(`Agent_Memory/${document}`);
  };
  const before = await write(`${key}: the pool was too small\n`);
  const after = await write(`more_${key}: '\u202e<b>it</b> is 80 now'\n`);
  await page.getByRole('link', { name: 'Memory', exact: true }).click();
  // Folders fold with the keyboard, without a script.
  const folder = page.locator('summary', { hasText: instruction });
  const leaf = page.getByRole('link', { name: 'technical_resolution.yaml' });
  check(await leaf.isVisible(), 'a small tree stands open');
  await go(page, 'a folder', 'summary');
  await folder.focus();
  await page.keyboard.press('Enter');
  check(!await leaf.isVisible(), 'a folder folds with Enter');
  await page.keyboard.press('Space');
  check(await leaf.isVisible(), 'and unfolds with the space bar');
  await leaf.click();
  const text = await page.locator('main > pre').textContent();
  check(text.includes('\\u{202E}<b>it</b> is 80 now'), 'the document is text, what is unseen is named', text);
  check((await page.locator('dl').textContent()).includes(slug), 'it says who wrote it last');
  const path = new URL(page.url()).pathname;
  const versions = page.getByRole('region', { name: 'Versions' });
  check(await versions.getByRole('link', { name: /^Go back to it version/ }).count() >= 2, 'the versions are listed');
  const back = versions.getByRole('row').nth(2);
  await back.getByRole('link', { name: /^Compare with now/ }).click();
  check((await page.locator('.diff .added').textContent()).includes('80 now'), 'the difference to what is there now is shown');
  const difference = page.url();
  await page.goto(origin + path);
  await page.getByLabel('From').selectOption({ index: 1 });
  await page.getByRole('button', { name: 'Show the difference' }).click();
  check((await page.locator('.diff .added').textContent()).includes('80 now'), 'two versions are compared by a form');
  await page.goto(origin + path);
  await page.getByRole('region', { name: 'Versions' }).getByRole('row').nth(2)
    .getByRole('link', { name: /^Go back to it/ }).click();
  if (javaScriptEnabled) {
    const storage = await context.storageState();
    await checked(storage, '/console/memory', 'the tree of memory');
    await checked(storage, path, 'a document');
    await checked(storage, difference.slice(origin.length), 'a difference');
    await checked(storage, page.url().slice(origin.length), 'going back');
  }
  await page.getByLabel('PIN').fill('0000');
  await page.keyboard.press('Enter');
  check((await page.getByRole('alert').innerText()).includes('nothing was done'), 'a wrong PIN changes nothing');
  check(house.get(`Agent_Memory/${document}`) === after, 'the document is as it was');
  await go(page, 'the PIN for going back', '#pin');
  await page.keyboard.type(pin);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**${path}`);
  check((await page.getByRole('status').first().innerText()).startsWith('Went back to version'), 'the page says so');
  check(house.get(`Agent_Memory/${document}`) === before, 'the old content is there');
}

// Handoffs: the agent asks, the person sees it on the board and answers for the target; another is
// taken back.
async function handoff_story(context, page, go, javaScriptEnabled) {
  const ask = async (question) => {
    const sent = await client.callTool({ name: 'handoff', arguments: { kind: 'consult', to: 'dba', question } });
    check(sent.isError !== true, 'the agent consults', textOf(sent));
    return sent.structuredContent.handoff_id;
  };
  const question = `May I restart the pool now, ${javaScriptEnabled ? 'first' : 'second'} time <i>?`;
  const id = await ask(question), mistaken = await ask(`Asked by mistake ${javaScriptEnabled ? 1 : 2}?`);
  await page.getByRole('link', { name: 'Handoffs', exact: true }).click();
  const open = page.getByRole('region', { name: /^Open/ });
  check(await open.getByRole('row').count() === 3, 'the board shows both');
  await go(page, 'the handoff', `a[href="/console/handoffs/${id}"]`);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/${id}`);
  check(await page.getByRole('heading', { level: 1 }).innerText() === question, 'the question is text');
  check(await page.getByRole('region', { name: 'History' }).getByRole('row').count() >= 2, 'its history is shown');
  if (javaScriptEnabled) await checked(await context.storageState(), `/console/handoffs/${id}`, 'a handoff');
  await page.getByLabel('Answer', { exact: true }).selectOption('answer');
  await page.getByLabel(/What is said/).fill('yes, after 22:00');
  await go(page, 'the PIN of the answer', '#pin-answer');
  await page.keyboard.type(pin);
  await page.keyboard.press('Enter');
  check((await page.locator('p.done').innerText()) === 'It is answered now.', 'the page says so');
  const told = await client.callTool({ name: 'inbox', arguments: { action: 'read', id } });
  check(textOf(told).includes('yes, after 22:00'), 'the agent is told the answer', textOf(told));
  check(await page.getByRole('button', { name: 'Answer' }).count() === 0, 'it is not asked again');
  await page.goto(`${origin}/console/handoffs/${mistaken}`);
  await page.locator('#pin-withdraw').fill(pin);
  await page.getByRole('button', { name: 'Take it back' }).click();
  await page.getByText('It is withdrawn now.').waitFor();
  await page.getByRole('link', { name: 'Handoffs', exact: true }).click();
  check(await page.getByText('Nothing waits for an acknowledgement.').isVisible(), 'nothing is open');
  await page.getByRole('link', { name: 'Done' }).click();
  check(await page.locator(`a[href="/console/handoffs/${id}"]`).isVisible(), 'what ended is listed');
  if (javaScriptEnabled)
    for (const path of ['/console/handoffs', '/console/handoffs/done', '/console/handoffs/dead'])
      await checked(await context.storageState(), path, path);
}

async function story(javaScriptEnabled) {
  const which = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';
  const context = await browser.newContext({ javaScriptEnabled });
  const page = await context.newPage();
  const said = watch(page);
  // With scripts off the page cannot be asked where its focus is: the keys alone have to do.
  const go = javaScriptEnabled ? tab_to : async (_, what, selector) => page.locator(selector).first().focus();

  await page.goto(home);
  check(new URL(page.url()).pathname === '/console/login', 'the login comes first', page.url());
  await page.getByLabel('PIN').fill('0000');
  await page.getByRole('button', { name: 'Log in' }).click();
  check((await page.getByRole('alert').innerText()).includes('wrong PIN'), 'a wrong PIN does not log in');
  await go(page, 'the PIN', '#pin');
  await page.keyboard.type(pin);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/console/approvals');
  check(await page.getByText('Nothing waits for approval').isVisible(), 'nothing waits');

  // Held, seen, approved with the keyboard alone.
  const file = javaScriptEnabled ? 'one' : 'two';
  const command = `perl -e "print 6*7" > ${file}.txt && cat ${file}.txt`;
  const running = bash(command);
  const question = await waiting(command);
  if (!javaScriptEnabled) await page.reload();
  const link = page.locator(`a[href="/console/approvals/${question.id}"]`);
  await link.waitFor();
  if (javaScriptEnabled) {
    await until('the announcement', async () => /1 waiting/.test(await page.locator('#news').textContent()));
    check((await page.title()).startsWith('(1) '), 'the title counts');
  }
  await go(page, 'the question', `a[href="/console/approvals/${question.id}"]`);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/${question.id}`);
  check((await page.locator('pre.command').textContent()).trim() === question.command, 'the command is shown whole');
  check((await page.content()).includes(question.sha256), 'and its digest');
  const storage = await context.storageState();
  if (javaScriptEnabled) {
    await checked(storage, `/console/approvals/${question.id}`, 'a question');
    await checked(storage, '/console/approvals', 'the list of questions');
    await checked({ cookies: [], origins: [] }, '/console/login', 'the login');
  }
  await go(page, 'the PIN of the approval', '#pin');
  await page.keyboard.type(pin);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/console/approvals');
  check((await page.getByRole('status').first().innerText()).startsWith('Approved: '), 'the page says so');
  const ran = await running;
  check(!ran.error && ran.text.includes('42'), `the approved command ran, ${which}`, ran.text);
  await page.goBack();
  await page.reload();
  check(await page.locator('#answers').count() === 0, 'it is not asked again');

  // Denied, with a reason.
  const other = `perl -e "print 1" > ${file}-denied.txt`;
  const refused = bash(other);
  const second = await waiting(other);
  await page.goto(`${origin}/console/approvals/${second.id}`);
  await page.getByLabel(/Reason/).fill('not today');
  await page.getByRole('button', { name: 'Deny' }).click();
  await page.waitForURL('**/console/approvals');
  const no = await refused;
  check(no.error && no.text.includes('not today'), 'the agent is told the reason', no.text);
  check(!house.has(`${file}-denied.txt`), 'and nothing ran');

  // A deletion of what existed before is held.
  house.put(`old-${file}.txt`, 'precious\n');
  const removing = bash(`rm old-${file}.txt`);
  check((await house.approve(await waiting(`rm old-${file}.txt`))).code === 0, 'the terminal approves as before');
  const removed = await removing;
  check(!removed.error && house.has(`old-${file}.txt`), 'a deletion waits', removed.text);
  await page.getByRole('link', { name: 'Changes' }).click();
  await page.getByRole('link', { name: /1 change by/ }).click();
  check((await page.locator('.diff').textContent()).includes('-precious'), 'its difference is shown');
  if (javaScriptEnabled) {
    await checked(await context.storageState(), new URL(page.url()).pathname, 'a change set');
    await checked(await context.storageState(), '/console/changes', 'the change sets');
  }
  await page.locator('#pin-apply').fill(pin);
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.waitForURL('**/console/changes');
  check(!house.has(`old-${file}.txt`), 'the change set is applied');

  await memory_story(context, page, go, javaScriptEnabled);
  await handoff_story(context, page, go, javaScriptEnabled);

  // The ledger knows all of it.
  await page.getByRole('link', { name: 'Ledger' }).click();
  const ledger = await page.locator('table').textContent();
  for (const part of ['approval.approved', '"channel":"console"', '"attestation":"pin"', 'approval.denied', 'changes.apply', 'memory.revert', 'handoffs.act'])
    check(ledger.includes(part), `the ledger has ${part}`);
  await page.getByRole('button', { name: 'Verify the chain' }).click();
  check(await page.getByRole('heading', { name: 'The ledger holds' }).isVisible(), 'and its chain holds');

  await page.getByRole('link', { name: 'Activity' }).click();
  if (javaScriptEnabled) {
    await bash('echo live');
    await until('the live row', async () => (await page.locator('#rows').textContent()).includes('echo live'));
    for (const path of ['/console/activity', '/console/ledger', '/console/nothing'])
      await checked(await context.storageState(), path, path);
  }
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL('**/console/login');
  await page.goto(home);
  check(new URL(page.url()).pathname === '/console/login', 'logged out is out');
  const complaints = said.filter((text) => !/status of (403|404)/.test(text));
  check(complaints.length === 0, `the browser complains of nothing ${which}`, complaints.join('\n'));
  await context.close();
}
await story(true);
await story(false);

// --- an attacker ---
const mine = await browser.newContext();
const page = await mine.newPage();
await page.goto(home);
await page.getByLabel('PIN').fill(pin);
await page.keyboard.press('Enter');
await page.waitForURL('**/console/approvals');
const jar = (await mine.cookies()).map((one) => `${one.name}=${one.value}`).join('; ');
check(await page.evaluate(() => document.cookie) === '', 'no script sees the cookie');

const raw = (url, options = {}) => fetch(url, { redirect: 'manual', ...options });
const bearer = { Authorization: `Bearer ${server.token}` };
check((await raw(`${origin}/console/approvals`, { headers: bearer })).status === 303, 'an agent\'s token opens no console');
check((await raw(server.url, { method: 'POST', headers: { Cookie: jar, 'Content-Type': 'application/json' }, body: '{}' })).status === 401,
  'the console\'s cookie opens no MCP');

// A page on another port of this machine, to which the browser gives our cookie all the same.
let stolen = '';
const evil = createServer((request, response) => {
  stolen = request.headers.cookie ?? stolen;
  response.setHeader('Content-Type', 'text/html');
  response.end('<!doctype html><iframe src="' + home + '"></iframe><form id=f method=post action="' + target + '"><input name=scope value=once></form>');
});
let target = home;
await new Promise((resolve) => evil.listen(0, '127.0.0.1', resolve));
process.on('exit', () => evil.close());
const held = bash('perl -e "print 666"');
const question = await waiting('perl -e "print 666"');
target = `${origin}/console/approvals/${question.id}/approve`;
const trap = await mine.newPage();
await trap.goto(`http://127.0.0.1:${evil.address().port}/console/`);
check(stolen.includes('remit_console_'), 'a browser gives the cookie to every port, so it must be worth little', stolen);
await until('the frame', async () => trap.frames().length > 1);
check(!(await trap.frames()[1].content()).includes('Approvals'), 'the console is in nobody\'s frame');
await Promise.all([trap.waitForNavigation(), trap.evaluate(() => document.getElementById('f').submit())]);
check((await trap.content()).includes('may not use the console'), 'a foreign page\'s form is refused', await trap.content());
await trap.goto(`http://127.0.0.1:${evil.address().port}/console/`);
const read = await trap.evaluate((url) => fetch(url, { credentials: 'include' }).then((one) => one.text(), () => 'unread'), home);
check(read === 'unread', 'nor does it read anything', read);
// With the stolen cookie, from outside a browser: looks, and still cannot approve without the PIN.
const headers = { Cookie: stolen, Origin: origin, 'Content-Type': 'application/x-www-form-urlencoded' };
const seen = await (await raw(`${origin}/console/approvals/${question.id}`, { headers })).text();
const token = /\/approve"[^]*?name="token" value="([^"]+)"/.exec(seen)[1];
const tried = await raw(target, { method: 'POST', headers, body: `scope=once&token=${token}` });
check(tried.status === 403, 'a stolen cookie approves nothing', await tried.text());
check(house.pending().some((one) => one.id === question.id), 'the question still waits');
check((await house.deny(question)).code === 0 && (await held).error, 'the terminal answers as before');
await mine.close();

// --- a server on stdio, killed: its console does not outlive it ---
const pipe = spawn(binary, [...house.serveArguments(), '--console', '127.0.0.1:0'], { stdio: ['pipe', 'ignore', 'pipe'] });
process.on('exit', () => pipe.kill('SIGKILL'));
let said = '';
pipe.stderr.on('data', (bytes) => { said += bytes; });
await until('the server on stdio', () => said.includes('"serving"'));
const other = JSON.parse(said.split('\n').find((line) => line.includes('the console listens')).replace(/^[^{]*/, '')).url;
check((await raw(`${other}/login`)).status === 200, 'a server on stdio has a console, too');
const taken = house.run(...house.serveArguments(), '--console', new URL(other).host);
check(taken.code === 3 && taken.err.includes('in use'), 'two consoles at one address: the second server does not start', taken);
pipe.kill('SIGKILL');
await until('the console of a killed server to end', async () => raw(other).then(() => false, () => true));

await client.close();
await browser.close();
check(await server.stop() === 0, 'the server ends');
await until('its console to end', async () => raw(home).then(() => false, () => true));
done('console');
