import type { ServerResponse } from 'node:http';
import {
  ListRootsRequestSchema,
  ListRootsResultSchema,
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect } from 'vitest';
import { META } from '../../../src/mcp/protocol/modern.js';
import { openStream, type OpenStream } from '../../support/events.js';
import { modernClient } from '../../support/modern-client.js';
import { startModernUpstream, type ModernUpstream } from '../../support/modern-upstream.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, openSession, signUp, type Grant } from '../../support/tenant.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { countPolls, ROUNDS_IN_A_SECOND } from '../../support/poll-rounds.js';

type Json = Record<string, unknown>;

const open = { version: '1', default: 'allow' };
const TOOLS = 'notifications/tools/list_changed';
const RESOURCES = 'notifications/resources/list_changed';
const PROMPTS = 'notifications/prompts/list_changed';

let legacy: Upstream;
let modern: ModernUpstream;
const { test, toolgate, tenant } = tenantTest();

test.beforeAll(async () => {
  legacy = await startUpstream({
    tools: [aTool('ask'), aTool('tell')],
    call: async ({ name }, extra) => {
      if (name === 'ask') {
        const roots = await extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema).then(
          (result) => result.roots.map(({ uri }) => uri),
          (error: Error) => error.message,
        );
        return { content: [{ type: 'text', text: JSON.stringify(roots) }] };
      }
      return { content: [{ type: 'text', text: 'told' }] };
    },
  });
  modern = await startModernUpstream({
    legacy: true,
    tools: [aTool('echo')],
    resources: { 'note://a': 'a', 'note://b': 'b' },
  });
});
test.afterAll(async () => {
  await legacy.close();
  await modern.close();
});

type Granted = Readonly<{
  grant: Grant;
  serverId: string;
  policyId: string;
  publish: (document: unknown) => Promise<void>;
}>;

const granted = async (url: string, document: unknown = open): Promise<Granted> => {
  const serverId = await tenant.server(url);
  const policyId = await tenant.policy(serverId, document);
  const publish = async (next: unknown): Promise<void> => {
    const { status } = await tenant.api('PUT', `/v1/policies/${policyId}`, { document: next }, { 'if-match': '*' });
    expect(status).toBe(200);
  };
  return { grant: await tenant.grant({ serverId, policyId }), serverId, policyId, publish };
};

/** The client's GET stream in a new session. */
const standing = async (grant: Grant): Promise<OpenStream> => {
  const { id } = await openSession(grant);
  return openStream((signal) =>
    fetch(grant.mcpUrl, {
      signal,
      headers: { authorization: `Bearer ${grant.token}`, accept: 'text/event-stream', 'mcp-session-id': id },
    }),
  );
};

const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 700));

test(
  'a client of the legacy era whose GET stream broke off resumes it where the upstream can: it ' +
    'misses nothing, and hears nothing twice',
  async () => {
    const upstream = await startUpstream({
      intercept: (request, response) => {
        if (request.method !== 'GET') return false;
        const last = Number(request.headers['last-event-id'] ?? 0);
        response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .write(
            `retry: 10\nid: ${last + 1}\ndata: ` +
              `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":${last + 1}}}\n\n`,
          );
        if (last < 3) response.end();
        return true;
      },
    });
    const { grant } = await granted(upstream.url);
    const client = new Client({ name: 'c', version: '1' });
    const heard: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.push(params.data));
    await client.connect(
      new StreamableHTTPClientTransport(new URL(grant.mcpUrl), {
        requestInit: { headers: { authorization: `Bearer ${grant.token}` } },
      }),
    );
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual([1, 2, 3, 4]);
    await client.close();
    await upstream.close();
  },
);

test('a list that an upstream gives on a stream taken up again never shows what the policy hides', async () => {
  const upstream = await startUpstream({
    intercept: (request, response) => {
      if (request.method !== 'GET') return false;
      const list = { jsonrpc: '2.0', id: 7, result: { tools: [{ name: 'hidden', inputSchema: { type: 'object' } }] } };
      const heard = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'tools' } };
      const result = { jsonrpc: '2.0', id: 8, result: { content: [{ type: 'text', text: 'tools' }] } };
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .write([list, heard, result].map((message) => `data: ${JSON.stringify(message)}\n\n`).join(''));
      return true;
    },
  });
  const { grant } = await granted(upstream.url, { version: '1', default: 'deny' });
  const stream = await standing(grant);
  await expect.poll(() => stream.messages.map(({ id, method }) => id ?? method)).toEqual(['notifications/message', 8]);
  stream.leave();
  await upstream.close();
});

