import { describe, expect } from 'vitest';
import { usedOf } from '../../support/counters.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, decisionOf, openSession, textOf } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;

const example = {
  version: '1',
  default: 'deny',
  tools: { cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'hour', max: 10, scope: 'grant' }] } },
};

test.beforeAll(async () => {
  upstream = await startUpstream({
    tools: ['cancel_job', 'list_issues', 'delete_group', 'fail'].map((name) => aTool(name)),
    call: ({ name }) =>
      name === 'fail'
        ? { isError: true, content: [{ type: 'text', text: 'no' }] }
        : { content: [{ type: 'text', text: `did ${name}` }] },
  });
  serverId = await tenant.server(upstream.url, {
    auth: { type: 'headers', headers: { 'private-token': 'glpat-upstream-secret' } },
  });
});
test.afterAll(async () => {
  await upstream.close();
});

describe('the running example', () => {
  test(
    'ten calls pass, the eleventh is refused with the rule and the seconds to wait; another grant has ' + 'its own ten',
    async () => {
      const policyId = await tenant.policy(serverId, example);
      const [one, two] = [await tenant.grant({ serverId, policyId }), await tenant.grant({ serverId, policyId })];
      const client = await connect(one, { cookie: 'session=client-cookie' });
      expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(['cancel_job']);
      const before = upstream.seenOf('tools/call').length;
      for (let i = 0; i < 10; i += 1)
        expect(textOf(await client.callTool({ name: 'cancel_job', arguments: { job_id: String(i) } }))).toBe(
          'did cancel_job',
        );
      const refused = await client.callTool({ name: 'cancel_job', arguments: { job_id: '11' } });
      expect(refused.isError).toBe(true);
      expect(textOf(refused)).toMatch(/^\[POLICY DENIED\] cancel_job: 10 per hour used up; try again in \d+ s$/);
      expect(decisionOf(refused)).toMatchObject({
        effect: 'deny',
        code: 'rate_limited',
        rule: '/tools/cancel_job/limits/0',
        id: expect.stringMatching(/^evt_/),
        callId: expect.stringMatching(/^call_/),
      });
      expect(decisionOf(refused)['retryAfterSeconds']).toBeGreaterThanOrEqual(1);
      const unlisted = await client.callTool({ name: 'list_issues', arguments: {} });
      expect(decisionOf(unlisted)).toMatchObject({ effect: 'deny', code: 'not_listed', rule: '/default' });
      const other = await connect(two);
      expect(textOf(await other.callTool({ name: 'cancel_job', arguments: {} }))).toBe('did cancel_job');
      const forwarded = upstream.seenOf('tools/call').slice(before);
      expect(forwarded).toHaveLength(11);
      for (const { headers } of forwarded) {
        expect(headers['private-token']).toBe('glpat-upstream-secret');
        expect(headers.authorization).toBeUndefined();
        expect(headers.cookie).toBeUndefined();
        expect(JSON.stringify(headers)).not.toContain('tg_grant');
      }
      await Promise.all([client.close(), other.close()]);
    },
  );

  test(
    'every decision and outcome is in the audit log once, seq is dense from 1, and usage equals a ' + 'recount',
    async () => {
      const calls = upstream.seenOf('tools/call').length;
      await expect
        .poll(async () => (await tenant.events('&type=toolCall.completed')).length, { timeout: 5000 })
        .toBe(calls);
      const events = await tenant.events();
      expect(events.map((event) => event['seq'])).toEqual(events.map((_, index) => index + 1));
      expect(new Set(events.map((event) => event['id'])).size).toBe(events.length);
      const decided = events.filter((event) => event['type'] === 'toolCall.decided');
      const completed = events.filter((event) => event['type'] === 'toolCall.completed');
      expect(
        decided
          .filter((event) => event['effect'] === 'allow')
          .map((event) => event['callId'])
          .toSorted(),
      ).toEqual(completed.map((event) => event['callId']).toSorted());
      expect(decided[0]).toMatchObject({
        tool: 'cancel_job',
        policyVersion: 1,
        mode: 'enforce',
        argumentKeys: ['job_id'],
        client: { name: 'test-client', version: '9.8.7' },
        sourceIp: '127.0.0.1',
        sequence: 1,
        protocolVersion: '2025-11-25',
      });
      expect(JSON.stringify(events)).not.toContain('glpat-upstream-secret');
      await expect
        .poll(
          async () =>
            (
              (await tenant.api('GET', '/v1/usage?groupBy=tool,effect')).body['items'] as {
                tool: string;
                effect: string;
                calls: number;
                completed: number;
              }[]
            ).map((item) => [item.tool, item.effect, item.calls, item.completed]),
          { timeout: 5000 },
        )
        .toEqual(
          expect.arrayContaining([
            ['cancel_job', 'allow', 11, 11],
            ['cancel_job', 'deny', 1, 0],
            ['list_issues', 'deny', 1, 0],
          ]),
        );
    },
  );

  test('a PUT governs the next call, a rotation ends the old token, a revocation the next call', async () => {
    const policyId = await tenant.policy(serverId, example);
    const grant = await tenant.grant({ serverId, policyId });
    const session = await openSession(grant);
    const call = async (name: string, token = grant.token): Promise<Response> =>
      session.post(
        { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } },
        { authorization: `Bearer ${token}` },
      );
    expect(await (await call('delete_group')).text()).toContain('not_listed');
    const put = await tenant.api(
      'PUT',
      `/v1/policies/${policyId}`,
      {
        document: {
          version: '1',
          default: 'deny',
          tools: { delete_group: {}, cancel_job: { action: 'deny', reason: 'Not today' } },
        },
      },
      { 'if-match': '"1"' },
    );
    expect(put.status).toBe(200);
    expect(await (await call('delete_group')).text()).toContain('did delete_group');
    expect(await (await call('cancel_job')).text()).toContain('[POLICY DENIED] Not today');
    const rotated = await tenant.api('POST', `/v1/grants/${grant.id}/rotate`, {});
    expect((await call('delete_group')).status).toBe(401);
    expect((await call('delete_group', rotated.body['token'] as string)).status).toBe(200);
    await tenant.api('POST', `/v1/grants/${grant.id}/revoke`);
    const after = await call('delete_group', rotated.body['token'] as string);
    expect(after.status).toBe(401);
    expect(after.headers.get('www-authenticate')).toMatch(/^Bearer realm="toolgate", error="invalid_token"/);
  });

  test(
    'the policies of one call: a failing tool is tool_error, a grant without a policy lists nothing ' +
      'and calls nothing',
    async () => {
      const allowing = await connect(
        await tenant.grant({
          serverId,
          policyId: await tenant.policy(serverId, { version: '1', default: 'allow', hide: ['delete_*'] }),
        }),
      );
      expect((await allowing.listTools()).tools.map((tool) => tool.name)).toEqual([
        'cancel_job',
        'list_issues',
        'fail',
      ]);
      expect((await allowing.callTool({ name: 'fail', arguments: {} })).isError).toBe(true);
      expect(decisionOf(await allowing.callTool({ name: 'delete_group', arguments: {} }))).toMatchObject({
        code: 'hidden',
        rule: '/hide/0',
      });
      const bare = await connect(await tenant.grant({ serverId }));
      expect((await bare.listTools()).tools).toEqual([]);
      expect(decisionOf(await bare.callTool({ name: 'fail', arguments: {} }))).toMatchObject({
        code: 'no_policy',
        rule: null,
      });
      await expect
        .poll(async () => (await tenant.events('&type=toolCall.completed&tool=fail')).map((event) => event['status']), {
          timeout: 5000,
        })
        .toEqual(['tool_error']);
      await Promise.all([allowing.close(), bare.close()]);
    },
  );

  test('a disabled server or identity refuses the next call with code disabled', async () => {
    const identityId = await tenant.identity('switched');
    const client = await connect(
      await tenant.grant({
        serverId,
        identityId,
        policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
      }),
    );
    await tenant.api('PATCH', `/v1/identities/${identityId}`, { disabled: true });
    expect(decisionOf(await client.callTool({ name: 'cancel_job', arguments: {} }))).toMatchObject({
      code: 'disabled',
    });
    await tenant.api('PATCH', `/v1/identities/${identityId}`, { disabled: false });
    expect(textOf(await client.callTool({ name: 'cancel_job', arguments: {} }))).toBe('did cancel_job');
    await client.close();
  });

  test(
    'monitor mode forwards what a limit would refuse, goes on counting, and records what it would ' + 'have said',
    async () => {
      const document = {
        version: '1',
        default: 'deny',
        mode: 'monitor',
        tools: { cancel_job: { limits: [{ counter: 'watched', window: 'month', max: 1 }] } },
      };
      const grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, document) });
      const client = await connect(grant);
      for (let i = 0; i < 3; i += 1)
        expect(textOf(await client.callTool({ name: 'cancel_job', arguments: {} }))).toBe('did cancel_job');
      const would = { effect: 'deny', code: 'rate_limited', rule: '/tools/cancel_job/limits/0' };
      await expect
        .poll(
          async () =>
            (await tenant.events(`&type=toolCall.decided&grantId=${grant.id}`)).map((event) => [
              event['effect'],
              event['would'],
              (event['reserved'] as unknown[]).length,
            ]),
          { timeout: 5000 },
        )
        .toEqual([
          ['allow', undefined, 1],
          ['allow', would, 1],
          ['allow', would, 1],
        ]);
      expect(
        await usedOf(toolgate.db, tenant.organizationId, {
          counter: 'watched',
          window: 'month',
          scope: 'grant',
          whom: grant.id,
        }),
      ).toBe(3);
      await client.close();
    },
  );

  test('monitor mode forwards what enforcing would refuse and records what it would have said', async () => {
    const client = await connect(
      await tenant.grant({ serverId, policyId: await tenant.policy(serverId, { ...example, mode: 'monitor' }) }),
    );
    expect((await client.listTools()).tools).toHaveLength(4);
    expect(textOf(await client.callTool({ name: 'list_issues', arguments: { monitored: 1 } }))).toBe('did list_issues');
    await expect
      .poll(
        async () =>
          (await tenant.events('&type=toolCall.decided&tool=list_issues'))
            .filter((event) => event['mode'] === 'monitor')
            .map((event) => [event['effect'], event['would']]),
        { timeout: 5000 },
      )
      .toEqual([['allow', { effect: 'deny', code: 'not_listed', rule: '/default' }]]);
    await client.close();
  });
});

