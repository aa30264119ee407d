// The official TypeScript client, 2.x line, pinned to 2026-07-28 (stateless: every request says its
// version; questions come back as input_required and the call is retried with the answer).
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { answering, binary, check, done, House } from './house.mjs';
import { story } from './story.mjs';

const house = new House('sdk2').fill();
const client = new Client({ name: 'e2e-sdk2', version: '1' }, {
  capabilities: { elicitation: {} },
  versionNegotiation: { mode: { pin: '2026-07-28' } },
});
const questions = answering(client, 'elicitation/create');
await client.connect(new StdioClientTransport({
  command: binary, args: house.serveArguments(), cwd: house.workspace, stderr: 'inherit',
}));
check(client.getNegotiatedProtocolVersion() === '2026-07-28', 'the 2026-07-28 era was chosen',
  client.getNegotiatedProtocolVersion());

await story({ house, client, ...questions });
await client.close();
done('sdk2');
