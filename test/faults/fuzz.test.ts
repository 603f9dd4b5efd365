import { randomInt } from 'node:crypto';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSession, signUp, type Grant, type Tenant } from '../support/tenant.js';
import { startTestToolgate, type TestToolgate } from '../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../support/upstream.js';

const COUNT = Number(process.env['FUZZ_MESSAGES'] ?? (process.env['FAULTS'] === 'full' ? 100_000 : 4000));
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
const AT_ONCE = 16;
const ANSWER_MS = 30_000;

type Json = Record<string, unknown>;
type Sent = Readonly<{ body: Buffer; headers: Readonly<Record<string, string>> }>;
type Answer = Readonly<{ status: number; text: string }>;

/** Mulberry32: the same numbers for the same seed. */
const randomFrom = (seed: number) => {
  let state = seed >>> 0;
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const META = 'io.modelcontextprotocol';
const envelope = { [`${META}/protocolVersion`]: '2026-07-28', [`${META}/clientCapabilities`]: {}, [`${META}/clientInfo`]: { name: 'fuzz', version: '1' } };

const METHODS: readonly Readonly<{ method: string; params?: Json }>[] = [
  { method: 'tools/call', params: { name: 'free', arguments: { a: 1, b: ['x', null, { c: true }] } } },
  { method: 'tools/call', params: { name: 'denied', arguments: {} } },
  { method: 'tools/call', params: { name: 'limited', arguments: { amount: 3 } } },
  { method: 'tools/call', params: { name: 'ruled', arguments: { target: 'main' } } },
  { method: 'tools/list' },
  { method: 'tools/list', params: { cursor: 'x' } },
  { method: 'ping' },
  { method: 'resources/list' },
  { method: 'resources/read', params: { uri: 'file:///etc/passwd' } },
  { method: 'prompts/get', params: { name: 'p', arguments: { x: 'y' } } },
  { method: 'completion/complete', params: { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: 'b' } } },
  { method: 'logging/setLevel', params: { level: 'info' } },
  { method: 'tasks/get', params: { taskId: 't' } },
  { method: 'server/discover' },
  { method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'f', version: '1' } } },
  { method: 'made/up', params: { deep: [[[[[[1]]]]]] } },
];

const NASTY: readonly unknown[] = [null, true, -0, 1e308, 9007199254740993n, '', '\u0000', '\ud800', '__proto__', 'x'.repeat(5000), [], {}, [[]], { __proto__: 1 }, '2026-07-28', '2025-06-18', -1, 0.1];

/** One message as text, and how it was spoilt. */
const makeMessage = (random: () => number, n: number, modern: boolean): Sent => {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const { method, params = {} } = structuredClone(pick(METHODS));
  const message: Json = { jsonrpc: '2.0', id: `f${n}`, method, params: modern ? { ...params, _meta: structuredClone(envelope) } : { ...params } };
  const headers: Record<string, string> = {};
  if (modern) {
    headers['mcp-protocol-version'] = '2026-07-28';
    headers['mcp-method'] = method;
    const name = params['name'] ?? params['uri'];
    if (typeof name === 'string') headers['mcp-name'] = name;
  }
  const spoil = random();
  if (spoil < 0.35) mutateValue(message, random, pick);
  let text = JSON.stringify(message, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
  if (spoil >= 0.35 && spoil < 0.6) text = mutateText(text, random, pick);
  if (spoil >= 0.6 && spoil < 0.7) mutateHeaders(headers, random, pick);
  return { body: Buffer.from(text, random() < 0.03 ? 'latin1' : 'utf8'), headers };
};

type Pick = <T>(from: readonly T[]) => T;

const mutateValue = (message: Json, random: () => number, pick: Pick): void => {
  let at: Json = message;
  for (let depth = Math.floor(random() * 4); depth > 0; depth -= 1) {
    const inner = Object.values(at).filter((value): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value));
    if (inner.length === 0) break;
    at = pick(inner);
  }
  const keys = Object.keys(at);
  const key = keys.length === 0 || random() < 0.2 ? pick(['name', 'NAME', 'id', 'Id', 'uri', '_meta', 'arguments', 'constructor', 'result', 'error', 'method']) : pick(keys);
  if (random() < 0.25) delete at[key];
  else at[key] = structuredClone(pick(NASTY));
};

const mutateText = (text: string, random: () => number, pick: Pick): string => {
  const at = Math.floor(random() * text.length);
  const to = Math.min(text.length, at + Math.floor(random() * 12));
  switch (Math.floor(random() * 6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(to);
    case 2:
      return text.slice(0, to) + text.slice(at);
    case 3:
      return text.slice(0, at) + pick(['\\u0000', '"', '{', '}', ',', '\n', '\ufeff', '\\', '\u2028', '1e999', '\\ud800', '[[', '"id":1,']) + text.slice(at);
    case 4:
      return `[${text}]`;
    default:
      return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 300)) + text.slice(at + 1);
  }
};

