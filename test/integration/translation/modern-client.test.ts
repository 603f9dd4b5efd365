import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openEraBridge } from '../../../src/mcp/era-bridge/era-bridge.js';
import { serveForward, serverAt, transports } from '../../support/serve-forward.js';
import { textOf } from '../../support/tenant.js';
import { aTool, startUpstream, type CallExtra, type Upstream, type UpstreamOptions } from '../../support/upstream.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

type Json = Record<string, unknown>;
type World = Readonly<{
  upstream: Upstream;
  url: string;
  client: (capabilities?: object, grant?: string) => Promise<Client>;
  post: (
    method: string,
    params?: Json,
    more?: Readonly<{ id?: unknown; meta?: Json; grant?: string }>,
  ) => Promise<Readonly<{ status: number; text: string; body: Json }>>;
}>;

/** A legacy server behind the translation, and modern clients of it. */
const world = async (options: UpstreamOptions = {}): Promise<World> => {
  const upstream = await startUpstream(options);
  const { forward, stop } = transports();
  const translation = openEraBridge(forward);
  const served = await serveForward(translation.forward, serverAt(upstream.url, ['legacy']));
  stops.push(upstream.close, stop, translation.stop, served.close);
  const client = async (capabilities: object = {}, grant = 'grt_1'): Promise<Client> => {
    const made = new Client(
      { name: 'new-client', version: '7' },
      { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    stops.push(() => made.close());
    await made.connect(
      new StreamableHTTPClientTransport(new URL(served.url), { requestInit: { headers: { 'x-grant': grant } } }),
    );
    return made;
  };
  const post: World['post'] = async (method, params = {}, { id = 1, meta = {}, grant = 'grt_1' } = {}) => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      ...meta,
    };
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-method': method,
      'mcp-protocol-version': '2026-07-28',
      'x-grant': grant,
    };
    const answer = await fetch(served.url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } }),
    });
    const text = await answer.text();
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data ?? '');
    return { status: answer.status, text, body: JSON.parse(text === '' ? '{}' : (events.at(-1) ?? text)) as Json };
  };
  return { upstream, url: served.url, client, post };
};

const OFFERS = { resources: ['mem:a', 'mem:b'], templates: [], prompts: [] };
const says = (text: string) => ({ content: [{ type: 'text' as const, text }] });
const ask = (extra: CallExtra, method: string, params: object) =>
  extra.sendRequest({ method, params } as never, ResultSchema as never, { timeout: 20_000 });
const form = (message: string) => ({
  mode: 'form',
  message,
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
});

