// The support fleet as its authors wrote it, served whole: each persona answers its own caller with
// the tools that its text grants. Skipped (77) where the shared data is not at hand.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { check, done, House, source } from './house.mjs';

const folder = join(process.env.REMIT_SHARED ?? join(source, '..', 'shared'), 'data', 'personas');
if (!existsSync(folder)) {
  console.log(`skipped: ${folder} is not there`);
  process.exit(77);
}
const house = new House('fleet').fill();
const server = await house.serveAgents(folder);
const tokens = Object.fromEntries(readFileSync(server.file, 'utf8').trim().split('\n').map((line) => line.split(' ')));
const slugs = readdirSync(folder).filter((name) => name.endsWith('.md')).map((name) => name.slice(0, -3));
check(slugs.length >= 8, 'the fleet has its eight', slugs);
for (const slug of slugs) {
  check(tokens[slug], `${slug} is served`, server.log());
  const client = new Client({ name: 'fleet', version: '1' }, { capabilities: {} });
  await client.connect(new StreamableHTTPClientTransport(new URL(`/agents/${slug}/mcp`, server.url),
    { requestInit: { headers: { Authorization: `Bearer ${tokens[slug]}` } } }));
  const { tools } = await client.listTools();
  const shown = JSON.parse(house.run('show', join(folder, slug + '.md'), '--json').out);
  const granted = shown.persona.tools.filter((name) => !shown.persona.tools_not_provided.includes(name));
  for (const name of granted) check(tools.some((tool) => tool.name === name), `${slug} has ${name}`, tools.map((tool) => tool.name));
  await client.close();
  const url = String(new URL(`/agents/${slug}/mcp`, server.url));
  const exported = house.run('export', 'json', '--agent', join(folder, slug + '.md'), '--url', url, '--workspace', house.workspace, '--state', house.state);
  check(exported.code === 0 && exported.out.includes(url), `a client of ${slug} is told its address`, exported);
}
check(await server.stop() === 0, 'the server ends', server.log());
done('fleet');
