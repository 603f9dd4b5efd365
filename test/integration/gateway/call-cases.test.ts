import { afterAll, beforeAll, expect, test } from 'vitest';
import { calledCases } from '../../cases/levels.js';
import type { DecisionCase } from '../../cases/decisions.js';
import { openSession, signUp, type Tenant } from '../../support/tenant.js';
import { startTestToolgate, type TestToolgate } from '../../support/toolgate.js';
import { startUpstream, type Upstream } from '../../support/upstream.js';

let toolgate: TestToolgate;
let upstream: Upstream;
let tenant: Tenant;
let serverId: string;

beforeAll(async () => {
  upstream = await startUpstream({ json: true });
  toolgate = await startTestToolgate({ TRUSTED_PROXIES: '127.0.0.1' });
  tenant = await signUp(toolgate.url);
  serverId = await tenant.server(upstream.url);
});
afterAll(async () => {
  await toolgate.close();
  await upstream.close();
});

type Json = Readonly<Record<string, unknown>>;
type Answer = Readonly<{ result: Readonly<{ isError?: boolean; content: readonly Readonly<{ text: string }>[]; _meta?: Readonly<Record<string, Json>> }> }>;
type Expected = DecisionCase['expected'];

/** What is expected of a call: the table takes limits as unused, and a call that is over one by itself is refused by it all the same. */
const asCalled = ({ document, facts, expected }: DecisionCase): Expected => {
  const over = expected.reserved?.find(({ amount, max }) => amount > max);
  if (!over) return expected;
  const refusal = { effect: 'deny', code: 'rate_limited', rule: over.pointer } as const;
  return document.mode === 'monitor' ? { ...expected, would: refusal } : { ...refusal, reason: expect.stringMatching(new RegExp(`^${facts.tool}: this call alone is over the limit of `)) as string, reserved: [] };
};

type Session = Awaited<ReturnType<typeof openSession>>;
const sessions = new Map<string, Promise<Session>>();

/** A session of a grant for whoever a case is about; one of its own for a case that counts. */
const sessionFor = ({ facts, expected }: DecisionCase, policyId: string): Promise<Session> => {
  const { name = 'agent', kind = 'agent', attributes = {} } = facts.identity ?? {};
  const open = async (): Promise<Session> => {
    const identityId = (await tenant.api('POST', '/v1/identities', { name, kind, attributes })).body['id'] as string;
    return openSession(await tenant.grant({ serverId, identityId, policyId }), facts.clientName);
  };
  const key = JSON.stringify([name, kind, attributes, facts.clientName, ...(expected.reserved?.length ? [sessions.size] : [])]);
  const session = sessions.get(key) ?? open();
  sessions.set(key, session);
  return session;
};

/** Publishes a case's document as the next version and makes its call. */
const call = async (one: DecisionCase, policyId: string): Promise<Readonly<{ answer: Answer['result']; version: number }>> => {
  const { document, facts } = one;
  const published = await tenant.api('PUT', `/v1/policies/${policyId}`, { document }, { 'if-match': '*' });
  expect(published.status, one.name).toBe(200);
  const session = await sessionFor(one, policyId);
  const headers: Record<string, string> = facts.sourceIp === undefined ? {} : { 'x-forwarded-for': facts.sourceIp };
  const response = await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: facts.tool, ...(facts.arguments === undefined ? {} : { arguments: facts.arguments }) } }, headers);
  return { answer: ((await response.json()) as Answer).result, version: published.body['version'] as number };
};

/** What the record must say. */
const recordOf = ({ effect, code, rule, reason, would, reserved }: Expected): Json => ({
  effect,
  code,
  rule,
  ...(reason === undefined || would !== undefined ? {} : { reason }),
  ...(would ? { would } : {}),
  ...(reserved ? { reserved: reserved.map(({ counter, window, scope, amount }) => ({ counter, window, scope, amount })) } : {}),
});

test(
  `${calledCases.length} of the cases, each a call through the gateway, are answered and recorded as the table says, and nothing that is refused goes upstream`,
  async () => {
    expect(calledCases.length).toBeGreaterThanOrEqual(300);
    const policyId = await tenant.policy(serverId, { version: '1', default: 'deny' });
    const made = new Map<number, Readonly<{ one: DecisionCase; expected: Expected }>>();
    for (const one of calledCases) {
      const before = upstream.seenOf('tools/call').length;
      const expected = asCalled(one);
      const { answer, version } = await call(one, policyId);
      made.set(version, { one, expected });
      const forwarded = upstream.seenOf('tools/call').slice(before);
      if (expected.effect === 'allow') {
        expect([answer.isError ?? false, forwarded.length], one.name).toEqual([false, 1]);
        expect(forwarded[0]?.message?.['params'], one.name).toEqual(JSON.parse(JSON.stringify({ name: one.facts.tool, arguments: one.facts.arguments })));
      } else {
        expect(forwarded, one.name).toEqual([]);
        expect(answer._meta?.['io.toolgate/decision'], one.name).toMatchObject({ effect: expected.effect, code: expected.code, rule: expected.rule });
        expect(answer.content[0]?.text, one.name).toMatch(/^\[POLICY DENIED\] ./);
      }
    }
    const decided = (): Promise<readonly Json[]> => tenant.events('&type=toolCall.decided');
    await expect.poll(async () => (await decided()).length, { timeout: 20_000 }).toBe(calledCases.length);
    for (const event of await decided()) {
      const { one, expected } = made.get(event['policyVersion'] as number) ?? {};
      if (!one || !expected) throw new Error('a decision of nobody');
      expect(event, one.name).toMatchObject({ tool: one.facts.tool, ...recordOf(expected) });
      expect('would' in event, one.name).toBe(expected.would !== undefined);
    }
  },
  300_000,
);
