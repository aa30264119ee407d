// What every client must be able to do with the technical-support-engineer, and what none may: the
// same calls for each client library, each effect looked up in the world and not only in the answer.
import { check, instruction, persona, sleep, slug, textOf } from './house.mjs';

// The tools that `remit show` says are granted: what tools/list must answer, no more and no less.
export function granted(house) {
  const shown = house.run('show', persona(), '--instruction', instruction, '--json');
  check(shown.code === 0, 'remit show answers', shown);
  const rows = JSON.parse(shown.out).remit;
  return rows.filter((row) => row.grant === 'tool' || row.grant === 'diagnostic').map((row) => row.what);
}

export const questionCode = (params) => params.message.match(/code (\d{4})/)?.[1];

export async function story({ house, client, asked, setAnswer }) {
  const call = async (name, args) => {
    const result = await client.callTool({ name, arguments: args });
    return { text: textOf(result), error: result.isError === true, data: result.structuredContent };
  };
  const works = async (name, args) => {
    const result = await call(name, args);
    check(!result.error, `${name} works`, result.text);
    return result;
  };
  const refused = async (name, args) => {
    const result = await call(name, args);
    check(result.error, `${name} ${JSON.stringify(args)} is refused`, result.text);
    return result;
  };

  // The list is the persona's, exactly.
  const names = (await client.listTools()).tools.map((tool) => tool.name).sort();
  check(JSON.stringify(names) === JSON.stringify(granted(house).sort()), 'tools/list is the granted set',
    { listed: names, granted: granted(house).sort() });
  for (const name of ['Read', 'Grep', 'Glob', 'Bash', 'Write', 'memory_read']) {
    check(names.includes(name), `${name} is granted`, names);
  }
  check(!names.includes('Edit'), 'Edit is not: the persona does not name it', names);

  // Files.
  const read = await works('Read', { file_path: 'notes.txt' });
  check(read.text.includes('first line') && read.text.includes('second line'), 'Read reads', read.text);
  const grep = await works('Grep', { pattern: 'pool exhausted', path: 'logs', output_mode: 'content', '-n': true });
  check(grep.text.includes('43') && grep.text.includes('request_id=r42'), 'Grep finds line 43', grep.text);
  const glob = await works('Glob', { pattern: '**/*.py' });
  check(glob.text.includes('src/pool.py'), 'Glob finds', glob.text);
  await works('Write', { file_path: 'report.md', content: '# Report\n' });
  check(house.get('report.md') === '# Report\n', 'Write wrote');
  await refused('Read', { file_path: '/etc/passwd' });
  await refused('Write', { file_path: '../outside.txt', content: 'x' });
  await refused('Write', { file_path: '.mcp.json', content: '{}' });
  check(!house.has('../outside.txt') && !house.has('.mcp.json'), 'nothing was written where it must not be');

  // Memory: what the persona's lines say.
  const runbooks = await works('memory_read', { path: '_knowledge/procedural/troubleshooting_runbooks.yaml' });
  check(runbooks.text.includes('restart the pool'), 'a granted document is read', runbooks.text);
  const denied = await refused('memory_read', { path: '_knowledge/semantic/known_issues.yaml' });
  check(new RegExp(`${slug}\\.md:\\d+`).test(denied.text), 'the denial cites the persona\'s line', denied.text);
  check(!denied.text.includes('secret knowledge'), 'and discloses nothing', denied.text);
  const sneaky = await refused('Read', { file_path: 'Agent_Memory/_knowledge/semantic/known_issues.yaml' });
  check(!sneaky.text.includes('secret knowledge'), 'Read obeys the same lines', sneaky.text);
  const everywhere = await works('Grep', { pattern: 'secret knowledge', output_mode: 'content' });
  check(!everywhere.text.includes('title:'), 'so does Grep', everywhere.text);
  const resolution = `${instruction}/tasks/completed/technical_resolution.yaml`;
  await works('memory_write', { path: resolution, op: 'create', content: 'issue_id: TSE-1\nroot_cause: pool too small\n' });
  check(house.get(`Agent_Memory/${resolution}`).includes('pool too small'), 'the resolution is on disk');
  await refused('memory_write', { path: `${instruction}/status.yaml`, op: 'create', content: 'a: 1\n' });

  // Bash: allowed without a question, then one that asks.
  const count = await works('Bash', { command: 'grep -c "pool exhausted" logs/api.log' });
  check(/\b10\b/.test(count.text), 'Bash counts 10 lines', count.text);
  check(asked.length === 0, 'and nobody was asked', asked);
  const touch = { command: 'touch made-by-bash.txt' };
  setAnswer(async () => ({ action: 'decline' }));
  await refused('Bash', touch);
  check(asked.length === 1 && !house.has('made-by-bash.txt'), 'declined: nothing ran', asked);
  // An accept without the code, and one that is faster than a person, are no answers.
  setAnswer(async (params) => ({ action: 'accept', content: { decision: 'approve', code: questionCode(params) } }));
  await refused('Bash', touch);
  setAnswer(async () => { await sleep(1200); return { action: 'accept', content: { decision: 'approve', code: '0000x' } }; });
  await refused('Bash', touch);
  check(!house.has('made-by-bash.txt'), 'machine answers ran nothing');
  setAnswer(async (params) => {
    await sleep(1200);
    return { action: 'accept', content: { decision: 'approve', code: questionCode(params) } };
  });
  const made = await works('Bash', touch);
  check(house.has('made-by-bash.txt'), 'approved: it ran and its file was applied', made.text);
  check(made.text.includes('made-by-bash.txt'), 'and its change is listed', made.text);

  const ledger = house.run('ledger', 'verify', '--state', house.state);
  check(ledger.code === 0, 'the ledger verifies', ledger);
}

// What a diagnostic's result gives to cite it by.
export function evidenceOf(result) {
  const uri = result.data?.result_uri ?? result.text.match(/remit:\/\/result\/\w+/)?.[0];
  check(uri, 'a diagnostic names its result', result.text);
  return { call_id: uri.split('/').pop() };
}

// What the log of House.fill() is a report of, with every field that the form requires.
export const bugReport = {
  title: 'The connection pool is never refilled after an error', severity: 'high',
  customer_impact: { affected_customers: 'all users', business_impact: 'degraded_performance', workaround_available: 'no' },
  reproduction_steps: ['Open 50 connections', 'Let one of them fail', 'Ask for another one'],
  expected_behavior: 'The failed connection is replaced', actual_behavior: 'The pool stays exhausted',
  technical_details: { environment: 'production', version: '4.2.0', error_messages: 'db pool exhausted: 50 of 50 connections in use' },
  root_cause_hypothesis: 'A failed connection is counted as in use', priority_justification: 'Every customer of the api is affected',
};
