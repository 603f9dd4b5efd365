import { modernRequest } from './modern-client.js';

type Json = Record<string, unknown>;

/** One HTTP request as a hostile client sends it. */
export type Hostile = Readonly<{ method: string; headers: Record<string, string>; body: Buffer }>;

export type Random = Readonly<{
  next: () => number;
  below: (bound: number) => number;
  pick: <T>(from: readonly T[]) => T;
  chance: (of: number) => boolean;
}>;

/** Mulberry32: the same numbers for the same seed. */
export const randomFrom = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    next,
    below,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
    chance: (of) => next() < 1 / of,
  };
};

const SEEDS: readonly (readonly [string, Json])[] = [
  ['tools/call', { name: 'echo', arguments: { a: 1, b: ['x', null], c: { d: true } } }],
  ['tools/call', { name: 'secret', arguments: {} }],
  ['tools/call', { name: 'unlisted' }],
  ['tools/call', { name: 'limited', arguments: { amount: 3 } }],
  ['tools/call', { name: 'ruled', arguments: { target: 'main' } }],
  ['tools/call', { name: 'ruled', arguments: { target: 'other' } }],
  ['tools/list', {}],
  ['tools/list', { cursor: '1' }],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['resources/read', { uri: 'note://a' }],
  ['resources/read', { uri: 'note://secret/a' }],
  ['resources/subscribe', { uri: 'note://secret/b' }],
  ['resources/unsubscribe', { uri: 'note://a' }],
  ['prompts/list', {}],
  ['prompts/get', { name: 'greet', arguments: { who: 'x' } }],
  ['prompts/get', { name: 'secret' }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'who', value: 'a' } }],
  [
    'completion/complete',
    { ref: { type: 'ref/resource', uri: 'note://secret/{x}' }, argument: { name: 'x', value: 'a' } },
  ],
  ['logging/setLevel', { level: 'debug' }],
  ['ping', {}],
  ['initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'f', version: '1' } }],
  ['server/discover', {}],
  ['tasks/get', { taskId: 'x' }],
  ['made/up', { deep: [[[[[[1]]]]]] }],
  ['notifications/cancelled', { requestId: 1 }],
  ['notifications/initialized', {}],
];

const SCALARS: readonly unknown[] = [
  null,
  true,
  0,
  -0,
  -1,
  1.5,
  1e21,
  1e308,
  '',
  'x'.repeat(5000),
  '\ud800',
  '2026-07-28',
  'main',
  'secret',
  'Secret',
  'note://secret/a',
  'NOTE://SECRET/a',
  'note://%73ecret/a',
  'note://a/../secret/a',
  '__proto__',
  'é☃',
  '\u0000',
  [],
  {},
  [[]],
  { name: 'secret' },
];
const KEYS: readonly string[] = [
  'name',
  'Name',
  'NAME',
  'uri',
  'URI',
  'arguments',
  'target',
  'amount',
  'params',
  'method',
  'id',
  'ref',
  'type',
  '_meta',
  'jsonrpc',
  'result',
  'error',
  'taskId',
  '__proto__',
  'constructor',
  'requestState',
  'inputResponses',
  'cursor',
];
const PIECES: readonly string[] = [
  '"name":"secret",',
  '"Name":"secret",',
  '"uri":"note://secret/a",',
  '"params":{"name":"secret"},',
  '{',
  '}',
  '[',
  ']',
  ',',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '9007199254740993',
  '1e400',
  '\u2028',
  '\n',
  '[[',
  '"id":1,',
  '"target":"other",',
  '\u0000',
  '\ufeff',
  '"method":"tools/call",',
  '/*',
  'NaN',
];
const HEADERS: readonly string[] = [
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'accept',
  'content-type',
  'mcp-param-x',
  'last-event-id',
  'traceparent',
  'x-forwarded-for',
  'x-http-method-override',
  'origin',
];
const VALUES: readonly string[] = [
  '',
  'secret',
  'tools/call',
  '2026-07-28',
  '2025-11-25',
  '2024-11-05',
  '1999-01-01',
  '=?base64?c2VjcmV0?=',
  '=?base64?!!?=',
  'text/html',
  '*/*',
  'application/json',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  '127.0.0.1',
  'http://evil.example',
  ' '.repeat(3),
  'x'.repeat(3000),
];

