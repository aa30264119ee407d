// The official TypeScript client, 1.x line (2025 eras: initialize, elicitation/create), drives the
// technical-support-engineer.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { answering, binary, check, done, House } from './house.mjs';
import { story } from './story.mjs';

const house = new House('sdk1').fill();
const client = new Client({ name: 'e2e-sdk1', version: '1' }, { capabilities: { elicitation: {} } });
const questions = answering(client, ElicitRequestSchema);
await client.connect(new StdioClientTransport({
  command: binary, args: house.serveArguments(), cwd: house.workspace, stderr: 'inherit',
}));
check(client.getServerVersion().name === 'remit', 'the server says who it is', client.getServerVersion());
check(client.getInstructions().length <= 2000, 'instructions fit', client.getInstructions());

await story({ house, client, ...questions });
await client.close();
done('sdk1');
