import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProduct, type Product } from '../support/product.js';
import { openSession, signUp, type Grant, type Tenant } from '../support/tenant.js';

const LARGE = 50 * 1024 * 1024;
const CHUNK = Buffer.from(`: ${'x'.repeat(64 * 1024)}\n\n`);
const FULL = process.env['FAULTS'] === 'full';
const ROUNDS = FULL ? 5 : 3;
/**
 * A quick run has few calls in its last hundredth: it finds a gateway that stands still, the full one tells by how
 * much.
 */
const P99_TIMES = FULL ? 2 : 5;

let dataDir: string;
let product: Product;
let upstream: Server;
let tenant: Tenant;
let grant: Grant;
const flooded = new Set<ServerResponse>();

type Message = Readonly<{ id?: string | number; method: string; params?: Readonly<{ name?: string }> }>;

const json = (response: ServerResponse, id: unknown, result: unknown): void => {
  const text = JSON.stringify({ jsonrpc: '2.0', id, result });
  response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'upstream' }).end(text);
};

/** Writes as fast as it is read, for good. */
const flood = (response: ServerResponse): void => {
  flooded.add(response);
  response.once('close', () => flooded.delete(response));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const fill = (): void => {
    while (!response.destroyed && response.write(CHUNK));
  };
  response.on('drain', fill);
  fill();
};

const large = async (response: ServerResponse, id: unknown): Promise<void> => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"`);
  const piece = 'y'.repeat(64 * 1024);
  for (let sent = 0; sent < LARGE; sent += piece.length) if (!response.write(piece)) await once(response, 'drain');
  response.end('"}]}}');
};

/** An MCP server as small as can be, so that what is measured is the gateway. */
const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (request.method === 'GET') return response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as Message;
  if (id === undefined) return void response.writeHead(202).end();
  if (method === 'initialize')
    return json(response, id, {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'load', version: '1' },
    });
  if (method === 'tools/list')
    return json(response, id, {
      tools: ['quick', 'flood', 'large'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    });
  if (params?.name === 'flood') return flood(response);
  return params?.name === 'large'
    ? large(response, id)
    : json(response, id, { content: [{ type: 'text', text: 'done' }] });
};

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'toolgate-load-'));
  upstream = createServer((request, response) => void serve(request, response).catch(() => response.destroy())).listen(
    0,
    '127.0.0.1',
  );
  await once(upstream, 'listening');
  product = await startProduct({ DATA_DIR: dataDir });
  tenant = await signUp(product.url);
  const serverId = await tenant.server(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}/mcp`);
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) });
});
afterAll(async () => {
  await product?.killGroup();
  upstream?.closeAllConnections();
  upstream?.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 });
});

const residentBytes = async (): Promise<number> =>
  Number(/^process_resident_memory_bytes (\S+)$/m.exec(await (await fetch(`${product.url}/metrics`)).text())?.[1]);
const cpuSeconds = async (): Promise<number> =>
  Number(/^process_cpu_seconds_total (\S+)$/m.exec(await (await fetch(`${product.url}/metrics`)).text())?.[1]);

/** Waits, 20 seconds at most, until the product has next to nothing to do: sockets may still be filled or drained. */
const settled = async (): Promise<void> => {
  for (let [turn, before] = [0, await cpuSeconds()]; turn < 40; turn += 1) {
    await sleep(500);
    const now = await cpuSeconds();
    if (now - before < 0.05) return;
    before = now;
  }
};

const openStreams = async (): Promise<number> =>
  Number(/^toolgate_open_streams (\S+)$/m.exec(await (await fetch(`${product.url}/metrics`)).text())?.[1]);

/** One request on a connection of its own, whose answer is not read until somebody does. */
const raw = (method: string, headers: Readonly<Record<string, string>>, body = ''): Socket => {
  const { hostname, port, pathname } = new URL(grant.mcpUrl);
  const socket = connectTcp(Number(port), hostname);
  const lines = Object.entries({
    host: `${hostname}:${port}`,
    authorization: `Bearer ${grant.token}`,
    accept: 'application/json, text/event-stream',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  });
  socket.write(
    `${method} ${pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
  socket.on('error', () => undefined);
  return socket;
};

const call = (name: string, id: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } });

