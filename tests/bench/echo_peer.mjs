// The peer of the rows http.echo and stdio.echo: the official TypeScript SDK's server with one tool.
//   node echo_peer.mjs stdio | node echo_peer.mjs http      (prints its port)
// REMIT_NODE_DIR: where ./dev installed the pinned packages.
import { createRequire } from 'node:module';

const require = createRequire(process.env.REMIT_NODE_DIR + '/package.json');
const { createMcpHandler, McpServer } = require('@modelcontextprotocol/server');
const { z } = require('zod');

const made = () => {
  const server = new McpServer({ name: 'peer', version: '1' });
  server.registerTool('echo', { description: 'echoes', inputSchema: z.object({ text: z.string() }) },
    ({ text }) => ({ content: [{ type: 'text', text }] }));
  return server;
};
if (process.argv[2] === 'stdio') {
  require('@modelcontextprotocol/server/stdio').serveStdio(made);
} else {
  const { serve } = require('@hono/node-server');
  const handler = createMcpHandler(made);
  serve({ fetch: (request) => handler.fetch(request), hostname: '127.0.0.1', port: 0 },
    ({ port }) => console.log(port));
}
