// The official conformance suite against build/remit-conformance: both sets of requirements, whole,
// with the scenarios that the suite runs without scoring them. Over HTTP, and over stdio behind a
// bridge, where the scenarios about HTTP itself are left out.
//   conformance.mjs http|stdio      environment: REMIT_CONFORMANCE, REMIT_NODE_DIR
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { startShim } from './stdio_shim.mjs';

const server = process.env.REMIT_CONFORMANCE;
const suiteFolder = path.join(process.env.REMIT_NODE_DIR, 'node_modules/@modelcontextprotocol/conformance');
const suite = path.join(suiteFolder, 'dist/index.js');

const sets = [
  { revision: '2025-11-25', scored: 30, all: 33 },
  { revision: '2026-07-28', scored: 37, all: 50 },
];

// The suite itself skips these: their harness waits to be written anew.
const noOp = new Set(['tasks-status-notifications']);

// What is HTTP's: header fields, sessions, streams, the Host of a request.
const aboutHttp = new Set([
  'dns-rebinding-protection', 'http-custom-header-server-validation', 'http-header-validation',
  'server-session-lifecycle', 'server-sse-multiple-streams', 'server-sse-polling',
  'tasks-request-headers',
]);

async function startHttp() {
  const child = spawn(server, ['--http', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = createInterface({ input: child.stderr });
  const url = await new Promise((found, failed) => {
    lines.on('line', (line) => {
      const match = line.match(/http:\/\/127\.0\.0\.1:\d+\/mcp/);
      if (match) found(match[0]);
    });
    child.once('exit', (code) => failed(new Error(`${server} ended with ${code}`)));
  });
  return {
    url,
    async stop() {
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await gone;
    },
  };
}

// The scenarios that count towards conformance: the list `server:` of the suite's own requirements.
function scoredBySuite(revision) {
  const lines = readFileSync(path.join(suiteFolder, 'requirements', `${revision}.yaml`), 'utf8').split('\n');
  const from = lines.indexOf('server:') + 1;
  const length = lines.slice(from).findIndex((line) => /^\S/.test(line) && !line.startsWith('#'));
  return lines.slice(from, from + length).map((line) => line.match(/^  - (\S+)/)?.[1]).filter(Boolean);
}

// The checks of every scenario, from what the suite wrote to its output folder.
function results(folder) {
  const scenarios = new Map();
  for (const name of readdirSync(folder)) {
    const scenario = name.replace(/^server-(?=.*-\d{4}-)/, '').replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '');
    const checks = JSON.parse(readFileSync(path.join(folder, name, 'checks.json'), 'utf8'));
    scenarios.set(scenario, checks);
  }
  return scenarios;
}

async function run(url, revision) {
  const folder = mkdtempSync(path.join(tmpdir(), 'remit-conformance-'));
  try {
    await new Promise((done) => {
      // Its exit code speaks of scored scenarios alone; its output folder of all.
      execFile(process.execPath, [suite, 'server', '--url', url, '--requirements', revision, '-o', folder],
               { maxBuffer: 64 << 20 }, done);
    });
    return results(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const transport = process.argv[2];
assert(transport === 'http' || transport === 'stdio', 'usage: conformance.mjs http|stdio');
const target = transport === 'http' ? await startHttp() : await startShim(server);
let failed = 0;
try {
  for (const set of sets) {
    const scenarios = await run(target.url, set.revision);
    const scored = new Set(scoredBySuite(set.revision));
    let passed = 0, counted = 0, scoredPassed = 0;
    for (const [scenario, checks] of [...scenarios].sort()) {
      if (transport === 'stdio' && aboutHttp.has(scenario)) continue;
      ++counted;
      const bad = checks.filter((check) => check.status === 'FAILURE' || check.status === 'WARNING');
      const judged = checks.some((check) => check.status === 'SUCCESS') || noOp.has(scenario);
      if (bad.length === 0 && judged) {
        ++passed;
        if (scored.has(scenario)) ++scoredPassed;
      }
      if (!judged) console.log(`${set.revision} ${scenario}: nothing was judged`);
      for (const check of bad) console.log(`${set.revision} ${scenario}: ${check.id}: ${check.errorMessage}`);
    }
    console.log(`${transport} ${set.revision}: ${passed} of ${counted} scenarios, ${scenarios.size} run; ` +
                `${scoredPassed} of ${scored.size} scored`);
    const missing = [...scored].filter((scenario) => !scenarios.has(scenario));
    if (missing.length > 0) console.log(`${set.revision}: not run: ${missing.join(' ')}`);
    if (scored.size !== set.scored || missing.length > 0) ++failed;
    if (scenarios.size !== set.all || passed !== counted) ++failed;
    if (transport === 'http' && (passed !== set.all || scoredPassed !== set.scored)) ++failed;
  }
} finally {
  await target.stop();
}
process.exit(failed === 0 ? 0 : 1);
