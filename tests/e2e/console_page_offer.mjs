// Elicitation by URL: a command of high risk has the client offer the console's page of its question;
// the person opens it, logs in, is led to that page and decides there. In the initialize era and in
// 2026-07-28, whose call ends with the offer and comes again.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ElicitationCompleteNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { consoleHouse } from './console_house.mjs';
import { check, done, pin, textOf, until } from './house.mjs';

const { house, server, home, client: plain, waiting, browser } = await consoleHouse('page-offer');
await plain.close();
const authorization = { Authorization: `Bearer ${server.token}` };
const context = await browser.newContext();

// The person: opens what is offered, logs in where that is asked, and decides.
async function visit(url, approve) {
  const page = await context.newPage();
  await page.goto(url);
  if (new URL(page.url()).pathname === '/console/login') {
    await page.getByLabel('PIN').fill(pin);
    await page.keyboard.press('Enter');
  }
  await page.waitForURL(url);
  check((await page.locator('pre.command').textContent()).includes('perl'), 'the login leads to the question');
  if (approve) {
    await page.locator('#pin').fill(pin);
    await page.getByRole('button', { name: 'Approve' }).click();
  } else {
    await page.getByLabel(/Reason/).fill('not this way');
    await page.getByRole('button', { name: 'Deny' }).click();
  }
  await page.waitForURL('**/console/approvals');
  await page.close();
}

// --- initialize era ---
const client = new Client({ name: 'e2e-page-offer', version: '1' }, { capabilities: { elicitation: { url: {} } } });
const offered = [], over = [];
let answer = null;
client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
  offered.push(params);
  return answer(params);
});
client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => { over.push(params.elicitationId); });
await client.connect(new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: authorization } }));
const bash = async (command) => {
  const result = await client.callTool({ name: 'Bash', arguments: { command } }, undefined, { timeout: 90_000 });
  return { text: textOf(result), error: result.isError === true };
};

const command = 'perl -e "print 6*7"';
let visited = null;
answer = (params) => { visited = visit(params.url, true); return { action: 'accept' }; };
const ran = await bash(command);
await visited;
check(!ran.error && ran.text.includes('42'), 'approved on the page that was offered, the command ran', ran.text);
check(offered[0].mode === 'url' && offered[0].url.startsWith(`${home}/approvals/`), 'the console\'s page was offered', JSON.stringify(offered[0]));
check(offered[0].url.endsWith(offered[0].elicitationId) && !offered[0].url.includes('perl'), 'its address holds an opaque id alone', offered[0].url);
await until('the end of the offer', () => over.includes(offered[0].elicitationId));

answer = (params) => { visited = visit(params.url, false); return { action: 'accept' }; };
const refused = await bash('perl -e "print 1"');
await visited;
check(refused.error && refused.text.includes('not this way'), 'what is denied there is denied', refused.text);

// Opening decides nothing: a yes to the offer alone leaves the question open.
answer = () => ({ action: 'accept' });
const open = bash('perl -e "print 2"');
const question = await waiting('perl -e "print 2"');
await until('the third offer', () => offered.length === 3);
check(house.pending().some((one) => one.id === question.id), 'an accepted offer is no approval');
check((await house.deny(question)).code === 0 && (await open).error, 'the terminal answers as before');

// A person's no to the offer is a no.
answer = async () => { await new Promise((go) => setTimeout(go, 300)); return { action: 'decline' }; };
const declined = await bash('perl -e "print 3"');
check(declined.error && declined.text.includes('declined'), 'a declined offer is a no', declined.text);
check(house.pending().length === 0, 'and nothing waits');
await client.close();

// --- 2026-07-28 ---
const post = async (extra) => {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { ...authorization, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'Bash' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'Bash', arguments: { command: 'perl -e "print 6*8"' }, ...extra,
      _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'e2e', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } } } }),
  });
  const text = await response.text();
  return JSON.parse(text.startsWith('{') ? text : text.split('\n').filter((line) => line.startsWith('data: {')).pop().slice(6)).result;
};
const first = await post({});
const offer = first.inputRequests?.open?.params;
check(first.resultType === 'input_required' && offer?.mode === 'url', 'the call ends with the offer', JSON.stringify(first));
await visit(offer.url, true);
const again = await post({ inputResponses: { open: { action: 'accept' } }, requestState: first.requestState });
check(!again.isError && textOf(again).includes('48'), 'and runs when it comes again', JSON.stringify(again));

const ledger = house.run('ledger', 'tail', '-n', '500', '--state', house.state).out;
check(ledger.includes('"channel":"url"'), 'the ledger has the declined offer', ledger);
check(await server.stop() === 0, 'the server ends');
await browser.close();

// The heads that a server's log publishes prove that the ledger lost nothing from its end.
const heads = server.log().split('\n').filter((line) => line.includes('"ledger head"')).map((line) => JSON.parse(line.slice(line.indexOf('{'))).sha256);
check(heads.length >= 2, 'the log has the ledger\'s head from the first call and from the end', server.log());
const verify = (head) => house.run('ledger', 'verify', '--head', head, '--state', house.state);
for (const head of heads) check(verify(head).code === 0, 'the ledger holds what was published', verify(head));
check(verify('0'.repeat(63) + '1').code === 1, 'a head that is not there is missed');
done('console_page_offer');
