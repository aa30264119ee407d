// The official TypeScript client, 2.x line, over Streamable HTTP in 2026-07-28: no session, header
// fields beside the body, questions by input_required: the same story as on stdio.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { answering, check, done, House } from './house.mjs';
import { story } from './story.mjs';

const house = new House('http-sdk2').fill();
const server = await house.serveHttp();
const client = new Client({ name: 'e2e-http-sdk2', version: '1' }, {
  capabilities: { elicitation: {} },
  versionNegotiation: { mode: { pin: '2026-07-28' } },
});
const questions = answering(client, 'elicitation/create');
const transport = new StreamableHTTPClientTransport(new URL(server.url),
  { requestInit: { headers: { Authorization: `Bearer ${server.token}` } } });
await client.connect(transport);
check(client.getNegotiatedProtocolVersion() === '2026-07-28', 'the 2026-07-28 era was chosen',
  client.getNegotiatedProtocolVersion());
check(transport.sessionId === undefined, 'without a session', transport.sessionId);
await story({ house, client, ...questions });
await client.close();

const metrics = await (await fetch(new URL('/metrics', server.url),
  { headers: { Authorization: `Bearer ${server.token}` } })).text();
check(/remit_http_requests_total\{method="tools\/call",status="200"\} \d+/.test(metrics), 'calls are counted', metrics);
check(/remit_decisions_total\{verdict="deny"\} [1-9]/.test(metrics), 'denials are counted', metrics);
check(/remit_approvals_pending 0/.test(metrics), 'nothing waits for a person', metrics);
check(/process_resident_memory_bytes [1-9]/.test(metrics), 'memory is known behind the lock', metrics);
check(await server.stop() === 0, 'the server ends when asked to', server.log());
done('http_sdk2');
