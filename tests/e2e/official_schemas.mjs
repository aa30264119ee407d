// Holds every message that a server of ours writes against the protocol's own JSON schemas, each in
// the era it belongs to: the transcripts of tests/wire and tests/conformance, and a conversation with
// build/remit in every era that calls each tool once. The schemas lie outside the repository
// (REMIT_SHARED).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { binary, check, done, House, instruction, source } from './house.mjs';

const kSkipped = 77;
const kVersionKey = 'io.modelcontextprotocol/protocolVersion';
const kModern = '2026-07-28';
const kInitialize = ['2025-11-25', '2025-06-18', '2025-03-26'];
const folder = join(process.env.REMIT_SHARED ?? join(source, '..', 'shared'), 'data', 'mcp-schema');
if (!existsSync(folder)) {
  console.log(`skipped: the official schemas are not in ${folder}`);
  process.exit(kSkipped);
}

// One era's schema: its definitions by name, and by the method they are about.
class Era {
  constructor(version, extension) {
    this.extension = extension;  // what the era's own schema leaves to another
    const schema = JSON.parse(readFileSync(join(folder, `${version}.json`), 'utf8'));
    const key = schema.$defs ? '$defs' : 'definitions';
    this.version = version;
    this.names = schema[key];
    this.place = `${version}#/${key}/`;
    this.ajv = new (schema.$defs ? Ajv2020 : Ajv)({ strict: false, allErrors: false });
    addFormats(this.ajv, ['uri', 'uri-template', 'byte']);
    this.ajv.addSchema(schema, version);
    this.methods = new Map();
    for (const [name, rule] of Object.entries(this.names)) {
      const method = [rule, ...rule.allOf ?? []].map((part) => part.properties?.method?.const).find(Boolean);
      if (method) this.methods.set(method, name);
    }
  }
  // What is wrong with `value` as a NAME, or undefined.
  fault(name, value) {
    const rule = this.ajv.getSchema(this.place + name) ?? this.ajv.compile({ $ref: this.place + name });
    if (rule(value)) return undefined;
    return `${this.version} ${name}${rule.errors[0].instancePath} ${rule.errors[0].message}`;
  }
  faultOfResult(method, result) {
    if (this.extension && (result.resultType === 'task' || this.extension.methods.has(method) && !this.methods.has(method))) {
      return result.resultType === 'task' ? this.extension.fault('CreateTaskResult', result) : this.extension.faultOfResult(method, result);
    }
    const request = this.methods.get(method);
    if (!request) return `${this.version} knows no method ${method}, and got a result`;
    const named = request.replace(/Request$/, 'Result');
    const name = result.resultType === 'input_required' ? 'InputRequiredResult' : named in this.names ? named : 'EmptyResult';
    return this.fault(name, result);
  }
  // A response to `method` (undefined: to nothing that was understood), or a notification or request.
  faultOf(message, method) {
    if (message.method) {
      const name = this.methods.get(message.method);
      if (!name && this.extension?.methods.has(message.method)) return this.extension.faultOf(message);
      return name ? this.fault(name, message) : `${this.version} knows no ${message.method}`;
    }
    if (message.error) {
      // The older schemas cannot say what JSON-RPC asks for: an error without a readable id.
      const bare = message.id === undefined || message.id === null;
      const name = 'JSONRPCErrorResponse' in this.names ? 'JSONRPCErrorResponse' : 'JSONRPCError';
      const specific = Object.entries(this.names).find(([, rule]) =>
        rule.properties?.error?.allOf?.some((part) => part.properties?.code?.const === message.error.code));
      return this.fault(name, bare ? { ...message, id: 0 } : message)
        ?? (specific && !bare ? this.fault(specific[0], message) : undefined);
    }
    const envelope = 'JSONRPCResultResponse' in this.names ? 'JSONRPCResultResponse' : 'JSONRPCResponse';
    return this.fault(envelope, message) ?? this.faultOfResult(method, message.result);
  }
}
const eras = new Map(kInitialize.map((version) => [version, new Era(version)]));
eras.set(kModern, new Era(kModern, new Era('tasks-extension')));

