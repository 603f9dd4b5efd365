/**
 * The hostile lab: a hostile MCP server, a hostile tenant and a stranger misbehave at random in front of and behind the built product, beside a
 * second tenant whose calls must not notice.
 *
 *   node test/hostile/lab.mjs [--exchanges=2000] [--seed=N] [--report=FILE]
 *
 * First come as many good exchanges, then the hostile ones in two passes. Afterwards: the process is the same, the neighbour's calls all
 * succeeded with a p99 within 3 times theirs beside the good exchanges, every allowed decision has its outcome, and the second pass added at most
 * 10 % to the heap after collection and to what is open. Exits with 1 when one of these does not hold. Talks to 127.0.0.1 only.
 */
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startGateway } from './gateway.mjs';
import { exchange, requestBytes, headerOf } from './http-client.mjs';
import { signUp } from './organization.mjs';
import { seeded } from './random.mjs';
import { strangerExchange } from './stranger.mjs';
import { Agent } from './tenant.mjs';
import { sleep } from './wire.mjs';

const { values: given } = parseArgs({
  options: { exchanges: { type: 'string', default: '2000' }, seed: { type: 'string' }, report: { type: 'string' } },
});
const exchanges = Number(given.exchanges);
const seed = Number(given.seed ?? Math.floor(Math.random() * 2 ** 31));
const CONCURRENCY = 16;
const NEIGHBOUR_PAUSE_MS = 10;
const SETTLE_MS = 60_000;
const MAX_P99_RATIO = 3;
const MAX_GROWTH = 1.1;

const say = (text) => process.stdout.write(`${text}\n`);

const startServer = () =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('hostile-server.mjs', import.meta.url)), [String(seed)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.once('message', (port) => resolve({ port, stop: () => child.disconnect() }));
    child.once('exit', (code) => reject(new Error(`the hostile server ended with ${code}`)));
  });

const POLICY = {
  version: '1',
  default: 'allow',
  hide: ['hidden', 'hid*n*'],
  tools: { denied: { action: 'deny' }, limited: { limits: [{ counter: 'c', window: 'minute', max: 5, scope: 'grant' }] } },
  resources: { 'file:///secret*': { action: 'deny' } },
};

const STDIO = fileURLToPath(new URL('hostile-stdio.mjs', import.meta.url));
const transports = (port, kind) => ({
  'http of the session era': { type: 'streamable-http', url: `http://127.0.0.1:${port}/${kind}/mcp` },
  'http of 2026-07-28': { type: 'streamable-http', url: `http://127.0.0.1:${port}/${kind}/modern` },
  'http and sse': { type: 'sse', url: `http://127.0.0.1:${port}/${kind}/sse` },
  stdio: { type: 'stdio', command: process.execPath, args: [STDIO, kind, String(seed)], env: {} },
});

const agentsOf = async (organization, port, serverPort, kind) => {
  const agents = [];
  for (const [name, transport] of Object.entries(transports(serverPort, kind))) {
    agents.push(new Agent(port, await organization.grant(`${kind}, ${name}`, transport, POLICY)));
  }
  return agents;
};

