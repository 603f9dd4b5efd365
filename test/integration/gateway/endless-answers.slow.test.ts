import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { collectedBytes } from '../../../src/platform/fair-shares/held-bytes.js';
import { modernClient } from '../../support/modern-client.js';
import { openSession, signUp, type Grant, type Tenant } from '../../support/tenant.js';
import { startTestToolgate, type TestToolgate } from '../../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const MIB = 2 ** 20;

let patient: TestToolgate;
let strict: TestToolgate;
let upstream: Upstream;
let tenant: Tenant;
let grant: Grant;
let strictTenant: Tenant;
let strictGrant: Grant;
const open = new Set<ServerResponse>();

const grantAt = async (of: Tenant): Promise<Grant> => {
  const serverId = await of.server(upstream.url);
  return of.grant({ serverId, policyId: await of.policy(serverId, { version: '1', default: 'allow' }) });
};

beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('echo')], json: true });
  [patient, strict] = [
    await startTestToolgate({ UPSTREAM_TIMEOUT: '300' }),
    await startTestToolgate({ UPSTREAM_TIMEOUT: '1' }),
  ];
  [tenant, strictTenant] = [await signUp(patient.url), await signUp(strict.url)];
  [grant, strictGrant] = [await grantAt(tenant), await grantAt(strictTenant)];
});
afterAll(async () => {
  await patient.close();
  await strict.close();
  await upstream.close();
});
beforeEach(() => upstream.setIntercept(undefined));

/** Sends a byte of white space every 50 ms, and never ends. */
const trickle = (response: ServerResponse, contentType = 'application/json'): true => {
  open.add(response);
  response.writeHead(200, { 'content-type': contentType });
  const timer = setInterval(() => response.write(' '), 50);
  response.once('close', () => {
    clearInterval(timer);
    open.delete(response);
  });
  return true;
};
const trickleTo = (method: string, contentType?: string): void =>
  upstream.setIntercept(
    (_request, response, { message }) => message?.['method'] === method && trickle(response, contentType),
  );

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
};
const post = (
  of: Grant,
  body: unknown,
  more: Readonly<{ session?: string; signal?: AbortSignal }> = {},
): Promise<Response> =>
  fetch(of.mcpUrl, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${of.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(more.session === undefined ? {} : { 'mcp-session-id': more.session }),
    },
    body: JSON.stringify(body),
    ...(more.signal ? { signal: more.signal } : {}),
  });

describe('an answer without end', () => {
  test.each(['tools/list', 'initialize'])(
    'an answer to %s without end is given up when its client leaves',
    async (method) => {
      const session = await openSession(grant);
      trickleTo(method);
      const leaving = new AbortController();
      const body = method === 'initialize' ? initialize : { jsonrpc: '2.0', id: 1, method };
      const asked = Array.from({ length: 10 }, () =>
        post(grant, body, { session: session.id, signal: leaving.signal }).catch(() => undefined),
      );
      await expect.poll(() => open.size).toBe(10);
      leaving.abort();
      await Promise.all(asked);
      await expect.poll(() => open.size).toBe(0);
      await expect.poll(() => collectedBytes.bytes).toBe(0);
    },
  );

  test.each(['application/json', 'text/event-stream'])(
    'an answer to tools/list, %s, without end is an error after the timeout, although bytes keep coming',
    async (contentType) => {
      const session = await openSession(strictGrant);
      trickleTo('tools/list', contentType);
      expect(await (await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).json()).toMatchObject({
        error: { message: 'the MCP server did not answer in time' },
      });
      await expect.poll(() => open.size).toBe(0);
    },
  );

  test('an answer to initialize without end is an error after the timeout', async () => {
    trickleTo('initialize');
    expect(await (await post(strictGrant, initialize)).json()).toHaveProperty('error');
    await expect.poll(() => open.size).toBe(0);
  });

  test('an answer whose legacy client left is read no longer than the timeout; its outcome says so', async () => {
    const session = await openSession(strictGrant);
    trickleTo('tools/call');
    const leaving = new AbortController();
    const asked = post(
      strictGrant,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } },
      { session: session.id, signal: leaving.signal },
    );
    await expect.poll(() => open.size).toBe(1);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => open.size).toBe(0);
    await expect
      .poll(async () => (await strictTenant.events('&type=toolCall.completed')).map(({ status }) => status))
      .toEqual(['timeout']);
  });

  test('a translated call ends when one message of its answer takes longer than the timeout', async () => {
    const session = await modernClient(strictGrant).ask('tools/list');
    expect(session.status).toBe(200);
    trickleTo('tools/call', 'text/event-stream');
    const { body } = await modernClient(strictGrant).ask('tools/call', { name: 'echo', arguments: {} });
    expect(body).toHaveProperty('error');
    await expect.poll(() => open.size).toBe(0);
  });
});

describe('a translated call without end', () => {
  const says = {
    'comments alone': ':\n\n',
    'notifications alone':
      'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"still here"}}\n\n',
  };
  const send = (response: ServerResponse, text: string): true => {
    open.add(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write(text), 50);
    response.once('close', () => {
      clearInterval(timer);
      open.delete(response);
    });
    return true;
  };

  test.each(Object.entries(says))(
    'a translated call without end is given up although its legacy server sends %s',
    async (_, text) => {
      await modernClient(strictGrant).ask('tools/list');
      upstream.setIntercept(
        (_request, response, { message }) => message?.['method'] === 'tools/call' && send(response, text),
      );
      const response = await modernClient(strictGrant).open('tools/call', { name: 'echo', arguments: {} });
      expect(await response.text()).toContain('the MCP server did not answer in time');
      await expect.poll(() => open.size).toBe(0);
    },
  );
});

describe('answers of one grant that are collected at once', () => {
  test('collected answers of one grant hold at most 64 MiB: one too many ends, and all is given back', async () => {
    const client = modernClient(grant);
    await client.ask('tools/list');
    const part = Buffer.alloc(MIB, ' ');
    upstream.setIntercept((_request, response, { message }) => {
      if (message?.['method'] !== 'tools/call') return false;
      open.add(response);
      response.once('close', () => open.delete(response));
      response.writeHead(200, { 'content-type': 'application/json' });
      for (let sent = 0; sent < 24; sent += 1) response.write(part);
      return true;
    });
    let peak = 0;
    const watching = setInterval(() => (peak = Math.max(peak, collectedBytes.bytes)), 1);
    const leaving = new AbortController();
    const refused: unknown[] = [];
    const asked = Array.from({ length: 6 }, (_, id) =>
      client
        .open('tools/call', { name: 'echo', arguments: {} }, { id }, leaving.signal)
        .then(async (response) => refused.push(await response.json()))
        .catch(() => undefined),
    );
    await expect.poll(() => refused.length).toBe(4);
    expect(refused[0]).toHaveProperty('error');
    await expect.poll(() => collectedBytes.bytes).toBe(48 * MIB);
    clearInterval(watching);
    expect(peak).toBeLessThanOrEqual(64 * MIB);
    leaving.abort();
    await Promise.all(asked);
    await expect.poll(() => collectedBytes.bytes).toBe(0);
    await expect.poll(() => open.size).toBe(0);
  });
});