for (const era of eras.values()) {
  check(era.faultOfResult('tools/list', { resultType: 'complete', tools: [{ name: 'x' }] }), `${era.version}: a fault is seen`);
}

// Follows one conversation: which era each request spoke, and which request a response is to.
class Listener {
  constructor(name) {
    this.name = name;
    this.open = new Map();  // id -> [{method, era}], oldest first
    this.spoken = new Set();
    this.agreed = undefined;
    this.rest = '';
    this.seen = 0;
  }
  sent(bytes) {
    const lines = (this.rest + bytes).split('\n');
    this.rest = lines.pop();
    for (const line of lines) this.read(line);
    // The last line may lack its newline: it counts once it is whole.
    if (this.read(this.rest)) this.rest = '';
  }
  read(line) {
    let said;
    try { said = JSON.parse(line); } catch { return false; }
    for (const one of [said].flat()) if (one && typeof one === 'object' && one.method) this.note(one);
    return true;
  }
  note(request) {
    const named = request.params?._meta?.[kVersionKey];
    const asked = request.method === 'initialize' ? request.params?.protocolVersion : undefined;
    const version = named !== undefined ? kModern
      : asked !== undefined ? (kInitialize.includes(asked) ? asked : kInitialize[0]) : this.agreed ?? kInitialize[0];
    this.spoken.add(version);
    if (request.id === undefined) return;
    const id = JSON.stringify(request.id);
    this.open.set(id, [...this.open.get(id) ?? [], { method: request.method, version }]);
  }
  got(line) {
    for (const message of [JSON.parse(line)].flat()) {
      this.seen += 1;
      const fault = this.judge(message);
      check(!fault, `${this.name}: ${fault}`, message);
    }
  }
  judge(message) {
    if (message.method || message.id === undefined || message.id === null) {
      // It belongs to no one request: some era that was spoken here must know it.
      const versions = this.spoken.size ? [...this.spoken] : [kInitialize[0]];
      const faults = versions.map((version) => eras.get(version).faultOf(message));
      return faults.includes(undefined) ? undefined : faults[0];
    }
    // An id may be used again after its answer, and wrongly before it: some request of this id fits.
    const id = JSON.stringify(message.id);
    const asked = this.open.get(id) ?? [];
    if (!asked.length) return message.error ? eras.get(this.agreed ?? kInitialize[0]).faultOf(message) : 'answers nothing';
    const faults = asked.map(({ method, version }) => eras.get(version).faultOf(message, method));
    const at = faults.indexOf(undefined);
    if (at < 0) return faults[0];
    const [{ method }] = asked.splice(at, 1);
    if (method === 'initialize' && message.result) this.agreed = message.result.protocolVersion;
    return undefined;
  }
}

// --- the transcripts ---

const house = new House('schemas').fill();
for (const [folder, server] of [['wire', process.env.REMIT_FIXTURE_SERVER], ['conformance', process.env.REMIT_CONFORMANCE]]) {
  const transcripts = join(source, 'tests', folder);
  for (const file of readdirSync(transcripts).filter((name) => name.endsWith('.jsonl')).sort()) {
    const record = join(house.root, 'record');
    const run = spawnSync(process.env.REMIT_WIRE_RUNNER, [server, join(transcripts, file), record],
      { encoding: 'utf8', timeout: 60_000 });
    check(run.status === 0, `${file} plays as written`, run.stderr);
    const listener = new Listener(file);
    for (const line of readFileSync(record, 'utf8').split('\n').filter(Boolean)) {
      const [what, bytes] = JSON.parse(line);
      listener[what](bytes);
    }
  }
}

// --- the product, in every era ---