/** The second tenant: one call after another in one session; answers the latencies and what went wrong. */
const neighbour = (port, grant) => {
  const path = new URL(grant.mcpUrl).pathname;
  const headers = { host: `127.0.0.1:${port}`, authorization: `Bearer ${grant.token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const open = async () => {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'neighbour', version: '1' } };
    const text = await exchange(port, requestBytes('POST', path, headers, JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params })), { timeoutMs: 30_000 });
    return { ...headers, 'mcp-session-id': headerOf(text, 'mcp-session-id'), 'mcp-protocol-version': '2025-11-25' };
  };
  return async (isOver) => {
    const session = await open();
    const latencies = [];
    const failures = [];
    for (let id = 1; !isOver(); id += 1) {
      const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { id } } });
      const began = performance.now();
      const text = await exchange(port, requestBytes('POST', path, session, body), { timeoutMs: 30_000 });
      latencies.push(performance.now() - began);
      if (!text.includes(`"id":${id}`) || !text.includes('"done"')) failures.push(text.slice(0, 400));
      await sleep(NEIGHBOUR_PAUSE_MS);
    }
    return { latencies: latencies.toSorted((one, other) => one - other), failures };
  };
};

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;

/** Runs `count` exchanges, some at a time, beside the neighbour's calls. */
const pass = async ({ name, count, random, act, calls, gateway }) => {
  let left = count;
  let over = false;
  const statuses = {};
  const besides = calls(() => over);
  const began = Date.now();
  const worker = async (own) => {
    while (left > 0 && !gateway.isOver()) {
      left -= 1;
      if (left % Math.ceil(count / 5) === 0) say(`  ${name}: ${count - left} of ${count} after ${Math.round((Date.now() - began) / 1000)} s`);
      const status = await act(own);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, () => worker(random.fork())));
  over = true;
  const seen = await besides;
  say(`${name}: ${count} exchanges in ${Math.round((Date.now() - began) / 1000)} s, by HTTP status ${JSON.stringify(statuses)}; beside them ${seen.latencies.length} calls of the neighbour, p50 ${quantile(seen.latencies, 0.5).toFixed(1)} ms, p99 ${quantile(seen.latencies, 0.99).toFixed(1)} ms, ${seen.failures.length} failed`);
  for (const failure of seen.failures.slice(0, 3)) say(`  ${failure.replaceAll('\r\n', ' | ')}`);
  return seen;
};

const allowedWithoutOutcome = async (organizations) => {
  let decisions = 0;
  const open = [];
  for (const organization of organizations) {
    const decided = await organization.events('toolCall.decided');
    const completed = new Set((await organization.events('toolCall.completed')).map(({ callId }) => callId));
    decisions += decided.length;
    open.push(...decided.filter(({ effect, callId }) => effect === 'allow' && !completed.has(callId)));
  }
  return { decisions, open };
};

const settledOutcomes = async (organizations) => {
  const until = Date.now() + SETTLE_MS;
  for (;;) {
    const found = await allowedWithoutOutcome(organizations);
    if (found.open.length === 0 || Date.now() > until) return found;
    await sleep(2000);
  }
};

const results = [];
const hold = (what, holds, detail) => {
  results.push(holds);
  say(`${holds ? 'ok    ' : 'FAILED'} ${what}: ${detail}`);
};

const run = async (gateway, server) => {
  const [victim, honest, hostile] = [await signUp(gateway.url), await signUp(gateway.url), await signUp(gateway.url)];
  const own = await victim.grant('neighbour', { type: 'streamable-http', url: `http://127.0.0.1:${server.port}/good/mcp` }, POLICY);
  const calls = neighbour(gateway.port, own);
  const good = await agentsOf(honest, gateway.port, server.port, 'good');
  const evil = await agentsOf(hostile, gateway.port, server.port, 'evil');
  const random = seeded(seed);
  const behave = (r) => r.pick(good).exchange(r, true);
  const misbehave = (r) => (r.chance(0.2) ? strangerExchange(gateway.port, r) : r.pick(r.chance(0.85) ? evil : good).exchange(r, false));
  const shared = { random, calls, gateway };

  await pass({ ...shared, name: 'warm-up', count: Math.min(200, exchanges), act: behave });
  const beside = await pass({ ...shared, name: 'good', count: exchanges, act: behave });
  const first = await pass({ ...shared, name: 'hostile, first', count: Math.ceil(exchanges / 2), act: misbehave });
  await settledOutcomes([victim, honest, hostile]);
  const before = await gateway.memory();
  const second = await pass({ ...shared, name: 'hostile, second', count: Math.floor(exchanges / 2), act: misbehave });
  const { decisions, open } = await settledOutcomes([victim, honest, hostile]);
  const after = await gateway.memory();

  const worst = Math.max(quantile(first.latencies, 0.99), quantile(second.latencies, 0.99));
  const ratio = worst / quantile(beside.latencies, 0.99);
  const failed = first.failures.length + second.failures.length + beside.failures.length;
  hold('the process is the same', !gateway.isOver() && (await fetch(`${gateway.url}/healthz`)).status === 200, `pid ${gateway.pid}`);
  hold('every call of the neighbour succeeded', failed === 0, `${failed} failed`);
  hold(`the neighbour's p99 is within ${MAX_P99_RATIO} times that beside good exchanges`, ratio <= MAX_P99_RATIO, `${ratio.toFixed(2)} times`);
  hold('every allowed decision has its outcome', open.length === 0, `${decisions} decisions, ${open.length} without an outcome ${JSON.stringify(open[0] ?? '')}`);
  const heap = after.heapUsed / before.heapUsed;
  hold('the second pass left at most 10 % more on the heap', heap <= MAX_GROWTH, `${(before.heapUsed / 2 ** 20).toFixed(1)} MiB, then ${(after.heapUsed / 2 ** 20).toFixed(1)} MiB: ${heap.toFixed(3)} times`);
  hold('the second pass left at most 10 % more open', after.open <= Math.max(before.open * MAX_GROWTH, before.open + 3), `${before.open}, then ${after.open}`);
};

const main = async () => {
  say(`hostile lab: ${exchanges} exchanges, --seed=${seed}`);
  const server = await startServer();
  const gateway = await startGateway();
  try {
    await run(gateway, server);
  } catch (error) {
    hold('the lab ran to its end', false, `${error.stack}${gateway.isOver() ? `\nthe gateway's last words:\n${gateway.output.text.slice(-3000)}` : ''}`);
  } finally {
    await gateway.stop();
    server.stop();
  }
  const failed = results.filter((holds) => !holds).length;
  if (given.report) writeFileSync(given.report, JSON.stringify({ passed: results.length - failed, failed, skipped: 0 }));
  say(`${results.length - failed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
};

await main();
process.exit();
