import { expect } from 'vitest';
import { askedCases, calledCases } from '../../cases/levels.js';
import { decisionCases, type DecisionCase } from '../../cases/decisions.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession } from '../../support/tenant.js';
import { startUpstream, type Upstream } from '../../support/upstream.js';

const { test, tenant } = tenantTest({ TRUSTED_PROXIES: '127.0.0.1' });
let upstream: Upstream;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({ json: true });
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await upstream.close();
});

type Json = Readonly<Record<string, unknown>>;
type Answer = Readonly<{
  result: Readonly<{
    isError?: boolean;
    content: readonly Readonly<{ text: string }>[];
    _meta?: Readonly<Record<string, Json>>;
  }>;
}>;
type Expected = DecisionCase['expected'];

/**
 * What is expected of a call: the table takes limits as unused, and a call that is over one by itself is refused by it
 * all the same.
 */
const asCalled = ({ document, facts, expected }: DecisionCase): Expected => {
  const over = expected.reserved?.find(({ amount, max }) => amount > max);
  if (!over) return expected;
  const refusal = { effect: 'deny', code: 'rate_limited', rule: over.pointer } as const;
  return document.mode === 'monitor'
    ? { ...expected, would: refusal }
    : {
        ...refusal,
        reason: expect.stringMatching(new RegExp(`^${facts.tool}: this call alone is over the limit of `)) as string,
        reserved: [],
      };
};

const once = <T>(made: Map<string, Promise<T>>, key: unknown, make: () => Promise<T>): Promise<T> => {
  const text = JSON.stringify(key);
  const one = made.get(text) ?? make();
  made.set(text, one);
  return one;
};

const identities = new Map<string, Promise<string>>();
const identityFor = ({
  name = 'agent',
  kind = 'agent',
  attributes = {},
}: Partial<NonNullable<DecisionCase['facts']['identity']>>): Promise<string> =>
  once(
    identities,
    [name, kind, attributes],
    async () => (await tenant.api('POST', '/v1/identities', { name, kind, attributes })).body['id'] as string,
  );

const sessions = new Map<string, ReturnType<typeof openSession>>();

/** A session of a grant for whoever a case is about; one of its own for a case that counts. */
const sessionFor = async ({ facts, expected }: DecisionCase, policyId: string): ReturnType<typeof openSession> => {
  const identityId = await identityFor(facts.identity ?? {});
  return once(
    sessions,
    [identityId, facts.clientName, ...(expected.reserved?.length ? [sessions.size] : [])],
    async () => openSession(await tenant.grant({ serverId, identityId, policyId }), facts.clientName),
  );
};

/** Asks how the policy would decide a case, and holds that it is as the table says. */
const ask = async ({ name, facts, expected }: DecisionCase, policyId: string): Promise<void> => {
  const identityId = facts.identity && (await identityFor(facts.identity));
  const { status, body } = await tenant.api('POST', `/v1/policies/${policyId}/decide`, {
    tool: facts.tool,
    ...(facts.arguments === undefined ? {} : { arguments: facts.arguments }),
    ...(identityId ? { identityId } : {}),
  });
  const { reserved, would, approval: _approval, ...fields } = expected;
  expect(status, `${name}: ${JSON.stringify(body)}`).toBe(200);
  expect(body, name).toMatchObject(fields);
  expect(body['would'], name).toEqual(would);
  if (reserved)
    expect(body['limits'], name).toEqual(reserved.map(({ pointer, ...one }) => ({ ...one, rule: pointer })));
};

const send = async (one: DecisionCase, policyId: string): Promise<Answer['result']> => {
  const { facts } = one;
  const session = await sessionFor(one, policyId);
  const headers: Record<string, string> = facts.sourceIp === undefined ? {} : { 'x-forwarded-for': facts.sourceIp };
  const response = await session.post(
    {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: facts.tool, ...(facts.arguments === undefined ? {} : { arguments: facts.arguments }) },
    },
    headers,
  );
  return ((await response.json()) as Answer).result;
};

/** Makes the call of a case, and holds that its answer, and what the server saw of it, are as the table says. */
const call = async (one: DecisionCase, policyId: string): Promise<void> => {
  const before = upstream.seenOf('tools/call').length;
  const expected = asCalled(one);
  const answer = await send(one, policyId);
  const forwarded = upstream.seenOf('tools/call').slice(before);
  if (expected.effect === 'allow') {
    expect([answer.isError ?? false, forwarded.length], one.name).toEqual([false, 1]);
    expect(forwarded[0]?.message?.['params'], one.name).toEqual(
      JSON.parse(JSON.stringify({ name: one.facts.tool, arguments: one.facts.arguments })),
    );
  } else {
    expect(forwarded, one.name).toEqual([]);
    expect(answer._meta?.['io.toolgate/decision'], one.name).toMatchObject({
      effect: expected.effect,
      code: expected.code,
      rule: expected.rule,
    });
    expect(answer.content[0]?.text, one.name).toMatch(/^\[POLICY DENIED\] ./);
  }
};

/** What the record must say. */
const recordOf = ({ effect, code, rule, reason, would, reserved }: Expected): Json => ({
  effect,
  code,
  rule,
  ...(reason === undefined || would !== undefined ? {} : { reason }),
  ...(would ? { would } : {}),
  ...(reserved
    ? { reserved: reserved.map(({ counter, window, scope, amount }) => ({ counter, window, scope, amount })) }
    : {}),
});

/** The cases of each document: it is published once. */
const byDocument = new Map<string, readonly DecisionCase[]>();
for (const one of decisionCases.filter((each) => askedCases.includes(each) || calledCases.includes(each))) {
  const document = JSON.stringify(one.document);
  byDocument.set(document, [...(byDocument.get(document) ?? []), one]);
}

test(
  `${askedCases.length} of the cases, asked by POST /v1/policies/{id}/decide, and ` +
    `${calledCases.length}, each a call through the gateway, are answered and recorded as the table ` +
    'says, and nothing that is refused goes upstream',
  async () => {
    expect(Math.min(askedCases.length, calledCases.length)).toBeGreaterThanOrEqual(300);
    const policyId = await tenant.policy(serverId, { version: '1', default: 'deny' });
    const made: DecisionCase[] = [];
    for (const cases of byDocument.values()) {
      expect(
        (await tenant.api('PUT', `/v1/policies/${policyId}`, { document: cases[0]?.document }, { 'if-match': '*' }))
          .status,
        cases[0]?.name,
      ).toBe(200);
      for (const one of cases) {
        if (askedCases.includes(one)) await ask(one, policyId);
        if (!calledCases.includes(one)) continue;
        made.push(one);
        await call(one, policyId);
      }
    }
    const decided = (): Promise<readonly Json[]> => tenant.events('&type=toolCall.decided');
    await expect.poll(async () => (await decided()).length, { timeout: 20_000 }).toBe(made.length);
    // One call came after the other, so the record has them in their order.
    for (const [index, event] of (await decided()).entries()) {
      const one = made[index] as DecisionCase;
      const expected = asCalled(one);
      expect(event, one.name).toMatchObject({ tool: one.facts.tool, ...recordOf(expected) });
      expect('would' in event, one.name).toBe(expected.would !== undefined);
    }
  },
  300_000,
);