const known = 'Agent_Memory/_knowledge/procedural/troubleshooting_runbooks.yaml';
const calls = {
  Bash: { command: 'ls logs' },
  BashOutput: { bash_id: 'none' },
  Glob: { pattern: '**/*.py' },
  Grep: { pattern: 'ERROR', path: 'logs', output_mode: 'content' },
  KillShell: { shell_id: 'none' },
  Read: { file_path: 'notes.txt' },
  Write: { file_path: 'made.txt', content: 'made\n' },
  bug_report: { action: 'validate', report: {} },
  handoff: { kind: 'consult', to: 'dba', question: 'is the pool of fifty connections too small?' },
  inbox: { closed: true },
  log_patterns: { source: ['logs/api.log'] },
  memory_list: {},
  memory_read: { path: known },
  memory_write: { path: `${instruction}/tasks/completed/technical_resolution.yaml`, op: 'create', content: 'summary: restarted\n' },
  respond: { id: '01KA7Y5W0Z3T8N6Q4M2P1R9S7V', action: 'ack' },
};
const questions = (tools, uri) => [
  ['ping', {}], ['logging/setLevel', { level: 'debug' }], ['logging/setLevel', { level: 'loud' }],
  ['tools/list', {}], ['tools/list', { cursor: 'nonsense' }],
  ...tools.map((name) => ['tools/call', { name, arguments: calls[name] ?? {}, _meta: { progressToken: name } }]),
  ['tools/call', { name: 'Read', arguments: { file_path: '/etc/shadow' } }],
  ['tools/call', { name: 'Read', arguments: { lines: 1 } }],
  ['tools/call', { name: 'Nothing', arguments: {} }], ['tools/call', {}],
  ['prompts/list', {}], ['prompts/get', { name: 'technical-support-engineer' }], ['prompts/get', { name: 'none' }],
  ['resources/list', {}], ['resources/templates/list', {}],
  ['resources/read', { uri }], ['resources/read', { uri: 'remit://nothing' }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'technical-support-engineer' }, argument: { name: 'x', value: '' } }],
  ['no/such', {}],
];

async function converse(version, structured) {
  const listener = new Listener(`remit ${version} --structured ${structured}`);
  const server = spawn(binary, [...house.serveArguments(), '--structured', structured],
    { cwd: house.workspace, stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map();
  createInterface({ input: server.stdout }).on('line', (line) => {
    listener.got(line);
    const message = JSON.parse(line);
    if (!message.method) waiting.get(message.id)?.(message);
  });
  const say = (message) => {
    const line = JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n';
    listener.sent(line);
    server.stdin.write(line);
  };
  let last = 0;
  const meta = version === kModern && {
    [kVersionKey]: kModern,
    'io.modelcontextprotocol/clientInfo': { name: 'schemas', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const ask = (method, params) => new Promise((resolve) => {
    const id = ++last;
    waiting.set(id, resolve);
    say({ id, method, params: meta ? { ...params, _meta: { ...params._meta, ...meta } } : params });
  });
  if (meta) {
    await ask('server/discover', {});
  } else {
    await ask('initialize', { protocolVersion: version, capabilities: {}, clientInfo: { name: 'schemas', version: '1' } });
    say({ method: 'notifications/initialized' });
  }
  const tools = (await ask('tools/list', {})).result.tools.map((tool) => tool.name);
  check(tools.length > 8, 'the engineer has its tools', tools);
  const resources = (await ask('resources/list', {})).result.resources;
  for (const [method, params] of questions(tools, resources[0]?.uri)) await ask(method, params);
  server.stdin.end();
  await new Promise((resolve) => server.on('close', resolve));
  check(listener.seen > tools.length + 10, `${listener.name}: everything was answered`, listener.seen);
}
for (const version of eras.keys()) {
  for (const structured of ['records', 'all']) await converse(version, structured);
}
done('official schemas');
