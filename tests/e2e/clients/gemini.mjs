// Gemini CLI, headless, with a model on loopback; also with --yolo, which approves whatever is there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { done } from '../house.mjs';
import { check, ClientHouse, clientProgram, enforced, overHttp, personaLine } from './client.mjs';
import { startModel } from './model.mjs';

const program = clientProgram('@google/gemini-cli/bundle/gemini.js');
const house = new ClientHouse('gemini');
const environment = (model) => ({ GEMINI_API_KEY: 'none', GOOGLE_GEMINI_BASE_URL: model.url });
mkdirSync(join(house.home, '.gemini'), { recursive: true });
writeFileSync(join(house.home, '.gemini/settings.json'), JSON.stringify({
  security: { auth: { selectedType: 'gemini-api-key' } }, privacy: { usageStatisticsEnabled: false },
  general: { enableAutoUpdate: false, disableAutoUpdate: true } }));
const exported = house.export();
house.doctor();
const line = (more) => exported.headless.replace(/ gemini /, ` '${process.execPath}' '${program}' -m gemini-2.5-pro ${more} `);
const attempts = [
  { tool: 'run_shell_command', args: { command: 'touch made-by-client.txt' } },
  { tool: 'write_file', args: { file_path: join(house.workspace, 'made-by-client.txt'), content: 'x' } },
  { tool: 'read_file', args: { file_path: 'notes.txt' } },
  { tool: 'invoke_agent', args: { agent_name: 'generalist', prompt: 'write made-by-client.txt' } },
];
const name = (tool) => `mcp_remit_${tool}`;
for (const more of ['', '--yolo']) {
  const seen = await enforced(house, { name, attempts,
    run: (model) => house.start(model, 'sh', ['-c', line(more)], environment(model)) });
  check(seen.turns[0].raw.includes(personaLine()), 'the persona is what the model is told');
}
// Without its word that the folder is trusted nothing of the project is read, and nothing is offered.
const untrusted = await startModel();
const refused = await house.start(untrusted, 'sh', ['-c', line('').replace('GEMINI_CLI_TRUST_WORKSPACE=true', '')], environment(untrusted));
check(untrusted.turns.every((turn) => turn.tools.length === 0), 'an untrusted folder offers no tool', { refused, turns: untrusted.turns });
await untrusted.close();
const listed = await house.start(null, process.execPath, [program, 'mcp', 'list'], { GEMINI_CLI_TRUST_WORKSPACE: 'true' });
check(/remit: .*Connected/.test(listed.out + listed.err), 'gemini mcp list reaches the server', listed);
await overHttp('gemini', /remit: .*Connected/, (other, token) => other.start(null, process.execPath, [program, 'mcp', 'list'],
  { GEMINI_CLI_TRUST_WORKSPACE: 'true', REMIT_TOKEN: token }));
// With --interactive Bash needs a person, whom a headless run has not got; nothing else changes.
house.export('--interactive');
house.doctor();
const asking = await startModel();
asking.play([{ tool: name('Read'), args: { file_path: 'notes.txt' } }, { tool: name('Bash'), args: { command: 'touch made-by-client.txt' } }]);
await house.start(asking, 'sh', ['-c', line('')], environment(asking));
const offered = asking.turns[0].tools.filter((tool) => tool !== name('Bash')).sort();
check(JSON.stringify(offered) === JSON.stringify(house.granted().map(name).filter((tool) => tool !== name('Bash')).sort()),
  'what --interactive offers', asking.turns);
check(asking.turns.at(-1).results[0].includes('second line') && !asking.turns.at(-1).results[1].includes('approval')
  && !house.has('made-by-client.txt'), 'Read goes on without a question, Bash does not', asking.turns.at(-1).results);
await asking.close();
done('gemini');
