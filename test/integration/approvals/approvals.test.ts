import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, decisionOf, textOf, type Grant, type Person } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Json = Record<string, unknown>;

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let approver: Pick<Person, 'id' | 'api'>;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({
    json: true,
    tools: [aTool('merge'), aTool('other')],
    call: ({ name, arguments: args }) => ({ content: [{ type: 'text', text: `did ${name} ${JSON.stringify(args)}` }] }),
  });
  approver = await tenant.person('approver');
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await upstream.close();
});

const asking = (approval: Json = {}, more: Json = {}): Json => ({
  version: '1',
  default: 'deny',
  approval: { wait: 0, ...approval },
  tools: { merge: { action: 'require_approval', reason: 'Merging needs a human', ...more } },
});
const granted = async (document: Json = asking()): Promise<Grant & { policyId: string }> => {
  const policyId = await tenant.policy(serverId, document);
  return { ...(await tenant.grant({ serverId, policyId })), policyId };
};

/** An agent that calls `merge` again and again, in one session. */
const agentOf = async (grant: Grant) => {
  const client = await connect(grant);
  const merge = async (args: Json = { iid: 7 }): Promise<Json> =>
    (await client.callTool({ name: 'merge', arguments: args })) as Json;
  return {
    merge,
    /** The code, and the id of the approval; or `done`. */
    told: async (args?: Json): Promise<readonly [code: unknown, approvalId: string]> => {
      const answer = await merge(args);
      if (answer['isError'] !== true) return ['done', ''];
      const { code, approvalId } = decisionOf(answer);
      return [code, approvalId as string];
    },
    close: () => client.close(),
  };
};

const forwarded = (): number => upstream.seenOf('tools/call').length;
const decide = (who: Pick<Person, 'id' | 'api'>, id: string, what: 'approve' | 'reject', body?: Json) =>
  who.api('POST', `/v1/approvals/${id}/${what}`, body);
const approvalsOf = async (grant: Grant, status = ''): Promise<readonly Json[]> =>
  (
    (await tenant.api('GET', `/v1/approvals?limit=1000${status && `&status=${status}`}`)).body[
      'items'
    ] as readonly Json[]
  ).filter(({ grantId }) => grantId === grant.id);