describe('a client of the legacy era is told on its GET stream', () => {
  test('a GET stream tells which lists a policy changed, and nothing of a policy that shows the same', async () => {
    const { grant, publish } = await granted(legacy.url);
    const stream = await standing(grant);
    await publish({ ...open, tools: { tell: { limits: [{ counter: 'c', window: 'minute', max: 9 }] } } });
    await quiet();
    expect(stream.methods()).toEqual([]);
    await publish({ ...open, hide: ['ask'] });
    await expect.poll(stream.methods).toEqual([TOOLS]);
    await publish({ version: '1', default: 'deny', tools: { tell: {} }, prompts: { a: {} } });
    await expect.poll(stream.methods).toEqual([TOOLS, TOOLS, RESOURCES, PROMPTS]);
    await publish({ version: '1', default: 'deny', tools: { tell: {} } });
    await expect.poll(() => stream.methods().slice(4)).toEqual([PROMPTS]);
    stream.leave();
  });

  test('a GET stream tells that its grant has another policy, or none', async () => {
    const { grant, serverId } = await granted(legacy.url);
    const stream = await standing(grant);
    const closed = await tenant.policy(serverId, { version: '1', default: 'deny' });
    for (const [index, policyId] of [closed, null].entries()) {
      expect((await tenant.api('PATCH', `/v1/grants/${grant.id}`, { policyId })).status).toBe(200);
      await expect.poll(() => stream.messages.length).toBe(3 * (index + 1));
    }
    stream.leave();
  });

  test('the official SDK hears within a second on its GET stream that a list changed', async () => {
    const { grant, publish } = await granted(legacy.url);
    const client = await connect(grant);
    expect(client.getServerCapabilities()?.tools).toEqual({ listChanged: true });
    const told = new Promise<void>((resolve) =>
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve()),
    );
    await expect.poll(() => legacy.seen.filter(({ httpMethod }) => httpMethod === 'GET').length).toBeGreaterThan(0);
    await publish({ ...open, hide: ['ask'] });
    const polls = countPolls(toolgate.db);
    await told;
    expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['tell']);
    await client.close();
  });

  test('a client whose upstream has no GET stream has one of Toolgate alone', async () => {
    legacy.setIntercept((request, response) => {
      if (request.method !== 'GET') return false;
      response.writeHead(405).end();
      return true;
    });
    const { grant, publish } = await granted(legacy.url);
    const stream = await standing(grant);
    expect(stream.status).toBe(200);
    await publish({ ...open, hide: ['ask'] });
    await expect.poll(stream.methods).toEqual([TOOLS]);
    stream.leave();
    legacy.setIntercept(undefined);
  });

  test('an event of Toolgate stands between two events of the upstream, never within one', async () => {
    let upstream: ServerResponse | undefined;
    legacy.setIntercept((request, response) => {
      if (request.method !== 'GET') return false;
      upstream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('id: 1\ndata: {"jsonrpc":"2.0","method":"notifications/x"}\n\nid: 2\nda');
      return true;
    });
    const { grant, publish } = await granted(legacy.url);
    const stream = await standing(grant);
    await expect.poll(stream.methods).toEqual(['notifications/x']);
    await publish({ ...open, hide: ['ask'] });
    await quiet();
    expect(stream.text()).not.toContain(TOOLS);
    upstream?.write('ta: {"jsonrpc":"2.0","method":"notifications/y"}\n\n');
    await expect.poll(stream.methods).toEqual(['notifications/x', 'notifications/y', TOOLS]);
    expect(stream.text()).toContain('id: 2\ndata: {"jsonrpc":"2.0","method":"notifications/y"}\n\n');
    stream.leave();
    legacy.setIntercept(undefined);
  });
});

