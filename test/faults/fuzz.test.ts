import { randomInt } from 'node:crypto';
import { Agent, request as httpRequest, createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { plainUri } from '../../src/policy-engine/resource-uri.js';
import { hostileMessage, randomFrom, type Hostile } from '../support/hostile-messages.js';
import { tenantTest } from '../support/product-test.js';
import { openSession, type Grant } from '../support/tenant.js';

/** How many messages are sent in each era; `FUZZ_SEED=1` sends the same again. */
const MESSAGES = Number(process.env['FUZZ_MESSAGES'] ?? (process.env['FAULTS'] === 'full' ? 100_000 : 3000));
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
const AT_ONCE = 16;
const ANSWERED_WITHIN_MS = 20_000;

type Json = Record<string, unknown>;
type Forwarded = Readonly<{ text: string; message: Json }>;

const POLICY = {
  version: '1',
  default: 'allow',
  hide: ['secret'],
  tools: {
    limited: { limits: [{ counter: 'few', window: 'minute', max: 20, increment_from: 'args.amount' }] },
    ruled: { require: [{ path: 'args.target', op: 'neq', value: 'main' }] },
  },
  resources: { 'note://secret/*': { action: 'deny' } },
  prompts: { secret: { action: 'deny' } },
};
/** Methods that need a decision before they reach the upstream, and where their params name what they use. */
const DECIDED: Readonly<Record<string, (params: Json) => unknown>> = {
  'tools/call': ({ name }) => name,
  'resources/read': ({ uri }) => uri,
  'resources/subscribe': ({ uri }) => uri,
  'resources/unsubscribe': ({ uri }) => uri,
  'prompts/get': ({ name }) => name,
  'completion/complete': ({ ref }) => (ref as Json)['name'] ?? (ref as Json)['uri'],
};

const forwarded: Forwarded[] = [];
const failures: unknown[] = [];
const note = (error: unknown): void => void failures.push(error);

const readAll = async (from: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of from) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

/** An upstream of both eras that answers everything at once and keeps what it got. */
const upstream = createServer((request, response) => {
  void readAll(request).then((text) => {
    const message = (text === '' ? {} : JSON.parse(text)) as Json;
    forwarded.push({ text, message });
    const { id, method } = message;
    if (id === undefined || method === undefined) return response.writeHead(request.method === 'GET' ? 405 : 202).end();
    const result =
      method === 'initialize'
        ? {
            protocolVersion: '2025-11-25',
            capabilities: { tools: {}, resources: {}, prompts: {} },
            serverInfo: { name: 'u', version: '1' },
          }
        : {
            resultType: 'complete',
            supportedVersions: ['2026-07-28'],
            capabilities: { tools: {}, resources: {}, prompts: {} },
            tools: [],
            resources: [],
            resourceTemplates: [],
            prompts: [],
            content: [],
          };
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(method === 'initialize' ? { 'mcp-session-id': 'upstream' } : {}),
    });
    return response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
});

const { test, tenant } = tenantTest();

let url: string;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

test.beforeAll(async () => {
  process.on('uncaughtException', note).on('unhandledRejection', note);
  await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/mcp`;
});
test.afterAll(async () => {
  process.off('uncaughtException', note).off('unhandledRejection', note);
  agent.destroy();
  upstream.closeAllConnections();
  upstream.close();
});

/** Sends one and answers its status and body; a request without an answer rejects. */
const send = (grant: Grant, { method, headers, body }: Hostile): Promise<Readonly<{ status: number; text: string }>> =>
  new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(grant.mcpUrl);
    const timer = setTimeout(
      () => reject(new Error(`no answer to ${method} ${body.toString('latin1')}`)),
      ANSWERED_WITHIN_MS,
    );
    const outgoing = httpRequest(
      {
        agent,
        hostname,
        port,
        path: pathname,
        method,
        headers: { ...headers, authorization: `Bearer ${grant.token}`, 'content-length': body.length },
      },
      (response) => {
        const isStream = method === 'GET' && response.statusCode === 200;
        if (isStream) response.destroy();
        (isStream ? Promise.resolve('stream') : readAll(response)).then((text) => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, text });
        }, reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });

const counted = (keys: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

test.each(['legacy', 'modern'] as const)(
  `${MESSAGES} random and mutated messages of the %s era: each is answered, nothing fails unseen, ` +
    'and nothing reaches the upstream without its decision',
  async (era) => {
    process.stderr.write(`${era}: ${MESSAGES} messages, FUZZ_SEED=${SEED}\n`);
    const random = randomFrom(SEED);
    const serverId = await tenant.server(url);
    const grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, POLICY) });
    const sessionId = async (): Promise<string> => (await openSession(grant)).id;
    let own: Record<string, string> = era === 'legacy' ? { 'mcp-session-id': await sessionId() } : {};
    forwarded.length = 0;
    const statuses = new Map<number, number>();
    let left = MESSAGES;
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const message = hostileMessage(random, era, own);
        const { status, text } = await send(grant, message);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status >= 500 || (status === 200 && text === ''))
          failures.push(`${status} ${text} to ${message.body.toString('latin1')}`);
        if (message.method === 'DELETE' && era === 'legacy' && status === 204)
          own = { 'mcp-session-id': await sessionId() };
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    process.stderr.write(
      `${era}: answered with ${JSON.stringify(Object.fromEntries(statuses))}; ${forwarded.length} ` +
        `messages reached the upstream\n`,
    );
    expect(failures.slice(0, 10)).toEqual([]);

    // What a parser that ignores case would take for a name must not be a secret one either.
    const uses = forwarded.filter(({ message }) => Object.hasOwn(DECIDED, String(message['method'])));
    expect(uses.length).toBeGreaterThan(MESSAGES / 50);
    expect(uses.filter(({ message }) => namesSecret(message['method'], message['params']))).toEqual([]);
    expect(uses.filter(({ message }) => breaksRule(message['params']))).toEqual([]);
    const allowed = async (): Promise<ReadonlyMap<string, number>> =>
      counted(
        (await tenant.events(`&type=toolCall.decided&grantId=${grant.id}`))
          .filter(({ effect }) => effect === 'allow')
          .map(({ method, tool }) => `${String(method)} ${String(tool)}`),
      );
    const used = counted(
      uses.map(
        ({ message }) =>
          `${String(message['method'])} ${String(DECIDED[String(message['method'])]?.(message['params'] as Json))}`,
      ),
    );
    await expect
      .poll(
        async () => {
          const decisions = await allowed();
          return [...used].filter(([key, count]) => (decisions.get(key) ?? 0) < count);
        },
        { timeout: 60_000, interval: 1000 },
      )
      .toEqual([]);
    const events = await tenant.events();
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  },
  3_600_000,
);

/** Whether params call `ruled` in a way that its rule refuses. */
const breaksRule = (params: unknown): boolean => {
  const { name, arguments: args } = params as Json;
  const target = typeof args === 'object' && args !== null ? (args as Json)['target'] : undefined;
  return name === 'ruled' && (typeof target !== 'string' || target === 'main');
};

/**
 * Whether params name something secret in any way that a careless parser might see: a key in another case, a URI in
 * another spelling where URIs are used.
 */
const namesSecret = (method: unknown, params: unknown): boolean =>
  typeof params === 'object' &&
  params !== null &&
  Object.entries(params).some(([key, value]) => {
    if (key.toLowerCase() === 'ref') return namesSecret(method, value);
    if (typeof value !== 'string') return false;
    if (key.toLowerCase() === 'name') return value === 'secret';
    return (
      key.toLowerCase() === 'uri' &&
      !['tools/call', 'prompts/get'].includes(String(method)) &&
      plainUri(value)?.startsWith('note://secret/') !== false
    );
  });
