/**
 * The MCP server of the lab, a process of its own: Streamable HTTP of both eras and HTTP+SSE. Below `/good/` it answers
 * rightly; below `/evil/` mostly not. argv: seed. Sends its port to its parent, ends with it.
 */
import { createServer } from 'node:http';
import { goodResult, oddAnswer, unasked } from './messages.mjs';
import { seeded } from './random.mjs';
import { sleep, write, writeSomehow } from './wire.mjs';

const random = seeded(Number(process.argv[2]));
const MAX_BODY = 8 * 1024 * 1024;
const SSE_LIFE_MS = 20_000;
const streams = new Map();
let sessions = 0;

const JSON_OK = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
const TO_THE_END = 'connection: close\r\n\r\n';

const LYING_HEADS = [
  (body) => `${JSON_OK}content-length: ${body.length + 50}\r\n\r\n`,
  (body) => `${JSON_OK}content-length: ${body.length >> 1}\r\n\r\n`,
  () => `${JSON_OK}transfer-encoding: chunked\r\n\r\nzz\r\n`,
  () => `${JSON_OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
  () => `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n${TO_THE_END}`,
  () => `${JSON_OK}content-encoding: gzip\r\n${TO_THE_END}`,
  () => `HTTP/1.1 200 OK\r\n${TO_THE_END}`,
  () => 'HTTP/1.1 204 No Content\r\n\r\n',
  () => 'HTTP/1.1 304 Not Modified\r\n\r\n',
  () => 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
  () => `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(200)}${JSON_OK}${TO_THE_END}`,
  () => 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n',
  () => `${JSON_OK}x: ${'y'.repeat(200_000)}\r\n${TO_THE_END}`,
  () => `${JSON_OK}mcp-session-id: ${'s'.repeat(9000)}\r\n${TO_THE_END}`,
  () => `${JSON_OK}mcp-session-id: a\u0000b\r\n${TO_THE_END}`,
  () => `HTTP/1.1 999 Odd\r\ncontent-type: application/json\r\n${TO_THE_END}`,
  () => `HTTP/1.1 500 Broken\r\ncontent-type: application/json\r\n${TO_THE_END}`,
  () => `HTTP/1.1 404 Gone\r\n${TO_THE_END}`,
  () => '\u0000\u0001\u0002 garbage\r\n\r\n',
  () => '',
];

const JSON_HEAD = (body) => `${JSON_OK}mcp-session-id: s${(sessions += 1)}\r\ncontent-length: ${body.length}\r\n\r\n`;
const EVENTS_HEAD = () =>
  `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nmcp-session-id: s${(sessions += 1)}\r\n${TO_THE_END}`;

const event = (text) => {
  const end = random.pick(['\n\n', '\n\n', '\r\n\r\n', '\r\r']);
  const name = random.pick([
    '',
    '',
    'event: message\n',
    `id: ${random.int(0, 9)}\n`,
    'event: other\n',
    `retry: ${random.int(0, 99)}\n`,
  ]);
  const dressed = random.chance(0.1) ? text.replace(',', ',\ndata: ') : text;
  return `${name}data: ${dressed}${end}`;
};

const badBytes = (message, modern) => {
  const good = goodResult(message, modern);
  const text = random.chance(0.2)
    ? JSON.stringify({ jsonrpc: '2.0', id: message.id, result: good })
    : oddAnswer(random, message, good);
  if (random.chance(0.4)) {
    const before = Array.from({ length: random.pick([0, 0, 1, 3, 200]) }, () => event(unasked(random))).join('');
    const twice = random.chance(0.2) ? event(text) : '';
    return Buffer.from(EVENTS_HEAD() + before + event(text) + twice);
  }
  const body = Buffer.from(text);
  const head = random.chance(0.35) ? random.pick(LYING_HEADS)(body) : JSON_HEAD(body);
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
};

const respondWell = (response, message, modern) => {
  if (message.id === undefined || message.method === undefined) return response.writeHead(202).end();
  if (modern && message.method === 'initialize') return response.writeHead(404).end();
  if (!modern && message.method === 'server/discover') {
    const error = { code: -32_601, message: 'no such method' };
    return response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error }));
  }
  const opened = message.method === 'initialize' ? { 'mcp-session-id': `s${(sessions += 1)}` } : {};
  const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: goodResult(message, modern) });
  return response.writeHead(200, { 'content-type': 'application/json', ...opened }).end(text);
};

/** HTTP+SSE: answers go out on the stream that the session's GET opened. */
const openEventStream = (request, response, evil) => {
  const id = `e${(sessions += 1)}`;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const path = request.url.replace('/sse', '/message');
  response.write(`event: endpoint\ndata: ${path}?session=${id}\n\n`);
  streams.set(id, response);
  const end = setTimeout(
    () => (random.chance(0.5) ? response.end() : response.socket?.resetAndDestroy()),
    evil ? SSE_LIFE_MS : 600_000,
  );
  response.once('close', () => {
    clearTimeout(end);
    streams.delete(id);
  });
};

const respondOnStream = (stream, message, evil) => {
  if (!stream || message.id === undefined) return;
  const good = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: goodResult(message, false) });
  const bad = evil && random.chance(0.7);
  if (!bad) return void stream.write(`data: ${good}\n\n`);
  if (random.chance(0.1)) return void stream.socket?.resetAndDestroy();
  if (random.chance(0.1)) return void stream.write(`event: endpoint\ndata: /evil/elsewhere?x=${random.int(0, 9)}\n\n`);
  if (random.chance(0.2)) stream.write(event(unasked(random)));
  stream.write(event(oddAnswer(random, message, goodResult(message, false))));
};

const bodyOf = (request) =>
  new Promise((resolve) => {
    const parts = [];
    let size = 0;
    request.on('data', (part) => {
      size += part.length;
      if (size <= MAX_BODY) parts.push(part);
    });
    request.once('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    request.once('error', () => resolve(''));
  });

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

const evilGet = async (response) => {
  const { socket } = response;
  await write(socket, EVENTS_HEAD());
  for (let count = random.int(0, 20); count > 0; count -= 1) await write(socket, event(unasked(random)));
  await writeSomehow(socket, Buffer.from(event(unasked(random))), random);
};

const answerPost = async (request, response, { pathname, searchParams }) => {
  const evil = pathname.startsWith('/evil/');
  const modern = pathname.endsWith('/modern');
  const message = parsed(await bodyOf(request));
  if (pathname.endsWith('/message')) {
    response.writeHead(202).end();
    return respondOnStream(streams.get(searchParams.get('session')), message, evil);
  }
  const opening = message.method === 'initialize' || message.method === 'server/discover';
  const isGood = !evil || message.id === undefined || random.chance(opening ? 0.8 : 0.25);
  if (isGood) return respondWell(response, message, modern);
  if (random.chance(0.05)) await sleep(random.int(1, 500));
  return writeSomehow(response.socket, badBytes(message, modern), random);
};

const handle = async (request, response) => {
  const url = new URL(request.url, 'http://lab');
  const evil = url.pathname.startsWith('/evil/');
  if (request.method === 'POST') return answerPost(request, response, url);
  if (request.method === 'DELETE') return response.writeHead(200).end();
  if (url.pathname.endsWith('/sse')) return openEventStream(request, response, evil);
  if (evil && random.chance(0.8)) return evilGet(response);
  return response.writeHead(405).end();
};

const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  handle(request, response).catch(() => response.destroy());
});
server.on('connection', (socket) => socket.on('error', () => undefined));
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.once('disconnect', () => process.exit(0));
