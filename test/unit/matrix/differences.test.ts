import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

type Kinds = Readonly<Record<string, Readonly<{ sign: string }>>>;
type Requests = Readonly<{ direct?: number; client?: number }>;
type Row = Readonly<{ client: string; transport: string; steps: Readonly<Record<string, string>>; requests: Requests }>;
const load = async (file: string): Promise<unknown> => import(new URL(`../../matrix/${file}`, import.meta.url).href);
const { KINDS, differenceOf } = (await load('differences.mjs')) as Readonly<{
  KINDS: Kinds;
  differenceOf: (seen: object) => string | undefined;
}>;
const { requestFault } = (await load('requests.mjs')) as Readonly<{
  requestFault: (row: Row, rows: readonly Row[]) => object | undefined;
}>;
const results = JSON.parse(
  await readFile(new URL('../../matrix/results.json', import.meta.url), 'utf8'),
) as readonly Row[];

const LISTS = { tools: { listChanged: true } };
const connected = (capabilities: object, revision = '2025-11-25'): object => ({ revision, server: 'x', capabilities });
const PAIR = { client: { name: 'mcp-go' }, server: { name: 'mcp-go' }, transport: 'http' };
const denied = { content: [{ type: 'text', text: '[POLICY DENIED] Not for agents' }], isError: true };
const done = { content: [{ type: 'text', text: 'done' }] };

test('the clients and servers that were tried show each kind of difference, and no other one', () => {
  const seen = new Set(results.flatMap(({ steps }) => Object.values(steps)).filter((kind) => kind !== 'equal'));
  expect([...seen].toSorted()).toEqual(Object.keys(KINDS).toSorted());
});

test('no client that was tried needs more requests through Toolgate than directly', () => {
  expect(results.map((row) => requestFault(row, results)).filter(Boolean)).toEqual([]);
});

test('a request more than directly is a fault, but for a client that speaks Streamable HTTP to an SSE server', () => {
  const row = (transport: string, direct: number, client: number): Row => ({
    client: 'c',
    transport,
    steps: {},
    requests: { direct, client },
  });
  const http = row('http', 9, 9);
  expect(requestFault(row('http', 9, 10), [http])).toEqual({ step: 'requests', direct: 9, through: 10 });
  expect(requestFault(row('sse', 5, 9), [http])).toBeUndefined();
  expect(requestFault(row('sse', 5, 10), [http])).toEqual({ step: 'requests', direct: 9, through: 10 });
  expect(requestFault(row('sse', 5, 6), [])).toEqual({ step: 'requests', direct: 5, through: 6 });
});

test.each([
  ['an older revision', 'connect', connected(LISTS), connected(LISTS, '2025-06-18')],
  ['a capability that is missing', 'connect', connected({ ...LISTS, logging: {} }), connected(LISTS)],
  ['a capability that is new', 'connect', connected(LISTS), connected({ ...LISTS, logging: {} })],
  ['a list without listChanged', 'connect', connected(LISTS), connected({ tools: {} })],
  ['a session that is lost', 'upstream restart', { session: 'kept', result: done }, { session: 'lost', failed: {} }],
  ['a session that is new', 'gateway restart', { session: 'kept', result: done }, { session: 'new', result: done }],
  ['another result of a kept session', 'upstream restart', { session: 'new', result: done }, { session: 'kept' }],
  ['a call that works only through Toolgate', 'call', { failed: { code: 1, message: 'no' } }, done],
  ['a call that fails only through Toolgate', 'call', done, { failed: { code: 1, message: 'no' } }],
  ['a denial of what the policy allows', 'call', done, denied],
  ['a limit that refuses too early', 'limit', [done, done, done], [done, denied, denied]],
  ['two notifications of one change', 'list_changed', { heard: true, count: 1 }, { heard: true, count: 2 }],
  ['a call that is not cancelled', 'cancel', { ended: 'refused', reached: true }, { ended: 'refused', reached: false }],
  ['a change that is heard over HTTP too late', 'list_changed', { heard: false, count: 0 }, { heard: true, count: 1 }],
])('%s is a difference of no known kind', (_what, step, direct, through) => {
  expect(differenceOf({ step, direct, through, pair: PAIR })).toBeUndefined();
});

test.each([
  ['refused by the policy', 'denial', done, denied],
  ['a newer revision', 'connect', connected(LISTS, '2025-06-18'), connected(LISTS)],
  ['tells of changes', 'connect', connected({ tools: {} }), connected(LISTS)],
  ['fewer capabilities', 'connect', connected({ ...LISTS, tasks: { list: {} } }), connected({ ...LISTS, tasks: {} })],
  ['the session is kept', 'upstream restart', { session: 'new', result: done }, { session: 'kept', result: done }],
])('%s is a kind of its own', (kind, step, direct, through) => {
  expect(differenceOf({ step, direct, through, pair: PAIR })).toBe(kind);
});
