import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { openEraBridge } from '../../../src/mcp/era-bridge/era-bridge.js';
import type { UpstreamServer } from '../../../src/mcp/upstream/forward.js';
import type { Era } from '../../../src/mcp/protocol/era.js';
import { startModernUpstream } from '../../support/modern-upstream.js';
import { programAt, serveForward, serverAt, transports } from '../../support/serve-forward.js';
import { startUpstream } from '../../support/upstream.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

type Json = Record<string, unknown>;
type Answer = Readonly<{ status: number; text: string; session: string | null; sent: string | null }>;

/** A client that writes its requests itself, at a server that is known to speak in `eras`. */
const clientOf = (url: string, eras: readonly Era[]) => clientAt(serverAt(url, eras));
const clientAt = async (server: UpstreamServer) => {
  const { forward, stop } = transports();
  const translation = openEraBridge(forward);
  const served = await serveForward(translation.forward, server);
  stops.push(stop, translation.stop, served.close);
  const post = async (body: Json, headers: Record<string, string>): Promise<Answer> => {
    const answer = await fetch(served.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    });
    return {
      status: answer.status,
      text: await answer.text(),
      session: answer.headers.get('mcp-session-id'),
      sent: answer.headers.get('x-sent'),
    };
  };
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return {
    modern: (method: string, params: Json = {}): Promise<Answer> =>
      post(
        { id: 1, method, params: { ...params, _meta } },
        {
          'mcp-method': method,
          'mcp-protocol-version': '2026-07-28',
          ...(params['name'] ? { 'mcp-name': String(params['name']) } : {}),
        },
      ),
    legacy: (method: string, params: Json = {}, session: string | null = null): Promise<Answer> =>
      post(
        { id: 1, method, params },
        session === null ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' },
      ),
  };
};

const INIT = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } };
const legacyServer = async (options: Parameters<typeof startUpstream>[0] = {}) => {
  const upstream = await startUpstream(options);
  stops.push(upstream.close);
  return upstream;
};
const modernServer = async () => {
  const upstream = await startModernUpstream();
  stops.push(upstream.close);
  return upstream;
};
const methodsSeen = (seen: readonly { message?: Json; httpMethod: string }[]): unknown[] =>
  seen.map(({ message, httpMethod }) => message?.['method'] ?? httpMethod);

describe('a request', () => {
  test('in an era that its server speaks reaches it as it was written', async () => {
    const [old, young] = [await legacyServer(), await modernServer()];
    const { legacy } = await clientOf(old.url, ['legacy']);
    const { session } = await legacy('initialize', INIT);
    await legacy('tools/call', { name: 'echo', _meta: { 'io.modelcontextprotocol/protocolVersion': 'kept' } }, session);
    expect(old.seenOf('tools/call')[0]).toMatchObject({
      text:
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",' +
        '"_meta":{"io.modelcontextprotocol/protocolVersion":"kept"}}}',
      headers: { 'mcp-session-id': session },
    });
    const { modern } = await clientOf(young.url, ['modern']);
    expect((await modern('tools/call', { name: 'echo' })).status).toBe(200);
    expect(methodsSeen(young.seen)).toEqual(['tools/call']);
  });

  test('for a server of both eras is not translated in either', async () => {
    const upstream = await legacyServer({
      intercept: (_request, response, { headers }) =>
        headers['mcp-method'] !== undefined &&
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"modern":true}') !== undefined,
    });
    const { legacy, modern } = await clientOf(upstream.url, ['modern', 'legacy']);
    expect((await modern('tools/list')).text).toBe('{"modern":true}');
    expect((await legacy('initialize', INIT)).session).not.toBeNull();
    expect(methodsSeen(upstream.seen)).toEqual(['tools/list', 'initialize']);
  });

  test.each([
    ['legacy', legacyServer],
    ['modern', modernServer],
  ])('for a server that was never reached waits until it is known what that speaks: %s', async (_era, start) => {
    const upstream = await start();
    const { legacy, modern } = await clientOf(upstream.url, []);
    expect((await modern('tools/call', { name: 'echo' })).status).toBe(200);
    const { status, session } = await legacy('initialize', INIT);
    expect([status, session === null]).toEqual([200, false]);
    expect(upstream.seenOf('tools/call')).toHaveLength(1);
  });
});

describe('a server that speaks in another era than it was known to', () => {
  test(
    'and is now modern: initialize is served at once, a session of before is over, and so is heard ' +
      'only once that it changed',
    async () => {
      const upstream = await modernServer();
      const { legacy, modern } = await clientOf(upstream.url, ['legacy']);
      expect((await legacy('tools/call', { name: 'echo' }, 'session-of-before')).status).toBe(404);
      expect(upstream.seenOf('tools/call')).toHaveLength(1);
      const { session } = await legacy('initialize', INIT);
      expect((await legacy('tools/call', { name: 'echo' }, session)).status).toBe(200);
      expect((await modern('tools/call', { name: 'echo' })).status).toBe(200);
      expect(upstream.seenOf('server/discover').length).toBeLessThanOrEqual(2);
    },
  );

  test('and is now modern: a modern request that was to be translated is sent as it is, once', async () => {
    const upstream = await modernServer();
    const { modern } = await clientOf(upstream.url, ['legacy']);
    expect((await modern('tools/call', { name: 'echo' })).status).toBe(200);
    expect(upstream.seenOf('tools/call')).toHaveLength(1);
  });

  test('and is now legacy: a modern call that it refused is translated, and carried out once', async () => {
    const calls: unknown[] = [];
    const upstream = await legacyServer({ call: ({ name }) => (calls.push(name), { content: [] }) });
    const { modern } = await clientOf(upstream.url, ['modern']);
    const answer = await modern('tools/call', { name: 'echo' });
    expect([answer.status, calls]).toEqual([200, ['echo']]);
    expect(answer.text).toContain('"resultType":"complete"');
  });

  test('and is now legacy: initialize is passed on, and a translated session is over', async () => {
    const young = await modernServer();
    const first = await clientOf(young.url, ['modern']);
    const { session } = await first.legacy('initialize', INIT);
    const old = await legacyServer();
    const { legacy } = await clientOf(old.url, ['modern']);
    expect((await legacy('tools/call', { name: 'echo' }, session)).status).toBe(404);
    expect((await legacy('initialize', INIT)).session).not.toBeNull();
    expect(old.seenOf('tools/call').length).toBeLessThanOrEqual(1);
  });
});

