import type { ServerResponse } from 'node:http';
import { describe, expect } from 'vitest';
import { META } from '../../../src/mcp/protocol/modern.js';
import { openStream } from '../../support/events.js';
import { modernClient } from '../../support/modern-client.js';
import { startModernUpstream, type ModernUpstream } from '../../support/modern-upstream.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Seen, type Upstream } from '../../support/upstream.js';

type Json = Record<string, unknown>;

const RELATED = 'io.modelcontextprotocol/related-task';
const EXTENSION = 'io.modelcontextprotocol/tasks';
const declared = { meta: { [META.clientCapabilities]: { extensions: { [EXTENSION]: {} } } } };

let legacy: Upstream;
let modern: ModernUpstream;
const { test, tenant } = tenantTest();

const json = (response: ServerResponse, id: unknown, result: Json): true => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  return true;
};

/** What a server with tasks answers; one task, `task.1`, shared by all that sign in as this gateway does. */
const answerTasks = (response: ServerResponse, { message = {} }: Seen): boolean => {
  const { id, method } = message;
  const params = (message['params'] ?? {}) as Json;
  const state = { taskId: 'task.1', status: 'working', createdAt: '2026-01-01T00:00:00Z' };
  if (method === 'initialize') {
    response.setHeader('mcp-session-id', 'upstream');
    return json(response, id, {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {}, tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
      serverInfo: { name: 'tasks', version: '1' },
    });
  }
  if (method === 'server/discover')
    return json(response, id, {
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {}, extensions: { [EXTENSION]: {}, 'x.example/kept': {} } },
      ttlMs: 0,
      cacheScope: 'public',
    });
  if (method === 'tools/call')
    return json(
      response,
      id,
      'task' in params ? { task: state, _meta: { note: 1 } } : { resultType: 'task', ...state },
    );
  if (method === 'tasks/result') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(
      'id: 1\ndata: ' +
        JSON.stringify({
          jsonrpc: '2.0',
          id: 'asked',
          method: 'elicitation/create',
          params: { message: 'Who?', _meta: { [RELATED]: { taskId: 'task.1' } } },
        }) +
        '\n\n',
    );
    response.end(
      'data: ' +
        JSON.stringify({
          jsonrpc: '2.0',
          id,
          result: { content: [], structuredContent: { taskId: 'task.1' }, _meta: { [RELATED]: { taskId: 'task.1' } } },
        }) +
        '\n\n',
    );
    return true;
  }
  return typeof method === 'string' && method.startsWith('tasks/')
    ? json(response, id, { resultType: 'complete', ...state, taskId: params['taskId'] })
    : false;
};

test.beforeAll(async () => {
  legacy = await startUpstream({ tools: [aTool('long')] });
  modern = await startModernUpstream({ legacy: true, tools: [aTool('long')] });
});
test.afterAll(async () => {
  await legacy.close();
  await modern.close();
});

const grants = async (url: string): Promise<readonly [Grant, Grant]> => {
  const serverId = await tenant.server(url);
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  return [await tenant.grant({ serverId, policyId }), await tenant.grant({ serverId, policyId })];
};

