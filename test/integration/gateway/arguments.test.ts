import { describe, expect, vi } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { decisionOf, openSession, textOf, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Json = Record<string, unknown>;

const BIG = '9007199254740993';
/** The double that JSON.parse makes of `BIG`. */
const ROUNDED = '9007199254740992';

const POLICY = {
  version: '1',
  default: 'deny',
  approval: { wait: 0 },
  tools: {
    free: {},
    held: { action: 'require_approval' },
    compared: { require: [{ path: 'args.id', op: 'gt', value: 5 }] },
    differing: { deny_if: [{ path: 'args.id', op: 'neq', value: 5 }] },
    listed: { deny_if: [{ path: 'args.ids', op: 'contains', value: '5' }] },
    existing: { require: [{ path: 'args.id', op: 'exists', value: true }] },
    spent: { limits: [{ counter: 'c', window: 'day', max: 100, increment_from: 'args.id' }] },
  },
};
const SCHEMA = { type: 'object', properties: { id: { type: 'integer' } } };

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;
let grant: Grant;
let session: Awaited<ReturnType<typeof openSession>>;

test.beforeAll(async () => {
  upstream = await startUpstream({
    json: true,
    tools: [...Object.keys(POLICY.tools).map((name) => aTool(name)), aTool('typed', { inputSchema: SCHEMA })],
    call: ({ name }) => ({ content: [{ type: 'text', text: `did ${name}` }] }),
  });
  serverId = await tenant.server(upstream.url);
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, POLICY) });
  session = await openSession(grant);
});
test.afterAll(async () => {
  await upstream.close();
});

const callOf = (params: string): string => `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{${params}}}`;
const call = (tool: string, args: string): string => callOf(`"name":"${tool}","arguments":${args}`);

type Reply = Readonly<{ status: number; id: unknown; result?: Json; error?: Json }>;
const send = async (body: string): Promise<Reply> => {
  const response = await session.post(body);
  return { status: response.status, ...((await response.json()) as Omit<Reply, 'status'>) };
};
const codeOf = ({ result }: Reply): unknown =>
  result?.['isError'] === true ? decisionOf(result)['code'] : textOf(result);
const lastSent = (): string | undefined => upstream.seenOf('tools/call').at(-1)?.text;

/** The decision on a call, once it is recorded. */
const recorded = (callId: unknown): Promise<Json> =>
  vi.waitFor(
    async () => {
      const [event] = await tenant.events(`&callId=${String(callId)}`);
      if (!event) throw new Error('not recorded yet');
      return event;
    },
    { timeout: 5000 },
  );

describe('arguments that can be read in two ways', () => {
  test.for([
    ['a key twice', '{"a":1,"a":2}'],
    ['half an emoji', '{"text":"\\ud83d"}'],
    ['nesting over 64', `{"a":${'['.repeat(70)}${']'.repeat(70)}}`],
    ['over 100,000 keys', `{${Array.from({ length: 100_001 }, (_, index) => `"k${index}":0`).join(',')}}`],
    ['a key __proto__', '{"__proto__":{"a":1}}'],
    ['a constructor with a prototype', '{"constructor":{"prototype":{}}}'],
    ['a number of over 400 characters', `{"a":${'9'.repeat(401)}}`],
  ] as const)('A call with %s is refused as a result under its id, and the session goes on', async ([, args]) => {
    const before = upstream.seenOf('tools/call').length;
    const refused = await send(call('free', args));
    expect(refused).toMatchObject({ status: 200, id: 7, result: { isError: true } });
    expect(decisionOf(refused.result)).toMatchObject({ effect: 'deny', code: 'malformed' });
    const { callId } = decisionOf(refused.result);
    expect(await recorded(callId)).toMatchObject({ code: 'malformed', tool: null, requestId: 7 });
    expect(upstream.seenOf('tools/call')).toHaveLength(before);
    expect(codeOf(await send(call('free', '{"a":1}')))).toBe('did free');
  });

  test('Another request with such params gets error -32602 under its id', async () => {
    const list = '{"jsonrpc":"2.0","id":"x","method":"tools/list","params":{"cursor":"\\ud83d"}}';
    expect(await send(list)).toMatchObject({ status: 200, id: 'x', error: { code: -32_602 } });
  });

  test('1,700 rows of six cells, which are over 10,000 keys, pass', async () => {
    const rows = JSON.stringify({
      rows: Array.from({ length: 1700 }, (_, a) => ({ a, b: 1, c: 2, d: 3, e: 4, f: 5 })),
    });
    expect(codeOf(await send(call('free', rows)))).toBe('did free');
    expect(lastSent()).toBe(call('free', rows));
  });
});

