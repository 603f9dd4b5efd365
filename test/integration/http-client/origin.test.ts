import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeHttpClient } from '../../../src/mcp/http-client/http-client.js';
import { Origin } from '../../../src/mcp/http-client/origin.js';
import type { HttpRequest } from '../../../src/mcp/http-client/request-head.js';
import type { PendingRequest } from '../../../src/mcp/http-client/sink.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';

type Answer = Readonly<{ status: number; body: string; failure: unknown }>;

const TEN = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n0123456789';

let server: Server;
let origin: Origin;
let url: URL;
/** What each connection received, in the order in which they came. */
let received: string[];
let sockets: Socket[];
let onRequest: (socket: Socket, n: number) => void;

beforeEach(async () => {
  [received, sockets] = [[], []];
  let n = 0;
  server = createServer((socket) => {
    const at = sockets.push(socket) - 1;
    received[at] = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const text = (received[at] ?? '') + bytes.toString('latin1');
      received[at] = text;
      if (text.endsWith('\r\n\r\n') || text.endsWith('}')) onRequest(socket, n++);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp?x=1`);
  const { connector } = makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] });
  origin = new Origin(connector(url));
  onRequest = (socket) => void socket.write(TEN);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((done) => server.close(done));
});

const wanted = (change: Partial<HttpRequest> = {}): HttpRequest => ({
  url,
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('{}'),
  silenceMs: 5000,
  organizationId: 'org_1',
  grantId: 'grt_1',
  ...change,
});

type Begun = Readonly<{ running: PendingRequest; answer: Promise<Answer>; heads: number[] }>;

const begin = (change: Partial<HttpRequest> = {}, take: (part: Buffer) => boolean = () => true): Begun => {
  const heads: number[] = [];
  let body = '';
  let running: PendingRequest | undefined;
  const answer = new Promise<Answer>((resolve) => {
    running = origin.request(wanted(change), {
      head: (status) => void heads.push(status),
      data: (part) => {
        body += part.toString('latin1');
        return take(part);
      },
      end: () => resolve({ status: heads.at(-1) ?? 0, body, failure: undefined }),
      fail: ({ kind, sent }) => resolve({ status: heads.at(-1) ?? 0, body, failure: { kind, sent } }),
    });
  });
  return { running: running as PendingRequest, answer, heads };
};
const ask = (change: Partial<HttpRequest> = {}): Promise<Answer> => begin(change).answer;
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const ten = { status: 200, body: '0123456789', failure: undefined };

test('a request is what was asked for, byte for byte, and the next one goes over the same connection', async () => {
  expect(await ask()).toEqual(ten);
  expect(await ask({ method: 'GET', body: undefined, headers: { accept: 'x' } })).toEqual(ten);
  const host = `host: 127.0.0.1:${url.port}\r\nconnection: keep-alive\r\naccept-encoding: identity\r\n`;
  expect(received).toEqual([
    `POST /mcp?x=1 HTTP/1.1\r\n${host}content-type: application/json\r\ncontent-length: ` +
      `2\r\n\r\n{}GET /mcp?x=1 HTTP/1.1\r\n${host}accept: x\r\n\r\n`,
  ]);
});

test('requests that are under way together have connections of their own', async () => {
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([ten, ten, ten]);
  expect(sockets).toHaveLength(3);
});

test.each([
  ['a length', TEN],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6;x=y\r\n456789\r\n0\r\nT: x\r\n\r\n'],
  ['interim answers first', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${TEN}`],
])('an answer with %s is read alike wherever it is cut, and its connection is used again', async (_what, text) => {
  for (let at = 1; at < text.length; at += 7) {
    onRequest = (socket) => {
      socket.write(text.slice(0, at));
      setTimeout(() => socket.write(text.slice(at)), 1);
    };
    expect(await ask()).toEqual(ten);
  }
  expect(sockets).toHaveLength(1);
});

test.each([
  ['until the connection ends', 'HTTP/1.1 200 OK\r\n\r\n0123456789', true],
  ['with Connection: close', TEN.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), false],
  ['in HTTP/1.0', TEN.replace('1.1', '1.0'), false],
  ['with something behind it', `${TEN}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL`, false],
])('an answer %s is taken, and its connection is not used again', async (_what, text, ends) => {
  onRequest = (socket) => (ends ? socket.end(text) : socket.write(text));
  expect(await ask()).toEqual(ten);
  expect(await ask()).toEqual(ten);
  expect(sockets).toHaveLength(2);
});

test('an answer that nobody asked for answers nothing: its connection is given up', async () => {
  expect(await ask()).toEqual(ten);
  sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL');
  await pause(20);
  expect(await ask()).toEqual(ten);
  expect(sockets).toHaveLength(2);
  // Also when it arrives in the very turn in which the next request is made.
  const answer = new Promise<Answer>((resolve) => {
    setTimeout(() => {
      sockets[1]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL');
      void ask().then(resolve);
    }, 1);
  });
  expect(await answer).toEqual(ten);
});

test('a connection that the server closed while it was idle is not used', async () => {
  expect(await ask()).toEqual(ten);
  sockets[0]?.end();
  await pause(20);
  expect(await ask()).toEqual(ten);
});

