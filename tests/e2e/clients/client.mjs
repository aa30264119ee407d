// A real client in a house of its own: HOME and all XDG folders are the house's, its model and its
// way to the network are tests/e2e/clients/model.mjs, and what it is told is what `remit export`
// wrote for it.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, check, House, persona } from '../house.mjs';
import { granted } from '../story.mjs';
import { startModel } from './model.mjs';

// A line of the persona's text that no format escapes: a client that was told the persona has said it.
export function personaLine() {
  const body = readFileSync(persona(), 'utf8').split(/^---\s*$/m).slice(2).join('---');
  return body.split('\n').find((line) => line.length > 40 && !/["\\`*#]/.test(line));
}

// Ends the test with ctest's code for a skipped one.
export function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(77);
}

// The program of a pinned client, or a skip. The large ones (claude, codex, copilot: 1 GB unpacked) are only
// there after `./dev test e2e-full`.
export function clientProgram(...paths) {
  const folders = [process.env.REMIT_CLIENTS_DIR, process.env.REMIT_LARGE_CLIENTS_DIR];
  const found = folders.flatMap((folder) => paths.map((path) => join(folder, 'node_modules', path))).find(existsSync);
  return found ?? skip(`${paths[0]} is not in ${folders.join(' or ')} (run ./dev test e2e, or e2e-full for the large ones)`);
}

export class ClientHouse extends House {
  constructor(name) {
    super(name);
    this.client = name;
    this.home = join(this.root, 'home');
    this.temporary = join(this.root, 'tmp');
    for (const folder of [this.home, this.temporary]) mkdirSync(folder, { recursive: true });
    this.fill();
  }
  // `remit export CLIENT --write` into the workspace; its JSON answer.
  export(...more) {
    const done = this.run('export', this.client, '--agent', persona(), '--workspace', this.workspace,
      '--memory', this.memory, '--state', this.state, '--write', '--json', ...more);
    check(done.code === 0, `remit export ${this.client}`, done);
    return JSON.parse(done.out);
  }
  // `remit doctor --client CLIENT`, which must find `findings` (words of each) and nothing else.
  doctor(...findings) {
    const done = this.run('doctor', '--client', this.client, '--agent', persona(), '--workspace', this.workspace,
      '--memory', this.memory, '--state', this.state, '--json');
    const report = JSON.parse(done.out);
    check(done.code === (findings.length > 0 ? 1 : 0), `the doctor's exit code for ${this.client}`, done);
    check(report.findings.length === findings.length &&
      findings.every((words, i) => report.findings[i].message.includes(words) && report.findings[i].remedy.length > 0),
    `the doctor finds ${JSON.stringify(findings)}`, report);
    return report;
  }
  granted() {
    return granted(this).sort();
  }
  // Resolves with { code, out, err }. The environment is built, never inherited: no key of the person
  // who runs the tests reaches a client.
  start(model, command, args, environment = {}) {
    const dead = model?.url ?? 'http://127.0.0.1:9';
    return new Promise((resolve) => {
      const child = spawn(command, args, {
        cwd: this.workspace,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: process.env.PATH, LANG: 'C.UTF-8', TERM: 'dumb', NO_COLOR: '1', HOME: this.home,
          TMPDIR: this.temporary,
          XDG_CONFIG_HOME: join(this.home, '.config'), XDG_DATA_HOME: join(this.home, '.local/share'),
          XDG_STATE_HOME: join(this.home, '.local/state'), XDG_CACHE_HOME: join(this.home, '.cache'),
          HTTP_PROXY: dead, HTTPS_PROXY: dead, http_proxy: dead, https_proxy: dead,
          NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost', ...environment,
        },
      });
      let out = '', err = '';
      child.stdout.on('data', (bytes) => { out += bytes; });
      child.stderr.on('data', (bytes) => { err += bytes; });
      const giveUp = setTimeout(() => child.kill('SIGKILL'), 300_000);
      child.on('close', (code) => { clearTimeout(giveUp); resolve({ code, out, err }); });
    });
  }
}

// What holds for every client: the model is offered exactly the granted tools (and `harmless` ones of
// the client), a Read of Remit works, one outside its roots is refused, and each of the client's own
// tools that the model tries anyway (`attempts`) fails. `name` gives a tool as this client shows it;
// `run(model)` runs the client once, headless.
export async function enforced(house, { name, harmless = [], attempts, outside = [], run }) {
  const model = await startModel();
  model.play([
    { tool: name('Read'), args: { file_path: 'notes.txt' } },
    { tool: name('Read'), args: { file_path: '/etc/passwd' } },
    ...attempts,
    { text: 'finished' },
  ]);
  const done = await run(model);
  check(done.code === 0, `${house.client} ends well`, done);
  const turns = model.turns;
  check(turns.length === attempts.length + 3, 'the whole script was played', { turns, done });
  const wanted = house.granted().map(name).concat(harmless).sort();
  check(JSON.stringify([...turns[0].tools].sort()) === JSON.stringify(wanted),
    `${house.client} offers its model exactly the granted tools`, { offered: turns[0].tools, wanted });
  const results = turns.at(-1).results;
  check(results[0].includes('second line'), 'Read reads', results);
  check(/denied/.test(results[1]) && !results[1].includes('root:'), 'and is refused outside', results);
  attempts.forEach((attempt, i) => {
    const answer = results[2 + i] ?? '';
    check(/not found|no such tool|does not exist|unavailable|unsupported|disabled|denied|rejected|aborted|invalid/i.test(answer),
      `the client's own ${attempt.tool} does nothing`, { answer, results });
  });
  check(!house.has('made-by-client.txt'), 'nothing was written past Remit');
  // What the client itself wanted from the network (its updates, its account), and none of it for a tool.
  const asked = [...new Set(model.outside.map((one) => new URL(one.includes('://') ? one : `https://${one}`).hostname))];
  check(asked.every((host) => outside.includes(host)), `${house.client} asks only ${JSON.stringify(outside)} outside`, asked);
  check(model.requests.some((one) => one.startsWith('POST')), 'the model was asked through its own address', model.requests);
  await model.close();
  return { ...done, turns, outside: model.outside };
}

// The client finds the agent over HTTP by what `remit export --url` wrote, and with a wrong token does
// not: `list(house, token)` runs what lists its servers, in a project of its own.
export async function overHttp(name, connected, list) {
  const house = new ClientHouse(name);
  const server = await house.serveHttp();
  house.export('--url', server.url);
  const found = await list(house, server.token);
  check(connected.test(found.out + found.err), `${name} reaches a server over HTTP`, found);
  const refused = await list(house, 'wrong');
  check(!connected.test(refused.out + refused.err), `${name} with a wrong token does not`, refused);
  check(await server.stop() === 0, 'the server ends when asked to', server.log());
}

export { binary, check };