/** A value with something in it replaced, added or taken away. */
const mutated = (random: Random, value: unknown, depth = 0): unknown => {
  if (depth > 6 || random.chance(6)) return random.pick(SCALARS);
  if (Array.isArray(value))
    return random.chance(3)
      ? [...(value as unknown[]), random.pick(SCALARS)]
      : value.map((one) => (random.chance(2) ? mutated(random, one, depth + 1) : one));
  if (typeof value !== 'object' || value === null) return random.pick(SCALARS);
  const entries = Object.entries(value);
  if (random.chance(4)) entries.splice(random.below(entries.length + 1), 1);
  if (random.chance(3)) entries.push([random.pick(KEYS), random.pick(SCALARS)]);
  const at = random.below(Math.max(1, entries.length));
  return Object.fromEntries(
    entries.map(([key, member], index) => [
      random.chance(20) ? random.pick(KEYS) : key,
      index === at ? mutated(random, member, depth + 1) : member,
    ]),
  );
};

/** The bytes of a text with some of them changed: pieces put in, taken out, doubled, or noise. */
const torn = (random: Random, text: string): Buffer => {
  let bytes = Buffer.from(text);
  for (let times = random.below(3); times >= 0; times -= 1) {
    const at = random.below(bytes.length + 1);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const how = random.below(7);
    if (how === 0) bytes = Buffer.concat([before, Buffer.from(random.pick(PIECES)), after]);
    else if (how === 1) bytes = Buffer.concat([before, after.subarray(random.below(12))]);
    else if (how === 2) bytes = Buffer.concat([before, after.subarray(0, random.below(40)), after]);
    else if (how === 3) bytes = Buffer.concat([before, Buffer.of(random.below(256)), after.subarray(1)]);
    else if (how === 4) bytes = Buffer.from(`[${bytes.toString()}]`);
    else if (how === 5) bytes = Buffer.from(bytes.toString(), 'latin1');
    else bytes = bytes.subarray(0, at);
  }
  return bytes;
};

const tamper = (random: Random, headers: Record<string, string>): Record<string, string> => {
  const name = random.pick(HEADERS);
  if (random.chance(3)) return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
  return { ...headers, [name]: random.pick(VALUES) };
};

const legacyRequest = (
  method: string,
  params: Json,
  id: string | number | null,
): Readonly<{ headers: Record<string, string>; body: string }> => ({
  headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  body: JSON.stringify({ jsonrpc: '2.0', ...(method.startsWith('notifications/') ? {} : { id }), method, params }),
});

/**
 * A message of one era, whole or mutated in its values, its bytes or its headers. `own` are the headers of the client
 * that sends it.
 */
export const hostileMessage = (
  random: Random,
  era: 'legacy' | 'modern',
  own: Readonly<Record<string, string>>,
): Hostile => {
  const [method, params] = random.pick(SEEDS);
  const id = random.pick([random.below(1_000_000), `r${random.below(1_000_000)}`]);
  const { body: text, headers } =
    era === 'modern'
      ? modernRequest(method, params, { id })
      : legacyRequest(method, params, random.chance(10) ? random.pick([null, 1.5]) : id);
  const changed = random.chance(2) ? JSON.stringify(mutated(random, JSON.parse(text))) : text;
  const body = random.chance(5) ? torn(random, changed ?? 'null') : Buffer.from(changed ?? 'null');
  const sent = { ...own, ...headers };
  return {
    method: random.chance(50) ? random.pick(['GET', 'DELETE', 'PUT', 'OPTIONS', 'PATCH']) : 'POST',
    headers: random.chance(4) ? tamper(random, sent) : sent,
    body,
  };
};
