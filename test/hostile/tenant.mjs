/** The hostile tenant: an agent with a valid grant, good or hostile servers behind it, and bad manners. */
import { exchange, headerOf, requestBytes, statusOf } from './http-client.mjs';
import { oddValue } from './messages.mjs';

const LEGACY = '2025-11-25';
const MODERN = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'lab', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

const CALLS = [
  ['tools/call', { name: 'echo', arguments: { text: 'hello' } }],
  ['tools/call', { name: 'denied', arguments: {} }],
  ['tools/call', { name: 'limited', arguments: {} }],
  ['tools/list', {}],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['resources/read', { uri: 'file:///a' }],
  ['prompts/list', {}],
  ['prompts/get', { name: 'p' }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: 'b' } }],
];
const LEGACY_CALLS = [
  ...CALLS,
  ['ping', {}],
  ['logging/setLevel', { level: 'info' }],
  ['resources/subscribe', { uri: 'file:///a' }],
  ['resources/unsubscribe', { uri: 'file:///a' }],
  ['tasks/get', { taskId: 'none' }],
];
const MODERN_CALLS = [
  ...CALLS,
  ['server/discover', {}],
  ['subscriptions/listen', { notifications: { toolsListChanged: true } }],
  ['tasks/get', { taskId: 'none' }],
];

const baseHeaders = (grant, port) => ({
  host: `127.0.0.1:${port}`,
  authorization: `Bearer ${grant.token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
});

const oddHeaders = (random) =>
  random.pick([
    () => ({ 'content-length': String(random.pick([0, 1, 99_999_999, -1])) }),
    () => ({ 'transfer-encoding': 'chunked', 'content-length': '5' }),
    () => ({ 'mcp-session-id': random.pick(['x', 'y'.repeat(9000), '\u00ff']) }),
    () => ({ 'mcp-protocol-version': random.pick(['1999-01-01', MODERN, LEGACY, '', 'x'.repeat(5000)]) }),
    () => ({ authorization: random.pick(['Bearer', 'Bearer x', `Bearer ${'z'.repeat(60_000)}`]) }),
    () => ({ accept: 'text/html' }),
    () => ({ 'content-type': random.pick(['text/plain', 'application/json; charset=utf-16']) }),
    () => ({ 'mcp-method': 'tools/list', 'mcp-name': 'hidden' }),
    () => ({ 'x-fill': 'f'.repeat(30_000) }),
    () => ({ expect: '100-continue' }),
  ])();

const oddBody = (random, message) => {
  const text = JSON.stringify(message);
  return random.pick([
    () => text.replace(/"params":\{/, `"params":{"odd":${oddValue(random)},`),
    () => text.replace(/"arguments":\{/, `"arguments":{"odd":${oddValue(random)},`),
    () => text.replace(/"_meta":\{/, `"_meta":{"odd":${oddValue(random)},`),
    () => text.replace(/"id":\d+/, `"id":${oddValue(random)}`),
    () => text.replace(/"method":"[^"]*"/, `"method":${oddValue(random)}`),
    () => `[${text},${text}]`,
    () => text.slice(0, -random.int(1, 20)),
    () => `${random.pick(['\uFEFF', '{}', 'null'])}${text}`,
    () => oddValue(random),
    () => '',
  ])();
};

const timeoutOf = (random, good, { method }) =>
  method === 'subscriptions/listen' ? 200 : good ? 10_000 : random.pick([10, 100, 500, 2500]);

/** The answers of one exchange are of no interest here: only that they end. */
export class Agent {
  #port;
  #grant;
  #sessions = [];
  #id = 0;

  constructor(port, grant) {
    this.#port = port;
    this.#grant = grant;
  }

  #path() {
    return new URL(this.#grant.mcpUrl).pathname;
  }

  async #open(random, good) {
    const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'lab', version: '1' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    const bytes = requestBytes('POST', this.#path(), baseHeaders(this.#grant, this.#port), body);
    const text = await exchange(this.#port, bytes, { timeoutMs: good ? 10_000 : random.pick([200, 2000]) });
    const session = headerOf(text, 'mcp-session-id');
    if (session === undefined) return undefined;
    this.#sessions.push(session);
    if (this.#sessions.length > 8) this.#sessions.shift();
    return session;
  }

  #message(random, modern) {
    const [method, params] = random.pick(modern ? MODERN_CALLS : LEGACY_CALLS);
    this.#id += 1;
    const meta = modern ? { _meta: META } : random.chance(0.2) ? { _meta: { progressToken: this.#id } } : {};
    return { jsonrpc: '2.0', id: this.#id, method, params: { ...params, ...meta } };
  }

  async #legacyHeaders(random, good) {
    const isKnown = this.#sessions.length > 0 && random.chance(good ? 0.9 : 0.7);
    const session = isKnown ? random.pick(this.#sessions) : await this.#open(random, good);
    const own = session === undefined ? {} : { 'mcp-session-id': session };
    return { ...baseHeaders(this.#grant, this.#port), ...own, 'mcp-protocol-version': LEGACY };
  }

  #modernHeaders({ method, params }) {
    const name = params.name ?? params.uri ?? params.taskId;
    const named = name === undefined ? {} : { 'mcp-name': name };
    const base = baseHeaders(this.#grant, this.#port);
    return { ...base, 'mcp-protocol-version': MODERN, 'mcp-method': method, ...named };
  }

  /** One exchange of a client of either era; `good` ones keep to the protocol. Answers the HTTP status, 0 for none. */
  async exchange(random, good) {
    const modern = random.chance(0.5);
    const message = this.#message(random, modern);
    const headers = modern ? this.#modernHeaders(message) : await this.#legacyHeaders(random, good);
    if (!modern && !good && random.chance(0.1)) return this.#other(random, headers);
    if (!good && random.chance(0.5)) return this.#rudely(random, headers, message);
    const bytes = requestBytes('POST', this.#path(), headers, JSON.stringify(message));
    return statusOf(await exchange(this.#port, bytes, { timeoutMs: timeoutOf(random, good, message) }));
  }

  /** A request whose body is odd, and perhaps its headers and the way that it is written too. */
  async #rudely(random, headers, message) {
    const sent = random.chance(0.4) ? { ...headers, ...oddHeaders(random) } : headers;
    const bytes = requestBytes('POST', this.#path(), sent, oddBody(random, message));
    const timeoutMs = timeoutOf(random, false, message);
    return statusOf(await exchange(this.#port, bytes, { timeoutMs, ...(random.chance(0.5) ? { random } : {}) }));
  }

  /** No request of a method: a standing stream, the end of a session, a notification, an answer to nobody. */
  async #other(random, headers) {
    const post = (message) => requestBytes('POST', this.#path(), headers, JSON.stringify(message));
    const bytes = random.pick([
      () => requestBytes('GET', this.#path(), headers),
      () => requestBytes('GET', this.#path(), { ...headers, 'last-event-id': 'x'.repeat(random.int(1, 3000)) }),
      () => requestBytes('DELETE', this.#path(), headers),
      () => post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: this.#id } }),
      () => post({ jsonrpc: '2.0', method: 'notifications/initialized' }),
      () => post({ jsonrpc: '2.0', id: 'nobody', result: {} }),
      () => requestBytes('PUT', this.#path(), headers, '{}'),
    ])();
    return statusOf(await exchange(this.#port, bytes, { timeoutMs: random.pick([50, 500]) }));
  }
}
