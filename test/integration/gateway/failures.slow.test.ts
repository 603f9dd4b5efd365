import pg from 'pg';
import { describe, expect } from 'vitest';
import { usedOf } from '../../support/counters.js';
import { modernClient } from '../../support/modern-client.js';
import { startModernUpstream } from '../../support/modern-upstream.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, decisionOf, openSession, textOf, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, toolgate, tenant } = tenantTest({ UPSTREAM_TIMEOUT: '1', MAX_STALENESS_SECONDS: '3' });
let upstream: Upstream;
let serverId: string;
let policyId: string;
let grant: Grant;

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('echo')], json: true });
  serverId = await tenant.server(upstream.url);
  policyId = await tenant.policy(serverId, {
    version: '1',
    default: 'allow',
    all_tools: { limits: [{ counter: 'all', window: 'month', max: 1000 }] },
  });
  grant = await tenant.grant({ serverId, policyId });
});
test.afterAll(async () => {
  await upstream.close();
});

/** Runs `work` while another session holds these tables, as an outage of what lives in them. */
const whileLocked = async <T>(tables: string, work: () => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: toolgate.databaseUrl });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(`lock table ${tables} in access exclusive mode`);
    return await work();
  } finally {
    await client.query('rollback');
    await client.end();
  }
};

const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { n: 1 } } };
const used = (of: Grant, counter: string): Promise<number | undefined> =>
  usedOf(toolgate.db, tenant.organizationId, { counter, window: 'month', scope: 'grant', whom: of.id });
const outcomes = async (of: Grant): Promise<unknown[]> =>
  (await tenant.events(`&type=toolCall.completed&grantId=${of.id}`)).map((event) => event['status']);

describe('when the log does not acknowledge', () => {
  test(
    'a call is refused within its deadline with audit_unavailable, is never forwarded, and gives its ' + 'limits back',
    async () => {
      const session = await openSession(grant);
      const before = upstream.seenOf('tools/call').length;
      const answer = await toolgate.log.whileAway(async () => session.post(call).then((response) => response.json()));
      const { result } = answer as { result: unknown };
      expect(decisionOf(result)).toMatchObject({ effect: 'deny', code: 'audit_unavailable' });
      expect(textOf(result)).toMatch(/^\[POLICY DENIED\] /);
      await expect.poll(() => used(grant, 'all')).toBe(0);
      await expect.poll(() => outcomes(grant), { timeout: 5000 }).toEqual(['not_forwarded']);
      expect(upstream.seenOf('tools/call').length).toBe(before);
      const next = await session.post(call);
      expect(((await next.json()) as { result: { isError?: boolean } }).result.isError).toBeUndefined();
      const events = (await tenant.events(`&grantId=${grant.id}`)).filter(
        (event) => event['type'] === 'toolCall.decided',
      );
      const numbers = new Set(
        events.flatMap((event) => [
          event['sequence'] as number,
          ...((event['abandoned'] as number[] | undefined) ?? []),
        ]),
      );
      expect([...numbers].toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: Math.max(...numbers) }, (_, index) => index + 1),
      );
    },
  );

  test(
    'a refusal waits as long, then is answered with its own code, and is on record once the log is ' + 'back',
    async () => {
      const denied = await tenant.grant({
        serverId,
        policyId: await tenant.policy(serverId, { version: '1', default: 'deny' }),
      });
      const session = await openSession(denied);
      const answer = await toolgate.log.whileAway(async () => session.post(call).then((response) => response.json()));
      expect(decisionOf((answer as { result: unknown }).result)).toMatchObject({ code: 'not_listed' });
      await expect
        .poll(
          async () =>
            (await tenant.events(`&type=toolCall.decided&grantId=${denied.id}`)).map((event) => event['code']),
          { timeout: 5000 },
        )
        .toEqual(['not_listed']);
    },
  );
});

