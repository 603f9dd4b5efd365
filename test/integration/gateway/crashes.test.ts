import type { ServerResponse } from 'node:http';
import { describe, expect } from 'vitest';
import { META } from '../../../src/mcp/protocol/modern.js';
import { modernClient } from '../../support/modern-client.js';
import { startModernUpstream, type ModernUpstream } from '../../support/modern-upstream.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Seen, type Upstream } from '../../support/upstream.js';

/**
 * What ended the process before. An exception that nobody catches fails the run of these tests; each also shows that
 * the process goes on serving and that every allowed call has its outcome.
 */
const DEEP = '['.repeat(20_000) + ']'.repeat(20_000);
const TASKS = { meta: { [META.clientCapabilities]: { extensions: { 'io.modelcontextprotocol/tasks': {} } } } };

let legacy: Upstream;
let modern: ModernUpstream;
const { test, tenant } = tenantTest({ UPSTREAM_TIMEOUT: '20' });

let legacyGrant: Grant;
let modernGrant: Grant;

test.beforeAll(async () => {
  legacy = await startUpstream({
    tools: [aTool('echo')],
    offers: { resources: ['mem:a'], templates: [], prompts: [] },
    json: true,
  });
  modern = await startModernUpstream({ tools: [aTool('echo')], resources: { 'mem:a': 'text' } });
  const grantAt = async (url: string): Promise<Grant> => {
    const serverId = await tenant.server(url);
    return tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) });
  };
  [legacyGrant, modernGrant] = [await grantAt(legacy.url), await grantAt(modern.url)];
});
test.afterAll(async () => {
  await legacy.close();
  await modern.close();
});
test.beforeEach(() => {
  legacy.setIntercept(undefined);
  modern.setIntercept(undefined);
});

