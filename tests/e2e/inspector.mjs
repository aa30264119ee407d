// The MCP inspector's command line, as people use it to look at a server: lists with --strict (our
// schemas must be portable), calls, in both eras.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { binary, check, done, House, persona } from './house.mjs';
import { granted } from './story.mjs';

const house = new House('inspector').fill();
const entry = join(process.env.REMIT_NODE_DIR,
  'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');

function inspect(...args) {
  const done = spawnSync(process.execPath,
    [entry, '--cli', binary, ...house.serveArguments(), ...args],
    { encoding: 'utf8', cwd: house.workspace, timeout: 60_000,
      env: { ...process.env, HOME: house.root } });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

for (const era of ['auto', 'modern', 'legacy']) {
  const list = inspect('--protocol-era', era, '--method', 'tools/list', '--strict');
  check(list.code === 0, `tools/list --strict in era ${era}`, list);
  const names = JSON.parse(list.out).tools.map((tool) => tool.name).sort();
  check(JSON.stringify(names) === JSON.stringify(granted(house).sort()), `the granted set in era ${era}`, names);
}
check(Buffer.byteLength(inspect('--method', 'tools/list').out) > 1000, 'a real list');
const read = inspect('--method', 'tools/call', '--tool-name', 'Read', '--tool-arg', 'file_path=notes.txt');
check(read.code === 0 && read.out.includes('second line'), 'Read through the inspector', read);
const denied = inspect('--method', 'tools/call', '--tool-name', 'memory_read',
  '--tool-arg', 'path=_knowledge/semantic/known_issues.yaml');
check(denied.out.includes('isError') && /technical-support-engineer\.md:\d+/.test(denied.out),
  'a denial through the inspector', denied);
const prompts = inspect('--method', 'prompts/list');
check(prompts.code === 0 && prompts.out.includes('technical-support-engineer'), 'the persona is a prompt', prompts);
const resources = inspect('--method', 'resources/list');
check(resources.code === 0 && resources.out.includes('remit://persona'), 'and a resource', resources);
// Over HTTP, by the line that remit export prints (a shell reads it).
const server = await house.serveHttp();
const { check: line } = JSON.parse(house.run('export', 'inspector', '--agent', persona(), '--workspace', house.workspace,
  '--memory', house.memory, '--state', house.state, '--url', server.url, '--json').out);
for (const token of [server.token, 'wrong']) {
  const listed = spawnSync('sh', ['-c', line.replace(/^inspector/, `'${process.execPath}' '${entry}'`)],
    { encoding: 'utf8', cwd: house.workspace, timeout: 60_000, env: { ...process.env, HOME: house.root, REMIT_TOKEN: token } });
  check((listed.status === 0) === (token === server.token), 'the exported line over HTTP', listed);
  if (listed.status !== 0) continue;
  const names = JSON.parse(listed.stdout).tools.map((tool) => tool.name).sort();
  check(JSON.stringify(names) === JSON.stringify(granted(house).sort()), 'the granted set over HTTP', names);
}
check(await server.stop() === 0, 'the server ends when asked to', server.log());
done('inspector');
