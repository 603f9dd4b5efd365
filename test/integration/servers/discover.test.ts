import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { makeOutbound } from '../../../src/platform/outbound.js';
import { definitionHash, discover, type Discovered } from '../../../src/upstream/discover.js';
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

const ask = (url: string, more: Readonly<{ headers?: Record<string, string>; timeoutMs?: number }> = {}): Promise<Discovered> => discover({ url, headers: {}, fetch: outbound.fetch, ...more });

const ready = (found: Discovered): Extract<Discovered, { status: 'ready' }> => {
  if (found.status !== 'ready') throw new Error(`not ready: ${found.detail}`);
  return found;
};

/** Answers every JSON-RPC request of a discovery with what `results` has for its method. */
const scripted = async (results: Readonly<Record<string, (params: Record<string, unknown>) => unknown>>, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString() || '{}') as { id?: number; method?: string; params?: Record<string, unknown> };
      if (message.id === undefined) return response.writeHead(202).end();
      const result = message.method === 'initialize' ? { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'scripted', version: '1' } } : results[message.method ?? '']?.(message.params ?? {});
      const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...(result === undefined ? { error: { code: -32601, message: 'secret-text-of-the-upstream' } } : { result }) });
      return response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(headers['content-encoding'] === 'gzip' ? gzipSync(body) : body);
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
  test.each([{ json: true }, { json: false }])('reads all pages of 250 tools and ends its session (json: $json)', async ({ json }) => {
    const server = await upstream({ tools: Array.from({ length: 250 }, (_, index) => aTool(`tool_${index}`)), pageSize: 40, json });
    const found = ready(await ask(server.url));
    expect(found.tools.map(({ name }) => name)).toEqual(Array.from({ length: 250 }, (_, index) => `tool_${index}`));
    expect(found).toMatchObject({ detail: null, serverInfo: { name: 'test-upstream', version: '1.2.3' }, protocolVersion: '2025-11-25' });
    expect(server.seenOf('tools/list')).toHaveLength(7);
    expect(server.seen.at(-1)?.httpMethod).toBe('DELETE');
    expect(server.openSessions()).toBe(0);
    expect(server.seen.some(({ httpMethod }) => httpMethod === 'GET')).toBe(false);
  });

  test('sends the headers with every request, the one that ends the session included', async () => {
    const server = await upstream();
    await ask(server.url, { headers: { Authorization: 'Bearer s3cret', 'X-Tenant': 'a' } });
    expect(server.seen.length).toBeGreaterThan(3);
    for (const { headers } of server.seen) expect(headers).toMatchObject({ authorization: 'Bearer s3cret', 'x-tenant': 'a' });
  });

  test('keeps every member of a tool, also those that the SDK does not know or would refuse', async () => {
    const tool = aTool('odd', { outputSchema: { type: 'array' }, annotations: { readOnlyHint: true, 'x-risk': 3 }, icons: [{ src: 'https://x/y', 'x-own': 1 }], 'x-vendor': { deep: [1, null] } });
    const found = ready(await ask(await scripted({ 'tools/list': () => ({ tools: [tool] }) })));
    expect(found.tools[0]?.definition).toEqual(tool);
  });

  test('leaves out what has no name, a name twice or text that no database keeps, and says so', async () => {
    const tools = [aTool('fine'), { description: 'nameless' }, aTool('fine', { description: 'again' }), aTool('nul\0'), aTool('half', { description: '\ud800' }), 'text', aTool('__proto__')];
    const found = ready(await ask(await scripted({ 'tools/list': () => ({ tools }) })));
    expect(found.tools.map(({ name }) => name)).toEqual(['fine', '__proto__']);
    expect(found.detail).toContain(': 5.');
  });

  test('keeps 1,000 tools of a server that lists more, and says so', async () => {
    const server = await upstream({ tools: Array.from({ length: 1200 }, (_, index) => aTool(`t${index}`)), pageSize: 300 });
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

  test('stops reading after 10 MiB, also of what was compressed', async () => {
    const url = await scripted({ 'tools/list': () => ({ tools: [aTool('big', { description: 'x'.repeat(11 * 2 ** 20) })] }) }, { 'content-encoding': 'gzip' });
    expect(await ask(url)).toEqual({ status: 'unreachable', detail: 'The server answered more than 10 MiB.' });
  });

  test('gives up on a server that never answers', async () => {
    const server = await upstream({ intercept: () => true });
    const began = Date.now();
    expect(await ask(server.url, { timeoutMs: 300 })).toEqual({ status: 'unreachable', detail: 'The server gave no answer within 0.3 s.' });
    expect(Date.now() - began).toBeLessThan(2000);
  });

  test('gives up on a server that hangs after it opened a session, and still ends that session', async () => {
    const server = await upstream({ intercept: (_request, _response, { message }) => message?.method === 'tools/list' });
    expect(await ask(server.url, { timeoutMs: 400 })).toMatchObject({ status: 'unreachable' });
    expect(server.openSessions()).toBe(0);
  });

  test.each([401, 403])('a server that answers %i wants a sign-in', async (status) => {
    const server = await upstream({ intercept: (_request, response) => response.writeHead(status).end('secret-text-of-the-upstream') !== undefined });
    const found = await ask(server.url);
    expect(found).toMatchObject({ status: 'needs_sign_in' });
    expect(found.detail).not.toContain('secret');
  });

  test.each([
    [404, 'check the path'],
    [500, 'HTTP 500'],
    [302, 'redirects'],
  ])('a server that answers %i is unreachable, with a hint', async (status, hint) => {
    const server = await upstream({ intercept: (_request, response) => response.writeHead(status, { location: 'http://127.0.0.1:1/?token=secret' }).end('secret') !== undefined });
    const found = await ask(`${server.url}?key=secret`);
    expect(found).toMatchObject({ status: 'unreachable', detail: expect.stringContaining(hint) });
    expect(found.detail).not.toContain('secret');
  });

  test('a web page is no MCP server', async () => {
    const server = await upstream({ intercept: (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>secret') !== undefined });
    expect(await ask(server.url)).toEqual({ status: 'unreachable', detail: expect.stringContaining('not as an MCP server') });
  });

  test('nobody listening, and an address that is not allowed, are told apart', async () => {
    const server = await startUpstream();
    await server.close();
    expect(await ask(server.url)).toMatchObject({ detail: expect.stringContaining('refused the connection') });
    expect(await ask('http://169.254.169.254/latest')).toMatchObject({ status: 'unreachable', detail: expect.stringContaining('may not be used') });
  });
});

describe('the hash of a tool’s definition', () => {
  const tool = { name: 'a', description: 'b', inputSchema: { type: 'object', properties: { x: { type: 'string' }, y: {} } } };

  test('does not depend on the order of keys, nor on members that say nothing about what the tool does', () => {
    const other = { _meta: { v: 2 }, inputSchema: { properties: { y: {}, x: { type: 'string' } }, type: 'object' }, description: 'b', name: 'a', icons: [] };
    expect(definitionHash(other)).toBe(definitionHash(tool));
  });

  test.each([{ name: 'z' }, { title: 't' }, { description: 'c' }, { inputSchema: {} }, { outputSchema: {} }, { annotations: {} }])('changes with %o', (change) => {
    expect(definitionHash({ ...tool, ...change })).not.toBe(definitionHash(tool));
  });

  test('is the SHA-256 of the canonical JSON', () => {
    expect(definitionHash({ name: 'a' })).toBe('d9d719b27480b55cd4918020e7473e716ed3569c8adafe926cf9b10b4f8ef064');
  });
});
