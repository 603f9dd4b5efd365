import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as zlib from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collectedBytes } from '../../../src/platform/fair-shares/held-bytes.js';
import { makeHttpClient, type HttpClient } from '../../../src/mcp/http-client/http-client.js';
import type { Failure, HeaderFields, PendingRequest } from '../../../src/mcp/http-client/sink.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';

type Answer = { headers: HeaderFields; body: Buffer; failure?: Failure };

let server: Server;
let http: HttpClient;
let respond: (response: ServerResponse) => void;
let acceptEncodings: (string | string[] | undefined)[];

beforeEach(async () => {
  acceptEncodings = [];
  server = createServer((request, response) => {
    acceptEncodings.push(request.headers['accept-encoding']);
    respond(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  http = makeHttpClient(makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] }).connector);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

type Reading = Readonly<{ running: PendingRequest; answer: Promise<Answer>; parts: Buffer[] }>;

const read = (take: (part: Buffer) => boolean = () => true): Reading => {
  const parts: Buffer[] = [];
  let headers: HeaderFields = {};
  let running: PendingRequest | undefined;
  const answer = new Promise<Answer>((resolve) => {
    running = http(
      {
        url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`),
        method: 'GET',
        headers: {},
        body: undefined,
        silenceMs: 10_000,
        organizationId: 'org_1',
        grantId: 'grt_1',
      },
      {
        head: (_status, fields) => void (headers = fields),
        data: (part) => {
          parts.push(part);
          return take(part);
        },
        end: () => resolve({ headers, body: Buffer.concat(parts) }),
        fail: (failure) => resolve({ headers, body: Buffer.concat(parts), failure }),
      },
    );
  });
  if (!running) throw new Error('not begun');
  return { running, answer, parts };
};

const send = (coding: string, body: Buffer, pieceBytes = body.length): void => {
  respond = (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': coding });
    for (let at = 0; at < body.length; at += pieceBytes) response.write(body.subarray(at, at + pieceBytes));
    response.end();
  };
};

const TEXT = Buffer.from(JSON.stringify(Array.from({ length: 20_000 }, (_, index) => `value ${index} ü`)));

test.each<[string, string, (body: Buffer) => Buffer]>([
  ['gzip', 'gzip', zlib.gzipSync],
  ['gzip in capitals with identity', 'identity, GZIP', zlib.gzipSync],
  ['x-gzip', 'x-gzip', zlib.gzipSync],
  ['deflate', 'deflate', zlib.deflateSync],
  ['deflate without its wrapper', 'deflate', zlib.deflateRawSync],
  ['br', 'br', zlib.brotliCompressSync],
])('an answer that is coded with %s arrives decoded and without its old length', async (_, coding, encode) => {
  const encoded = encode(TEXT);
  for (const pieceBytes of [1777, encoded.length]) {
    send(coding, encoded, pieceBytes);
    const { headers, body, failure } = await read().answer;
    expect(failure).toBeUndefined();
    expect(body.equals(TEXT)).toBe(true);
    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers).not.toHaveProperty('content-length');
  }
  expect(acceptEncodings).toEqual(['identity', 'identity']);
  expect(collectedBytes.bytes).toBe(0);
});

test('an event of a coded stream arrives before the stream ends', async () => {
  const gzip = zlib.createGzip();
  respond = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
    gzip.pipe(response);
    gzip.write('data: {"a":1}\n\n');
    gzip.flush();
  };
  let arrived: (text: string) => void = () => undefined;
  const event = new Promise<string>((resolve) => (arrived = resolve));
  const { answer } = read((part) => {
    arrived(part.toString());
    return true;
  });
  expect(await event).toBe('data: {"a":1}\n\n');
  gzip.end();
  expect((await answer).failure).toBeUndefined();
});

test('a coded answer waits while its reader pauses, and loses nothing', async () => {
  send('gzip', zlib.gzipSync(TEXT), 1000);
  const reading = read((): boolean => {
    setImmediate(() => reading.running.resume());
    return false;
  });
  const { body, failure } = await reading.answer;
  expect(failure).toBeUndefined();
  expect(body.equals(TEXT)).toBe(true);
});

test.each<[string, (body: Buffer) => Buffer]>([
  ['gzip', zlib.gzipSync],
  ['br', (body) => zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } })],
])('a bomb in %s is refused after a few megabytes, whatever it would become', async (coding, encode) => {
  send(coding, encode(Buffer.alloc(64 * 2 ** 20)));
  const { body, failure } = await read().answer;
  expect(failure).toMatchObject({ kind: 'broken', sent: true, reason: expect.stringContaining('too large') as string });
  expect(body.length).toBeLessThan(9 * 2 ** 20);
  expect(collectedBytes.bytes).toBe(0);
});

test('an answer in a coding that nobody can take off is refused by the name of the coding', async () => {
  send('compress', Buffer.from('x'));
  expect((await read().answer).failure).toMatchObject({
    kind: 'broken',
    reason: expect.stringContaining('with compress,') as string,
  });
});

test('an empty answer with a Content-Encoding is an empty answer', async () => {
  respond = (response) => response.writeHead(202, { 'content-encoding': 'zstd', 'content-length': 0 }).end();
  expect(await read().answer).toMatchObject({ body: Buffer.alloc(0) });
});

test('bytes that are not in the coding that they claim fail the answer', async () => {
  send('gzip', Buffer.from('{"a":1}'));
  expect((await read().answer).failure).toMatchObject({ kind: 'broken', sent: true });
});

test('the end of a request ends its decoder', async () => {
  respond = (response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    response.write(zlib.gzipSync(TEXT).subarray(0, 20_000));
  };
  const reading = read((): boolean => {
    reading.running.abort();
    return true;
  });
  expect((await reading.answer).failure).toMatchObject({ kind: 'aborted', sent: true });
  expect(reading.parts).toHaveLength(1);
  expect(collectedBytes.bytes).toBe(0);
});

test('the connection of a coded answer that goes on behind the end of its coding is closed', async () => {
  const closed = new Promise<void>((resolve) => {
    respond = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.write(Buffer.concat([zlib.gzipSync(TEXT), Buffer.alloc(100)]));
      const more = setInterval(() => response.write(Buffer.alloc(100_000)), 10);
      response.once('close', () => {
        clearInterval(more);
        resolve();
      });
    };
  });
  const { body, failure } = await read().answer;
  expect(failure).toBeUndefined();
  expect(body.equals(TEXT)).toBe(true);
  await closed;
  expect(collectedBytes.bytes).toBe(0);
});