describe('a request that a server refused, and that finds nobody when it is sent anew, counts as sent', () => {
  test('in the other era', async () => {
    const upstream = await legacyServer();
    // The last of what the server is asked to find its eras.
    upstream.setIntercept(
      (_request, _response, { httpMethod }) => httpMethod === 'DELETE' && upstream.close() !== undefined,
    );
    const { modern } = await clientOf(upstream.url, ['modern']);
    expect(await modern('tools/call', { name: 'echo' })).toMatchObject({ status: 502, sent: 'true' });
    expect(upstream.seenOf('tools/call')).toHaveLength(1);
  });

  test('in a new session', async () => {
    const upstream = await legacyServer();
    const { modern } = await clientOf(upstream.url, ['legacy']);
    expect((await modern('tools/call', { name: 'echo' })).status).toBe(200);
    upstream.forget();
    upstream.setIntercept(
      (_request, response, { message }) => message?.['method'] === 'initialize' && response.destroy() !== undefined,
    );
    expect(await modern('tools/call', { name: 'echo' })).toMatchObject({ status: 502, sent: 'true' });
    expect(upstream.seenOf('tools/call')).toHaveLength(2);
  });

  test('with other headers', async () => {
    const upstream = await modernServer();
    const { legacy } = await clientOf(upstream.url, ['modern']);
    const { session } = await legacy('initialize', INIT);
    upstream.setIntercept((_request, response, { message }) => {
      if (message?.['method'] === 'tools/list')
        return upstream.seenOf('tools/call').length > 0 && upstream.close() !== undefined;
      return (
        message?.['method'] === 'tools/call' &&
        response
          .writeHead(400, { 'content-type': 'application/json' })
          .end('{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"no"}}') !== undefined
      );
    });
    expect(await legacy('tools/call', { name: 'echo' }, session)).toMatchObject({ status: 502, sent: 'true' });
    expect(upstream.seenOf('tools/call')).toHaveLength(1);
  });
});

describe('a command that speaks in another era than it was known to', () => {
  test.each([
    ['modern', 'legacy'],
    ['legacy', 'modern'],
  ] as const)('and is now %s: either client is served, each call is carried out once', async (way, before) => {
    const { legacy, modern } = await clientAt(programAt(way, [before]));
    const { status, session } = await legacy('initialize', INIT);
    expect([status, session === null]).toEqual([200, false]);
    expect((await legacy('tools/call', { name: 'era' }, session)).text).toContain(`"text":"${way}"`);
    const other = await clientAt(programAt(way, [before]));
    const answers = [
      await other.modern('tools/call', { name: 'era' }),
      await other.modern('tools/call', { name: 'witness' }),
      await modern('tools/call', { name: 'era' }),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(answers[1]?.text).toContain('\\"started\\":[\\"era\\",\\"witness\\"]');
  });
});

describe('a refusal that says nothing of eras', () => {
  test.each([
    [400, '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}'],
    [400, '{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"no"}}'],
    [404, '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'],
    [401, ''],
    [500, 'oops'],
    [503, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}'],
  ])('of a modern server (%i %s) is passed on, and nobody is asked again', async (status, body) => {
    const upstream = await legacyServer({
      intercept: (_request, response) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(body) !== undefined,
    });
    const { modern } = await clientOf(upstream.url, ['modern']);
    expect(await modern('tools/call', { name: 'echo' })).toMatchObject({ status, text: body });
    expect(upstream.seen).toHaveLength(1);
  });

  test(
    'but might: the server is asked once in ten seconds, and the answer passed on when it still ' + 'speaks as it did',
    async () => {
      const upstream = await modernServer();
      upstream.setIntercept(
        (_request, response, { message }) =>
          message?.['method'] === 'tools/call' && response.writeHead(400).end('what?') !== undefined,
      );
      const { modern } = await clientOf(upstream.url, ['modern']);
      for (let n = 0; n < 5; n += 1)
        expect(await modern('tools/call', { name: 'echo' })).toMatchObject({ status: 400, text: 'what?' });
      expect(upstream.seenOf('server/discover')).toHaveLength(1);
      expect(upstream.seenOf('tools/call')).toHaveLength(5);
    },
  );

  test('of a legacy server (its session ended, its connection lost) is passed on too', async () => {
    const upstream = await legacyServer();
    const { legacy } = await clientOf(upstream.url, ['legacy']);
    expect((await legacy('tools/call', { name: 'echo' }, 'gone')).status).toBe(404);
    expect(upstream.seen).toHaveLength(1);
    const silent = createServer((request) => request.socket.destroy());
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    stops.push(() => new Promise((done) => silent.close(done)));
    const lost = await clientOf(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/mcp`, ['legacy']);
    expect((await lost.legacy('tools/call', { name: 'echo' }, 'gone')).status).toBe(502);
  });
});