describe('a call that needs approval', () => {
  test(
    'is held with a well-formed result that says what is pending and how to go on; approved, the same ' +
      'call runs once',
    async () => {
      const grant = await granted();
      const agent = await agentOf(grant);
      const before = forwarded();
      const held = await agent.merge();
      expect(held['isError']).toBe(true);
      const { approvalId } = decisionOf(held);
      expect(textOf(held)).toBe(
        '[APPROVAL REQUIRED] Merging needs a human. This call of merge is pending as approval ' +
          `${String(approvalId)}; once it is approved, repeating the same call with the same arguments runs ` +
          'it',
      );
      expect(decisionOf(held)).toEqual({
        id: expect.stringMatching(/^evt_/),
        callId: expect.stringMatching(/^call_/),
        effect: 'hold',
        code: 'approval_required',
        rule: '/tools/merge/action',
        approvalId: expect.stringMatching(/^apr_/),
      });
      expect(await agent.told()).toEqual(['approval_required', approvalId]);
      expect(forwarded()).toBe(before);
      const approved = await decide(approver, String(approvalId), 'approve', { comment: 'fine' });
      expect([approved.status, approved.body['status']]).toEqual([200, 'approved']);
      expect(textOf(await agent.merge())).toBe('did merge {"iid":7}');
      const [again, next] = await agent.told();
      expect([again, next === approvalId]).toEqual(['approval_required', false]);
      expect(forwarded()).toBe(before + 1);
      await agent.close();
    },
  );

  test(
    'is on record: the request before the hold, who decided, and the call that ran, all under one ' + 'approval',
    async () => {
      const grant = await granted();
      const agent = await agentOf(grant);
      const [, approvalId] = await agent.told({ iid: 8, note: 'canary-of-values' });
      await decide(approver, approvalId, 'approve', { comment: 'go on' });
      expect((await agent.told({ iid: 8, note: 'canary-of-values' }))[0]).toBe('done');
      await expect
        .poll(
          async () =>
            (await tenant.events('&type=toolCall.completed')).filter((event) => event['grantId'] === grant.id).length,
          { timeout: 5000 },
        )
        .toBe(1);
      const events = (await tenant.events()).filter((event) => event['approvalId'] === approvalId);
      const digest = events[0]?.['argumentsDigest'];
      const call = { grantId: grant.id, identityId: grant.identityId, serverId, tool: 'merge' };
      expect(events.filter(({ type }) => type !== 'toolCall.decided')).toMatchObject([
        {
          type: 'approval.requested',
          ...call,
          actor: { type: 'grant', id: grant.id },
          policyId: grant.policyId,
          policyVersion: 1,
          rule: '/tools/merge/action',
          reason: 'Merging needs a human',
          count: 1,
          argumentKeys: ['iid', 'note'],
        },
        {
          type: 'approval.decided',
          ...call,
          actor: { type: 'member', id: approver.id },
          memberId: approver.id,
          decision: 'approved',
          status: 'approved',
          comment: 'go on',
        },
      ]);
      expect(events.filter(({ type }) => type === 'toolCall.decided')).toMatchObject([
        {
          ...call,
          effect: 'hold',
          code: 'approval_required',
          rule: '/tools/merge/action',
          reason: 'Merging needs a human',
          argumentsDigest: digest,
        },
        { ...call, effect: 'allow', code: 'allowed', rule: '/tools/merge', argumentsDigest: digest },
      ]);
      expect(JSON.stringify(await tenant.events())).not.toContain('canary-of-values');
      await agent.close();
    },
  );

  test('is shown with its exact arguments to approvers only, and only until it is decided', async () => {
    const grant = await granted();
    const agent = await agentOf(grant);
    const args = { iid: 9, nested: { list: [1, 'two', null, { __proto__x: 0.1 }] } };
    const [, approvalId] = await agent.told(args);
    const viewer = await tenant.person('viewer');
    const path = `/v1/approvals/${approvalId}`;
    expect((await approver.api('GET', path)).body).toMatchObject({
      id: approvalId,
      status: 'pending',
      arguments: args,
      serverName: 'Upstream',
      tool: 'merge',
      usedAt: null,
      callId: null,
    });
    expect((await tenant.api('GET', path)).body['arguments']).toEqual(args);
    for (const person of [viewer, await tenant.person('auditor'), await tenant.person('policy_manager')]) {
      const { status, body } = await person.api('GET', path);
      expect([status, 'arguments' in body, body['argumentKeys']]).toEqual([200, false, ['iid', 'nested']]);
      expect((await decide(person, approvalId, 'approve')).status).toBe(403);
    }
    expect((await approvalsOf(grant, 'pending')).map((one) => [one['id'], 'arguments' in one])).toEqual([
      [approvalId, false],
    ]);
    const sealed = await toolgate.db.worker.query(
      'select sealed_arguments from approval_arguments where approval_id = $1',
      [approvalId],
    );
    expect(sealed.rowCount).toBe(1);
    await decide(approver, approvalId, 'reject');
    expect(
      (await toolgate.db.worker.query('select 1 from approval_arguments where approval_id = $1', [approvalId]))
        .rowCount,
    ).toBe(0);
    expect((await approver.api('GET', path)).body).toMatchObject({ status: 'rejected', arguments: null });
    await agent.close();
  });

  test(
    'that was rejected stays refused until the approval would have expired, with the comment; then it ' +
      'may be asked again',
    async () => {
      const grant = await granted(asking({ expires_in: 2 }));
      const agent = await agentOf(grant);
      const [, approvalId] = await agent.told();
      await decide(approver, approvalId, 'reject', { comment: 'Use a branch' });
      const refused = await agent.merge();
      expect(textOf(refused)).toBe('[POLICY DENIED] merge: a reviewer rejected this call: Use a branch');
      expect(decisionOf(refused)).toMatchObject({
        effect: 'deny',
        code: 'approval_rejected',
        rule: '/tools/merge/action',
        approvalId,
      });
      expect((await agent.told())[0]).toBe('approval_rejected');
      await expect.poll(async () => (await agent.told())[0], { timeout: 5000 }).toBe('approval_required');
      expect((await approvalsOf(grant)).map(({ status }) => status)).toEqual(['rejected', 'pending']);
      await agent.close();
    },
  );

  test(
    'whose approval expires is refused once with approval_expired, undecided or approved, and the ' +
      'next repeat asks anew',
    async () => {
      for (const approves of [false, true]) {
        const grant = await granted(asking({ expires_in: 1 }));
        const agent = await agentOf(grant);
        const before = forwarded();
        const [, approvalId] = await agent.told();
        if (approves) expect((await decide(approver, approvalId, 'approve')).status).toBe(200);
        await new Promise((resolve) => setTimeout(resolve, 1100));
        expect(await agent.told()).toEqual(['approval_expired', approvalId]);
        const [code, next] = await agent.told();
        expect([code, next === approvalId]).toEqual(['approval_required', false]);
        expect((await decide(approver, approvalId, 'approve')).status).toBe(approves ? 200 : 409);
        expect((await agent.told())[0]).toBe('approval_required');
        expect(forwarded()).toBe(before);
        await agent.close();
      }
    },
  );

  test('that nobody decides in time is ended, on record, and its arguments are dropped', async () => {
    const agent = await agentOf(await granted(asking({ expires_in: 1 })));
    const [, approvalId] = await agent.told();
    await expect
      .poll(
        async () =>
          (await tenant.events('&type=approval.expired')).filter((event) => event['approvalId'] === approvalId),
        { timeout: 10_000 },
      )
      .toMatchObject([{ actor: { type: 'system' }, tool: 'merge' }]);
    expect((await approver.api('GET', `/v1/approvals/${approvalId}`)).body).toMatchObject({
      status: 'expired',
      arguments: null,
    });
    await agent.close();
  });

  test('in monitor mode passes and opens nothing', async () => {
    const grant = await granted({ ...asking(), mode: 'monitor' });
    const agent = await agentOf(grant);
    expect((await agent.told())[0]).toBe('done');
    await expect
      .poll(
        async () =>
          (await tenant.events(`&type=toolCall.decided&grantId=${grant.id}`)).map((event) => [
            event['effect'],
            event['would'],
            event['approvalId'],
          ]),
        { timeout: 5000 },
      )
      .toEqual([['allow', { effect: 'hold', code: 'approval_required', rule: '/tools/merge/action' }, undefined]]);
    expect(await approvalsOf(grant)).toEqual([]);
    await agent.close();
  });

  test('is asked about once, however often and at the same time it is repeated', async () => {
    const grant = await granted();
    const agents = await Promise.all(Array.from({ length: 10 }, () => agentOf(grant)));
    const told = await Promise.all(agents.map((agent) => agent.told()));
    expect(new Set(told.map(([, approvalId]) => approvalId)).size).toBe(1);
    expect(await approvalsOf(grant)).toHaveLength(1);
    await Promise.all(agents.map((agent) => agent.close()));
  });

  test(
    'is no longer asked about when a hundred calls of its grant wait, nor when its arguments are more ' +
      'than can be shown',
    async () => {
      const grant = await granted();
      const agent = await agentOf(grant);
      expect((await agent.told({ text: 'x'.repeat(300_000) }))[0]).toBe('approval_required');
      expect(await approvalsOf(grant)).toEqual([]);
      for (let iid = 0; iid < 100; iid += 1) expect((await agent.told({ iid }))[0]).toBe('approval_required');
      const refused = await agent.merge({ iid: 100 });
      expect(decisionOf(refused)).toMatchObject({ effect: 'deny', code: 'approval_required' });
      expect(textOf(refused)).toMatch(
        /^\[POLICY DENIED\] merge needs a person's approval, and 100 calls of this grant wait for one already$/,
      );
      expect((await agent.told({ iid: 99 }))[1]).toMatch(/^apr_/);
      expect(await approvalsOf(grant)).toHaveLength(100);
      await agent.close();
    },
    120_000,
  );
});

