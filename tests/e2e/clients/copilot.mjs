// Copilot's command line, headless, as the exported agent, with a model on loopback.
import { done } from '../house.mjs';
import { check, ClientHouse, clientProgram, enforced, personaLine } from './client.mjs';

const program = clientProgram('@github/copilot-linux-x64/copilot', '@github/copilot-linux-arm64/copilot');
const house = new ClientHouse('copilot');
const exported = house.export();
house.doctor('default agent');
const seen = await enforced(house, {
  name: (tool) => `remit-${tool}`,
  attempts: [
    { tool: 'bash', args: { command: 'touch made-by-client.txt', description: 'x' } },
    { tool: 'create', args: { path: `${house.workspace}/made-by-client.txt`, file_text: 'x' } },
    { tool: 'view', args: { path: `${house.workspace}/notes.txt` } },
    { tool: 'task', args: { description: 'x', prompt: 'x', agent_type: 'task' } },
  ],
  run: (model) => house.start(model, 'sh', ['-c', exported.headless.replace(/^copilot/, `'${program}'`)], {
    COPILOT_PROVIDER_BASE_URL: `${model.url}/v1`, COPILOT_PROVIDER_API_KEY: 'none', COPILOT_MODEL: 'mock', COPILOT_OFFLINE: 'true' }),
});
check(seen.turns[0].raw.includes(personaLine()), 'the persona is what the model is told');
done('copilot');
