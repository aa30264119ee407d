// opencode, headless, with a model on loopback: as the exported agent and as its own default one.
import { done } from '../house.mjs';
import { check, ClientHouse, clientProgram, enforced, overHttp, personaLine } from './client.mjs';
import { startModel } from './model.mjs';

const program = clientProgram('opencode-linux-x64-baseline/bin/opencode', 'opencode-linux-arm64/bin/opencode');
const house = new ClientHouse('opencode');
const settings = (model) => JSON.stringify({
  provider: { mock: { npm: '@ai-sdk/openai-compatible', name: 'mock', options: { baseURL: `${model.url}/v1`, apiKey: 'none' },
    models: { m: { name: 'm', tool_call: true, limit: { context: 100000, output: 1000 } } } } },
  model: 'mock/m', small_model: 'mock/m', autoupdate: false, share: 'disabled' });
const environment = (model) => ({ OPENCODE_CONFIG_CONTENT: settings(model), OPENCODE_DISABLE_AUTOUPDATE: '1',
  OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1', OPENCODE_DISABLE_DEFAULT_PLUGINS: '1' });
const exported = house.export();
house.doctor();
const attempts = [
  { tool: 'bash', args: { command: 'touch made-by-client.txt', description: 'x' } },
  { tool: 'write', args: { filePath: 'made-by-client.txt', content: 'x' } },
  { tool: 'task', args: { description: 'x', prompt: 'x', subagent_type: 'general' } },
];
for (const line of [exported.headless, 'opencode run hello']) {
  const seen = await enforced(house, { name: (tool) => `remit_${tool}`, attempts, outside: ['registry.npmjs.org'],
    run: (model) => house.start(model, 'sh', ['-c', line.replace(/^opencode/, `'${program}'`)], environment(model)) });
  check(line.includes('--agent') === seen.turns[0].instructions.includes(personaLine()), 'the agent is told its persona',
    seen.turns[0].instructions.slice(0, 500));
}
const listed = await house.start(null, program, ['mcp', 'list']);
check(/remit.*connected/.test(listed.out + listed.err), 'opencode mcp list reaches the server', listed);
await overHttp('opencode', /remit.*connected/, (other, token) => other.start(null, program, ['mcp', 'list'], { REMIT_TOKEN: token }));
// With --interactive opencode asks a person about Bash, whom a headless run has not got.
house.export('--interactive');
house.doctor();
const asking = await startModel();
asking.play([{ tool: 'remit_Read', args: { file_path: 'notes.txt' } }, { tool: 'remit_Bash', args: { command: 'touch made-by-client.txt' } }]);
await house.start(asking, 'sh', ['-c', exported.headless.replace(/^opencode/, `'${program}'`)], environment(asking));
check(JSON.stringify([...asking.turns[0].tools].sort()) === JSON.stringify(house.granted().map((tool) => `remit_${tool}`)),
  'what --interactive offers', asking.turns);
check(asking.turns[1].results[0].includes('second line') && !house.has('made-by-client.txt'), 'Read goes on without a question, Bash does not', asking.turns);
await asking.close();
done('opencode');