describe('who approves', () => {
  test('is neither who issued the grant nor the member its identity belongs to, nor an API key of either', async () => {
    const owner = await tenant.person('approver');
    const identityId = (await tenant.api('POST', '/v1/identities', { name: 'Ada', kind: 'human', memberId: owner.id }))
      .body['id'] as string;
    const policyId = await tenant.policy(serverId, asking());
    const agent = await agentOf(await tenant.grant({ serverId, policyId, identityId }));
    const [, approvalId] = await agent.told();
    const key = (await tenant.api('POST', '/v1/api-keys', { name: 'approves', role: 'approver' })).body[
      'secret'
    ] as string;
    const keyHolder: Pick<Person, 'id' | 'api'> = {
      id: '',
      api: (method, path, body) => tenant.api(method, path, body, { authorization: `Bearer ${key}` }),
    };
    const admin: Pick<Person, 'id' | 'api'> = { id: '', api: tenant.api };
    for (const party of [admin, owner, keyHolder]) {
      const { status, body } = await decide(party, approvalId, 'approve');
      expect([status, body['code']]).toEqual([403, 'four_eyes']);
    }
    const shown = await approver.api('GET', `/v1/approvals/${approvalId}`);
    const named = shown.body['mayNotApprove'] as readonly Json[];
    expect(named.map(({ because }) => because).toSorted()).toEqual(['issued_grant', 'owns_identity']);
    expect(named.find(({ because }) => because === 'owns_identity')).toMatchObject({
      memberId: owner.id,
      email: expect.stringContaining('@example.com') as string,
    });
    const viewer = await tenant.person('viewer');
    expect((await viewer.api('GET', `/v1/approvals/${approvalId}`)).body).not.toHaveProperty('mayNotApprove');
    expect((await agent.told())[0]).toBe('approval_required');
    expect((await decide(approver, approvalId, 'approve')).status).toBe(200);
    expect((await agent.told())[0]).toBe('done');
    await agent.close();
  });

  test('is nobody who had a token of the grant: neither who issued it nor who rotated it since', async () => {
    const grant = await granted();
    const [second, third] = [await tenant.person('admin'), await tenant.person('admin')];
    const rotated = (await second.api('POST', `/v1/grants/${grant.id}/rotate`)).body['token'] as string;
    const agent = await agentOf({ ...grant, token: rotated });
    const [, approvalId] = await agent.told();
    const key = (await third.api('POST', '/v1/api-keys', { name: 'rotates', role: 'admin' })).body['secret'] as string;
    expect(
      (
        await tenant.api(
          'POST',
          `/v1/grants/${grant.id}/rotate`,
          { graceSeconds: 60 },
          { authorization: `Bearer ${key}` },
        )
      ).status,
    ).toBe(200);
    for (const holder of [second, third, { id: '', api: tenant.api }]) {
      const { status, body } = await decide(holder, approvalId, 'approve');
      expect([status, body['code']]).toEqual([403, 'four_eyes']);
    }
    expect((await decide(approver, approvalId, 'approve')).body).toMatchObject({ status: 'approved' });
    await agent.close();
  });

  test(
    'is no member that the identity belonged to when the call was held, or belongs to since; one of ' + 'before may',
    async () => {
      const [before, owner, since] = [
        await tenant.person('admin'),
        await tenant.person('admin'),
        await tenant.person('admin'),
      ];
      const identityId = (
        await tenant.api('POST', '/v1/identities', { name: 'handed on', kind: 'agent', memberId: before.id })
      ).body['id'] as string;
      const give = async (by: Pick<Person, 'id' | 'api'>, memberId: string | null): Promise<void> =>
        expect((await by.api('PATCH', `/v1/identities/${identityId}`, { memberId })).status).toBe(200);
      await give(before, owner.id);
      await tenant.api('PATCH', `/v1/identities/${identityId}`, { name: 'renamed' });
      const agent = await agentOf(
        await tenant.grant({ serverId, policyId: await tenant.policy(serverId, asking()), identityId }),
      );
      const [, approvalId] = await agent.told();
      await give(owner, null);
      expect((await decide(owner, approvalId, 'approve')).body['code']).toBe('four_eyes');
      await give(owner, since.id);
      for (const party of [owner, since])
        expect((await decide(party, approvalId, 'approve')).body['code']).toBe('four_eyes');
      expect((await decide(before, approvalId, 'approve')).body).toMatchObject({ status: 'approved' });
      await agent.close();
    },
  );

  test('may be the holder of an API key that another person issued', async () => {
    const other = await tenant.person('admin');
    const key = (await other.api('POST', '/v1/api-keys', { name: 'bot', role: 'approver' })).body['secret'] as string;
    const agent = await agentOf(await granted());
    const [, approvalId] = await agent.told();
    const { status, body } = await tenant.api('POST', `/v1/approvals/${approvalId}/approve`, undefined, {
      authorization: `Bearer ${key}`,
    });
    expect([status, (body['decisions'] as Json[])[0]]).toMatchObject([
      200,
      { memberId: other.id, by: { type: 'apiKey', name: 'bot' } },
    ]);
    await agent.close();
  });

  test('are two people where the policy wants two: the same person twice is one', async () => {
    const agent = await agentOf(await granted(asking({ count: 2 })));
    const second = await tenant.person('approver');
    const [, approvalId] = await agent.told();
    expect((await decide(approver, approvalId, 'approve')).body).toMatchObject({ status: 'pending', count: 2 });
    expect((await decide(approver, approvalId, 'approve')).body).toMatchObject({ status: 'pending' });
    expect((await agent.told())[0]).toBe('approval_required');
    expect((await decide(second, approvalId, 'approve')).body).toMatchObject({ status: 'approved' });
    expect((await agent.told())[0]).toBe('done');
    expect((await decide(await tenant.person('approver'), approvalId, 'reject')).body).toMatchObject({
      code: 'conflict',
    });
    await agent.close();
  });

  test('one of two who rejects is enough, and a decision is final', async () => {
    const agent = await agentOf(await granted(asking({ count: 2 })));
    const second = await tenant.person('approver');
    const [, approvalId] = await agent.told();
    await decide(approver, approvalId, 'approve');
    expect((await decide(second, approvalId, 'reject')).body).toMatchObject({ status: 'rejected' });
    expect((await decide(second, approvalId, 'approve')).status).toBe(409);
    expect((await agent.told())[0]).toBe('approval_rejected');
    await agent.close();
  });
});