describe("a server's own requests", () => {
  const rootsOf = async (client: Client): Promise<unknown> =>
    JSON.parse(
      (((await client.callTool({ name: 'ask', arguments: {} })) as Json)['content'] as { text: string }[])[0]?.text ??
        '',
    );
  const connected = async (grant: Grant, capabilities: Json): Promise<Client> => {
    const client = new Client({ name: 'asked', version: '1' }, { capabilities });
    if ('roots' in capabilities)
      client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///root' }] }));
    await client.connect(
      new StreamableHTTPClientTransport(new URL(grant.mcpUrl), {
        requestInit: { headers: { authorization: `Bearer ${grant.token}` } },
      }),
    );
    return client;
  };

  test('a request of a server reaches a client that declared to answer it, and its answer goes back', async () => {
    const client = await connected((await granted(legacy.url)).grant, { roots: {} });
    expect(await rootsOf(client)).toEqual(['file:///root']);
    await client.close();
  });

  test('a request of a server that its client did not declare to answer is answered in its place', async () => {
    let id = 0;
    legacy.setIntercept(async (_request, response, seen) => {
      if (seen.message?.['method'] !== 'tools/call') return false;
      id += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const asked = {
        jsonrpc: '2.0',
        id: `asked ${id}`,
        method: 'sampling/createMessage',
        params: { messages: [], maxTokens: 1 },
      };
      // In one piece, in two, and in another spelling.
      const text =
        `data: ${id === 3 ? JSON.stringify(asked).replace('"method"', '"m\\u0065thod"') : JSON.stringify(asked)}` +
        '\n\n';
      response.write(id === 2 ? text.slice(0, 30) : text);
      if (id === 2) {
        await quiet();
        response.write(text.slice(30));
      }
      await quiet();
      response.end(
        'data: ' +
          JSON.stringify({
            jsonrpc: '2.0',
            id: seen.message['id'],
            result: { content: [{ type: 'text', text: 'done' }] },
          }) +
          '\n\n',
      );
      return true;
    });
    const session = await openSession((await granted(legacy.url)).grant);
    for (let round = 1; round <= 3; round += 1) {
      const answer = await (
        await session.post({ jsonrpc: '2.0', id: round, method: 'tools/call', params: { name: 'tell' } })
      ).text();
      expect(answer).toContain('done');
      expect(answer).not.toContain('sampling');
      await expect
        .poll(() => legacy.seen.map(({ message }) => message).find((message) => message?.['id'] === `asked ${round}`))
        .toMatchObject({ error: { code: -32_601 } });
    }
    legacy.setIntercept(undefined);
  });
});

