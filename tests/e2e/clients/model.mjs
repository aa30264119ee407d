// A model for the real clients, on loopback: speaks the four dialects they use (Anthropic messages,
// OpenAI responses and chat completions, Gemini generateContent), writes down which tools it was
// offered, and plays a script of tool calls, one a turn, ending with a text. It is the clients' proxy,
// too: whatever they want from the network is written down and refused.
import { createServer } from 'node:http';

// The dialects: which requests are a turn, what tools it offers (as flat names) and what results of
// tools it brings back, and how a turn of the model is written.
const flat = (tool) => tool.function?.name ?? tool.name ?? tool.type;
const sse = (events) => events.map((event) =>
  (event.type ? `event: ${event.type}\n` : '') + `data: ${JSON.stringify(event)}\n\n`).join('');
const asText = (content) => typeof content === 'string' ? content : JSON.stringify(content ?? '');

const anthropic = {
  path: /^\/v1\/messages$/,
  tools: (body) => (body.tools ?? []).map((tool) => tool.name),
  instructions: (body) => asText(body.system),
  results: (body) => (body.messages ?? []).flatMap((one) => Array.isArray(one.content) ? one.content : [])
    .filter((part) => part.type === 'tool_result').map((part) => asText(part.content)),
  turn(body, move, id) {
    const block = move.tool
      ? [{ type: 'tool_use', id, name: move.tool, input: {} },
        { type: 'input_json_delta', partial_json: JSON.stringify(move.args) }, 'tool_use']
      : [{ type: 'text', text: '' }, { type: 'text_delta', text: move.text }, 'end_turn'];
    const usage = { input_tokens: 1, output_tokens: 1 };
    if (!body.stream) {
      const content = move.tool ? { type: 'tool_use', id, name: move.tool, input: move.args } : { type: 'text', text: move.text };
      return JSON.stringify({ id, type: 'message', role: 'assistant', model: body.model, content: [content],
        stop_reason: block[2], stop_sequence: null, usage });
    }
    return sse([
      { type: 'message_start', message: { id, type: 'message', role: 'assistant', model: body.model, content: [],
        stop_reason: null, stop_sequence: null, usage } },
      { type: 'content_block_start', index: 0, content_block: block[0] },
      { type: 'content_block_delta', index: 0, delta: block[1] },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: block[2], stop_sequence: null }, usage },
      { type: 'message_stop' }]);
  },
};

const responses = {
  path: /^\/v1\/responses$/,
  // A namespace groups a server's tools: its name and theirs make the flat name.
  tools: (body) => (body.tools ?? []).flatMap((tool) =>
    tool.type === 'namespace' ? tool.tools.map((one) => `${tool.name}.${one.name}`) : [flat(tool)]),
  instructions: (body) => asText(body.instructions) + asText(body.input),
  results: (body) => (Array.isArray(body.input) ? body.input : [])
    .filter((item) => item.type?.endsWith('_call_output')).map((item) => asText(item.output)),
  turn(body, move, id) {
    const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
    const [namespace, name] = move.tool?.includes('.') ? move.tool.split('.') : [undefined, move.tool];
    const item = move.input !== undefined
      ? { type: 'custom_tool_call', id: 'c' + id, call_id: id, name: move.tool, input: move.input, status: 'completed' }
      : move.tool ? { type: 'function_call', id: 'f' + id, call_id: id, name, namespace, arguments: JSON.stringify(move.args), status: 'completed' }
      : { type: 'message', id: 'm' + id, role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: move.text, annotations: [] }] };
    const response = { id, object: 'response', status: 'completed', model: body.model, output: [item], usage };
    return sse([{ type: 'response.created', response: { ...response, status: 'in_progress', output: [] } },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response }]);
  },
};

const chat = {
  path: /\/chat\/completions$/,
  tools: (body) => (body.tools ?? []).map(flat),
  instructions: (body) => asText(body.messages?.filter((one) => one.role === 'system')),
  results: (body) => (body.messages ?? []).filter((one) => one.role === 'tool').map((one) => asText(one.content)),
  turn(body, move, id) {
    const delta = move.tool
      ? { role: 'assistant', tool_calls: [{ index: 0, id, type: 'function', function: { name: move.tool, arguments: JSON.stringify(move.args) } }] }
      : { role: 'assistant', content: move.text };
    const chunk = (choice) => ({ id, object: 'chat.completion.chunk', created: 1, model: body.model, choices: [{ index: 0, ...choice }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
    return sse([chunk({ delta, finish_reason: null }),
      chunk({ delta: {}, finish_reason: move.tool ? 'tool_calls' : 'stop' })]) + 'data: [DONE]\n\n';
  },
};

const gemini = {
  path: /:(streamGenerateContent|generateContent)$/,
  tools: (body) => (body.tools ?? []).flatMap((tool) => (tool.functionDeclarations ?? []).map((one) => one.name)
    .concat(Object.keys(tool).filter((key) => key !== 'functionDeclarations'))),
  instructions: (body) => asText(body.systemInstruction),
  results: (body) => (body.contents ?? []).flatMap((one) => one.parts ?? [])
    .filter((part) => part.functionResponse).map((part) => asText(part.functionResponse.response)),
  turn(body, move, id, url) {
    const part = move.tool ? { functionCall: { id, name: move.tool, args: move.args } } : { text: move.text };
    const answer = { candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 }, modelVersion: 'mock' };
    return url.includes('streamGenerateContent') ? sse([answer]) : JSON.stringify(answer);
  },
};

// { url, turns, outside, play(moves), close() }. A turn is { tools, results, instructions }; turns
// without tools (titles, summaries) are answered with a text and not written down.
export async function startModel() {
  const seen = { turns: [], outside: [], requests: [] };
  let moves = [], step = 0;
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (bytes) => chunks.push(bytes));
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString();
      const path = request.url.split('?')[0];
      if (/^https?:/.test(request.url)) {
        seen.outside.push(request.url);
        response.writeHead(403).end();
        return;
      }
      seen.requests.push(`${request.method} ${request.url}`);
      const dialect = [anthropic, responses, chat, gemini].find((one) => one.path.test(path));
      let body = {};
      try { body = JSON.parse(raw || '{}'); } catch { /* not a turn */ }
      if (!dialect || request.method !== 'POST') {
        response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
        return;
      }
      let move = { text: 'nothing to do' };
      const tools = dialect.tools(body);
      if (tools.length > 0) {
        seen.turns.push({ tools, results: dialect.results(body), instructions: dialect.instructions(body), raw, model: body.model });
        move = moves[step++] ?? { text: 'done' };
      }
      const answer = dialect.turn(body, move, `call_${seen.turns.length}_${step}`, request.url);
      response.writeHead(200, { 'content-type': answer.startsWith('{') ? 'application/json' : 'text/event-stream' });
      response.end(answer);
    });
  });
  server.on('connect', (request, socket) => {
    seen.outside.push(request.url);
    socket.on('error', () => {});  // the client may hang up first
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { ...seen, url: `http://127.0.0.1:${server.address().port}`,
    play(script) { moves = script; step = 0; seen.turns.length = 0; },
    close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}
