// A bridge for tests: Streamable HTTP on loopback in front of a server on stdio, so that a suite which
// speaks HTTP alone judges the pipe. It adds no rule of the protocol but HTTP's own status codes.
// 2026-07-28: one server process for all requests, ids made unique on the way. Initialize eras: one
// process for each session.
//
//   const shim = await startShim('/path/to/server', ['--flag']);   shim.url, await shim.stop()
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { createInterface } from 'node:readline';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

// One server process; `heard` gets every message of its own that answers nothing.
class Process {
  constructor(command, args) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin.on('error', () => {});
    this.open = new Map(); // id on the pipe -> { id of the client, stream }
    this.next = 1;
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#line(JSON.parse(line)));
  }

  send(message) {
    this.child.stdin.write(JSON.stringify(message) + '\n');
  }

  // `keep`: ids go through as they are (one client alone is on the pipe).
  request(message, stream, keep) {
    const id = keep ? message.id : `${this.next++}`;
    this.open.set(id, { id: message.id, stream, token: message.params?._meta?.progressToken });
    stream.gone = () => {
      if (this.open.delete(id) && !keep)
        this.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    };
    this.send({ ...message, id });
  }

  #line(message) {
    if (message.method === undefined) {
      const waiting = this.open.get(message.id) ?? [...this.open.values()].find(() => message.id === undefined);
      if (!waiting) return;
      this.open.delete(message.id);
      const subscription = message.result?._meta;
      if (subscription?.[SUBSCRIPTION] !== undefined) subscription[SUBSCRIPTION] = waiting.id;
      return waiting.stream.end({ ...message, ...(message.id === undefined ? {} : { id: waiting.id }) });
    }
    const meta = message.params?._meta;
    const owner = this.open.get(meta?.[SUBSCRIPTION]);
    if (owner) meta[SUBSCRIPTION] = owner.id;
    // Progress names its call by the token. A log or a request of the server names none: the oldest.
    const token = message.params?.progressToken;
    const waiting = [...this.open.values()].filter((call) => call.token === token);
    (owner ?? waiting[0])?.stream.push(message);
  }

  async stop() {
    const gone = new Promise((done) => this.child.once('exit', done));
    this.child.stdin.end();
    await gone;
  }
}

// One HTTP answer: JSON if nothing comes before the result, an event stream otherwise.
class Stream {
  constructor(response, modern) {
    this.response = response;
    this.modern = modern;
    response.on('close', () => this.gone?.());
  }

  #status(message) {
    if (!this.modern || !message.error) return 200;
    const code = message.error.code;
    if (code === -32601) return 404;
    return this.envelope === true && ![-32020, -32021, -32022, -32600].includes(code) ? 200 : 400;
  }

  push(message) {
    if (!this.response.headersSent) this.response.writeHead(200, { 'content-type': 'text/event-stream' });
    this.response.write(`data: ${JSON.stringify(message)}\n\n`);
  }

  end(message) {
    if (this.response.headersSent) {
      this.push(message);
      return this.response.end();
    }
    const headers = { 'content-type': 'application/json' };
    if (this.session) headers['mcp-session-id'] = this.session;
    this.response.writeHead(this.#status(message), headers);
    this.response.end(JSON.stringify(message));
  }
}

export async function startShim(command, args = []) {
  const sessions = new Map();
  const modern = new Process(command, args);

  const post = (message, request, response) => {
    const meta = message.params?._meta;
    const header = request.headers['mcp-protocol-version'];
    const stateless = meta?.[VERSION] !== undefined || header === '2026-07-28';
    const stream = new Stream(response, stateless);
    if (stateless) {
      if (meta?.[VERSION] !== undefined && header !== meta[VERSION])
        return stream.end({ jsonrpc: '2.0', id: message.id, error: { code: -32020, message: 'header mismatch' } });
      // On a pipe a message without a version belongs to the initialize eras; the header says otherwise.
      if (meta?.[VERSION] === undefined)
        return stream.end({ jsonrpc: '2.0', id: message.id, error: { code: -32602, message: `_meta["${VERSION}"] is missing` } });
      stream.envelope = meta[CAPABILITIES] !== undefined;
      if (message.id === undefined) return response.writeHead(202).end();
      return modern.request(message, stream, false);
    }
    let process = sessions.get(request.headers['mcp-session-id']);
    if (message.method === 'initialize') {
      process = new Process(command, args);
      stream.session = randomUUID();
      sessions.set(stream.session, process);
    }
    if (!process) return response.writeHead(404).end();
    if (message.method !== undefined && message.id !== undefined) return process.request(message, stream, true);
    process.send(message);
    response.writeHead(202).end();
  };

  const server = http.createServer((request, response) => {
    const session = request.headers['mcp-session-id'];
    if (request.method === 'DELETE') {
      const process = sessions.get(session);
      sessions.delete(session);
      process?.stop();
      return response.writeHead(process ? 200 : 404).end();
    }
    if (request.method !== 'POST') return response.writeHead(405).end();
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => post(JSON.parse(body), request, response));
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await Promise.all([modern, ...sessions.values()].map((process) => process.stop()));
    },
  };
}
