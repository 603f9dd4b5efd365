import { describe, expect } from 'vitest';
import { usedOf } from '../../support/counters.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, decisionOf, textOf } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;

const open = { version: '1', default: 'allow' };
const closed = { version: '1', default: 'deny' };
const once = { counter: 'once', window: 'month', max: 1 };

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: ['a', 'b'].map((name) => aTool(name)), json: true });
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await upstream.close();
});

type Decisions = readonly Readonly<Record<string, unknown>>[];

const decisions = async (grantId: string, count: number, filter = ''): Promise<Decisions> => {
  await expect
    .poll(async () => (await tenant.events(`&type=toolCall.decided&grantId=${grantId}${filter}`)).length, {
      timeout: 8000,
    })
    .toBe(count);
  return tenant.events(`&type=toolCall.decided&grantId=${grantId}${filter}`);
};

/** Calls the tools one after the other under a live and a shadow policy; what the agent got, and what is on record. */
const calls = async (
  live: object | undefined,
  shadow: object,
  tools: readonly string[],
): Promise<Readonly<{ answers: readonly unknown[]; events: Decisions; shadowPolicyId: string; grantId: string }>> => {
  const [policyId, shadowPolicyId] = [
    live && (await tenant.policy(serverId, live)),
    await tenant.policy(serverId, shadow),
  ];
  const grant = await tenant.grant({ serverId, policyId });
  await tenant.api('PATCH', `/v1/grants/${grant.id}`, { shadowPolicyId });
  const client = await connect(grant);
  const answers: unknown[] = [];
  for (const name of tools) {
    const result = await client.callTool({ name, arguments: { n: 1 } });
    answers.push(result.isError === true ? decisionOf(result)['code'] : 'served');
    expect(JSON.stringify(result)).not.toContain(shadowPolicyId);
  }
  await client.close();
  return { answers, events: await decisions(grant.id, tools.length), shadowPolicyId, grantId: grant.id };
};

