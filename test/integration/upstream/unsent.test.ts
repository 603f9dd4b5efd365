import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveForward, transports, type Served } from '../../support/serve-forward.js';

const MIB = 2 ** 20;

let upstream: Server;
/** The stream of the server's one session, how many there were, and whether the server answers on it. */
let stream: ServerResponse;
let streams: number;
let answers: boolean;
let served: Served;
let stop: () => void;

/** An HTTP+SSE server that begins every session and answers every ping. */
beforeEach(async () => {
  [streams, answers] = [0, true];
  upstream = createServer((request, response) => {
    if (request.method === 'GET') {
      stream = response;
      streams += 1;
      return void response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .write('event: endpoint\ndata: /messages\n\n');
    }
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (text: string) => (body += text))
      .on('end', () => {
        const { id } = JSON.parse(body) as { id?: unknown };
        response.writeHead(202).end();
        if (id !== undefined && answers)
          stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: {} })}\n\n`);
      });
  });
  await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done));
  const url = new URL(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}/sse`);
  const made = transports();
  stop = made.stop;
  served = await serveForward(made.forward, {
    id: 'srv_1',
    organizationId: 'org_1',
    transport: { type: 'sse', url },
    eras: ['legacy'],
  });
});
afterEach(async () => {
  stop();
  await served.close();
  upstream.closeAllConnections();
  await new Promise((done) => upstream.close(done));
});

const post = (message: object, session: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(served.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...session },
    body: JSON.stringify(message),
  });
const say = (n: number, bytes: number): void =>
  void stream.write(
    'data: ' +
      JSON.stringify({
        jsonrpc: '2.0',
        method: 'notifications/tools/list_changed',
        params: { n, text: 'x'.repeat(bytes) },
      }) +
      '\n\n',
  );

const begin = async (): Promise<Readonly<Record<string, string>>> => {
  const begun = await post({ jsonrpc: '2.0', id: 0, method: 'initialize', params: {} });
  return { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' };
};

/** Which messages a standing stream gets that is opened after all of these were said. */
const heardOf = async (
  said: readonly (readonly [n: number, bytes: number])[],
  last: number,
): Promise<readonly number[]> => {
  const session = await begin();
  for (const [n, bytes] of said) say(n, bytes);
  // What is said is read in its order: with this answer it has all been read.
  await (await post({ jsonrpc: '2.0', id: 1, method: 'ping' }, session)).text();
  const leave = new AbortController();
  const standing = await fetch(served.url, {
    headers: { accept: 'text/event-stream', ...session },
    signal: leave.signal,
  });
  let text = '';
  for await (const chunk of standing.body ?? []) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.includes(`"n":${last},`) && text.endsWith('\n\n')) break;
  }
  leave.abort();
  return [...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n));
};

test('of what a server says while no stream stands, the last 64 messages wait for one', async () => {
  const heard = await heardOf(
    Array.from({ length: 70 }, (_, n) => [n, 10] as const),
    69,
  );
  expect(heard).toEqual(Array.from({ length: 64 }, (_, n) => n + 6));
});

test(
  'they are a mebibyte at most, the oldest go first, and one that is larger by itself does not wait ' + 'at all',
  async () => {
    const most = 0.4 * MIB;
    expect(
      await heardOf(
        [
          [0, most],
          [1, most],
          [2, most],
          [3, 10],
          [4, 2 * MIB],
          [5, 10],
        ],
        5,
      ),
    ).toEqual([1, 2, 3, 5]);
  },
);

test('what waits while a server is begun anew is eight mebibytes at most, and more fails at once', async () => {
  const session = await begin();
  answers = false;
  stream.end();
  const ask = async (id: number, bytes: number): Promise<unknown> =>
    (await post({ jsonrpc: '2.0', id, method: 'ping', params: { pad: 'x'.repeat(bytes) } }, session)).headers.get(
      'x-failure',
    );
  // None of these is answered before the end.
  const pings: Promise<unknown>[] = [];
  for (let id = 1; streams < 2; id += 1) {
    pings.push(ask(id, 0).catch(() => undefined));
    await sleep(50);
  }
  const told: unknown[] = [];
  for (const id of [1001, 1002, 1003])
    pings.push(
      ask(id, 3.9 * MIB).then(
        (failure) => told.push(failure),
        () => undefined,
      ),
    );
  await expect.poll(() => told).toEqual(['unreachable']);
  stop();
  await Promise.all(pings);
});