test('limits out of reach refuse with limits_unavailable and count nothing', async () => {
  const session = await openSession(grant);
  const before = await used(grant, 'all');
  const answer = await whileLocked('limit_counters', async () =>
    session.post(call).then((response) => response.json()),
  );
  expect(decisionOf((answer as { result: unknown }).result)).toMatchObject({ code: 'limits_unavailable' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await used(grant, 'all')).toBe(before);
});

test(
  'limits out of reach refuse nothing in monitor mode, and the record says what enforcing would ' + 'have done',
  async () => {
    const monitored = await tenant.grant({
      serverId,
      policyId: await tenant.policy(serverId, {
        version: '1',
        default: 'allow',
        mode: 'monitor',
        all_tools: { limits: [{ counter: 'm', window: 'month', max: 5 }] },
      }),
    });
    const session = await openSession(monitored);
    const answer = (await whileLocked('limit_counters', async () =>
      session.post(call).then((response) => response.text()),
    )) as string;
    expect(answer).not.toContain('isError');
    await expect
      .poll(
        async () =>
          (await tenant.events(`&type=toolCall.decided&grantId=${monitored.id}`)).map((event) => [
            event['effect'],
            event['would'],
            event['reserved'],
          ]),
        { timeout: 5000 },
      )
      .toEqual([['allow', { effect: 'deny', code: 'limits_unavailable', rule: null }, []]]);
  },
);

test(
  'a gateway that has lost touch with the changes denies with stale_directory, and decides again ' + 'when it has them',
  async () => {
    const session = await openSession(grant);
    const code = async (): Promise<unknown> => {
      const { result } = (await (await session.post(call)).json()) as { result: { _meta?: unknown } };
      return result._meta === undefined ? 'allowed' : decisionOf(result)['code'];
    };
    await whileLocked('event_heads', () => expect.poll(code, { timeout: 10_000 }).toBe('stale_directory'));
    // The poll that was held up ends with knowledge as old as its beginning; the one after it is fresh.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await code()).toBe('allowed');
  },
);

describe('an upstream that fails', () => {
  const answerOf = async (
    session: Awaited<ReturnType<typeof openSession>>,
  ): Promise<{ status: number; body: { id?: unknown; error?: { code: number } } }> => {
    const response = await session.post(call);
    const text = await response.text();
    return {
      status: response.status,
      body: JSON.parse(
        text.startsWith('{') ? text : (/data: (.*)/.exec(text.slice(text.lastIndexOf('data: ')))?.[1] ?? '{}'),
      ) as { error?: { code: number } },
    };
  };

  test.each([
    [
      'answers 500',
      'upstream_error',
      (response: import('node:http').ServerResponse) => void response.writeHead(500).end('secret stack trace'),
    ],
    [
      'resets the connection',
      'upstream_error',
      (response: import('node:http').ServerResponse) => void response.socket?.resetAndDestroy(),
    ],
    ['never answers', 'timeout', () => undefined],
    [
      'breaks off a JSON answer',
      'upstream_error',
      (response: import('node:http').ServerResponse) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"jsonrpc"');
        setTimeout(() => response.socket?.resetAndDestroy(), 50);
      },
    ],
    [
      'breaks off an event stream',
      'upstream_error',
      (response: import('node:http').ServerResponse) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hello\n\n');
        setTimeout(() => response.socket?.resetAndDestroy(), 50);
      },
    ],
    [
      'answers nothing',
      'upstream_error',
      (response: import('node:http').ServerResponse) => void response.writeHead(202).end(),
    ],
    [
      'answers an array',
      'upstream_error',
      (response: import('node:http').ServerResponse) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end('[1]'),
    ],
    [
      'answers with a list that nobody asked for',
      'upstream_error',
      (response: import('node:http').ServerResponse) =>
        void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end('{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"secret"}]}}'),
    ],
    [
      'answers no JSON',
      'upstream_error',
      (response: import('node:http').ServerResponse) =>
        void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>login</h1>'),
    ],
  ])('%s: HTTP 200 with a JSON-RPC error of ours, and the outcome %s', async (_name, status, misbehave) => {
    const failing = await tenant.grant({ serverId, policyId });
    const session = await openSession(failing);
    upstream.setIntercept((_request, response, seen) => {
      if (seen.message?.['method'] !== 'tools/call') return false;
      misbehave(response);
      return true;
    });
    const { status: http, body } = await answerOf(session).finally(() => upstream.setIntercept(undefined));
    expect(http).toBe(200);
    expect(body, JSON.stringify(body)).toMatchObject({ id: 1, error: { code: expect.any(Number) } });
    expect(body.error?.code).toBeLessThan(-32_768);
    expect(JSON.stringify(body)).not.toContain('secret');
    await expect.poll(() => outcomes(failing), { timeout: 5000 }).toEqual([status]);
  });

  test('is gone: nothing was sent, so the limit is given back', async () => {
    const gone = await startUpstream({ tools: [aTool('echo')] });
    const server = await tenant.server(gone.url);
    const policy = await tenant.policy(server, {
      version: '1',
      default: 'allow',
      all_tools: { limits: [{ counter: 'x', window: 'month', max: 1 }] },
    });
    const lost = await tenant.grant({ serverId: server, policyId: policy });
    const session = await openSession(lost);
    await gone.close();
    for (let i = 0; i < 3; i += 1) {
      expect((await answerOf(session)).body.error?.code).toBeLessThan(-32_768);
      await expect.poll(() => used(lost, 'x')).toBe(0);
    }
    await expect
      .poll(() => outcomes(lost), { timeout: 5000 })
      .toEqual(['upstream_unreachable', 'upstream_unreachable', 'upstream_unreachable']);
  });

  test(
    'is gone when a call that it refused is made in the other era: that was sent, so the limit keeps ' + 'it',
    async () => {
      const modern = await startModernUpstream();
      const server = await tenant.server(modern.url);
      const policy = await tenant.policy(server, {
        version: '1',
        default: 'allow',
        all_tools: { limits: [{ counter: 'x', window: 'month', max: 5 }] },
      });
      const lost = await tenant.grant({ serverId: server, policyId: policy });
      // From now on it is of the legacy era, until it has said so.
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'legacy', version: '1' } };
      modern.setIntercept((_request, response, { httpMethod, message }) => {
        if (httpMethod === 'DELETE') void modern.close();
        else if (message?.['method'] === 'initialize')
          response
            .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'one' })
            .end(JSON.stringify({ jsonrpc: '2.0', id: message['id'], result }));
        else response.writeHead(404).end();
        return true;
      });
      const { body } = await modernClient(lost).ask('tools/call', { name: 'echo' });
      expect((body['error'] as { code: number }).code).toBeLessThan(-32_768);
      await expect.poll(() => outcomes(lost), { timeout: 5000 }).toEqual(['upstream_unreachable']);
      expect(modern.seenOf('tools/call')).toHaveLength(1);
      expect(await used(lost, 'x')).toBe(1);
    },
  );

  test('has forgotten the session: the client is told 404, so that it starts a new one', async () => {
    const session = await openSession(grant);
    upstream.setIntercept((_request, response) => {
      response.writeHead(404).end();
      return true;
    });
    expect((await session.post(call)).status).toBe(404);
    upstream.setIntercept(undefined);
  });
});