describe('in a session', () => {
  test('a task is asked by the grant that was given it, on any session and gateway, and by nobody else', async () => {
    const [mine, theirs] = await grants(legacy.url);
    legacy.setIntercept((_request, response, seen) => answerTasks(response, seen));
    const session = await openSession(mine);
    const ask = async (of: Awaited<ReturnType<typeof openSession>>, method: string, params: Json): Promise<Json> =>
      (await (await of.post({ jsonrpc: '2.0', id: method, method, params })).json()) as Json;
    const made = (await ask(session, 'tools/call', { name: 'long', task: { ttl: 1000 } }))['result'] as {
      task: Json;
      _meta: Json;
    };
    expect(made._meta).toEqual({ note: 1 });
    const taskId = made.task['taskId'] as string;
    expect(taskId).toMatch(/^task\.1\.[\w-]{22}$/);
    for (const method of ['tasks/get', 'tasks/cancel']) {
      expect(await ask(await openSession(mine), method, { taskId })).toMatchObject({
        result: { taskId, status: 'working' },
      });
      expect(legacy.seenOf(method).at(-1)?.message).toMatchObject({ params: { taskId: 'task.1' } });
    }
    const other = await openSession(theirs);
    const before = legacy.countRequests();
    for (const [who, id] of [
      [other, taskId],
      [other, 'task.1'],
      [session, 'task.1'],
      [session, `${taskId}A`],
      [session, taskId.replace('task.1', 'task.2')],
      [session, '.'],
      [session, 7],
      [session, undefined],
    ] as const) {
      expect(await ask(who, 'tasks/get', { taskId: id })).toMatchObject({
        error: { code: -32_602, message: 'no such task' },
      });
    }
    expect(legacy.countRequests()).toBe(before);
    await expect
      .poll(
        async () =>
          (await tenant.events(`&type=toolCall.decided&grantId=${theirs.id}`)).map(({ code, method }) => [
            code,
            method,
          ]),
        { timeout: 5000 },
      )
      .toEqual([
        ['malformed', 'tasks/get'],
        ['malformed', 'tasks/get'],
      ]);
    legacy.setIntercept(undefined);
  });

  test(
    "what a task asks, and its result, name it as the client knows it; the client's answer as the " +
      'server does; other words are let be',
    async () => {
      const [mine] = await grants(legacy.url);
      legacy.setIntercept((_request, response, seen) => answerTasks(response, seen));
      const headers = {
        authorization: `Bearer ${mine.token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      };
      const post = (body: unknown, more: Record<string, string> = {}): Promise<Response> =>
        fetch(mine.mcpUrl, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) });
      const opened = await post({
        jsonrpc: '2.0',
        id: 0,
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: { elicitation: {} },
          clientInfo: { name: 'x', version: '1' },
        },
      });
      expect(((await opened.json()) as { result: { capabilities: unknown } }).result.capabilities).toEqual({
        tools: { listChanged: true },
        tasks: { cancel: {}, requests: { tools: { call: {} } } },
      });
      const own = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
      const made = (await (
        await post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'long', task: {} } }, own)
      ).json()) as { result: { task: { taskId: string } } };
      const { taskId } = made.result.task;
      const text = await (
        await post({ jsonrpc: '2.0', id: 2, method: 'tasks/result', params: { taskId } }, own)
      ).text();
      const [asked, answered] = text
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => JSON.parse(line.slice(6)) as { params: Json; result: Json });
      expect(asked?.params['_meta']).toEqual({ [RELATED]: { taskId } });
      expect(answered?.result).toMatchObject({
        structuredContent: { taskId: 'task.1' },
        _meta: { [RELATED]: { taskId } },
      });
      expect(text).toContain('id: 1\n');
      await post(
        {
          jsonrpc: '2.0',
          id: 'asked',
          result: { action: 'accept', content: { taskId }, _meta: { [RELATED]: { taskId } } },
        },
        own,
      );
      const responses = (): unknown[] =>
        legacy.seen.filter(({ message }) => message?.id === 'asked').map(({ message }) => message);
      await expect.poll(responses).toHaveLength(1);
      expect(responses()[0]).toMatchObject({
        result: { content: { taskId }, _meta: { [RELATED]: { taskId: 'task.1' } } },
      });
      legacy.setIntercept(undefined);
    },
  );

  test('tasks/list, which would list the tasks of every grant, reaches no upstream', async () => {
    const [mine] = await grants(legacy.url);
    const session = await openSession(mine);
    const before = legacy.seenOf('tasks/list').length;
    expect(
      await (await session.post({ jsonrpc: '2.0', id: 1, method: 'tasks/list', params: {} })).json(),
    ).toMatchObject({ error: { code: -32_601 } });
    expect(legacy.seenOf('tasks/list').length).toBe(before);
  });
});

describe('without a session', () => {
  test('a task is asked by the grant that was given it and by nobody else', async () => {
    const [mine, theirs] = await grants(modern.url);
    modern.setIntercept((_request, response, seen) => answerTasks(response, seen));
    const client = modernClient(mine);
    expect((await client.ask('server/discover')).body['result']).toMatchObject({
      capabilities: { extensions: { [EXTENSION]: {}, 'x.example/kept': {} } },
    });
    const made = (await client.ask('tools/call', { name: 'long', arguments: {} }, declared)).body['result'] as Json;
    expect(made).toMatchObject({ resultType: 'task', status: 'working' });
    const { taskId } = made;
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const answer = await client.ask(
        method,
        { taskId, ...(method === 'tasks/update' ? { inputResponses: { a: { taskId } } } : {}) },
        declared,
      );
      expect([answer.status, answer.body['result']]).toMatchObject([200, { taskId }]);
      expect(modern.seenOf(method).at(-1)).toMatchObject({
        headers: { 'mcp-name': 'task.1' },
        message: { params: { taskId: 'task.1' } },
      });
    }
    expect(modern.seenOf('tasks/update').at(-1)?.message).toMatchObject({
      params: { inputResponses: { a: { taskId } } },
    });
    const before = modern.seen.length;
    expect((await modernClient(theirs).ask('tasks/get', { taskId }, declared)).body['error']).toMatchObject({
      code: -32_602,
    });
    expect((await client.ask('tasks/get', { taskId: 'task.1' }, declared)).body['error']).toMatchObject({
      code: -32_602,
    });
    expect([
      (await client.ask('tasks/list', {}, declared)).status,
      (await client.ask('tasks/result', { taskId }, declared)).status,
    ]).toEqual([404, 404]);
    expect(modern.seen.length).toBe(before);
    modern.setIntercept(undefined);
  });

  test('its changes are told to who listens for it, by the id that is known there', async () => {
    const [mine] = await grants(modern.url);
    let notify = (): void => undefined;
    modern.setIntercept((_request, response, seen) => {
      if (seen.message?.['method'] !== 'subscriptions/listen') return answerTasks(response, seen);
      const { notifications } = seen.message['params'] as Json;
      const send = (method: string, params: Json): boolean =>
        response.write(
          'data: ' +
            JSON.stringify({
              jsonrpc: '2.0',
              method,
              params: { ...params, _meta: { [META.subscriptionId]: 'tasks' } },
            }) +
            '\n\n',
        );
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      send('notifications/subscriptions/acknowledged', { notifications });
      notify = () => void send('notifications/tasks', { taskId: 'task.1', status: 'completed' });
      return true;
    });
    const client = modernClient(mine);
    const { taskId } = (await client.ask('tools/call', { name: 'long', arguments: {} }, declared)).body[
      'result'
    ] as Json;
    const stream = await openStream((signal) =>
      client.open(
        'subscriptions/listen',
        { notifications: { taskIds: [taskId, 'task.2', 'task.1'] } },
        { id: 'tasks', ...declared },
        signal,
      ),
    );
    await expect.poll(() => stream.messages[0]).toMatchObject({ params: { notifications: { taskIds: [taskId] } } });
    expect(modern.seenOf('subscriptions/listen').at(-1)?.message).toMatchObject({
      params: { notifications: { taskIds: ['task.1'] } },
    });
    notify();
    await expect
      .poll(() => stream.messages[1])
      .toMatchObject({ method: 'notifications/tasks', params: { taskId, status: 'completed' } });
    stream.leave();
    modern.setIntercept(undefined);
  });
});
