import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { inputRequired, type ServerContext } from '@modelcontextprotocol/server';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openEraBridge } from '../../../src/mcp/era-bridge/era-bridge.js';
import { startModernUpstream, type ModernOptions, type ModernUpstream } from '../../support/modern-upstream.js';
import { serveForward, serverAt, transports } from '../../support/serve-forward.js';
import { textOf } from '../../support/tenant.js';
import { aTool } from '../../support/upstream.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

type World = Readonly<{ upstream: ModernUpstream; url: string; client: (capabilities?: object) => Promise<Client> }>;

/** A modern-only server behind the translation, and legacy clients of it. */
const world = async (options: ModernOptions = {}): Promise<World> => {
  const upstream = await startModernUpstream(options);
  const { forward, stop } = transports();
  const translation = openEraBridge(forward);
  const served = await serveForward(translation.forward, serverAt(upstream.url, ['modern']));
  stops.push(upstream.close, stop, translation.stop, served.close);
  const client = async (capabilities: object = {}): Promise<Client> => {
    const made = new Client({ name: 'old-client', version: '0.9' }, { capabilities });
    stops.push(() => made.close());
    await made.connect(new StreamableHTTPClientTransport(new URL(served.url)));
    return made;
  };
  return { upstream, url: served.url, client };
};

const says = (text: string) => ({ content: [{ type: 'text' as const, text }] });
const paramsOf = (message: Record<string, unknown> | undefined): Record<string, unknown> =>
  (message?.['params'] ?? {}) as Record<string, unknown>;