describe('a shadow policy', () => {
  test('never changes the answer, and is on record where its own is another', async () => {
    const { answers, events, shadowPolicyId, grantId } = await calls(open, { ...closed, tools: { a: {} } }, [
      'a',
      'b',
      'a',
    ]);
    expect(answers).toEqual(['served', 'served', 'served']);
    expect(events.map((event) => event['shadow'])).toEqual([
      undefined,
      { policyId: shadowPolicyId, policyVersion: 1, effect: 'deny', code: 'not_listed', rule: '/default' },
      undefined,
    ]);
    expect(events.every((event) => !('shadow' in event) || event['shadow'] !== null)).toBe(true);
    expect(await decisions(grantId, 1, '&shadow=differs')).toEqual([events[1]]);
    expect(await decisions(grantId, 1, '&shadow=differs&tool=b')).toHaveLength(1);
    expect(await decisions(grantId, 0, '&shadow=differs&tool=a')).toEqual([]);
  });

  test('that would allow what was refused is on record too, and nothing of it goes upstream', async () => {
    const before = upstream.seenOf('tools/call').length;
    const { answers, events } = await calls(closed, { ...open, tools: { b: { action: 'deny' } } }, ['a', 'b']);
    expect(answers).toEqual(['not_listed', 'not_listed']);
    expect(events.map((event) => event['shadow'])).toMatchObject(
      [{ effect: 'allow', code: 'allowed', rule: '/default' }, undefined].map((one) =>
        one === undefined ? undefined : expect.objectContaining(one),
      ),
    );
    expect(upstream.seenOf('tools/call').length).toBe(before);
  });

  test('answers as if enforced, also in monitor mode, and against a live one in monitor mode', async () => {
    const refusing = { ...closed, mode: 'monitor' };
    expect((await calls(open, refusing, ['a'])).events).toMatchObject([
      { shadow: { effect: 'deny', code: 'not_listed' } },
    ]);
    const { answers, events } = await calls(refusing, closed, ['a']);
    expect([answers, events]).toMatchObject([
      ['served'],
      [{ effect: 'allow', would: { effect: 'deny' }, shadow: { effect: 'deny', code: 'not_listed' } }],
    ]);
  });

  test('is asked for a grant that has no policy, which goes on being refused', async () => {
    const { answers, events } = await calls(undefined, open, ['a']);
    expect([answers, events]).toMatchObject([
      ['no_policy'],
      [{ code: 'no_policy', policyId: null, shadow: { effect: 'allow', rule: '/default' } }],
    ]);
  });

  test('counts nowhere: its limits refuse nothing, and those of the live policy make no difference', async () => {
    const { grantId, events } = await calls(
      { ...open, tools: { a: { limits: [once] } } },
      { ...open, tools: { a: { limits: [{ ...once, counter: 'other', max: 0 }] } } },
      ['a', 'a'],
    );
    expect(events.map((event) => [event['code'], event['shadow']])).toEqual([
      ['allowed', undefined],
      ['rate_limited', undefined],
    ]);
    const used = (counter: string): Promise<number | undefined> =>
      usedOf(toolgate.db, tenant.organizationId, { counter, window: 'month', scope: 'grant', whom: grantId });
    expect([await used('once'), await used('other')]).toEqual([1, undefined]);
  });

  test('reads the arguments, and what it says of them is in no answer', async () => {
    const rule = { path: 'args.n', op: 'gt', value: 1, on_deny: 'told by the shadow' };
    const { answers, events } = await calls(open, { ...open, all_tools: { require: [rule] } }, ['a']);
    expect([answers, events]).toMatchObject([
      ['served'],
      [{ shadow: { code: 'argument_rule', rule: '/all_tools/require/0' } }],
    ]);
    expect(JSON.stringify(events)).not.toContain('told by the shadow');
  });

  test('is not asked where no policy would be, and follows its own new version with the next call', async () => {
    const identityId = await tenant.identity('off and on');
    const shadowPolicyId = await tenant.policy(serverId, open);
    const grant = await tenant.grant({ serverId, identityId, policyId: await tenant.policy(serverId, closed) });
    await tenant.api('PATCH', `/v1/grants/${grant.id}`, { shadowPolicyId });
    const client = await connect(grant);
    const call = async (): Promise<unknown> => decisionOf(await client.callTool({ name: 'a', arguments: {} }))['code'];
    await tenant.api('PATCH', `/v1/identities/${identityId}`, { disabled: true });
    expect(await call()).toBe('disabled');
    await tenant.api('PATCH', `/v1/identities/${identityId}`, { disabled: false });
    expect(await call()).toBe('not_listed');
    await tenant.api('PUT', `/v1/policies/${shadowPolicyId}`, { document: closed }, { 'if-match': '*' });
    expect(await call()).toBe('not_listed');
    await tenant.api('PUT', `/v1/policies/${shadowPolicyId}`, { document: open }, { 'if-match': '*' });
    expect(await call()).toBe('not_listed');
    await tenant.api('PATCH', `/v1/grants/${grant.id}`, { shadowPolicyId: null });
    expect(await call()).toBe('not_listed');
    expect(
      (await decisions(grant.id, 5)).map(
        (event) => (event['shadow'] as { policyVersion: number } | undefined)?.policyVersion,
      ),
    ).toEqual([undefined, 1, undefined, 3, undefined]);
    await client.close();
  });

  test('hides nothing from the tools that the agent sees', async () => {
    const grant = await tenant.grant({
      serverId,
      policyId: await tenant.policy(serverId, { ...closed, tools: { a: {} } }),
    });
    await tenant.api('PATCH', `/v1/grants/${grant.id}`, {
      shadowPolicyId: await tenant.policy(serverId, { ...open, hide: ['a'] }),
    });
    const client = await connect(grant);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['a']);
    expect(textOf(await client.callTool({ name: 'a', arguments: {} }))).toContain('"tool":"a"');
    await client.close();
  });
});