/** Sessions, each with its standing stream open. */
const idle = async (count: number): Promise<readonly Socket[]> => {
  const before = await openStreams();
  const sockets: Socket[] = [];
  for (let n = 0; n < count; n += 50) {
    const sessions = await Promise.all(Array.from({ length: Math.min(50, count - n) }, () => openSession(grant)));
    for (const session of sessions) sockets.push(raw('GET', { 'mcp-session-id': session.id }).resume());
  }
  for (const end = Date.now() + 30_000; (await openStreams()) < before + count; await sleep(100))
    if (Date.now() > end) throw new Error('the streams did not open');
  return sockets;
};

test('an idle session with its stream open costs less than 20 KB', async () => {
  const sockets = [...(await idle(1000))];
  // What the garbage collector has not come to yet only adds: the least of three growths is nearest to the truth.
  const growths: number[] = [];
  for (let batch = 0; batch < 3; batch += 1) {
    await settled();
    const before = await residentBytes();
    sockets.push(...(await idle(800)));
    await settled();
    growths.push(((await residentBytes()) - before) / 800);
  }
  const each = Math.min(...growths);
  for (const socket of sockets) socket.destroy();
  process.stderr.write(`an idle session with its stream costs ${(each / 1024).toFixed(1)} KB\n`);
  expect(each).toBeLessThan(20 * 1024);
  await expect.poll(openStreams, { timeout: 30_000 }).toBe(0);
});

test('a result of 50 MB passes with memory flat', async () => {
  const session = await openSession(grant);
  const fetchLarge = async (id: number): Promise<number> => {
    const response = await session.post(call('large', id));
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) bytes += chunk.length;
    return bytes;
  };
  await fetchLarge(1);
  const before = await residentBytes();
  let most = 0;
  const watch = setInterval(() => void residentBytes().then((now) => (most = Math.max(most, now))), 50);
  for (let id = 2; id < 6; id += 1) expect(await fetchLarge(id)).toBeGreaterThan(LARGE);
  clearInterval(watch);
  process.stderr.write(
    `four results of 50 MB: at most ${((most - before) / 1024 / 1024).toFixed(1)} MB more than before\n`,
  );
  expect(most - before).toBeLessThan(LARGE);
});

/** Milliseconds of each call of eight callers during two seconds, sorted. */
const latencies = async (): Promise<readonly number[]> => {
  const took: number[] = [];
  const until = Date.now() + 2000;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const session = await openSession(grant);
      for (let id = 0; Date.now() < until; id += 1) {
        const began = performance.now();
        await (await session.post(call('quick', id))).text();
        took.push(performance.now() - began);
        await sleep(5);
      }
    }),
  );
  return took.toSorted((one, other) => one - other);
};

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
const median = (values: readonly number[]): number =>
  quantile(
    values.toSorted((one, other) => one - other),
    0.5,
  );

test('200 readers that stand still hold up nobody else: p50 within 1.3 times, p99 within a few', async () => {
  await latencies();
  const rounds: Readonly<{ p50: number; p99: number }>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await settled();
    const alone = await latencies();
    const session = await openSession(grant);
    // A few more than needed: on a busy machine one of so many at once may be refused by a log that is late.
    const readers = Array.from({ length: 210 }, (_, id) =>
      raw('POST', { 'content-type': 'application/json', 'mcp-session-id': session.id }, call('flood', id)).pause(),
    );
    await expect.poll(() => flooded.size, { timeout: 30_000 }).toBeGreaterThanOrEqual(200);
    await settled();
    const beside = await latencies();
    for (const reader of readers) reader.destroy();
    for (const response of flooded) response.destroy();
    await expect.poll(openStreams, { timeout: 30_000 }).toBe(0);
    rounds.push({
      p50: quantile(beside, 0.5) / quantile(alone, 0.5),
      p99: quantile(beside, 0.99) / quantile(alone, 0.99),
    });
  }
  const [p50, p99] = [median(rounds.map((round) => round.p50)), median(rounds.map((round) => round.p99))];
  process.stderr.write(
    `beside 200 slow readers: p50 ${p50.toFixed(2)} times, p99 ${p99.toFixed(2)} times, medians of ${ROUNDS} rounds\n`,
  );
  expect(p50).toBeLessThanOrEqual(1.3);
  expect(p99).toBeLessThanOrEqual(P99_TIMES);
});
