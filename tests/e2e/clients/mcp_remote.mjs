// mcp-remote, which gives clients that only start programs a server on HTTP: stdio in front, Remit
// with a bearer token behind it.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { done, textOf } from '../house.mjs';
import { check, ClientHouse, clientProgram } from './client.mjs';

const program = clientProgram('mcp-remote/dist/proxy.js');
const house = new ClientHouse('mcp-remote');
const server = await house.serveHttp();
const connect = async (token) => {
  const transport = new StdioClientTransport({ command: process.execPath, cwd: house.workspace, stderr: 'pipe',
    args: [program, server.url, '--transport', 'http-only', '--header', 'Authorization:${AUTH}'],
    env: { PATH: process.env.PATH, HOME: house.home, MCP_REMOTE_CONFIG_DIR: house.home, AUTH: `Bearer ${token}` } });
  let err = '';
  transport.stderr.on('data', (bytes) => { err += bytes; });
  const client = new Client({ name: 'e2e-mcp-remote', version: '1' }, {});
  const failed = await client.connect(transport, { timeout: 20_000 }).then(() => '', String);
  return { client, failed, log: () => err };
};
const good = await connect(server.token);
check(good.failed === '', 'mcp-remote connects', { failed: good.failed, log: good.log() });
const names = (await good.client.listTools()).tools.map((tool) => tool.name).sort();
check(JSON.stringify(names) === JSON.stringify(house.granted()), 'the granted tools, and no others', names);
const read = await good.client.callTool({ name: 'Read', arguments: { file_path: 'notes.txt' } });
check(!read.isError && textOf(read).includes('second line'), 'Read reads', read);
const refused = await good.client.callTool({ name: 'Read', arguments: { file_path: '/etc/passwd' } });
check(refused.isError && /denied/.test(textOf(refused)), 'and is refused outside', refused);
check(!good.log().includes(server.token), 'mcp-remote does not print the token', good.log());
await good.client.close();
check(await server.stop() === 0, 'the server ends when asked to', server.log());
check(!server.log().includes(server.token), 'nor does the server');
done('mcp_remote');
