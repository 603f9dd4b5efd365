import { request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { describe, expect } from 'vitest';
import { malformedBodies } from '../../cases/malformed-bodies.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, openSession, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { countPolls, ROUNDS_IN_A_SECOND } from '../../support/poll-rounds.js';

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;
let policyId: string;
let grant: Grant;

test.beforeAll(async () => {
  upstream = await startUpstream({
    tools: [aTool('slow'), aTool('quick')],
    call: async ({ name }, extra) => {
      const progressToken = extra._meta?.progressToken;
      if (name === 'slow' && progressToken !== undefined) {
        for (let progress = 1; progress <= 3; progress += 1)
          await extra.sendNotification({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 3 },
          });
      }
      return { content: [{ type: 'text', text: `did ${name}` }] };
    },
  });
  serverId = await tenant.server(upstream.url);
  policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  grant = await tenant.grant({ serverId, policyId });
});
test.afterAll(async () => {
  await upstream.close();
});

/** What the upstream got, without the end of handshakes, which the gateway sends on while the client goes on. */
const seenBeyondHandshakes = (): number =>
  upstream.seen.filter(({ message }) => message?.['method'] !== 'notifications/initialized').length;

const rawPost = (body: Buffer | string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(grant.mcpUrl, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${grant.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: body as NonNullable<RequestInit['body']>,
  });

describe('bodies', () => {
  test(
    'every malformed body answers 400 with its code and a null id, or, where its params alone are at ' +
      'fault, a refusal under its id, and nothing reaches the upstream',
    async () => {
      const session = await openSession(grant);
      const before = seenBeyondHandshakes();
      const answers: { name: string; status: number; code: unknown; id: unknown }[] = [];
      for (const { name, body } of malformedBodies) {
        const response = await session.post(new Uint8Array(body));
        const answer = (await response.json()) as {
          id: unknown;
          error?: { code: number };
          result?: { isError: boolean; _meta: Record<string, { code: string }> };
        };
        answers.push({
          name,
          status: response.status,
          code: answer.error?.code ?? answer.result?._meta['io.toolgate/decision']?.code,
          id: answer.id,
        });
      }
      expect(answers).toEqual(
        malformedBodies.map(({ name, code, inParams }) =>
          inParams ? { name, status: 200, code: 'malformed', id: 1 } : { name, status: 400, code, id: null },
        ),
      );
      expect(malformedBodies.length).toBeGreaterThanOrEqual(200);
      expect(seenBeyondHandshakes()).toBe(before);
      await expect
        .poll(
          async () =>
            (await tenant.events('&type=toolCall.decided')).filter((event) => event['code'] === 'malformed').length +
            (await tenant.events('&type=audit.suppressed')).reduce((sum, event) => sum + Number(event['refusals']), 0),
          { timeout: 8000 },
        )
        .toBe(malformedBodies.length);
    },
  );

  test(
    'a request whose params can be read in several ways is answered under its id in both eras, and ' +
      'recorded with its method and no tool',
    async () => {
      const session = await openSession(grant);
      const modern = (method: string) => ({
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        'mcp-name': 'cancel_job',
      });
      const bodyOf = (method: string, id: string) =>
        `{"jsonrpc":"2.0","id":"${id}","method":"${method}","params":{"name":"cancel_job",` +
        '"arguments":{"__proto__":{"admin":true}}}}';
      const answers = [
        await session.post(bodyOf('tools/call', 'one')),
        await session.post(bodyOf('prompts/get', 'two')),
        await rawPost(bodyOf('tools/call', 'three'), modern('tools/call')),
        await rawPost(bodyOf('initialize', 'four')),
      ];
      expect(await Promise.all(answers.map(async (answer) => [answer.status, await answer.json()]))).toMatchObject([
        [
          200,
          {
            id: 'one',
            result: {
              isError: true,
              _meta: { 'io.toolgate/decision': { effect: 'deny', code: 'malformed', rule: null } },
            },
          },
        ],
        [200, { id: 'two', error: { code: -32_602 } }],
        [
          200,
          {
            id: 'three',
            result: { resultType: 'complete', isError: true, _meta: { 'io.toolgate/decision': { code: 'malformed' } } },
          },
        ],
        [200, { id: 'four', error: { code: -32_602 } }],
      ]);
      expect((await rawPost(bodyOf('tools/call', 'five'))).status).toBe(400);
      const belied = await rawPost(bodyOf('tools/call', 'six'), modern('prompts/get'));
      expect([belied.status, await belied.json()]).toMatchObject([400, { id: 'six', error: { code: -32_020 } }]);
      const recorded = async () =>
        (await tenant.events('&type=toolCall.decided')).filter(({ requestId }) => requestId === 'one');
      await expect
        .poll(recorded, { timeout: 8000 })
        .toMatchObject([
          { method: 'tools/call', tool: null, code: 'malformed', sessionId: expect.any(String) as string },
        ]);
    },
  );

  test('a body over 4 MiB is 413, by its length or while it arrives', async () => {
    const big = Buffer.alloc(4 * 1024 * 1024 + 1, 32);
    expect((await rawPost(big)).status).toBe(413);
    const status = await new Promise<string>((resolve, reject) => {
      const url = new URL(grant.mcpUrl);
      const socket = connectTcp(Number(url.port), url.hostname, () => {
        socket.write(
          `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ` +
            `${grant.token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
        );
        for (let i = 0; i < 5; i += 1) socket.write(`100000\r\n${' '.repeat(0x100000)}\r\n`);
      });
      socket.once('data', (chunk) => {
        resolve(chunk.toString().split('\r\n')[0] ?? '');
        socket.destroy();
      });
      socket.once('error', reject);
    });
    expect(status).toContain('413');
  });

  test('a client that sends all of a body over 4 MiB before it reads gets the 413 and no reset', async () => {
    const statuses = await Promise.all(
      [5, 20].map(
        (mebibytes) =>
          new Promise<number | undefined>((resolve, reject) => {
            const headers = { authorization: `Bearer ${grant.token}`, accept: 'application/json, text/event-stream' };
            const sent = request(grant.mcpUrl, { method: 'POST', agent: false, headers }, (response) => {
              response.resume();
              resolve(response.statusCode);
            });
            sent.once('error', reject);
            sent.end(Buffer.alloc(mebibytes * 2 ** 20, 32));
          }),
      ),
    );
    expect(statuses).toEqual([413, 413]);
  });

  test('what the upstream receives is byte for byte what was judged', async () => {
    const session = await openSession(grant);
    const body =
      '{ "jsonrpc":"2.0", ' +
      '"id":7,"method":"tools/call","params":{"name":"quick","arguments":{"b":1.50,"a":"\\u00e9","n":1e21},' +
      '"_meta":{"x.example/unknown":[1]}}}';
    expect((await session.post(body)).status).toBe(200);
    expect(upstream.seenOf('tools/call').at(-1)?.text).toBe(body);
  });
});

describe('credentials', () => {
  test.each([
    ['none', {}, /^Bearer realm="toolgate"$/],
    ['another scheme', { authorization: 'Basic abc' }, /^Bearer realm="toolgate"$/],
    [
      'a wrong secret',
      { authorization: 'Bearer tg_grant_01h2xcejqtf2nbrexx3vqjhp41_0000000000000000000000000000000000000000000000000' },
      /^Bearer realm="toolgate", error="invalid_token"/,
    ],
    ['not a token', { authorization: 'Bearer x' }, /^Bearer realm="toolgate", error="invalid_token"/],
  ])('%s: 401 with the challenge of a server that takes tokens', async (_name, headers, challenge) => {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const response = await fetch(grant.mcpUrl, {
        method,
        headers: headers as Record<string, string>,
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(challenge as RegExp);
    }
  });

  test('a token in the query string counts for nothing', async () => {
    expect((await fetch(`${grant.mcpUrl}?access_token=${grant.token}`, { method: 'POST', body: '{}' })).status).toBe(
      401,
    );
  });

  test('a token of another server is 403 and never insufficient_scope; an expired one is 401', async () => {
    const otherServer = await tenant.server(upstream.url);
    const response = await fetch(`${toolgate.url}/mcp/${otherServer}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${grant.token}` },
      body: '{}',
    });
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toBeNull();
    const brief = await tenant.grant({ serverId, policyId, expiresAt: new Date(Date.now() + 1500).toISOString() });
    const session = await openSession(brief);
    expect((await session.post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    expect((await session.post({ jsonrpc: '2.0', id: 2, method: 'ping' })).status).toBe(401);
  });

  test('a foreign web origin and a foreign host name are 403; no OAuth metadata is offered', async () => {
    expect((await rawPost('{}', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await fetch(`${toolgate.url}/.well-known/oauth-protected-resource/mcp/${serverId}`)).status).toBe(404);
    const status = await new Promise<string>((resolve) => {
      const url = new URL(grant.mcpUrl);
      const socket = connectTcp(Number(url.port), url.hostname, () =>
        socket.write(
          `POST ${url.pathname} HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer ` +
            `${grant.token}\r\nContent-Length: 2\r\n\r\n{}`,
        ),
      );
      socket.once('data', (chunk) => {
        resolve(chunk.toString().split('\r\n')[0] ?? '');
        socket.destroy();
      });
    });
    expect(status).toContain('403');
  });
});

describe('sessions', () => {
  test("a missing id is 400; an altered one, another grant's and an ended one are 404", async () => {
    const session = await openSession(grant);
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    expect((await rawPost(JSON.stringify(ping))).status).toBe(400);
    expect(
      (
        await session.post(ping, {
          'mcp-session-id': `${session.id.slice(0, -2)}${session.id.endsWith('A') ? 'B' : 'A'}A`,
        })
      ).status,
    ).toBe(404);
    const other = await tenant.grant({ serverId, policyId });
    expect(
      (
        await fetch(other.mcpUrl, {
          method: 'POST',
          headers: { authorization: `Bearer ${other.token}`, 'mcp-session-id': session.id },
          body: JSON.stringify(ping),
        })
      ).status,
    ).toBe(404);
    const deletes = upstream.seen.filter((seen) => seen.httpMethod === 'DELETE').length;
    const ended = await fetch(grant.mcpUrl, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${grant.token}`, 'mcp-session-id': session.id },
    });
    expect(ended.status).toBe(204);
    expect((await session.post(ping)).status).toBe(404);
    expect(upstream.seen.filter((seen) => seen.httpMethod === 'DELETE').length).toBe(deletes + 1);
    await expect.poll(async () => (await tenant.events('&type=session.ended')).length, { timeout: 5000 }).toBe(1);
  });

  test("the upstream's session id never reaches the client, nor the client's session id the upstream", async () => {
    const session = await openSession(grant);
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'quick' } });
    const upstreamId = upstream.seenOf('tools/call').at(-1)?.headers['mcp-session-id'];
    expect(typeof upstreamId).toBe('string');
    expect(upstreamId).not.toBe(session.id);
  });

  test('a version that is not spoken is 400; a client that asks for an unknown one is offered the newest', async () => {
    const session = await openSession(grant);
    expect(
      (await session.post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { 'mcp-protocol-version': '1999-01-01' })).status,
    ).toBe(400);
    const offered = (await (
      await rawPost(
        JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'initialize',
          params: { protocolVersion: '1999-01-01', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
        }),
      )
    ).json()) as { result: { protocolVersion: string; capabilities: object } };
    expect(offered.result.protocolVersion).toBe('2025-11-25');
    expect(offered.result.capabilities).toEqual({ tools: { listChanged: true } });
  });

  test('methods that no rule governs are -32601, on record, and reach no upstream', async () => {
    const session = await openSession(grant);
    const before = seenBeyondHandshakes();
    for (const method of [
      'tasks/list',
      'tasks/update',
      'made/up',
      'resources/write',
      'sampling/createMessage',
      'initialize2',
    ]) {
      const response = await session.post({ jsonrpc: '2.0', id: method, method, params: {} });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ id: method, error: { code: -32601 } });
    }
    expect((await session.post({ jsonrpc: '2.0', method: 'notifications/made_up' })).status).toBe(202);
    expect(seenBeyondHandshakes()).toBe(before);
    await expect
      .poll(
        async () =>
          (await tenant.events('&type=toolCall.decided')).filter((event) => event['code'] === 'method_not_governed')
            .length,
        { timeout: 5000 },
      )
      .toBe(6);
  });
});

