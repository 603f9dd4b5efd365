import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { makeHttpClient } from '../../../src/mcp/http-client/http-client.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';
import { definitionHash, discover, type Discovered } from '../../../src/mcp/upstream/discover.js';
import { openTransports } from '../../../src/mcp/transports/transports.js';
import { startModernUpstream, type ModernOptions, type ModernUpstream } from '../../support/modern-upstream.js';
import { aTool, startUpstream, type Upstream, type UpstreamOptions } from '../../support/upstream.js';

const outbound = makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] });
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const upstream = async (options?: UpstreamOptions): Promise<Upstream> => {
  const started = await startUpstream(options);
  open.push(started.close);
  return started;
};

const modernUpstream = async (options?: ModernOptions): Promise<ModernUpstream> => {
  const started = await startModernUpstream(options);
  open.push(started.close);
  return started;
};

const { forward, stop } = openTransports({
  http: makeHttpClient(outbound.connector),
  stdio: { allow: [], variables: [], environment: {}, isolation: undefined },
  isGrantActive: () => true,
});
afterAll(stop);
const ask = (
  url: string,
  { headers = {}, timeoutMs }: Readonly<{ headers?: Record<string, string>; timeoutMs?: number }> = {},
): Promise<Discovered> =>
  discover(
    {
      forward,
      server: { id: 'srv', organizationId: 'org', transport: { type: 'streamable-http', url: new URL(url) }, eras: [] },
      credential: headers,
      grantId: 'discovery',
    },
    timeoutMs,
  );

const ready = (found: Discovered): Extract<Discovered, { status: 'ready' }> => {
  if (found.status !== 'ready') throw new Error(`not ready: ${found.detail}`);
  return found;
};

/** Answers every JSON-RPC request of a discovery with what `results` has for its method. */
const scripted = async (
  results: Readonly<Record<string, (params: Record<string, unknown>) => unknown>>,
): Promise<string> => {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString() || '{}') as {
        id?: number;
        method?: string;
        params?: Record<string, unknown>;
      };
      if (message.id === undefined) return response.writeHead(202).end();
      const result =
        message.method === 'initialize'
          ? {
              protocolVersion: '2025-06-18',
              capabilities: { tools: {} },
              serverInfo: { name: 'scripted', version: '1' },
            }
          : results[message.method ?? '']?.(message.params ?? {});
      const body = JSON.stringify({
        jsonrpc: '2.0',
        id: message.id,
        ...(result === undefined ? { error: { code: -32601, message: 'secret-text-of-the-upstream' } } : { result }),
      });
      return response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  open.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
};