test('a result of 20 MB passes with its bytes unchanged', async () => {
  const text = 'x'.repeat(20 * 1024 * 1024);
  const large = await startUpstream({
    tools: [aTool('dump')],
    json: true,
    call: () => ({ content: [{ type: 'text', text }] }),
  });
  const server = await tenant.server(large.url);
  const client = await connect(
    await tenant.grant({ serverId: server, policyId: await tenant.policy(server, { version: '1', default: 'allow' }) }),
  );
  expect(textOf(await client.callTool({ name: 'dump', arguments: {} })) === text).toBe(true);
  await client.close();
  await large.close();
});

test('more than a hundred refusals a second of one grant are summed up, and none is lost', async () => {
  const noisy = await tenant.grant({
    serverId,
    policyId: await tenant.policy(serverId, { version: '1', default: 'deny' }),
  });
  const session = await openSession(noisy);
  let sent = 0;
  // What takes longer than two seconds need not hold a hundred in any one of them.
  for (let tookMs = Number.POSITIVE_INFINITY; tookMs > 2000 && sent < 4000; sent += 400) {
    const began = performance.now();
    await Promise.all(Array.from({ length: 400 }, () => session.post(call).then((response) => response.text())));
    tookMs = performance.now() - began;
  }
  await expect
    .poll(
      async () => {
        const events = await tenant.events(`&grantId=${noisy.id}`);
        const single = events.filter((event) => event['type'] === 'toolCall.decided').length;
        const summed = events
          .filter((event) => event['type'] === 'audit.suppressed')
          .reduce((sum, event) => sum + Number(event['refusals']), 0);
        return [single < sent, single + summed];
      },
      { timeout: 20_000 },
    )
    .toEqual([true, sent]);
});
