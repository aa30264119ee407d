// Codex, headless, with a model on loopback. It is told models that it does not know, to which it
// names every tool; to those it knows it may offer apply_patch, which the sandbox then refuses.
import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { done } from '../house.mjs';
import { check, ClientHouse, clientProgram, enforced, personaLine } from './client.mjs';
import { startModel } from './model.mjs';

const program = clientProgram('@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex',
  '@openai/codex-linux-arm64/vendor/aarch64-unknown-linux-musl/bin/codex');
const house = new ClientHouse('codex');
const home = join(house.home, '.codex');
mkdirSync(home);
const environment = { CODEX_HOME: home, KEY: 'none' };
const provider = (model) => ` -c model_provider=mock -c 'model_providers.mock={name="mock",base_url="${model.url}/v1",wire_api="responses",env_key="KEY"}'`;
const exported = house.export();
house.doctor();
// The line as it is printed, for a model on loopback.
const line = (model, name) =>
  exported.headless.replace(/^codex exec/, `'${program}' exec --skip-git-repo-check -m ${name}`) + provider(model);
const run = (model, name) => house.start(model, 'sh', ['-c', line(model, name)], environment);

// Before the project is trusted codex reads nothing of it: the line must not start with its own tools.
const untrusted = await startModel();
const refused = await run(untrusted, 'unknown');
check(refused.code !== 0 && untrusted.turns.length === 0 && /remit/.test(refused.err),
  'an untrusted project does not start', { refused, turns: untrusted.turns });
await untrusted.close();
writeFileSync(join(home, 'config.toml'), `[projects.${JSON.stringify(house.workspace)}]\ntrust_level = "trusted"\n`);

await enforced(house, {
  name: (tool) => `mcp__remit.${tool}`,
  harmless: ['list_mcp_resources', 'list_mcp_resource_templates', 'read_mcp_resource', 'request_user_input'],
  attempts: [
    { tool: 'exec_command', args: { cmd: 'touch made-by-client.txt' } },
    { tool: 'shell', args: { command: ['touch', 'made-by-client.txt'] } },
    { tool: 'view_image', args: { path: 'notes.txt' } },
  ],
  outside: ['ab.chatgpt.com'],
  run: (model) => run(model, 'unknown'),
});

const known = await startModel();
known.play([{ tool: 'apply_patch', input: '*** Begin Patch\n*** Add File: made-by-client.txt\n+x\n*** End Patch\n' }, { text: 'finished' }]);
const patched = await run(known, 'gpt-5.5');
check(patched.code === 0 && /rejected/.test(known.turns.at(-1).results[0]) && !house.has('made-by-client.txt'),
  'apply_patch is refused', { patched, turns: known.turns });
check(known.turns[0].instructions.includes(personaLine()), 'the persona is what the model is told');
const own = known.turns[0].tools.filter((tool) => !['list_mcp_resources', 'list_mcp_resource_templates', 'read_mcp_resource',
  'request_user_input', 'apply_patch', 'tool_search'].includes(tool));
check(own.length === 0, 'and nothing else is offered', own);
await known.close();

const listed = await house.start(null, program, ['mcp', 'list', '--json'], environment);
const [server] = JSON.parse(listed.out);
check(server.name === 'remit' && server.enabled && server.transport.args.includes(house.workspace), 'codex mcp list', listed);
house.export('--interactive');
house.doctor();
const strict = await startModel();
check((await run(strict, 'unknown')).code === 0, 'codex knows every key of --interactive');
await strict.close();
done('codex');