describe('an approval lets through the call that it was given for and no other', () => {
  /** Approves a call and changes something before it is repeated. */
  const approvedThen = async (
    change: (grant: Grant & { policyId: string }) => Promise<unknown>,
    args: Json = { iid: 7 },
    document = asking(),
  ): Promise<readonly [code: unknown, isNew: boolean, status: unknown]> => {
    const grant = await granted(document);
    const agent = await agentOf(grant);
    const before = forwarded();
    const [, approvalId] = await agent.told({ iid: 7 });
    expect((await decide(approver, approvalId, 'approve')).status).toBe(200);
    await change(grant);
    const [code, next] = await agent.told(args);
    expect(forwarded()).toBe(before);
    await agent.close();
    return [code, next !== approvalId, (await tenant.api('GET', `/v1/approvals/${approvalId}`)).body['status']];
  };

  test.each([{ iid: 8 }, { iid: '7' }, { iid: 7, force: true }, {}, { IID: 7 }, { iid: 7.5 }])(
    'other arguments, %j, are another call',
    async (args) => {
      expect(await approvedThen(async () => undefined, args)).toEqual(['approval_required', true, 'approved']);
    },
  );

  test('the same arguments in another order are the same call', async () => {
    const agent = await agentOf(await granted());
    const [, approvalId] = await agent.told({ a: 1, b: { c: 2, d: 3 } });
    await decide(approver, approvalId, 'approve');
    expect((await agent.told({ b: { d: 3, c: 2 }, a: 1 }))[0]).toBe('done');
    await agent.close();
  });

  test('a new version of the policy, even of the same words, asks anew', async () => {
    const publish = ({ policyId }: { policyId: string }) =>
      tenant.api('PUT', `/v1/policies/${policyId}`, { document: asking() }, { 'if-match': '*' });
    expect(await approvedThen(publish)).toEqual(['approval_required', true, 'void']);
  });

  test('a policy that denies by now denies', async () => {
    const deny = ({ policyId }: { policyId: string }) =>
      tenant.api(
        'PUT',
        `/v1/policies/${policyId}`,
        { document: { version: '1', default: 'deny' } },
        { 'if-match': '*' },
      );
    expect((await approvedThen(deny))[0]).toBe('not_listed');
  });

  test('another policy on the grant asks anew', async () => {
    const swap = async ({ id }: { id: string }) =>
      tenant.api('PATCH', `/v1/grants/${id}`, { policyId: await tenant.policy(serverId, asking()) });
    expect(await approvedThen(swap)).toEqual(['approval_required', true, 'void']);
  });

  const redefine = async (): Promise<string> => {
    upstream.setTools([aTool('merge', { description: `Merges, and more ${Date.now()}` }), aTool('other')]);
    await tenant.api('POST', `/v1/servers/${serverId}/discover`);
    const tools = (await tenant.api('GET', `/v1/servers/${serverId}/tools`)).body['items'] as readonly Json[];
    return tools.find(({ name }) => name === 'merge')?.['definitionHash'] as string;
  };

  test('a tool whose definition has changed is refused as such, and once that is accepted asks anew', async () => {
    expect(await approvedThen(redefine)).toEqual(['tool_changed', true, 'void']);
    const accept = async () =>
      tenant.api('POST', `/v1/servers/${serverId}/tools/merge/accept`, { definitionHash: await redefine() });
    expect(await approvedThen(accept)).toEqual(['approval_required', true, 'void']);
  });

  test('where definitions are not pinned a changed one asks anew', async () => {
    expect(await approvedThen(redefine, { iid: 7 }, { ...asking(), pin_tools: false })).toEqual([
      'approval_required',
      true,
      'void',
    ]);
  });

  test('another grant of the same identity asks for itself, and a revoked one is let through nothing', async () => {
    const grant = await granted();
    const agent = await agentOf(grant);
    const [, approvalId] = await agent.told();
    await decide(approver, approvalId, 'approve');
    const twin = await agentOf(
      await tenant.grant({ serverId, policyId: grant.policyId, identityId: grant.identityId }),
    );
    const [code, other] = await twin.told();
    expect([code, other === approvalId]).toEqual(['approval_required', false]);
    await tenant.api('POST', `/v1/grants/${grant.id}/revoke`);
    await expect(agent.merge()).rejects.toThrow();
    await Promise.all([twin.close(), agent.close().catch(() => undefined)]);
  });

  test('nor can one be given for a call that could not run any more', async () => {
    const grant = await granted();
    const agent = await agentOf(grant);
    const [, approvalId] = await agent.told();
    await tenant.api('PUT', `/v1/policies/${grant.policyId}`, { document: asking() }, { 'if-match': '*' });
    const { status, body } = await decide(approver, approvalId, 'approve');
    expect([status, body['code']]).toEqual([409, 'conflict']);
    await agent.close();
  });
});