describe('argument rules', () => {
  test(
    "a call is judged by its arguments: require, deny_if and the tool's own schema, and refused ones " +
      'reach no upstream',
    async () => {
      const typed = await startUpstream({
        tools: [
          aTool('create_issue', {
            inputSchema: {
              type: 'object',
              properties: { title: { type: 'string' }, confidential: { type: 'boolean' } },
              required: ['title'],
            },
          }),
        ],
        json: true,
      });
      const server = await tenant.server(typed.url);
      const rules = {
        require: [{ path: 'args.title', op: 'exists', value: true, on_deny: 'Give the issue a title' }],
        deny_if: [
          { conditions: [{ path: 'args.confidential', op: 'eq', value: true }], on_deny: 'No confidential issues' },
        ],
      };
      const policyId = await tenant.policy(server, {
        version: '1',
        default: 'deny',
        check_arguments: true,
        tools: { create_issue: rules },
      });
      const client = await connect(await tenant.grant({ serverId: server, policyId }));
      const decision = async (args: Record<string, unknown>): Promise<unknown> => {
        const result = await client.callTool({ name: 'create_issue', arguments: args });
        return result.isError === true
          ? [decisionOf(result)['code'], decisionOf(result)['rule'], textOf(result)]
          : 'served';
      };
      expect(await decision({ title: 'x' })).toBe('served');
      expect(await decision({})).toEqual([
        'argument_rule',
        '/tools/create_issue/require/0',
        '[POLICY DENIED] Give the issue a title',
      ]);
      expect(await decision({ title: 'x', confidential: true })).toEqual([
        'argument_rule',
        '/tools/create_issue/deny_if/0',
        '[POLICY DENIED] No confidential issues',
      ]);
      expect(await decision({ title: 'x', confidential: 'true' })).toEqual([
        'argument_rule',
        '/tools/create_issue/deny_if/0',
        '[POLICY DENIED] No confidential issues',
      ]);
      expect(await decision({ title: 'x', undeclared: 1 })).toEqual([
        'arguments_invalid',
        '/check_arguments',
        expect.stringContaining('[POLICY DENIED] '),
      ]);
      expect(typed.seenOf('tools/call')).toHaveLength(1);
      const tried = await tenant.api('POST', `/v1/policies/${policyId}/decide`, {
        tool: 'create_issue',
        arguments: { title: 'x', undeclared: 1 },
      });
      expect(tried.body).toMatchObject({ effect: 'deny', code: 'arguments_invalid', rule: '/check_arguments' });
      await client.close();
      await typed.close();
    },
  );
});