const mutateHeaders = (headers: Record<string, string>, random: () => number, pick: Pick): void => {
  const name = pick(['mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-session-id', 'mcp-param-x', 'accept', 'content-type', 'last-event-id', 'origin', 'x-http-method-override']);
  headers[name] = pick(['', '2026-07-28', '2025-06-18', '1999-01-01', 'tools/call', 'free', 'denied', '=?base64?ZnJlZQ==?=', '=?base64?@@?=', 'text/plain', 'x'.repeat(3000), 'http://evil.example', ' '.repeat(3)]);
  if (random() < 0.3) delete headers[pick(Object.keys(headers))];
};

let toolgate: TestToolgate;
let upstream: Upstream;
let tenant: Tenant;
let grant: Grant;
let agent: Agent;
const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);

beforeAll(async () => {
  process.on('uncaughtException', note).on('unhandledRejection', note);
  upstream = await startUpstream({ tools: ['free', 'denied', 'limited', 'ruled'].map((name) => aTool(name)), json: true });
  toolgate = await startTestToolgate();
  tenant = await signUp(toolgate.url);
  const serverId = await tenant.server(upstream.url);
  const document = {
    version: '1',
    default: 'deny',
    tools: {
      free: {},
      denied: { action: 'deny' },
      limited: { limits: [{ counter: 'few', window: 'minute', max: 20, increment_from: 'args.amount' }] },
      ruled: { require: [{ path: 'args.target', op: 'neq', value: 'main' }] },
    },
  };
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, document) });
  agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
}, 120_000);
afterAll(async () => {
  agent?.destroy();
  await toolgate?.close();
  await upstream?.close();
  process.off('uncaughtException', note).off('unhandledRejection', note);
});

/** Rejects when no answer came, or none that ended. */
const send = ({ body, headers }: Sent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(grant.mcpUrl);
    const base = { authorization: `Bearer ${grant.token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const outgoing = httpRequest({ agent, hostname, port, path: pathname, method: 'POST', headers: { ...base, ...headers, 'content-length': body.length }, timeout: ANSWER_MS }, (response: IncomingMessage) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });

const readsAs = (body: Buffer): Json | undefined => {
  try {
    const value = JSON.parse(body.toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
};

/** No answer, a failure of ours, or a request that got something that is no message. */
const isWrong = ({ body }: Sent, { status, text }: Answer): boolean => {
  if (status === 0 || status >= 500) return true;
  const message = readsAs(body);
  return status === 200 && message?.['method'] !== undefined && 'id' in message && !text.includes('"jsonrpc"');
};

const countBy = (values: readonly unknown[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(JSON.stringify(value), (counts.get(JSON.stringify(value)) ?? 0) + 1);
  return counts;
};

describe.each([
  ['legacy', false],
  ['modern', true],
] as const)(`${COUNT} random and spoilt messages of the %s era, seed ${SEED}`, (_era, modern) => {
  test('each is answered, none with a failure of ours, nothing escapes, and each call that the upstream saw is on record', async () => {
    process.stderr.write(`fuzzing with FUZZ_SEED=${SEED}\n`);
    const random = randomFrom(SEED + (modern ? 1 : 0));
    const before = upstream.seen.length;
    const allowedBefore = (await tenant.events('&type=toolCall.decided&effect=allow')).map((event) => event['tool']);
    let session = modern ? undefined : (await openSession(grant)).id;
    const wrong: string[] = [];
    let n = 0;
    const worker = async (): Promise<void> => {
      while (n < COUNT) {
        const at = (n += 1);
        const made = makeMessage(random, at, modern);
        const headers = session === undefined || 'mcp-session-id' in made.headers ? made.headers : { ...made.headers, 'mcp-session-id': session };
        const answer = await send({ body: made.body, headers }).catch((error: unknown) => ({ status: 0, text: String(error) }));
        if (isWrong(made, answer)) wrong.push(`#${at} ${made.body.toString('utf8').slice(0, 300)} ${JSON.stringify(made.headers).slice(0, 200)} -> ${answer.status} ${answer.text.slice(0, 200)}`);
        if (!modern && answer.status === 404 && at % 50 === 0) session = (await openSession(grant)).id;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(uncaught).toEqual([]);
    const seen = upstream.seen.slice(before).filter(({ message }) => message?.['method'] === 'tools/call');
    expect(seen.length).toBeGreaterThan(COUNT / 100);
    // A translator gives requests ids of its own: there the tool's name tells.
    const calls = countBy(seen.map(({ message }) => (modern ? (message?.['params'] as Json | undefined)?.['name'] : message?.['id'])));
    const earlier = countBy(modern ? allowedBefore : []);
    const unrecorded = async (): Promise<readonly string[]> => {
      const allowed = countBy((await tenant.events('&type=toolCall.decided&effect=allow')).map((event) => event[modern ? 'tool' : 'requestId']));
      return [...calls].filter(([key, count]) => (allowed.get(key) ?? 0) - (earlier.get(key) ?? 0) < count).map(([key]) => key);
    };
    await expect.poll(unrecorded, { timeout: 60_000, interval: 1000 }).toEqual([]);
    const events = await tenant.events();
    expect(events.map((event) => event['seq'])).toEqual(events.map((_, index) => index + 1));
  }, 3_600_000);
});