describe('a number that no double holds', () => {
  test.for([BIG, '1e400', '3.14159265358979323846', `-${BIG}`])(
    '%s reaches the upstream as it was written where no rule looks at it',
    async (number) => {
      for (const tool of ['free', 'existing']) {
        const body = call(tool, `{"id" : ${number}, "ids":[${number}]}`);
        expect(codeOf(await send(body))).toBe(`did ${tool}`);
        expect(lastSent()).toBe(body);
      }
    },
  );

  test.for(['compared', 'differing', 'listed', 'spent'])(
    'A rule of %s that looks at one can not be decided, and refuses',
    async (tool) => {
      const before = upstream.seenOf('tools/call').length;
      const code = codeOf(await send(call(tool, `{"id":${BIG},"ids":[1,${BIG}]}`)));
      expect(code).toBe('argument_rule');
      expect(upstream.seenOf('tools/call')).toHaveLength(before);
    },
  );

  test('An approval shows it as it was written, and passes no neighbour of it', async () => {
    const asked = decisionOf((await send(call('held', `{"id":${BIG}}`))).result);
    expect(asked).toMatchObject({ effect: 'hold', code: 'approval_required' });
    const shown = await fetch(`${toolgate.url}/v1/approvals/${String(asked['approvalId'])}`, {
      headers: { authorization: `Bearer ${tenant.token}` },
    });
    expect(shown.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await shown.text()).toContain(`"arguments":{"id":${BIG}}`);

    const { api } = await tenant.person('approver');
    expect((await api('POST', `/v1/approvals/${String(asked['approvalId'])}/approve`)).status).toBe(200);
    for (const other of [ROUNDED, `"${BIG}"`, `${BIG}.0`])
      expect(codeOf(await send(call('held', `{"id":${other}}`)))).toBe('approval_required');
    expect(codeOf(await send(call('held', `{"id":${BIG}}`)))).toBe('did held');
    expect(lastSent()).toBe(call('held', `{"id":${BIG}}`));
  });

  test('Calls with neighbours of it have digests of their own', async () => {
    const digestOf = async (number: string): Promise<unknown> => {
      const refused = await send(call('compared', `{"id":${number}}`));
      return (await recorded(decisionOf(refused.result)['callId']))['argumentsDigest'];
    };
    expect(await digestOf(BIG)).not.toBe(await digestOf('9007199254740995'));
    expect(await digestOf(BIG)).toBe(await digestOf(BIG));
  });
});

describe('what is read as absent', () => {
  test('arguments: null is a call without arguments, and is not sent', async () => {
    expect(codeOf(await send(callOf('"name":"free","arguments":null,"_meta":{"n":1.0}')))).toBe('did free');
    expect(lastSent()).toBe(callOf('"name":"free","_meta":{"n":1.0}'));
  });

  test('params: null is a request without params', async () => {
    const list = await send('{"jsonrpc":"2.0","id":7,"method":"tools/list","params":null}');
    expect(list.result?.['tools']).toHaveLength(Object.keys(POLICY.tools).length);
    expect(upstream.seenOf('tools/list').at(-1)?.text).toBe('{"jsonrpc":"2.0","id":7,"method":"tools/list"}');
  });

  test('A member that JSON-RPC does not know is neither read nor sent', async () => {
    const body = call('free', '{}');
    expect(codeOf(await send(`{"trace":{"a":1,"a":2},${body.slice(1, -1)},"extra":[]}`))).toBe('did free');
    expect(lastSent()).toBe(body);
  });
});
