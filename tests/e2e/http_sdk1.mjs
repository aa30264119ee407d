// The official TypeScript client, 1.x line, over Streamable HTTP (initialize eras: a session, its GET
// stream, elicitation/create on the call's own stream): the same story as on stdio.
import { statSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { answering, check, done, House } from './house.mjs';
import { story } from './story.mjs';

const house = new House('http-sdk1').fill();
const server = await house.serveHttp();
check((statSync(server.file).mode & 0o777) === 0o600, 'the token is for its owner alone');
const client = new Client({ name: 'e2e-http-sdk1', version: '1' }, { capabilities: { elicitation: {} } });
const questions = answering(client, ElicitRequestSchema);
const refused = new Client({ name: 'e2e-http-sdk1', version: '1' }, {});
const why = await refused.connect(new StreamableHTTPClientTransport(new URL(server.url))).then(() => 'let in', String);
check(/valid token is needed/.test(why), 'without its token nobody comes in', why);

const transport = new StreamableHTTPClientTransport(new URL(server.url),
  { requestInit: { headers: { Authorization: `Bearer ${server.token}` } } });
await client.connect(transport);
check(/^[0-9a-f]{32}$/.test(transport.sessionId), 'there is a session', transport.sessionId);
await story({ house, client, ...questions });
await transport.terminateSession();
await client.close();

// A restart forgets sessions; a client that is told 404 starts anew.
check(await server.stop() === 0, 'the server ends when asked to', server.log());
check(!server.log().includes(server.token), 'the token is in no log line');
done('http_sdk1');
