import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
const MAX_EVENTS = 10_000;

/** Listens on a free port of 127.0.0.1 and answers the URL's origin. */
export const listen = (server) =>
  new Promise((resolve, reject) =>
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)),
  );

/** What was sent on each stream, so that a client that comes back with Last-Event-ID gets the rest. */
export const eventStore = () => {
  const events = [];
  return {
    storeEvent: async (streamId, message) => {
      if (events.length === MAX_EVENTS) events.shift();
      const eventId = `${streamId}/${randomUUID()}`;
      events.push({ eventId, streamId, message });
      return eventId;
    },
    getStreamIdForEventId: async (eventId) => events.find((event) => event.eventId === eventId)?.streamId,
    replayEventsAfter: async (lastEventId, { send }) => {
      const at = events.findIndex((event) => event.eventId === lastEventId);
      const { streamId } = events[at] ?? { streamId: lastEventId.split('/')[0] };
      for (const event of events.slice(at + 1)) {
        if (event.streamId === streamId && Object.keys(event.message ?? {}).length > 0)
          await send(event.eventId, event.message);
      }
      return streamId;
    },
  };
};

const bodyOf = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return parts.length === 0 ? undefined : JSON.parse(Buffer.concat(parts).toString('utf8'));
};

const refuse = (response, status, message) =>
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_000, message } }));

const isLocal = ({ host = '', origin }) =>
  LOOPBACK.has(host.replace(/:\d+$/, '')) &&
  (origin === undefined || (URL.canParse(origin) && LOOPBACK.has(new URL(origin).hostname)));

/**
 * Serves a fixture: sessions as Streamable HTTP has them, after `first` had its chance to answer. `begin(options)`
 * connects a new server to a transport made with these options. Prints its URL on a line of its own and ends with its
 * standard input.
 */
export const serveFixture = async ({ begin, first = async () => false }) => {
  const sessions = new Map();
  const session = async (request, body) => {
    const id = request.headers['mcp-session-id'];
    if (typeof id === 'string') return sessions.get(id) ?? 404;
    if (body?.method !== 'initialize') return 400;
    const transport = await begin({
      sessionIdGenerator: () => randomUUID(),
      eventStore: eventStore(),
      retryInterval: 500,
      onsessioninitialized: (opened) => void sessions.set(opened, transport),
      onsessionclosed: (closed) => void sessions.delete(closed),
    });
    return transport;
  };
  const handle = async (request, response) => {
    if (!isLocal(request.headers)) return refuse(response, 403, 'only this machine may ask');
    const body = request.method === 'POST' ? await bodyOf(request) : undefined;
    if (await first(request, response, body)) return undefined;
    const transport = await session(request, body);
    if (typeof transport === 'number')
      return refuse(response, transport, transport === 404 ? 'no such session' : 'initialize first');
    return transport.handleRequest(request, response, body);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      console.error(error);
      if (response.headersSent) response.destroy();
      else refuse(response, 500, 'the fixture failed');
    });
  });
  console.log(`${await listen(server)}/mcp`);
  process.stdin.resume().once('end', () => process.exit(0));
};