const json = (response: ServerResponse, text: string): true => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
  return true;
};
const events = (response: ServerResponse, data: string, ends = true): true => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${data}\n\n`);
  if (ends) response.end();
  return true;
};
const call = (params: object = {}) => ({
  jsonrpc: '2.0',
  id: 5,
  method: 'tools/call',
  params: { name: 'echo', arguments: {}, ...params },
});
const isCall = ({ message }: Seen, method: string): boolean => message?.['method'] === method;

/** Every allowed call has exactly one outcome. */
const everyCallHasEnded = async (): Promise<void> => {
  await expect
    .poll(async () => {
      const decided = (await tenant.events('&type=toolCall.decided')).filter(({ effect }) => effect === 'allow').length;
      return decided - (await tenant.events('&type=toolCall.completed')).length;
    })
    .toBe(0);
};

describe('an answer of an upstream that is nested 20,000 levels deep', () => {
  test.each<[string, (response: ServerResponse, id: unknown) => true, object]>([
    ['a JSON array', (response) => json(response, DEEP), {}],
    [
      'an array in an event',
      (response) => events(response, `${'['.repeat(20_000)}{"method":"x","tools":1}${']'.repeat(20_000)}`),
      {},
    ],
    [
      'an error',
      (response, id) =>
        json(response, `{"jsonrpc":"2.0","id":${String(id)},"error":{"code":1,"message":"x","data":${DEEP}}}`),
      {},
    ],
    [
      'a task',
      (response, id) =>
        json(response, `{"jsonrpc":"2.0","id":${String(id)},"result":{"task":{"taskId":"1"},"x":${DEEP}}}`),
      { task: {} },
    ],
    [
      'a task in an event',
      (response, id) =>
        events(response, `{"jsonrpc":"2.0","id":${String(id)},"result":{"task":{"taskId":"1"},"x":${DEEP}}}`),
      { task: {} },
    ],
  ])('to tools/call, %s, ends that call alone', async (_what, answer, params) => {
    legacy.setIntercept(
      (_request, response, seen) => isCall(seen, 'tools/call') && answer(response, seen.message?.['id']),
    );
    const session = await openSession(legacyGrant);
    const response = await session.post(call(params));
    expect(response.status).toBe(200);
    await response.text();
    await everyCallHasEnded();
  });

  test.each(['tools/list', 'resources/list', 'prompts/list'])('to %s is told as unreadable', async (method) => {
    const session = await openSession(legacyGrant);
    legacy.setIntercept(
      (_request, response, seen) =>
        isCall(seen, method) &&
        json(response, `{"jsonrpc":"2.0","id":7,"result":{"tools":[],"resources":[],"prompts":[],"x":${DEEP}}}`),
    );
    expect(await (await session.post({ jsonrpc: '2.0', id: 7, method })).json()).toMatchObject({
      id: 7,
      error: { message: 'the MCP server gave no readable list' },
    });
  });

  test('to initialize of a legacy client gives no session', async () => {
    legacy.setIntercept(
      (_request, response, seen) =>
        isCall(seen, 'initialize') &&
        json(
          response,
          `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"x":${DEEP}},` +
            '"serverInfo":{"name":"x","version":"1"}}}',
        ),
    );
    await expect(openSession(legacyGrant)).rejects.toThrow(/initialize answered 200/);
  });

  test('to server/discover gives a legacy client no session, and a modern client an error', async () => {
    const grant = await tenant.grant({ serverId: modernGrant.mcpUrl.split('/').at(-1) ?? '', policyId: undefined });
    modern.setIntercept(
      (_request, response, seen) =>
        isCall(seen, 'server/discover') &&
        json(
          response,
          `{"jsonrpc":"2.0","id":${JSON.stringify(seen.message?.['id'])},` +
            `"result":{"supportedVersions":["2026-07-28"],"capabilities":{"x":${DEEP}}}}`,
        ),
    );
    await expect(openSession(grant)).rejects.toThrow(/initialize answered/);
    expect((await modernClient(modernGrant).ask('server/discover')).status).toBe(400);
  });

  test('to the initialize behind a modern client, to its call and to its list gives it an error', async () => {
    const client = modernClient(legacyGrant);
    legacy.setIntercept(
      (_request, response, seen) =>
        isCall(seen, 'initialize') &&
        json(
          response,
          '{"jsonrpc":"2.0","id":"initialize","result":{"protocolVersion":"2025-11-25",' +
            `"capabilities":{"x":${DEEP}},"serverInfo":{"name":"x","version":"1"}}}`,
        ),
    );
    expect((await client.ask('server/discover')).body).toHaveProperty('error');
    legacy.setIntercept(
      (_request, response, seen) =>
        (isCall(seen, 'tools/call') || isCall(seen, 'tools/list')) &&
        json(
          response,
          `{"jsonrpc":"2.0","id":${String(seen.message?.['id'])},"result":{"tools":[],"content":[],"x":${DEEP}}}`,
        ),
    );
    expect((await client.ask('tools/call', { name: 'echo', arguments: {} })).body).toHaveProperty('error');
    expect((await client.ask('tools/list')).body).toHaveProperty('error');
    await everyCallHasEnded();
  });

  test.each(['acknowledged', 'acknowledged and its request'])(
    'as the %s notification of a subscription is not passed on',
    async (what) => {
      const notification =
        `{"jsonrpc":"2.0",${what === 'acknowledged' ? '' : '"id":"x",'}` +
        `"method":"notifications/subscriptions/acknowledged","params":{"notifications":{},"x":${DEEP}}}`;
      modern.setIntercept(
        (_request, response, seen) => isCall(seen, 'subscriptions/listen') && events(response, notification),
      );
      const { text } = await modernClient(modernGrant).ask('subscriptions/listen', {
        notifications: { toolsListChanged: true },
      });
      expect(text.includes('[[[[')).toBe(false);
    },
  );

  test('on the standing stream of a session is not passed on', async () => {
    const session = await openSession(legacyGrant);
    legacy.setIntercept(
      (request, response) =>
        request.method === 'GET' && events(response, `{"jsonrpc":"2.0","id":1,"result":{"tools":[${DEEP}]}}`),
    );
    const response = await fetch(legacyGrant.mcpUrl, {
      headers: {
        authorization: `Bearer ${legacyGrant.token}`,
        accept: 'text/event-stream',
        'mcp-session-id': session.id,
      },
    });
    expect((await response.text()).includes('[[[[')).toBe(false);
  });

  test('to a discovery is told as unreadable', async () => {
    for (const [upstream, method] of [
      [legacy, 'tools/list'],
      [legacy, 'initialize'],
      [modern, 'server/discover'],
      [modern, 'tools/list'],
    ] as const) {
      upstream.setIntercept(
        (_request: unknown, response: ServerResponse, seen: Seen) =>
          isCall(seen, method) &&
          json(
            response,
            `{"jsonrpc":"2.0","id":${JSON.stringify(seen.message?.['id'])},` +
              '"result":{"protocolVersion":"2025-11-25","supportedVersions":["2026-07-28"],' +
              `"capabilities":{"x":${DEEP}},"tools":[{"name":"a","inputSchema":${DEEP}}]}}`,
          ),
      );
      const answer = await tenant.api('POST', '/v1/servers', {
        name: 'Deep',
        transport: { type: 'streamable-http', url: upstream.url },
      });
      expect([method, answer.status, answer.body['status']]).toEqual([method, 201, 'unreachable']);
      upstream.setIntercept(undefined);
    }
  });
});

describe('an exchange that one side breaks off', () => {
  test('in a call that may become a task, by the upstream', async () => {
    legacy.setIntercept((_request, response, seen) => isCall(seen, 'tools/call') && response.destroy() !== undefined);
    const session = await openSession(legacyGrant);
    expect(await (await session.post(call({ task: {} }))).json()).toMatchObject({
      error: { message: expect.stringContaining('broke off') as string },
    });
    await everyCallHasEnded();
  });

  test.each([
    ['resources/read', { uri: 'mem:a' }, {}],
    ['tools/call', { name: 'echo', arguments: {} }, TASKS],
  ])('in %s, by its modern client', async (method, params, more) => {
    modern.setIntercept((_request, _response, seen) => isCall(seen, method));
    const before = modern.seenOf(method).length;
    const leaving = new AbortController();
    const answer = modernClient(modernGrant).open(method, params, more, leaving.signal);
    await expect.poll(() => modern.seenOf(method).length).toBe(before + 1);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await everyCallHasEnded();
  });

  test('in a task that is asked about, by the upstream', async () => {
    legacy.setIntercept((_request, response, seen) => {
      if (isCall(seen, 'tools/call'))
        return json(
          response,
          `{"jsonrpc":"2.0","id":${String(seen.message?.['id'])},"result":{"task":{"taskId":"1"}}}`,
        );
      return isCall(seen, 'tasks/get') && response.destroy() !== undefined;
    });
    const session = await openSession(legacyGrant);
    const { result } = (await (await session.post(call({ task: {} }))).json()) as {
      result: { task: { taskId: string } };
    };
    expect(
      await (
        await session.post({ jsonrpc: '2.0', id: 6, method: 'tasks/get', params: { taskId: result.task.taskId } })
      ).json(),
    ).toHaveProperty('error');
  });
});