describe('a legacy client of a modern server', () => {
  test('is answered its initialize from what the server says of itself', async () => {
    const { client } = await world();
    const connected = await client();
    expect(connected.getServerVersion()).toEqual({ name: 'modern-upstream', version: '3.2.1' });
    expect(connected.getServerCapabilities()).toMatchObject({ tools: { listChanged: true }, logging: {} });
    expect(connected.getInstructions()).toBe('Be kind.');
    await connected.ping();
  });

  test(
    'lists and calls tools; each request names the client and mirrors its method, name and marked ' + 'arguments',
    async () => {
      const { upstream, client } = await world({
        tools: [
          aTool('run it', {
            inputSchema: {
              type: 'object',
              properties: {
                region: { type: 'string', 'x-mcp-header': 'Region' },
                n: { type: 'integer', 'x-mcp-header': 'N' },
              },
            },
          }),
        ],
      });
      const connected = await client({ roots: { listChanged: true } });
      expect((await connected.listTools()).tools.map(({ name }) => name)).toEqual(['run it']);
      const called = await connected.callTool({ name: 'run it', arguments: { region: 'zürich', n: 42 } });
      expect(JSON.parse(textOf(called))).toEqual({ tool: 'run it', arguments: { region: 'zürich', n: 42 } });
      const [call] = upstream.seenOf('tools/call');
      expect(call?.headers).toMatchObject({
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'run it',
        'mcp-param-region': '=?base64?esO8cmljaA==?=',
        'mcp-param-n': '42',
      });
      expect(call?.headers['mcp-session-id']).toBeUndefined();
      expect(paramsOf(call?.message)['_meta']).toMatchObject({
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'old-client', version: '0.9' },
        'io.modelcontextprotocol/clientCapabilities': { roots: { listChanged: true } },
        'io.modelcontextprotocol/logLevel': 'info',
      });
    },
  );

  test('that sends a number that no double holds has it written in the header as in the body', async () => {
    const n = { type: 'integer', 'x-mcp-header': 'N' };
    const { upstream, url, client } = await world({
      tools: [aTool('t', { inputSchema: { type: 'object', properties: { n } } })],
    });
    const { transport } = await client();
    upstream.setIntercept((_request, response, { message }) => {
      if (message?.['method'] !== 'tools/call') return false;
      const answer = { jsonrpc: '2.0', id: message['id'], result: { resultType: 'complete', content: [] } };
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer)) !== undefined;
    });
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'mcp-session-id': (transport as StreamableHTTPClientTransport).sessionId ?? '',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"n":9007199254740993}}}',
    });
    expect(await answer.text()).toContain('"content":[]');
    const [call] = upstream.seenOf('tools/call');
    expect(call?.headers).toMatchObject({ 'mcp-param-n': '9007199254740993' });
    expect(call?.text).toContain('"arguments":{"n":9007199254740993}');
  });

  test('that calls a tool without having listed it still sends the headers that the tool wants', async () => {
    const { upstream, client } = await world({
      tools: [
        aTool('a'),
        aTool('b', {
          inputSchema: {
            type: 'object',
            properties: { deep: { type: 'object', properties: { x: { type: 'boolean', 'x-mcp-header': 'Deep-X' } } } },
          },
        }),
      ],
      pageSize: 1,
    });
    await (await client()).callTool({ name: 'b', arguments: { deep: { x: true } } });
    expect(upstream.seenOf('tools/call')[0]?.headers['mcp-param-deep-x']).toBe('true');
  });

  test('does not see a tool whose headers are not allowed to be what they are', async () => {
    const bad = (name: string, schema: object) => aTool(name, { inputSchema: { type: 'object', ...schema } });
    const { client } = await world({
      tools: [
        aTool('good'),
        bad('space', { properties: { a: { type: 'string', 'x-mcp-header': 'A B' } } }),
        bad('twice', {
          properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } },
        }),
        bad('array', { properties: { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } } }),
        bad('object', { properties: { a: { type: 'object', 'x-mcp-header': 'A' } } }),
        bad('choice', { anyOf: [{ properties: { a: { type: 'string', 'x-mcp-header': 'A' } } }] }),
        bad('data', { properties: { 'x-mcp-header': { type: 'string', default: { 'x-mcp-header': '' } } } }),
      ],
    });
    expect((await (await client()).listTools()).tools.map(({ name }) => name)).toEqual(['good', 'data']);
  });

  test('whose tool changed its headers is called again, once, with the ones that it now wants', async () => {
    const marked = (name: string) =>
      aTool('t', { inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': name } } } });
    const calls: unknown[] = [];
    const { upstream, client } = await world({
      tools: [marked('Old')],
      call: ({ name }) => (calls.push(name), says('done')),
    });
    const connected = await client();
    await connected.listTools();
    upstream.setTools([marked('New')]);
    upstream.setIntercept((_request, response, { message, headers }) => {
      if (message?.['method'] !== 'tools/call' || headers['mcp-param-new'] !== undefined) return false;
      return (
        response
          .writeHead(400, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id: message['id'], error: { code: -32_020, message: 'no' } })) !==
        undefined
      );
    });
    expect(textOf(await connected.callTool({ name: 't', arguments: { a: 'x' } }))).toBe('done');
    expect(calls).toHaveLength(1);
  });

  test('gets progress on the stream of its call, and log messages of the level it asked for', async () => {
    const work = async (_params: unknown, { mcpReq }: ServerContext) => {
      for (const progress of [1, 2])
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken: mcpReq._meta?.['progressToken'] as string, progress, total: 2 },
        });
      await mcpReq.log('warning', 'look out');
      await mcpReq.log('info', 'by the way');
      return says('done');
    };
    const { client } = await world({ call: work });
    const connected = await client();
    const [progress, logs]: [number[], unknown[]] = [[], []];
    connected.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logs.push(params.data));
    const call = () =>
      connected.callTool({ name: 'echo' }, undefined, { onprogress: ({ progress: at }) => void progress.push(at) });
    expect(textOf(await call())).toBe('done');
    expect([progress, logs]).toEqual([
      [1, 2],
      ['look out', 'by the way'],
    ]);
    await connected.setLoggingLevel('warning');
    await call();
    expect(logs).toEqual(['look out', 'by the way', 'look out']);
  });

  test(
    'is asked in the middle of a call what the server needs, in as many rounds as it takes, and the ' +
      'state comes back byte for byte',
    async () => {
      const form = {
        method: 'elicitation/create' as const,
        params: {
          mode: 'form' as const,
          message: 'Your name?',
          requestedSchema: { type: 'object' as const, properties: { name: { type: 'string' as const } } },
        },
      };
      const states: unknown[] = [];
      const rounds = (_params: unknown, { mcpReq }: ServerContext) => {
        states.push(mcpReq.requestState());
        const given = mcpReq.inputResponses ?? {};
        if ('all' in given || mcpReq.requestState() === 'two \u{1F600} "quoted"') return says(JSON.stringify(given));
        if ('who' in given)
          return inputRequired({
            requestState: 'two \u{1F600} "quoted"',
            inputRequests: {
              model: { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } },
              roots: { method: 'roots/list', params: {} },
            } as never,
          });
        return inputRequired({ inputRequests: { who: form } as never });
      };
      const { upstream, client } = await world({ call: rounds as never });
      const connected = await client({ elicitation: {}, sampling: {}, roots: {} });
      connected.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
        action: 'accept',
        content: { name: params.message },
      }));
      connected.setRequestHandler(CreateMessageRequestSchema, () => ({
        role: 'assistant',
        model: 'm',
        content: { type: 'text', text: 'pong' },
      }));
      connected.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///here' }] }));
      const called = await connected.callTool({ name: 'echo', arguments: { kept: 1 } });
      expect(JSON.parse(textOf(called))).toEqual({
        model: { role: 'assistant', model: 'm', content: { type: 'text', text: 'pong' } },
        roots: { roots: [{ uri: 'file:///here' }] },
      });
      const calls = upstream.seenOf('tools/call');
      expect(calls.map(({ message }) => paramsOf(message)['arguments'])).toEqual([
        { kept: 1 },
        { kept: 1 },
        { kept: 1 },
      ]);
      expect(new Set(calls.map(({ message }) => message?.['id'])).size).toBe(3);
      expect(states).toEqual([undefined, undefined, 'two \u{1F600} "quoted"']);
    },
  );

  test(
    'is told when the server needs input that it refuses, that it did not declare, or of a kind that ' + 'there is not',
    async () => {
      const needs = (method: string) => ({
        resultType: 'input_required',
        inputRequests: { m: { method, params: { messages: [], maxTokens: 1 } } },
      });
      const { upstream, client } = await world({
        call: () => inputRequired({ inputRequests: needs('sampling/createMessage').inputRequests as never }),
      });
      expect(await (await client({ sampling: {} })).callTool({ name: 'echo' })).toMatchObject({
        isError: true,
        content: [{ text: 'the input that the MCP server asked for was not given' }],
      });
      const simple = await client();
      await expect(simple.callTool({ name: 'echo' })).rejects.toMatchObject({
        code: -33_104,
        message: expect.stringContaining('sampling'),
      });
      for (const method of ['sampling/createMessage', 'of/nothing']) {
        upstream.setIntercept((_request, response, { message }) => {
          if (message?.['method'] !== 'tools/call') return false;
          return (
            response
              .writeHead(200, { 'content-type': 'application/json' })
              .end(JSON.stringify({ jsonrpc: '2.0', id: message['id'], result: needs(method) })) !== undefined
          );
        });
        expect(await simple.callTool({ name: 'echo' })).toMatchObject({ isError: true });
      }
    },
  );

  test('is asked eight times at most', async () => {
    let rounds = 0;
    const { client } = await world({
      call: () =>
        inputRequired({ inputRequests: { [`r${(rounds += 1)}`]: { method: 'roots/list', params: {} } } as never }),
    });
    const connected = await client({ roots: {} });
    connected.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [] }));
    expect(textOf(await connected.callTool({ name: 'echo' }))).toContain('more than 8 times');
    expect(rounds).toBe(9);
  });

  test('that cancels a call ends it at the server', async () => {
    let ended = false;
    const { upstream, client } = await world({
      call: (_params, { mcpReq }) =>
        new Promise((resolve) =>
          mcpReq.signal.addEventListener('abort', () => resolve(((ended = true), says('late')))),
        ),
    });
    const stop = new AbortController();
    const call = (await client()).callTool({ name: 'echo' }, undefined, { signal: stop.signal });
    await vi.waitFor(() => expect(upstream.seenOf('tools/call')).toHaveLength(1));
    stop.abort();
    await expect(call).rejects.toThrow();
    await vi.waitFor(() => expect(ended).toBe(true));
  });

  test(
    'hears of list changes, and of the resources that it subscribed to, before and after the stream ' + 'began',
    async () => {
      const { upstream, client } = await world({ resources: { 'mem:a': 'A', 'mem:b': 'B' } });
      const connected = await client();
      const heard: string[] = [];
      connected.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push('tools'));
      connected.setNotificationHandler(
        ResourceUpdatedNotificationSchema,
        ({ params }) => void heard.push(`${params.uri} ${JSON.stringify(params._meta ?? null)}`),
      );
      await vi.waitFor(() => expect(upstream.seenOf('subscriptions/listen')).toHaveLength(1));
      await connected.subscribeResource({ uri: 'mem:a' });
      upstream.notify.resourceUpdated('mem:b');
      upstream.notify.resourceUpdated('mem:a');
      upstream.notify.toolsChanged();
      await vi.waitFor(() => expect(heard).toEqual(['mem:a null', 'tools']));
      await connected.unsubscribeResource({ uri: 'mem:a' });
      upstream.notify.resourceUpdated('mem:a');
      upstream.notify.toolsChanged();
      await vi.waitFor(() => expect(heard).toEqual(['mem:a null', 'tools', 'tools']));
      await vi.waitFor(() => expect(upstream.open()).toBe(1));
    },
  );

  test('reads resources; one that is not there has the code of its era', async () => {
    const { client } = await world({ resources: { 'mem:a': 'A' } });
    const connected = await client();
    expect((await connected.readResource({ uri: 'mem:a' })).contents).toEqual([{ uri: 'mem:a', text: 'A' }]);
    await expect(connected.readResource({ uri: 'mem:none' })).rejects.toMatchObject({ code: -32_002 });
  });

  test('gets errors in the body, and its session lives on', async () => {
    const { client } = await world();
    const connected = await client();
    await expect(connected.listPrompts()).rejects.toThrow();
    await expect(
      connected.complete({ ref: { type: 'ref/prompt', name: 'x' }, argument: { name: 'a', value: '' } }),
    ).rejects.toThrow();
    await connected.ping();
    expect((await connected.listTools()).tools).toHaveLength(1);
  });

  test('gets large results whole, and with the numbers that the server wrote', async () => {
    const big = 'x'.repeat(8 * 2 ** 20);
    const { upstream, url, client } = await world({ call: () => says(big) });
    const connected = await client();
    expect(textOf(await connected.callTool({ name: 'echo' }))).toHaveLength(big.length);
    upstream.setIntercept((_request, response, { message }) => {
      if (message?.['method'] !== 'tools/call') return false;
      return (
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(
            `{"jsonrpc":"2.0","id":${JSON.stringify(message['id'])},"result":{"resultType":"complete",` +
              '"content":[],"structuredContent":{"n":9007199254740993}}}',
          ) !== undefined
      );
    });
    const headers = {
      'content-type': 'application/json',
      'mcp-session-id': (connected.transport as StreamableHTTPClientTransport).sessionId ?? '',
    };
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', id: 'big', method: 'tools/call', params: { name: 'echo' } }),
    });
    expect(await answer.text()).toContain('"structuredContent":{"n":9007199254740993}');
  });

  test('that answers on another node, or after the call is over, does no harm', async () => {
    const { url } = await world();
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const opened = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
      }),
    });
    expect(await opened.json()).toMatchObject({ result: { protocolVersion: '2025-06-18' } });
    const session = { ...headers, 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
    const answer = await fetch(url, {
      method: 'POST',
      headers: session,
      body: JSON.stringify({ jsonrpc: '2.0', id: 'other-node.1', result: {} }),
    });
    expect(answer.status).toBe(404);
    expect(
      (
        await fetch(url, {
          method: 'POST',
          headers: { ...session, 'mcp-session-id': 'made-up' },
          body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'ping' }),
        })
      ).status,
    ).toBe(404);
    expect((await fetch(url, { method: 'DELETE', headers: session })).status).toBe(204);
  });
});
