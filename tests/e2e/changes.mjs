// What a client is told unasked, and calls that outlive their reply: documents changed by others,
// a Bash that becomes a task, tasks across two servers, and the tasks of a server that was killed.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { binary, check, done, House, instruction, persona, slug, until } from './house.mjs';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

class Server {
  constructor(house) {
    this.child = spawn(binary, house.serveArguments(persona()), { cwd: house.workspace, stdio: ['pipe', 'pipe', 'inherit'] });
    this.told = [];     // notifications
    this.waiting = new Map();
    this.next = 1;
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const message = JSON.parse(line);
      if (message.method !== undefined) this.told.push(message);
      else this.waiting.get(message.id)?.(message);
    });
  }
  send(message) {
    this.child.stdin.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n');
  }
  request(method, params) {
    const id = this.next++;
    const answer = new Promise((resolve) => this.waiting.set(id, resolve));
    this.send({ id, method, params });
    return answer;
  }
  modern(method, params, capabilities = {}) {
    return this.request(method, { ...params, _meta: { [VERSION]: '2026-07-28', [CAPABILITIES]: capabilities } });
  }
  async initialize() {
    await this.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } });
    this.send({ method: 'notifications/initialized' });
  }
  heard(method, fits = () => true) {
    return until(method, () => this.told.find((note) => note.method === method && fits(note.params)));
  }
  async end() {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    return gone;
  }
  async kill() {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }
}

const house = new House('changes').fill();
const readable = `Agent_Memory/${instruction}/instruction.yaml`;
const document = `remit://memory/${instruction}/instruction.yaml`;
const inbox = `remit://inbox/${slug}`;

// --- a session of an initialize era ---
const session = new Server(house);
await session.initialize();
check((await session.request('resources/subscribe', { uri: 'remit://memory/_knowledge/semantic/known_issues.yaml' })).error?.code === -32002,
  'what the persona may not read cannot be subscribed to');
check((await session.request('resources/subscribe', { uri: 'remit://inbox/somebody-else' })).error?.code === -32002, 'nor a foreign inbox');
check((await session.request('resources/subscribe', { uri: document })).result, 'a document that is not there yet can be');
check((await session.request('resources/subscribe', { uri: inbox })).result, 'and the own inbox');
// --- a listener of 2026-07-28, on another server of the same agent ---
const listener = new Server(house);
listener.send({ id: 'L', method: 'subscriptions/listen', params: {
  notifications: { resourcesListChanged: true, toolsListChanged: true,
    resourceSubscriptions: [document, 'remit://memory/_knowledge/semantic/known_issues.yaml'] },
  _meta: { [VERSION]: '2026-07-28', [CAPABILITIES]: {} } } });
const ack = (await listener.heard('notifications/subscriptions/acknowledged')).params;
check(JSON.stringify(ack.notifications) === JSON.stringify({ toolsListChanged: true, resourcesListChanged: true, resourceSubscriptions: [document] }),
  'the honoured part of the filter', ack);

house.put(readable, 'request: by an editor\n');
await session.heard('notifications/resources/updated', (params) => params.uri === document);
await session.heard('notifications/resources/list_changed');
await listener.heard('notifications/resources/updated', (params) => params.uri === document && params._meta[SUBSCRIPTION] === 'L');
await listener.heard('notifications/resources/list_changed', (params) => params._meta[SUBSCRIPTION] === 'L');
const read = await session.request('resources/read', { uri: document });
check(read.result?.contents[0].text === 'request: by an editor\n', 'and there is what was told', read);

session.told.length = 0;
const letter = join(house.memory, `_communication/inbox/${slug}/delegation_1.yaml`);
mkdirSync(dirname(letter), { recursive: true });
writeFileSync(letter + '.part', 'type: delegation\n');
renameSync(letter + '.part', letter);
await session.heard('notifications/resources/updated', (params) => params.uri === inbox);
session.told.length = 0;
house.put('Agent_Memory/_knowledge/semantic/known_issues.yaml', 'issues: []\n');
house.put(readable, 'request: again\n');
await session.heard('notifications/resources/updated', (params) => params.uri === document);
check(!session.told.some((note) => JSON.stringify(note).includes('known_issues')), 'nothing of what it may not read', session.told);
check(await session.end() === 0, 'the session ends');

// --- tasks ---
execFileSync('mkfifo', [join(house.workspace, 'endless')]);
const bash = (server, command, capabilities) =>
  server.modern('tools/call', { name: 'Bash', arguments: { command } }, capabilities);
const quick = await bash(listener, 'echo quick', TASKS);
check(quick.result?.resultType === 'complete' && quick.result.content[0].text.includes('quick'), 'what is quick is no task', quick);
const slow = (await bash(listener, 'cat endless', TASKS)).result;
check(slow?.resultType === 'task' && /^[0-9a-f]{32}$/.test(slow.taskId) && slow.status === 'working', 'what is slow is one', slow);

const other = new Server(house);
const get = (server, id) => server.modern('tasks/get', { taskId: id }, TASKS);
check((await get(other, slow.taskId)).result?.status === 'working', 'another server of the principal answers for it');
check((await other.modern('tasks/cancel', { taskId: slow.taskId }, TASKS)).result?.resultType === 'complete', 'and takes its cancellation');
await until('the task is cancelled', async () => (await get(listener, slow.taskId)).result?.status === 'cancelled');

const lost = (await bash(listener, 'cat endless', TASKS)).result;
check(lost?.resultType === 'task', 'a second one', lost);
await listener.kill();
check((await get(other, lost.taskId)).result?.status === 'working', 'until a server starts, nobody knows');
const next = new Server(house);
const failed = (await get(next, lost.taskId)).result;
check(failed?.status === 'failed' && failed.error.code === -32603 &&
  failed.error.message === 'the server that ran this task ended before the task did; call the tool again', 'then it has failed', failed);

const stopped = (await bash(next, 'cat endless', TASKS)).result;
check(await next.end() === 0, 'a server with a task at work ends in order');
check((await get(other, stopped.taskId)).result?.status === 'failed', 'and its task has failed at once');
check(await other.end() === 0, 'the other one ends');
done('changes');