describe('a modern client of a legacy server', () => {
  test('discovers it; lists and calls over one session that is opened once and ended at the end', async () => {
    const { upstream, client } = await world({ tools: [aTool('one'), aTool('two')], pageSize: 1 });
    const connected = await client({ roots: {} });
    expect(connected.getServerVersion()).toEqual({ name: 'test-upstream', version: '1.2.3' });
    expect((await connected.listTools()).tools.map(({ name }) => name)).toContain('one');
    expect(JSON.parse(textOf(await connected.callTool({ name: 'one', arguments: { a: 1 } })))).toEqual({
      tool: 'one',
      arguments: { a: 1 },
    });
    expect(upstream.seenOf('initialize')).toHaveLength(1);
    expect(upstream.seenOf('initialize')[0]?.message?.['params']).toMatchObject({
      protocolVersion: '2025-11-25',
      capabilities: { roots: {} },
      clientInfo: { name: 'new-client', version: '7' },
    });
    const [call] = upstream.seenOf('tools/call');
    expect(call?.text).not.toContain('io.modelcontextprotocol');
    expect(
      Object.keys(call?.headers ?? {})
        .filter((name) => name.startsWith('mcp-'))
        .toSorted(),
    ).toEqual(['mcp-protocol-version', 'mcp-session-id']);
  });

  test('gets results with what its era has in them, and all that the server wrote', async () => {
    const { upstream, post } = await world();
    expect((await post('tools/list')).body['result']).toMatchObject({
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'test-upstream' } },
    });
    upstream.setIntercept((_request, response, { message }) => {
      if (message?.['method'] !== 'tools/call') return false;
      return (
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(
            '{ "result": {"content":[],"x-own":{"n":9007199254740993},"_meta":{"mine":1}}, "jsonrpc":"2.0", ' +
              `"id":${JSON.stringify(message['id'])} }`,
          ) !== undefined
      );
    });
    const { text } = await post('tools/call', { name: 'echo' }, { id: 'a"b' });
    expect(text).toContain('"x-own":{"n":9007199254740993}');
    expect(JSON.parse(text)).toMatchObject({
      id: 'a"b',
      result: {
        resultType: 'complete',
        content: [],
        _meta: { mine: 1, 'io.modelcontextprotocol/serverInfo': { name: 'test-upstream' } },
      },
    });
  });

  test('shares a session with those of its grant that declare the same, and with nobody else', async () => {
    const { upstream, post } = await world();
    await Promise.all(Array.from({ length: 5 }, (_, id) => post('tools/call', { name: 'echo' }, { id })));
    expect(upstream.openSessions()).toBe(1);
    await post('tools/list', {}, { meta: { 'io.modelcontextprotocol/clientCapabilities': { sampling: {} } } });
    await post('tools/list', {}, { grant: 'grt_2' });
    expect(upstream.openSessions()).toBe(3);
    for (let n = 0; n < 20; n += 1)
      await post(
        'tools/list',
        {},
        { meta: { 'io.modelcontextprotocol/clientCapabilities': { experimental: { way: { n } } } } },
      );
    await vi.waitFor(() => expect(upstream.openSessions()).toBe(9));
  });

  test('has eight sessions at most, those that are being opened included', async () => {
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const { upstream, post } = await world();
    upstream.setIntercept(async (_request, _response, { message }) => {
      if (message?.['method'] === 'initialize') await begun;
      return false;
    });
    const all = Array.from({ length: 20 }, (_, n) =>
      post(
        'tools/list',
        {},
        { meta: { 'io.modelcontextprotocol/clientCapabilities': { experimental: { way: { n } } } } },
      ),
    );
    const told: string[] = [];
    for (const one of all) void one.then(({ text }) => told.push(text));
    await vi.waitFor(
      () => expect(told.filter((text) => text.includes('too many sessions of this grant'))).toHaveLength(12),
      { timeout: 10_000 },
    );
    begin();
    expect((await Promise.all(all)).filter(({ body }) => 'result' in body)).toHaveLength(8);
    expect(upstream.seenOf('initialize')).toHaveLength(8);
  });

  test('has no session for capabilities of more than 64 KiB, as they would be kept with it', async () => {
    const { upstream, post } = await world();
    const declares = (bytes: number) => ({
      meta: { 'io.modelcontextprotocol/clientCapabilities': { experimental: { way: { pad: 'x'.repeat(bytes) } } } },
    });
    expect((await post('tools/call', { name: 'echo' }, declares(64 * 1024))).body).toMatchObject({
      id: 1,
      error: { code: -32_602, message: expect.stringContaining('capabilities') },
    });
    expect(upstream.seen).toHaveLength(0);
    expect((await post('tools/call', { name: 'echo' }, declares(60 * 1024))).body).toMatchObject({ result: {} });
  });

  test('does not notice that its server forgot the session: the call is made once, in a new one', async () => {
    const { upstream, post } = await world();
    await post('tools/list');
    upstream.forget();
    expect((await post('tools/call', { name: 'echo' })).body).toMatchObject({ result: { resultType: 'complete' } });
    expect(upstream.seenOf('initialize')).toHaveLength(2);
  });

  test('of a server that forgets every session at once is told so, and asks no third time', async () => {
    const { upstream, post } = await world({
      intercept: (_request, response, { message }) =>
        message?.['method'] === 'tools/call' && response.writeHead(404).end() !== undefined,
    });
    expect((await post('tools/call', { name: 'echo' })).status).toBe(502);
    expect(upstream.seenOf('tools/call')).toHaveLength(2);
  });

  test(
    'gets progress under its own token though another call has the same one, and logs only if it ' + 'wants them',
    async () => {
      const work = async ({ name }: { name: string }, { _meta, sendNotification }: CallExtra) => {
        for (const progress of [1, 2])
          await sendNotification({
            method: 'notifications/progress',
            params: { progressToken: _meta?.progressToken ?? 'none', progress, message: name },
          });
        await sendNotification({ method: 'notifications/message', params: { level: 'info', data: `${name} info` } });
        await sendNotification({ method: 'notifications/message', params: { level: 'error', data: `${name} error` } });
        return says(name);
      };
      const { post } = await world({ call: work, offers: OFFERS });
      const call = (name: string, meta: Json) => post('tools/call', { name }, { meta });
      const [first, second] = await Promise.all([
        call('first', { progressToken: 'same' }),
        call('second', { progressToken: 'same', 'io.modelcontextprotocol/logLevel': 'error' }),
      ]);
      expect(first.text.match(/"progressToken":"same"/g)).toHaveLength(2);
      expect(first.text).not.toMatch(/second|notifications\/message/);
      expect(second.text).toContain('second error');
      expect(second.text).not.toMatch(/second info|first/);
      expect((await call('third', {})).text).not.toContain('progress');
    },
  );

  test('is asked for input in a result, and its retry goes on with the very call that asked', async () => {
    let calls = 0;
    const needy = async (_params: unknown, extra: CallExtra) => {
      calls += 1;
      const [who, roots] = await Promise.all([
        ask(extra, 'elicitation/create', form('Who?')),
        ask(extra, 'roots/list', {}),
      ]);
      const model = await ask(extra, 'sampling/createMessage', { messages: [], maxTokens: 1 });
      return says(JSON.stringify([who, roots, model]));
    };
    const { client } = await world({ call: needy });
    const connected = await client({ elicitation: {}, sampling: {}, roots: {} });
    connected.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } }));
    connected.setRequestHandler('sampling/createMessage', () => ({
      role: 'assistant',
      model: 'm',
      content: { type: 'text', text: 'pong' },
    }));
    connected.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///here' }] }));
    expect(JSON.parse(textOf(await connected.callTool({ name: 'echo', arguments: { kept: true } })))).toEqual([
      { action: 'accept', content: { name: 'Ada' } },
      { roots: [{ uri: 'file:///here' }] },
      { role: 'assistant', model: 'm', content: { type: 'text', text: 'pong' } },
    ]);
    expect(calls).toBe(1);
  });

  const CAN = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const oneQuestion = async (_params: unknown, extra: CallExtra) =>
    says(JSON.stringify(await ask(extra, 'elicitation/create', form('Who?')).catch((error: Error) => error.message)));

  test('that answers only a part is asked for the rest again; what it was not asked counts for nothing', async () => {
    const { post } = await world({
      call: async (_params, extra) =>
        says(
          JSON.stringify(
            await Promise.all([
              ask(extra, 'elicitation/create', form('One?')),
              ask(extra, 'elicitation/create', form('Two?')),
            ]),
          ),
        ),
    });
    const args = { name: 'echo', arguments: { x: 1 } };
    const first = (await post('tools/call', args, { meta: CAN })).body['result'] as Json;
    expect(Object.keys(first['inputRequests'] as Json)).toEqual(['input-1', 'input-2']);
    const second = (
      await post(
        'tools/call',
        {
          ...args,
          requestState: first['requestState'],
          inputResponses: { 'input-2': { action: 'decline' }, other: { action: 'accept' } },
        },
        { id: 2, meta: CAN },
      )
    ).body['result'] as Json;
    expect(Object.keys(second['inputRequests'] as Json)).toEqual(['input-1']);
    expect(second['requestState']).not.toBe(first['requestState']);
    const third = await post(
      'tools/call',
      { ...args, requestState: second['requestState'], inputResponses: { 'input-1': { action: 'cancel' } } },
      { id: 3, meta: CAN },
    );
    expect(JSON.parse(textOf(third.body['result']))).toEqual([{ action: 'cancel' }, { action: 'decline' }]);
  });

  test(
    'can continue only its own call: another grant, tool or argument, a second use and a made-up ' +
      'state are refused',
    async () => {
      const { upstream, post } = await world({ call: oneQuestion, tools: [aTool('echo'), aTool('other')] });
      const args = { name: 'echo', arguments: { x: 1, y: 2 } };
      const { requestState } = (await post('tools/call', args, { meta: CAN })).body['result'] as Json;
      const retry = { requestState, inputResponses: { 'input-1': { action: 'accept', content: { name: 'Eve' } } } };
      const refused = { error: { code: -32_602 } };
      expect((await post('tools/call', { ...args, ...retry }, { meta: CAN, grant: 'grt_2' })).body).toMatchObject(
        refused,
      );
      expect((await post('tools/call', { ...args, ...retry, name: 'other' }, { meta: CAN })).body).toMatchObject(
        refused,
      );
      expect((await post('tools/call', { ...args, ...retry, arguments: { x: 1 } }, { meta: CAN })).body).toMatchObject(
        refused,
      );
      expect(
        (await post('tools/call', { ...args, ...retry, requestState: `${String(requestState)}x` }, { meta: CAN })).body,
      ).toMatchObject(refused);
      expect(
        (await post('tools/call', { arguments: { y: 2, x: 1 }, name: 'echo', ...retry }, { meta: CAN })).body,
      ).toMatchObject({ result: { resultType: 'complete' } });
      expect((await post('tools/call', { ...args, ...retry }, { meta: CAN })).body).toMatchObject(refused);
      expect(upstream.seenOf('tools/call')).toHaveLength(1);
    },
  );

  test(
    'keeps waiting calls of eight mebibytes at most, whatever they are large by; the server of one ' + 'more is told',
    async () => {
      const { post } = await world({ call: oneQuestion });
      const large = { ...CAN, pad: 'x'.repeat(3.9 * 2 ** 20) };
      const call = async (grant?: string) =>
        (await post('tools/call', { name: 'echo' }, { meta: large, ...(grant === undefined ? {} : { grant }) })).body[
          'result'
        ] as Json;
      const waiting = [await call(), await call()];
      expect(waiting.map(({ resultType }) => resultType)).toEqual(['input_required', 'input_required']);
      expect(textOf(await call())).toContain('too many calls wait for input');
      expect(await call('grt_2')).toMatchObject({ resultType: 'input_required' });
      await post(
        'tools/call',
        {
          name: 'echo',
          requestState: waiting[0]?.['requestState'],
          inputResponses: { 'input-1': { action: 'decline' } },
        },
        { meta: CAN },
      );
      expect(await call()).toMatchObject({ resultType: 'input_required' });
    },
  );

  test(
    'that is away is kept no questions and no result of more than that: its server, and then itself, ' + 'is told',
    async () => {
      let isAway = (): void => undefined;
      let ended: Promise<unknown> = Promise.resolve();
      const { upstream, post } = await world({
        call: async ({ arguments: given }, extra) => {
          const away = new Promise<void>((resolve) => (isAway = resolve));
          void ask(extra, 'elicitation/create', form('Who?')).catch(() => undefined);
          await away;
          if (given?.['asks'] !== true) return says('z'.repeat(9 * 2 ** 20));
          return says(
            await ask(extra, 'elicitation/create', form('y'.repeat(9 * 2 ** 20))).then(
              () => 'answered',
              (error: Error) => error.message,
            ),
          );
        },
      });
      upstream.setIntercept((_request, response, { message }) => {
        if (message?.['method'] === 'tools/call') ended = new Promise((resolve) => response.once('close', resolve));
        return false;
      });
      const retried = async (asks: boolean): Promise<Readonly<{ status: number; text: string }>> => {
        const args = { name: 'echo', arguments: { asks } };
        const { requestState } = (await post('tools/call', args, { meta: CAN })).body['result'] as Json;
        isAway();
        await ended;
        await sleep(100);
        return post(
          'tools/call',
          { ...args, requestState, inputResponses: { 'input-1': { action: 'decline' } } },
          { meta: CAN },
        );
      };
      expect((await retried(true)).text).toContain('too many calls wait for input');
      expect((await retried(false)).status).toBe(502);
    },
  );

  test('is not asked for what it did not declare, nor where no input can be given: the server is told', async () => {
    const { post } = await world({
      call: async (_params, extra) =>
        says(
          String(
            await ask(extra, 'sampling/createMessage', { messages: [], maxTokens: 1 }).catch(
              (error: Error) => error.message,
            ),
          ),
        ),
    });
    expect(textOf((await post('tools/call', { name: 'echo' }, { meta: CAN })).body['result'])).toMatch(
      /not (declare|support)/i,
    );
    const strict = await world({
      call: async (_params, extra) =>
        says(String(await ask(extra, 'sampling/createMessage', { messages: [], maxTokens: 1 }))),
    });
    expect(await strict.post('tools/call', { name: 'echo' }, { meta: CAN })).toMatchObject({
      status: 400,
      body: { id: 1, error: { code: -32_021, data: { requiredCapabilities: { sampling: {} } } } },
    });
  });

  test('that closes its stream cancels the call at the server', async () => {
    const ended: unknown[] = [];
    const { upstream, client } = await world({
      call: (_params, { signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve((ended.push(1), says('late'))))),
    });
    const stop = new AbortController();
    const call = (await client()).callTool({ name: 'echo' }, { signal: stop.signal });
    await vi.waitFor(() => expect(upstream.seenOf('tools/call')).toHaveLength(1));
    stop.abort();
    await expect(call).rejects.toThrow();
    await vi.waitFor(() => expect(ended).toHaveLength(1));
  });

  test(
    'hears on its subscription what it asked for and nothing else, acknowledged first, tagged with ' + 'its id',
    async () => {
      const { upstream, client } = await world({ offers: OFFERS });
      const connected = await client();
      const heard: string[] = [];
      connected.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
      connected.setNotificationHandler('notifications/resources/list_changed', () => void heard.push('resources'));
      connected.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
      const subscription = await connected.listen({ toolsListChanged: true, resourceSubscriptions: ['mem:a'] });
      expect(subscription.honoredFilter).toEqual({ toolsListChanged: true, resourceSubscriptions: ['mem:a'] });
      expect(upstream.seenOf('resources/subscribe').map(({ message }) => message?.['params'])).toEqual([
        { uri: 'mem:a' },
      ]);
      for (const server of upstream.servers()) {
        await server.sendResourceUpdated({ uri: 'mem:b' });
        await server.sendResourceListChanged();
        await server.sendResourceUpdated({ uri: 'mem:a' });
        await server.sendToolListChanged();
      }
      await vi.waitFor(() => expect(heard).toEqual(['mem:a', 'tools']));
      await subscription.close();
      await vi.waitFor(() => expect(upstream.seenOf('resources/unsubscribe')).toHaveLength(1));
    },
  );

  test('hears of changes of a server that sends list_changed without having declared it', async () => {
    const { upstream, client } = await world({ undeclared: true });
    const connected = await client();
    let heard = 0;
    connected.setNotificationHandler('notifications/tools/list_changed', () => void (heard += 1));
    const subscription = await connected.listen({ toolsListChanged: true, promptsListChanged: true });
    expect(subscription.honoredFilter).toEqual({ toolsListChanged: true });
    for (const server of upstream.servers()) await server.sendToolListChanged();
    await vi.waitFor(() => expect(heard).toBe(1));
  });

  test('whose subscription lost its session sees the stream end without a result, and can listen anew', async () => {
    const { upstream, client, post } = await world({ offers: OFFERS });
    const connected = await client();
    const subscription = await connected.listen({ toolsListChanged: true });
    upstream.forget();
    await post('tools/list');
    expect(await subscription.closed).toBe('remote');
    expect((await connected.listen({ toolsListChanged: true })).honoredFilter).toEqual({ toolsListChanged: true });
  });

  test('reads resources; one that is not there has the code of its era', async () => {
    const { upstream, post } = await world({ offers: OFFERS });
    expect((await post('resources/read', { uri: 'mem:a' })).body['result']).toMatchObject({
      contents: [{ uri: 'mem:a', text: 'text of mem:a' }],
      ttlMs: 0,
      cacheScope: 'private',
    });
    upstream.setIntercept((_request, response, { message }) => {
      if (message?.['method'] !== 'resources/read') return false;
      return (
        response.writeHead(200, { 'content-type': 'application/json' }).end(
          JSON.stringify({
            jsonrpc: '2.0',
            id: message['id'],
            error: { code: -32_002, message: 'no such resource', data: { uri: 'mem:none' } },
          }),
        ) !== undefined
      );
    });
    expect((await post('resources/read', { uri: 'mem:none' })).body).toMatchObject({
      error: { code: -32_602, data: { uri: 'mem:none' } },
    });
  });

  test('gets 404 for methods that are not there, and errors of the server in the body', async () => {
    const { post } = await world({ tools: [aTool('echo')] });
    for (const method of ['ping', 'initialize', 'logging/setLevel', 'tasks/list', 'prompts/list'])
      expect(await post(method, {})).toMatchObject({ status: 404, body: { id: 1, error: { code: -32_601 } } });
    expect(await post('tools/call', { name: 7 })).toMatchObject({
      status: 200,
      body: { error: { code: expect.any(Number) } },
    });
  });

  test('is shown the page that a server wants visited first as input to give', async () => {
    const { upstream, post } = await world();
    upstream.setIntercept((_request, response, { message }) => {
      if (message?.['method'] !== 'tools/call') return false;
      const error = {
        code: -32_042,
        message: 'sign in',
        data: {
          elicitations: [{ mode: 'url', elicitationId: 'e1', url: 'https://example.com/sign-in', message: 'Sign in' }],
        },
      };
      return (
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id: message['id'], error })) !== undefined
      );
    });
    const { body } = await post(
      'tools/call',
      { name: 'echo' },
      { meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } } },
    );
    expect(body['result']).toEqual({
      resultType: 'input_required',
      inputRequests: {
        'url-1': {
          method: 'elicitation/create',
          params: { mode: 'url', url: 'https://example.com/sign-in', message: 'Sign in' },
        },
      },
    });
    expect((await post('tools/call', { name: 'echo' })).body).toMatchObject({ error: { code: -33_103 } });
  });

  test('gets large results whole; one over the bound ends the call', async () => {
    const { post } = await world({ call: ({ arguments: given }) => says('x'.repeat(Number(given?.['mb']) * 2 ** 20)) });
    expect(textOf((await post('tools/call', { name: 'echo', arguments: { mb: 8 } })).body['result'])).toHaveLength(
      8 * 2 ** 20,
    );
    expect((await post('tools/call', { name: 'echo', arguments: { mb: 33 } })).status).toBe(502);
  });

  test('a stream that the server ends early is taken up again where it ended', async () => {
    const { upstream, post } = await world();
    upstream.setIntercept((request, response, { message }) => {
      const event = (id: string, data: object | '') =>
        `id: ${id}\nretry: 20\ndata: ${data === '' ? '' : JSON.stringify(data)}\n\n`;
      if (message?.['method'] === 'tools/call') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end(event(`s-${String(message['id'])}`, ''));
        return true;
      }
      const last = request.headers['last-event-id'];
      if (request.method !== 'GET' || typeof last !== 'string') return false;
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(event('s-end', { jsonrpc: '2.0', id: Number(last.slice(2)), result: says('resumed') }));
      return true;
    });
    expect(textOf((await post('tools/call', { name: 'echo' })).body['result'])).toBe('resumed');
  });

  test('of a server that is silent for too long is told so, and the server to stop', async () => {
    const upstream = await startUpstream({
      intercept: (_request, _response, { message }) => message?.['method'] === 'tools/call',
    });
    const { forward, stop } = transports();
    const translation = openEraBridge(forward);
    const served = await serveForward(translation.forward, serverAt(upstream.url, ['legacy']), 300);
    stops.push(upstream.close, stop, translation.stop, served.close);
    const answer = await fetch(served.url, {
      method: 'POST',
      headers: { 'mcp-method': 'tools/call' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } }),
    });
    expect([answer.status, answer.headers.get('x-failure')]).toEqual([502, 'timeout']);
    await vi.waitFor(() => expect(upstream.seenOf('notifications/cancelled')).toHaveLength(1));
    await sleep(10);
  });
});
