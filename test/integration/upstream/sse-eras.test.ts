import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { META } from '../../../src/mcp/protocol/modern.js';
import { modernClient } from '../../support/modern-client.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, textOf } from '../../support/tenant.js';

type Message = Readonly<{
  id?: number | string;
  method: string;
  params?: Readonly<{ _meta?: Readonly<Record<string, unknown>> }>;
}>;

const CHANGED = 'notifications/tools/list_changed';
const TOOLS = { tools: [{ name: 'change', inputSchema: { type: 'object' } }] };
const complete = (result: object) => ({ resultType: 'complete', ...result });
const done = { content: [{ type: 'text', text: 'done' }] };

const { test, tenant } = tenantTest();
const stops: (() => void)[] = [];
test.afterAll(async () => {
  for (const stop of stops) stop();
});

const legacyResult = ({ method }: Message): object =>
  method === 'initialize'
    ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'both', version: '1' } }
    : method === 'tools/list'
      ? TOOLS
      : done;

/**
 * An HTTP+SSE server whose connections are of the era of their first request. It tells modern clients alone of changes.
 * `eras` has the era of each connection that called a tool; the server has at most `most` connections at once.
 */
const startBoth = async (most = 10) => {
  const streams = new Map<string, ServerResponse>();
  const eras: string[] = [];
  let [opened, subscription]: [number, number | string | undefined] = [0, undefined];
  let isNamed = true;
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      if (streams.size >= most) return void response.writeHead(503).end();
      const id = String((opened += 1));
      streams.set(id, response);
      response.once('close', () => streams.delete(id));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void response.write(`event: endpoint\ndata: /messages?id=${id}\n\n`);
    }
    const stream = streams.get(new URL(request.url ?? '', 'http://x').searchParams.get('id') ?? '');
    const send = (message: object): void =>
      void stream?.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
    const answer = (message: Message): void => {
      const { id, method, params } = message;
      const isModern = params?._meta?.[META.protocolVersion] !== undefined;
      if (method === 'tools/call') eras.push(isModern ? 'modern' : 'legacy');
      if (id === undefined) return;
      if (!isModern) return send({ id, result: legacyResult(message) });
      const _meta = isNamed ? { [META.subscriptionId]: subscription } : {};
      if (method === 'subscriptions/listen') {
        subscription = id;
        const notifications = { toolsListChanged: true };
        return send({
          method: 'notifications/subscriptions/acknowledged',
          params: { _meta: { [META.subscriptionId]: id }, notifications },
        });
      }
      if (method === 'tools/call') send({ method: CHANGED, params: { _meta } });
      const capabilities = { tools: { listChanged: true } };
      const found = { supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'private' };
      const list = { ...TOOLS, ttlMs: 0, cacheScope: 'private' };
      send({ id, result: complete(method === 'server/discover' ? found : method === 'tools/list' ? list : done) });
    };
    let text = '';
    request.on('data', (part) => (text += String(part)));
    request.once('end', () => {
      response.writeHead(202).end();
      answer(JSON.parse(text) as Message);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => (server.closeAllConnections(), server.close()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`;
  return { url, streams, eras, nameNoSubscription: () => (isNamed = false) };
};

const grantFor = async (url: string) => {
  const serverId = await tenant.server('', { transport: { type: 'sse', url } });
  return tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) });
};

const CASES = [
  ['a modern client hears of changes at an SSE server of its era, also after the connection broke', true],
  ['a modern client hears of changes also from a server that names no subscription in them', false],
] as const;

test.each(CASES)('%s', async (_title, isNamed) => {
  const { url, eras, streams, nameNoSubscription } = await startBoth();
  if (!isNamed) nameNoSubscription();
  const client = modernClient(await grantFor(url));
  const leaving = new AbortController();
  const listening = await client.open(
    'subscriptions/listen',
    { notifications: { toolsListChanged: true } },
    {},
    leaving.signal,
  );
  const heard = (async () => {
    let text = '';
    for await (const part of listening.body ?? [])
      if ((text += Buffer.from(part).toString()).includes(CHANGED)) return true;
    return false;
  })();
  const change = (): Promise<unknown> =>
    client.ask('tools/call', { name: 'change', arguments: {} }).then(({ body }) => body['result']);
  expect(await change()).toMatchObject(done);
  expect(await heard).toBe(true);
  leaving.abort();
  for (const stream of streams.values()) stream.destroy();
  expect(await change()).toMatchObject(done);
  expect(eras).toEqual(['modern', 'modern']);
});

test.each([10, 1])(
  'a legacy client has a legacy session at a server of both eras that takes %i connections',
  async (most) => {
    const { url, eras } = await startBoth(most);
    const client = await connect(await grantFor(url));
    expect(textOf(await client.callTool({ name: 'change', arguments: {} }))).toBe('done');
    expect(eras).toEqual(['legacy']);
    await client.close();
  },
);
