import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeHttpClient, type HttpClient } from '../../../src/mcp/http-client/http-client.js';
import type { PendingRequest } from '../../../src/mcp/http-client/sink.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';

const BODY = Buffer.from(Array.from({ length: 2 ** 20 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
const HEAD = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n`;

let server: Server;
let url: URL;
let http: HttpClient;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(HEAD);
      socket.write(BODY);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  http = makeHttpClient(makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] }).connector);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((done) => server.close(done));
});

const request = (): Parameters<HttpClient>[0] => ({
  url,
  method: 'POST',
  headers: {},
  body: Buffer.from('{}'),
  silenceMs: 0,
  organizationId: 'org_1',
  grantId: 'grt_1',
});

/** Reads the whole answer with this sink and answers the digest of its body. */
const digestOf = (take: (part: Buffer, running: () => PendingRequest) => boolean): Promise<string> =>
  new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    const running: PendingRequest = http(request(), {
      head: () => undefined,
      data: (part) => {
        hash.update(part);
        return take(part, () => running);
      },
      end: () => resolve(hash.digest('hex')),
      fail: ({ kind }) => reject(new Error(kind)),
    });
  });

const expected = createHash('sha256').update(BODY).digest('hex');

/** Keeps the process busy, as a costly reader would. */
const work = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until;);
};

test('servers that send as fast as they can share a turn, however costly their bytes are to read', async () => {
  let inTurn = 0;
  let mostInTurn = 0;
  let isOver = false;
  const turn = (): void => {
    inTurn = 0;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const take = (part: Buffer): boolean => {
    inTurn += part.length;
    mostInTurn = Math.max(mostInTurn, inTurn);
    work(part.length / 6000);
    return true;
  };
  const digests = await Promise.all(Array.from({ length: 6 }, () => digestOf(take)));
  isOver = true;
  expect(new Set(digests)).toEqual(new Set([expected]));
  // 5 ms are 30,000 bytes; the last slice may pass that, and before the first one the pace is not known.
  expect(mostInTurn).toBeLessThanOrEqual(128 * 1024);
});

test('every byte comes once and in order, also where the reader pauses, and chunks wait for their turn', async () => {
  let parts = 0;
  const take = (_part: Buffer, running: () => PendingRequest): boolean => {
    parts += 1;
    work(parts % 3 === 0 ? 1 : 0);
    if (parts % 4 !== 0) return true;
    setTimeout(() => running().resume(), parts % 5);
    return false;
  };
  const digests = await Promise.all(Array.from({ length: 4 }, () => digestOf(take)));
  expect(new Set(digests)).toEqual(new Set([expected]));
});

test('a chunk that waits for its turn is read before the end of its connection is told', async () => {
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n');
      socket.end(BODY);
    });
  });
  const digests = await Promise.all(
    Array.from({ length: 4 }, () => digestOf((part) => (work(part.length / 20_000), true))),
  );
  expect(new Set(digests)).toEqual(new Set([expected]));
});