describe('subscriptions/listen', () => {
  const listening = (grant: Grant, notifications: Json, id: string | number = 'listen'): Promise<OpenStream> =>
    openStream((signal) => modernClient(grant).open('subscriptions/listen', { notifications }, { id }, signal));
  const acknowledged = (stream: OpenStream): unknown =>
    (stream.messages[0] as { params?: { notifications?: unknown } } | undefined)?.params?.notifications;

  test(
    "subscriptions/listen tells the upstream's changes and a policy's, each with the subscription's id, and only " +
      'what was asked for',
    async () => {
      const { grant, publish } = await granted(modern.url);
      const stream = await listening(grant, { toolsListChanged: true });
      await expect.poll(() => acknowledged(stream)).toEqual({ toolsListChanged: true });
      modern.notify.toolsChanged();
      await expect.poll(() => stream.messages.length).toBe(2);
      await publish({ version: '1', default: 'deny', tools: { echo: {} } });
      await expect.poll(stream.methods).toEqual(['notifications/subscriptions/acknowledged', TOOLS, TOOLS]);
      for (const message of stream.messages)
        expect(message).toMatchObject({ params: { _meta: { [META.subscriptionId]: 'listen' } } });
      stream.leave();
      await expect.poll(modern.open, { timeout: 5000 }).toBe(0);
    },
  );

  test('subscriptions/listen promises changes of every list that is asked for, whatever the upstream can', async () => {
    const { grant, publish } = await granted(modern.url);
    const stream = await listening(grant, { promptsListChanged: true, resourcesListChanged: true });
    await expect.poll(() => acknowledged(stream)).toEqual({ promptsListChanged: true, resourcesListChanged: true });
    await publish({ version: '1', default: 'deny' });
    await expect.poll(() => stream.methods().slice(1)).toEqual([RESOURCES, PROMPTS]);
    stream.leave();
  });

  test('subscriptions/listen asks for allowed resources alone, each a decision with an outcome', async () => {
    const { grant } = await granted(modern.url, { version: '1', default: 'deny', resources: { 'note://a': {} } });
    const stream = await listening(grant, {
      resourceSubscriptions: ['note://a', 'note://b', 'note://a'],
      'x.example/other': true,
    });
    await expect.poll(() => acknowledged(stream)).toMatchObject({ resourceSubscriptions: ['note://a'] });
    expect(modern.seenOf('subscriptions/listen').at(-1)?.message).toMatchObject({
      params: { notifications: { resourceSubscriptions: ['note://a'], 'x.example/other': true } },
    });
    modern.notify.resourceUpdated('note://b');
    modern.notify.resourceUpdated('note://a');
    await expect.poll(() => stream.messages.length).toBe(2);
    expect(stream.messages[1]).toMatchObject({
      method: 'notifications/resources/updated',
      params: { uri: 'note://a' },
    });
    stream.leave();
    const events = (type: string): Promise<readonly Json[]> => tenant.events(`&type=${type}&grantId=${grant.id}`);
    await expect
      .poll(async () => (await events('toolCall.decided')).map(({ method, tool, code }) => [method, tool, code]), {
        timeout: 5000,
      })
      .toEqual([
        ['subscriptions/listen', 'note://a', 'allowed'],
        ['subscriptions/listen', 'note://b', 'not_listed'],
      ]);
    await expect
      .poll(async () => (await events('toolCall.completed')).map(({ tool, status }) => [tool, status]), {
        timeout: 5000,
      })
      .toEqual([['note://a', 'ok']]);
  });

  test('subscriptions/listen is a stream of Toolgate alone where the upstream has no subscriptions', async () => {
    modern.setIntercept((_request, response, seen) => {
      if (seen.message?.['method'] !== 'subscriptions/listen') return false;
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: seen.message['id'], error: { code: -32_601, message: 'no' } }));
      return true;
    });
    const { grant, publish } = await granted(modern.url);
    const stream = await listening(grant, { toolsListChanged: true, resourceSubscriptions: ['note://a'] }, 7);
    await expect.poll(() => acknowledged(stream)).toEqual({ toolsListChanged: true });
    await publish({ version: '1', default: 'deny' });
    await expect
      .poll(() => stream.messages[1])
      .toEqual({ jsonrpc: '2.0', method: TOOLS, params: { _meta: { [META.subscriptionId]: 7 } } });
    stream.leave();
    modern.setIntercept(undefined);
  });

  test('subscriptions/listen to an upstream that can not be reached, or refuses, is an error', async () => {
    const { grant } = await granted(modern.url);
    for (const [status, code] of [
      [500, -33_103],
      [400, -32_021],
    ] as const) {
      modern.setIntercept((_request, response, seen) => {
        if (seen.message?.['method'] !== 'subscriptions/listen') return false;
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(
            status === 500
              ? '{}'
              : JSON.stringify({ jsonrpc: '2.0', id: seen.message['id'], error: { code, message: 'no' } }),
          );
        return true;
      });
      const answer = await modernClient(grant).ask('subscriptions/listen', {
        notifications: { toolsListChanged: true },
      });
      expect([answer.status, answer.body['error']]).toEqual([
        status === 500 ? 200 : 400,
        expect.objectContaining({ code }),
      ]);
    }
    modern.setIntercept(undefined);
  });

  test('a subscription ends with its grant within a second', async () => {
    const { grant } = await granted(modern.url);
    const stream = await listening(grant, { toolsListChanged: true });
    await expect.poll(() => stream.messages.length).toBe(1);
    await tenant.api('POST', `/v1/grants/${grant.id}/revoke`, {});
    const polls = countPolls(toolgate.db);
    await stream.over;
    expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
  });
});

test(
  'when the process stops, a subscription ends with its response and a GET stream ends, and both ' + 'say nothing more',
  async () => {
    const other = await startTestToolgate();
    const theirs = await signUp(other.url);
    const serverId = await theirs.server(modern.url);
    const grant = await theirs.grant({ serverId, policyId: await theirs.policy(serverId, open) });
    const subscription = await openStream((signal) =>
      modernClient(grant).open(
        'subscriptions/listen',
        { notifications: { toolsListChanged: true } },
        { id: 'last' },
        signal,
      ),
    );
    await expect.poll(() => subscription.messages.length).toBe(1);
    await other.close();
    await subscription.over;
    expect(subscription.messages.at(-1)).toEqual({
      jsonrpc: '2.0',
      id: 'last',
      result: { resultType: 'complete', _meta: { [META.subscriptionId]: 'last' } },
    });
  },
);
