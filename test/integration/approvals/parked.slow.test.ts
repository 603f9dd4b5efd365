import { describe, expect } from 'vitest';
import type { Toolgate } from '../../../src/app/toolgate.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant, type Person } from '../../support/tenant.js';
import { startBeside } from '../../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { countPolls, ROUNDS_IN_A_SECOND } from '../../support/poll-rounds.js';

type Json = Record<string, unknown>;
type Result = Readonly<{ isError?: boolean; content: readonly { text: string }[]; _meta?: Record<string, Json> }>;
type Told = Readonly<{ code: unknown; approvalId: string; tookMs: number }>;

const { test, toolgate: here, tenant } = tenantTest();
let there: Toolgate;
let upstream: Upstream;
let approver: Person;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({
    json: true,
    tools: [aTool('merge')],
    call: ({ arguments: args }) => ({ content: [{ type: 'text', text: `merged ${JSON.stringify(args)}` }] }),
  });
  there = await startBeside(here);
  approver = await tenant.person('approver');
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await there.close();
  await upstream.close();
});

const granted = async (approval: Json): Promise<Grant> =>
  tenant.grant({
    serverId,
    policyId: await tenant.policy(serverId, {
      version: '1',
      default: 'deny',
      approval,
      tools: { merge: { action: 'require_approval' } },
    }),
  });
const onOther = (grant: Grant, other = there): Grant => ({
  ...grant,
  mcpUrl: grant.mcpUrl.replace(here.url, other.url),
});

/** Sessions on the other node begin once it knows the grant. */
const sessionOf = async (grant: Grant): Promise<Awaited<ReturnType<typeof openSession>>> => {
  for (let tries = 0; ; tries += 1) {
    try {
      return await openSession(grant);
    } catch (error) {
      if (tries > 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
};
type Session = Awaited<ReturnType<typeof sessionOf>>;

const callOf = (args: Json, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'merge', arguments: args },
});
const merge = async (session: Session, args: Json = { iid: 1 }): Promise<Told> => {
  const began = performance.now();
  const { result } = (await (await session.post(callOf(args))).json()) as { result: Result };
  const { code, approvalId } = (result._meta?.['io.toolgate/decision'] ?? {}) as {
    code?: unknown;
    approvalId?: string;
  };
  return {
    code: result.isError === true ? code : 'done',
    approvalId: approvalId ?? '',
    tookMs: performance.now() - began,
  };
};

const pendingOf = async (grant: Grant): Promise<readonly string[]> =>
  (
    (await tenant.api('GET', '/v1/approvals?status=pending&limit=1000')).body['items'] as {
      id: string;
      grantId: string;
    }[]
  )
    .filter((one) => one.grantId === grant.id)
    .map(({ id }) => id);
/** The approval of a grant's call that is waiting. */
const pending = async (grant: Grant): Promise<string> => {
  await expect.poll(() => pendingOf(grant), { timeout: 5000 }).toHaveLength(1);
  return (await pendingOf(grant))[0] as string;
};
const decide = async (id: string, what: 'approve' | 'reject'): Promise<void> => {
  const { status, body } = await approver.api('POST', `/v1/approvals/${id}/${what}`);
  expect(status, JSON.stringify(body)).toBe(200);
};
const forwarded = (): number => upstream.seenOf('tools/call').length;
const decisionsOf = async (grant: Grant): Promise<readonly unknown[]> =>
  (await tenant.events(`&type=toolCall.decided&grantId=${grant.id}`)).map((event) => [event['effect'], event['code']]);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a held call that waits', () => {
  test('gets the result of the call when it is approved in time, through another node, within a second', async () => {
    const grant = onOther(await granted({ wait: 20 }));
    const session = await sessionOf(grant);
    const waiting = merge(session, { iid: 2 });
    await decide(await pending(grant), 'approve');
    const polls = countPolls(here.db);
    expect((await waiting).code).toBe('done');
    expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
    expect(upstream.seenOf('tools/call').at(-1)?.message).toMatchObject({ params: { arguments: { iid: 2 } } });
    await expect
      .poll(() => decisionsOf(grant), { timeout: 5000 })
      .toEqual([
        ['hold', 'approval_required'],
        ['allow', 'allowed'],
      ]);
  });

  test('is refused at once when it is rejected', async () => {
    const grant = onOther(await granted({ wait: 20 }));
    const waiting = merge(await sessionOf(grant));
    await decide(await pending(grant), 'reject');
    const polls = countPolls(here.db);
    expect((await waiting).code).toBe('approval_rejected');
    expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
  });

  test('is told what is pending when the wait is over, and repeating it goes on from there', async () => {
    const grant = await granted({ wait: 1 });
    const session = await sessionOf(grant);
    const first = await merge(session);
    expect(first.code).toBe('approval_required');
    expect(first.tookMs).toBeGreaterThan(900);
    const waiting = merge(session);
    await decide(first.approvalId, 'approve');
    expect((await waiting).code).toBe('done');
  });

  test('is told of the expiry when the approval expires before the wait is over', async () => {
    const { code } = await merge(await sessionOf(await granted({ wait: 20, expires_in: 1 })));
    expect(code).toBe('approval_expired');
  });

  test('waits on when the first of two people approves', async () => {
    const grant = await granted({ wait: 20, count: 2 });
    const waiting = merge(await sessionOf(grant));
    const id = await pending(grant);
    await decide(id, 'approve');
    await pause(500);
    expect(await decisionsOf(grant)).toHaveLength(1);
    await (await tenant.person('approver')).api('POST', `/v1/approvals/${id}/approve`);
    expect((await waiting).code).toBe('done');
  });

  test('whose client leaves is not forwarded; the approval stays for a repeat', async () => {
    const grant = await granted({ wait: 20 });
    const session = await sessionOf(grant);
    const before = forwarded();
    const leaving = new AbortController();
    const headers = {
      authorization: `Bearer ${grant.token}`,
      'content-type': 'application/json',
      'mcp-session-id': session.id,
    };
    const waiting = fetch(grant.mcpUrl, {
      method: 'POST',
      headers,
      body: JSON.stringify(callOf({ iid: 1 })),
      signal: leaving.signal,
    }).catch((error: unknown) => error);
    const id = await pending(grant);
    leaving.abort();
    await waiting;
    await pause(200);
    await decide(id, 'approve');
    await pause(500);
    expect(forwarded()).toBe(before);
    expect((await merge(session)).code).toBe('done');
    expect(forwarded()).toBe(before + 1);
  });

  test('that its client cancels is not forwarded', async () => {
    const grant = await granted({ wait: 20 });
    const session = await sessionOf(grant);
    const before = forwarded();
    const waiting = session.post(callOf({ iid: 1 }, 77));
    const id = await pending(grant);
    await (await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 77 } })).text();
    expect(await (await waiting).json()).toMatchObject({ id: 77, error: { message: 'the request was cancelled' } });
    await decide(id, 'approve');
    await pause(300);
    expect(forwarded()).toBe(before);
  });

  test('of a grant that is revoked meanwhile ends within a second, and nothing is forwarded', async () => {
    const grant = await granted({ wait: 20 });
    const before = forwarded();
    const waiting = (await sessionOf(grant)).post(callOf({ iid: 1 })).then(
      (response) => response.status,
      () => 'closed',
    );
    await pending(grant);
    await tenant.api('POST', `/v1/grants/${grant.id}/revoke`);
    const polls = countPolls(here.db);
    expect(await waiting).toBe('closed');
    expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
    expect(forwarded()).toBe(before);
  });

  test('is answered at once when its gateway stops, and goes on elsewhere', async () => {
    const other = await startBeside(here);
    const grant = await granted({ wait: 60 });
    const waiting = merge(await sessionOf(onOther(grant, other)));
    const id = await pending(grant);
    const stopping = other.close();
    // The approval would have been waited for a minute.
    const { code, approvalId } = await waiting;
    expect([code, approvalId]).toEqual(['approval_required', id]);
    await decide(id, 'approve');
    expect((await merge(await sessionOf(grant))).code).toBe('done');
    await stopping;
  });
});