describe('a refusal after the approval', () => {
  test('by a limit leaves it, to be used when the limit allows', async () => {
    const grant = await granted(asking({}, { limits: [{ counter: `c${Date.now()}`, window: 2, max: 1 }] }));
    const agent = await agentOf(grant);
    for (const iid of [1, 2]) await decide(approver, (await agent.told({ iid }))[1], 'approve');
    // Both calls are to be in one window.
    const leftMs = 2000 - (Date.now() % 2000);
    if (leftMs < 1000) await new Promise((resolve) => setTimeout(resolve, leftMs));
    const first = await agent.told({ iid: 1 });
    const second = await agent.told({ iid: 2 });
    expect([first[0], second[0]]).toEqual(['done', 'rate_limited']);
    await expect.poll(async () => (await agent.told({ iid: 2 }))[0], { timeout: 5000, interval: 300 }).toBe('done');
    await agent.close();
  });

  test('by an upstream that can not be reached gives it back, for nothing was sent', async () => {
    const gone = await startUpstream({ json: true, tools: [aTool('merge')] });
    const server = await tenant.server(gone.url);
    const policyId = await tenant.policy(server, asking());
    const grant = await tenant.grant({ serverId: server, policyId });
    const agent = await agentOf(grant);
    const [, approvalId] = await agent.told();
    await decide(approver, approvalId, 'approve');
    await gone.close();
    await expect(agent.merge()).rejects.toThrow(/could not be reached/);
    await expect
      .poll(async () => (await tenant.api('GET', `/v1/approvals/${approvalId}`)).body['status'], { timeout: 5000 })
      .toBe('approved');
    await agent.close().catch(() => undefined);
  });
});