describe('discovery', () => {
  test.each([{ json: true }, { json: false }])(
    'reads all pages of 250 tools and ends its session (json: $json)',
    async ({ json }) => {
      const server = await upstream({
        tools: Array.from({ length: 250 }, (_, index) => aTool(`tool_${index}`)),
        pageSize: 40,
        json,
      });
      const found = ready(await ask(server.url));
      expect(found.tools.map(({ name }) => name)).toEqual(Array.from({ length: 250 }, (_, index) => `tool_${index}`));
      expect(found).toMatchObject({
        detail: null,
        serverInfo: { name: 'test-upstream', version: '1.2.3' },
        protocolVersion: '2025-11-25',
      });
      expect(server.seenOf('tools/list')).toHaveLength(7);
      expect(server.seen.at(-1)?.httpMethod).toBe('DELETE');
      expect(server.openSessions()).toBe(0);
      expect(server.seen.some(({ httpMethod }) => httpMethod === 'GET')).toBe(false);
    },
  );

  test('sends the headers with every request, the one that ends the session included', async () => {
    const server = await upstream();
    await ask(server.url, { headers: { Authorization: 'Bearer s3cret', 'X-Tenant': 'a' } });
    expect(server.seen.length).toBeGreaterThan(3);
    for (const { headers } of server.seen)
      expect(headers).toMatchObject({ authorization: 'Bearer s3cret', 'x-tenant': 'a' });
  });

  test('keeps every member of a tool, also those that the SDK does not know or would refuse', async () => {
    const tool = aTool('odd', {
      outputSchema: { type: 'array' },
      annotations: { readOnlyHint: true, 'x-risk': 3 },
      icons: [{ src: 'https://x/y', 'x-own': 1 }],
      'x-vendor': { deep: [1, null] },
    });
    const found = ready(await ask(await scripted({ 'tools/list': () => ({ tools: [tool] }) })));
    expect(found.tools[0]?.definition).toEqual(tool);
  });

  test('leaves out what has no name, a name twice or text that no database keeps, and says so', async () => {
    const tools = [
      aTool('fine'),
      { description: 'nameless' },
      aTool('fine', { description: 'again' }),
      aTool('nul\0'),
      aTool('half', { description: '\ud800' }),
      'text',
      aTool('__proto__'),
    ];
    const found = ready(await ask(await scripted({ 'tools/list': () => ({ tools }) })));
    expect(found.tools.map(({ name }) => name)).toEqual(['fine', '__proto__']);
    expect(found.detail).toContain(': 5.');
  });

  test('keeps 1,000 tools of a server that lists more, and says so', async () => {
    const server = await upstream({
      tools: Array.from({ length: 1200 }, (_, index) => aTool(`t${index}`)),
      pageSize: 300,
    });
    const found = ready(await ask(server.url));
    expect(found.tools).toHaveLength(1000);
    expect(found.detail).toContain('more than 1000 tools');
  });

  test('stops after 100 pages of a server whose list never ends', async () => {
    let pages = 0;
    const url = await scripted({ 'tools/list': () => ({ tools: [aTool(`t${(pages += 1)}`)], nextCursor: 'same' }) });
    expect(ready(await ask(url)).tools).toHaveLength(100);
    expect(pages).toBe(100);
  });

  test('a server without tools is ready', async () => {
    expect(ready(await ask(await scripted({}))).tools).toEqual([]);
  });

  test('stops reading after 10 MiB', async () => {
    const url = await scripted({
      'tools/list': () => ({ tools: [aTool('big', { description: 'x'.repeat(11 * 2 ** 20) })] }),
    });
    expect(await ask(url)).toEqual({ status: 'unreachable', detail: 'The server answered more than 10 MiB.' });
  });

  test('gives up on a server that never answers', async () => {
    const server = await upstream({ intercept: () => true });
    expect(await ask(server.url, { timeoutMs: 300 })).toEqual({
      status: 'unreachable',
      detail: 'The server gave no answer within 0.3 s.',
      timedOut: true,
    });
  });

  test('gives up on a server that hangs after it opened a session, and still ends that session', async () => {
    const server = await upstream({
      intercept: (_request, _response, { message }) => message?.method === 'tools/list',
    });
    expect(await ask(server.url, { timeoutMs: 400 })).toMatchObject({ status: 'unreachable' });
    expect(server.openSessions()).toBe(0);
  });

  test.each([401, 403])('a server that answers %i wants a sign-in', async (status) => {
    const server = await upstream({
      intercept: (_request, response) => response.writeHead(status).end('secret-text-of-the-upstream') !== undefined,
    });
    const found = await ask(server.url);
    expect(found).toMatchObject({ status: 'needs_sign_in' });
    expect(found.detail).not.toContain('secret');
  });

  test.each([
    [404, 'check the path'],
    [500, 'HTTP 500'],
    [302, 'redirects'],
  ])('a server that answers %i is unreachable, with a hint', async (status, hint) => {
    const server = await upstream({
      intercept: (_request, response) =>
        response.writeHead(status, { location: 'http://127.0.0.1:1/?token=secret' }).end('secret') !== undefined,
    });
    const found = await ask(`${server.url}?key=secret`);
    expect(found).toMatchObject({ status: 'unreachable', detail: expect.stringContaining(hint) });
    expect(found.detail).not.toContain('secret');
  });

  test('a web page is no MCP server', async () => {
    const server = await upstream({
      intercept: (_request, response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<p>secret') !== undefined,
    });
    expect(await ask(server.url)).toEqual({
      status: 'unreachable',
      detail: expect.stringContaining('not as an MCP server'),
    });
  });

  test('nobody listening, and an address that is not allowed, are told apart', async () => {
    const server = await startUpstream();
    await server.close();
    expect(await ask(server.url)).toMatchObject({ detail: expect.stringContaining('refused the connection') });
    expect(await ask('http://169.254.169.254/latest')).toMatchObject({
      status: 'unreachable',
      detail: expect.stringContaining('may not be used'),
    });
  });
});

describe('the eras of a server', () => {
  const found = async (url: string): Promise<unknown> => {
    const { eras, protocolVersion, tools } = ready(await ask(url));
    return { eras, protocolVersion, tools: tools.map(({ name }) => name) };
  };

  test('one that speaks the legacy era alone is asked in it', async () => {
    const server = await upstream({ tools: [aTool('one')] });
    expect(await found(server.url)).toEqual({ eras: ['legacy'], protocolVersion: '2025-11-25', tools: ['one'] });
    expect(server.seen.map(({ message }) => message?.['method'])).toEqual([
      'server/discover',
      'initialize',
      'notifications/initialized',
      'tools/list',
      undefined,
    ]);
  });

  test('one that speaks the modern era alone is asked in it, on every page', async () => {
    const server = await modernUpstream({ tools: [aTool('one'), aTool('two'), aTool('three')], pageSize: 2 });
    expect(await found(server.url)).toEqual({
      eras: ['modern'],
      protocolVersion: '2026-07-28',
      tools: ['one', 'two', 'three'],
    });
    expect(ready(await ask(server.url)).serverInfo).toEqual({ name: 'modern-upstream', version: '3.2.1' });
  });

  test(
    'one of both eras whose legacy side keeps no session counts as modern: it could ask legacy ' + 'clients nothing',
    async () => {
      const server = await modernUpstream({ legacy: true });
      expect(await found(server.url)).toMatchObject({ eras: ['modern'] });
    },
  );

  test('one of both eras with sessions counts as both, and its session is ended', async () => {
    const legacy = await upstream({ tools: [aTool('one')] });
    const modern = await modernUpstream({ tools: [aTool('one')] });
    legacy.setIntercept(async (_request, response, { text, headers }) => {
      if (headers['mcp-method'] === undefined) return false;
      const kept = Object.entries(headers as Record<string, string>).filter(([name]) =>
        /^(mcp-|accept$|content-type$)/.test(name),
      );
      const answer = await fetch(modern.url, { method: 'POST', headers: Object.fromEntries(kept), body: text });
      response
        .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
        .end(await answer.text());
      return true;
    });
    expect(await found(legacy.url)).toEqual({
      eras: ['modern', 'legacy'],
      protocolVersion: '2026-07-28',
      tools: ['one'],
    });
    expect(legacy.openSessions()).toBe(0);
  });

  test('one that leaves the modern request unanswered, or fails on it, is asked in the legacy era', async () => {
    const silent = await upstream({
      intercept: (_request, _response, { message }) => message?.['method'] === 'server/discover',
    });
    expect(ready(await ask(silent.url, { timeoutMs: 1500 })).eras).toEqual(['legacy']);
    const failing = await upstream({
      intercept: (_request, response, { message }) =>
        message?.['method'] === 'server/discover' && response.writeHead(500).end() !== undefined,
    });
    expect(ready(await ask(failing.url)).eras).toEqual(['legacy']);
  });

  test('one that wants a sign-in, or is not there, is asked once and judged by nothing', async () => {
    const server = await upstream({ intercept: (_request, response) => response.writeHead(401).end() !== undefined });
    expect(await ask(server.url)).toMatchObject({ status: 'needs_sign_in' });
    expect(server.seen).toHaveLength(1);
  });

  test('one that speaks a later revision alone is told as such', async () => {
    const server = await upstream({
      intercept: (_request, response, { message }) => {
        response.writeHead(400, { 'content-type': 'application/json' });
        return (
          response.end(
            JSON.stringify({
              jsonrpc: '2.0',
              id: message?.['id'] ?? null,
              error: { code: -32_022, message: 'no', data: { supported: ['2031-01-01'] } },
            }),
          ) !== undefined
        );
      },
    });
    expect(await ask(server.url)).toEqual({
      status: 'unreachable',
      detail: 'The server speaks a revision of MCP that is not supported.',
    });
  });
});

describe('the hash of a tool’s definition', () => {
  const tool = {
    name: 'a',
    description: 'b',
    inputSchema: { type: 'object', properties: { x: { type: 'string' }, y: {} } },
  };

  test('does not depend on the order of keys, nor on members that say nothing about what the tool does', () => {
    const other = {
      _meta: { v: 2 },
      inputSchema: { properties: { y: {}, x: { type: 'string' } }, type: 'object' },
      description: 'b',
      name: 'a',
      icons: [],
    };
    expect(definitionHash(other)).toBe(definitionHash(tool));
  });

  test.each([
    { name: 'z' },
    { title: 't' },
    { description: 'c' },
    { inputSchema: {} },
    { outputSchema: {} },
    { annotations: {} },
  ])('changes with %o', (change) => {
    expect(definitionHash({ ...tool, ...change })).not.toBe(definitionHash(tool));
  });

  test('is the SHA-256 of the canonical JSON', () => {
    expect(definitionHash({ name: 'a' })).toBe('d9d719b27480b55cd4918020e7473e716ed3569c8adafe926cf9b10b4f8ef064');
  });
});
