// What every end-to-end script needs: a house of its own (workspace, Agent_Memory, state directory)
// in a temporary folder, the operator's commands on a pseudo-terminal, and checks that name what
// they saw. Nothing survives the process.
import { spawnSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const binary = process.env.REMIT_BINARY;
export const pty = process.env.REMIT_PTY;
export const source = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const instruction = 'inst_20260110_001';
export const pin = '4917';
export const slug = 'technical-support-engineer';

// The persona as its authors wrote it, where the shared data is at hand; else the shipped one.
export function persona() {
  const shared = process.env.REMIT_SHARED ?? join(source, '..', 'shared');
  const seed = join(shared, 'data', 'personas', slug + '.md');
  return existsSync(seed) ? seed : join(source, 'agent_definitions', slug + '.md');
}

export class House {
  constructor(name) {
    this.root = mkdtempSync(join(tmpdir(), `remit-${name}-`));
    this.workspace = join(this.root, 'work space');  // a blank, since people have them
    this.memory = join(this.workspace, 'Agent_Memory');
    this.state = join(this.root, 'state');
    mkdirSync(this.memory, { recursive: true });
    process.on('exit', () => rmSync(this.root, { recursive: true, force: true }));
  }
  // A small workspace with something to find in it.
  fill() {
    const log = [];
    for (let i = 0; i < 1000; ++i) {
      const at = new Date(Date.UTC(2026, 0, 10, 14, 0, i)).toISOString();
      log.push(i % 100 === 42
        ? `${at} ERROR db pool exhausted: 50 of 50 connections in use request_id=r${i}`
        : `${at} INFO request served status=200 duration_ms=${i % 17} request_id=r${i}`);
    }
    this.put('logs/api.log', log.join('\n') + '\n');
    this.put('notes.txt', 'first line\nsecond line\n');
    this.put('src/pool.py', 'POOL_SIZE = 50\n');
    this.put('Agent_Memory/_knowledge/semantic/known_issues.yaml', 'issues: [{title: secret knowledge}]\n');
    this.put('Agent_Memory/_knowledge/procedural/troubleshooting_runbooks.yaml', 'runbooks: [{title: restart the pool}]\n');
    return this;
  }
  put(path, text) {
    const file = join(this.workspace, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }
  get(path) {
    return readFileSync(join(this.workspace, path), 'utf8');
  }
  has(path) {
    return existsSync(join(this.workspace, path));
  }
  serveArguments(agent = persona()) {
    return ['serve', '--agent', agent, '--workspace', this.workspace, '--memory', this.memory,
      '--state', this.state, '--instruction', instruction];
  }
  // A server on HTTP: { url, token, log(), stop() }. stop() resolves with its exit code.
  serveHttp(...more) {
    return this.#listen([...this.serveArguments(), '--http', '127.0.0.1:0', ...more]);
  }
  // The same for all personas of a folder; without a token, which are several.
  serveAgents(folder, ...more) {
    return this.#listen(['serve', '--agents', folder, '--workspace', this.workspace, '--memory', this.memory,
      '--state', this.state, '--instruction', instruction, '--http', '127.0.0.1:0', ...more]);
  }
  async #listen(words) {
    const child = spawn(binary, words, { cwd: this.workspace, stdio: ['ignore', 'ignore', 'pipe'] });
    process.on('exit', () => child.kill('SIGKILL'));
    let err = '';
    child.stderr.on('data', (bytes) => { err += bytes; });
    const ended = new Promise((resolve) => child.on('close', resolve));
    const line = await until('the server to listen', () => err.split('\n').find((one) => one.includes('"listening"')));
    const { url, token_file: file } = JSON.parse(line.slice(line.indexOf('{')));
    const token = file === '-' ? '' : readFileSync(file, 'utf8').trim();
    return { url, token, file, log: () => err, stop: () => { child.kill('SIGTERM'); return ended; } };
  }
  // An operator's command without a terminal.
  run(...args) {
    const done = spawnSync(binary, args, { encoding: 'utf8', cwd: this.workspace, timeout: 60_000 });
    return { code: done.status, out: done.stdout, err: done.stderr };
  }
  // An operator's command on a terminal; steps as remit-pty takes them. Resolves with code and text.
  typed(steps, ...args) {
    return new Promise((resolve) => {
      const child = spawn(pty, [...steps, '--', binary, ...args], { cwd: this.workspace });
      let out = '';
      child.stdout.on('data', (bytes) => { out += bytes; });
      child.stderr.on('data', (bytes) => { out += bytes; });
      child.on('close', (code) => resolve({ code, out }));
    });
  }
  setPin() {
    return this.typed(['--expect', 'new PIN:', '--secret', pin, '--expect', 'again:', '--secret', pin],
      'pin', '--state', this.state);
  }
  // What waits for a person, oldest first: {id, command, sha256, risk, ...}.
  pending() {
    const listed = this.run('approvals', '--json', '--state', this.state);
    return listed.code === 0 ? JSON.parse(listed.out).pending : [];
  }
  // Approves a question the way a person does: reads it, names its digest, types the PIN.
  approve(question, secret = pin) {
    return this.typed(['--expect', 'PIN:', '--secret', secret],
      'approve', question.id, '--digest', question.sha256, '--state', this.state);
  }
  // The files in the queues of people, once there are any: the keeper of deadlines may be the one that
  // writes them, a moment after the answer.
  dropped() {
    return until('a file in a queue', () => {
      const names = readdirSync(join(this.state, 'drop'), { recursive: true }).filter((name) => /\.(yaml|json)$/.test(name));
      return names.length > 0 && names;
    });
  }
  deny(question) {
    return this.typed(['--expect', 'PIN:', '--secret', pin], 'deny', question.id, '--state', this.state);
  }
}

let checks = 0;
export function check(condition, what, seen) {
  checks += 1;
  if (condition) return;
  console.error(`FAILED: ${what}`);
  if (seen !== undefined) console.error(typeof seen === 'string' ? seen : JSON.stringify(seen, null, 1));
  process.exit(1);
}
export function done(name) {
  console.log(`${name}: ${checks} checks passed`);
  process.exit(0);
}

// A client that can be asked: the questions that came, and what answers them from now on (at first
// with no). `request` is the question as the client's library names it.
export function answering(client, request) {
  const asked = [];
  let answer = async () => ({ action: 'decline' });
  client.setRequestHandler(request, async ({ params }) => {
    asked.push(params);
    return answer(params);
  });
  return { asked, setAnswer: (handler) => { answer = handler; } };
}

export const textOf = (result) =>
  (result.content ?? []).filter((part) => part.type === 'text').map((part) => part.text).join('\n');

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls until `probe` gives something; for what another process will do soon.
export async function until(what, probe, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    check(Date.now() < end, `timed out waiting for ${what}`);
    await sleep(50);
  }
}
