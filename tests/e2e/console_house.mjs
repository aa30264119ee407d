// What the console's stories begin with: Chromium, a server with a PIN and a console, and an agent
// that calls it; and what is said to a page: nothing that its policy forbids, nothing that axe-core
// finds. Skips where there is no Chromium.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { check, House, textOf, until } from './house.mjs';

const require = createRequire(join(process.env.REMIT_NODE_DIR, 'node_modules', 'x.js'));
const browserPath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));
if (!browserPath) {
  console.log('skipped: no Chromium (./dev test e2e installs Debian\'s chromium)');
  process.exit(77);
}
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

// { house, server, home, client, bash, waiting, browser }: `home` is the console's address as the
// server says it, bash() a call of the agent, waiting() the question that its command became.
export async function consoleHouse(name) {
  const house = new House(name).fill();
  check((await house.setPin()).code === 0, 'a PIN is set');
  const server = await house.serveHttp('--console', '127.0.0.1:0');
  const line = await until('the console', () =>
    server.log().split('\n').find((one) => one.includes('the console listens')));
  const home = JSON.parse(line.slice(line.indexOf('{'))).url;

  const client = new Client({ name: `e2e-${name}`, version: '1' }, { capabilities: {} });
  await client.connect(new StreamableHTTPClientTransport(new URL(server.url),
    { requestInit: { headers: { Authorization: `Bearer ${server.token}` } } }));
  const bash = async (command) => {
    const result = await client.callTool({ name: 'Bash', arguments: { command } }, undefined, { timeout: 90_000 });
    return { text: textOf(result), error: result.isError === true };
  };
  const waiting = (command) => until('the question', () => house.pending().find((one) => one.command === command));

  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
  process.on('exit', () => { browser.close().catch(() => {}); });
  return { house, server, home, client, bash, waiting, browser };
}

// The errors and warnings of a page, as they come.
export function watch(page) {
  const said = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) said.push(message.text()); });
  page.on('pageerror', (error) => said.push(String(error)));
  return said;
}

// A page of its own for axe-core: the console's policy lets no other script in, so it is switched off
// here, and only here.
export async function accessible(browser, storage, url, what) {
  const context = await browser.newContext({ bypassCSP: true, storageState: storage });
  const page = await context.newPage();
  await page.goto(url);
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    const found = await page.evaluate(async (source) => {
      if (!window.axe) (0, eval)(source);
      const { violations } = await window.axe.run(document);
      return violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(' ')}`);
    }, axe);
    check(found.length === 0, `axe-core has nothing against ${what} (${scheme})`, found.join('\n'));
  }
  await context.close();
}