describe('streams', () => {
  test('progress arrives on the stream of its call, before the result', async () => {
    const client = await connect(grant);
    const progress: number[] = [];
    const result = await client.callTool({ name: 'slow', arguments: {} }, undefined, {
      onprogress: (update) => progress.push(update.progress),
    });
    expect(progress).toEqual([1, 2, 3]);
    expect(result.isError).toBeUndefined();
    await client.close();
  });

  test('a revocation, a rotation and a disabled identity close open streams within a second', async () => {
    for (const end of ['revoke', 'rotate', 'disable'] as const) {
      const identityId = await tenant.identity(end);
      const brief = await tenant.grant({ serverId, policyId, identityId });
      const session = await openSession(brief);
      const stream = await fetch(brief.mcpUrl, {
        headers: { authorization: `Bearer ${brief.token}`, accept: 'text/event-stream', 'mcp-session-id': session.id },
      });
      expect(stream.status).toBe(200);
      const closed = stream.text().catch(() => undefined);
      if (end === 'disable') await tenant.api('PATCH', `/v1/identities/${identityId}`, { disabled: true });
      else await tenant.api('POST', `/v1/grants/${brief.id}/${end}`, {});
      const polls = countPolls(toolgate.db);
      await closed;
      expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
    }
  });
});