test.each([
  ['closes before an answer', '', { kind: 'broken', sent: true }],
  ['closes within the head', 'HTTP/1.1 200 O', { kind: 'broken', sent: true }],
  ['sends no HTTP', 'SSH-2.0-x\r\n\r\n', { kind: 'broken', sent: true }],
  ['sends an endless head', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(4000)}`, { kind: 'broken', sent: true }],
  [
    'gives two lengths',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    { kind: 'broken', sent: true },
  ],
  ['closes within the body', TEN.slice(0, -3), { kind: 'broken', sent: true }],
  [
    'closes within a chunk',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc',
    { kind: 'broken', sent: true },
  ],
  [
    'sends a malformed chunk',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    { kind: 'broken', sent: true },
  ],
])('a server that %s is a failure, told once', async (_what, text, failure) => {
  onRequest = (socket) => socket.end(text);
  expect((await ask()).failure).toEqual(failure);
});

test('a server that cannot be reached was sent nothing', async () => {
  await new Promise((done) => server.close(done));
  expect((await ask()).failure).toEqual({ kind: 'unreachable', sent: false });
  await new Promise<void>((done) => server.listen(Number(url.port), '127.0.0.1', done));
});

test.each([
  ['a line break', { a: 'x\r\nhost: evil' }],
  ['a name with a space', { 'a b': 'x' }],
  ['the length', { 'Content-Length': '5' }],
  ['the coding', { 'transfer-encoding': 'chunked' }],
  ['a character beyond Latin-1', { a: '\u0100' }],
])('a header with %s is never sent', async (_what, headers) => {
  expect((await ask({ headers: headers as unknown as Record<string, string> })).failure).toEqual({
    kind: 'unreachable',
    sent: false,
  });
  expect(received).toEqual([]);
});

test('silence ends a request, before the head and within the body, and a body that goes on keeps it', async () => {
  onRequest = () => undefined;
  expect((await ask({ silenceMs: 300 })).failure).toEqual({ kind: 'timeout', sent: true });
  onRequest = (socket) => void socket.write(TEN.slice(0, -5));
  expect((await ask({ silenceMs: 300 })).failure).toEqual({ kind: 'timeout', sent: true });
  onRequest = (socket) => {
    socket.write(TEN.slice(0, -10));
    [...TEN.slice(-10)].forEach((one, index) => setTimeout(() => socket.write(one), index * 100));
  };
  expect(await ask({ silenceMs: 300 })).toEqual(ten);
});

test('while its reader takes no more, a server is not silent; afterwards all of it comes', async () => {
  const length = 3_000_000;
  onRequest = (socket) =>
    void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`);
  let first = true;
  const { running, answer } = begin({ silenceMs: 300 }, () => !first || (first = false));
  await pause(1000);
  running.resume();
  expect((await answer).body).toHaveLength(length);
  onRequest = (socket) => void socket.write(TEN);
  expect(await ask()).toEqual(ten);
  expect(sockets).toHaveLength(1);
});

test(
  'a reader that takes no more at the very end of an answer does not stop the next one on its ' + 'connection',
  async () => {
    expect(await begin({}, () => false).answer).toEqual(ten);
    expect(await ask()).toEqual(ten);
    expect(sockets).toHaveLength(1);
  },
);

test('an abort ends a request at any time, and what was not sent is never sent', async () => {
  const early = begin();
  early.running.abort();
  expect((await early.answer).failure).toEqual({ kind: 'aborted', sent: false });
  onRequest = (socket, n) => (n === 0 ? setTimeout(() => running.abort(), 5) : socket.write(TEN));
  const { running, answer } = begin();
  expect((await answer).failure).toEqual({ kind: 'aborted', sent: true });
  running.abort();
  running.resume();
  expect(await ask()).toEqual(ten);
  expect(received.filter((text) => text !== '')).toHaveLength(2);
});

test('a large body arrives whole', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024, 'x');
  body.write('}', body.length - 1);
  expect(await ask({ body })).toEqual(ten);
  expect(received[0]?.endsWith(body.toString('latin1'))).toBe(true);
});

test('a body is sent byte for byte, whatever its characters', async () => {
  const body = Buffer.from('{"é":"日本 \u0000 😀"}');
  expect(await ask({ body })).toEqual(ten);
  expect(Buffer.from(received[0] ?? '', 'latin1').subarray(-body.length)).toEqual(body);
});

test(
  'of origins without end only those in use are kept: a connection that is open is used again, and ' +
    'what was not is made anew',
  async () => {
    const { connector } = makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] });
    const made: string[] = [];
    const http = makeHttpClient((of) => (made.push(of.host), connector(of)));
    const askOf = (of: URL): Promise<string> =>
      new Promise(
        (resolve) =>
          void http(wanted({ url: of }), {
            head: () => undefined,
            data: () => true,
            end: () => resolve('ended'),
            fail: ({ kind }) => resolve(kind),
          }),
      );
    const refused = (n: number): URL => new URL(`http://10.0.0.1:${10_000 + n}/`);
    expect(await askOf(url)).toBe('ended');
    for (let n = 0; n < 3000; n += 100)
      expect(new Set(await Promise.all(Array.from({ length: 100 }, (_, more) => askOf(refused(n + more)))))).toEqual(
        new Set(['unreachable']),
      );
    expect([await askOf(url), await askOf(refused(0)), await askOf(refused(2999))]).toEqual([
      'ended',
      'unreachable',
      'unreachable',
    ]);
    expect(sockets).toHaveLength(1);
    expect([url, refused(0), refused(2999)].map(({ host }) => made.filter((one) => one === host).length)).toEqual([
      1, 2, 1,
    ]);
  },
);