describe('twenty repeats of one call over two gateways at the same time', () => {
  const sessions = async (grant: Grant): Promise<readonly Session[]> => {
    await sessionOf(onOther(grant));
    return Promise.all(Array.from({ length: 20 }, (_, index) => sessionOf(index % 2 === 0 ? grant : onOther(grant))));
  };

  test('open one approval, and once it is approved one of them runs', async () => {
    const grant = await granted({ wait: 0 });
    const all = await sessions(grant);
    const before = forwarded();
    const asked = await Promise.all(all.map((session) => merge(session)));
    const ids = new Set(asked.map(({ approvalId }) => approvalId));
    expect([ids.size, await pendingOf(grant)]).toEqual([1, [...ids]]);
    for (let round = 1; round <= 5; round += 1) {
      await decide(await pending(grant), 'approve');
      const told = await Promise.all(all.map((session) => merge(session)));
      expect(told.filter(({ code }) => code === 'done')).toHaveLength(1);
      expect(
        new Set(
          told.filter(({ code }) => code !== 'done').map(({ code, approvalId }) => `${String(code)} ${approvalId}`),
        ).size,
      ).toBe(1);
      expect(forwarded()).toBe(before + round);
    }
  });

  test('that wait for it together run once when it comes', async () => {
    const grant = await granted({ wait: 30 });
    const all = await sessions(grant);
    const before = forwarded();
    const waiting = all.map((session) => merge(session));
    const id = await pending(grant);
    await pause(1000);
    await decide(id, 'approve');
    const told = await Promise.all(waiting);
    expect(told.filter(({ code }) => code === 'done')).toHaveLength(1);
    expect(told.filter(({ code }) => code === 'approval_required')).toHaveLength(19);
    expect(forwarded()).toBe(before + 1);
  });

  test('of one grant wait on a node, twenty at most; who comes then is answered at once', async () => {
    const grant = await granted({ wait: 5 });
    const session = await sessionOf(grant);
    const told = await Promise.all(Array.from({ length: 25 }, () => merge(session)));
    expect(told.every(({ code }) => code === 'approval_required')).toBe(true);
    expect(told.filter(({ tookMs }) => tookMs > 4900)).toHaveLength(20);
  });

  test('wait with eight mebibytes at most, whatever it is that they are large by', async () => {
    const session = await sessionOf(await granted({ wait: 4 }));
    const { params, ...call } = callOf({ iid: 1 });
    const large = { ...call, params: { ...params, _meta: { tracestate: 'x'.repeat(3.9 * 2 ** 20) } } };
    const tookMs = await Promise.all(
      [1, 2, 3].map(async () => {
        const began = performance.now();
        expect(await (await session.post(large)).text()).toContain('approval_required');
        return performance.now() - began;
      }),
    );
    expect(tookMs.filter((ms) => ms > 3900)).toHaveLength(2);
  });
});
