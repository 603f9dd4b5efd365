import { setTimeout as rest } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSession, signUp, type Grant, type Tenant } from '../../support/tenant.js';
import { startTestToolgate, type TestToolgate } from '../../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

let toolgate: TestToolgate;
let upstream: Upstream;
let tenant: Tenant;
let grant: Grant;

const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } };
const GRACE_MS = 5000;
const isCall = (message: Record<string, unknown> | undefined): boolean => message?.['method'] === 'tools/call';

beforeEach(async () => {
  upstream = await startUpstream({ tools: [aTool('echo')] });
  toolgate = await startTestToolgate();
  tenant = await signUp(toolgate.url);
  const serverId = await tenant.server(upstream.url);
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) });
});
afterEach(async () => {
  await toolgate.close();
  await upstream.close();
});

/** An event stream that goes on and on, until the gateway lets go of it. */
const chatter = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const timer = setInterval(() => response.write(': more\n\n'), 10);
  response.once('close', () => clearInterval(timer));
};

test('streams that still flow while the process stops end without an error that nobody catches', async () => {
  const failures: unknown[] = [];
  const note = (error: unknown): void => void failures.push(error);
  process.on('uncaughtException', note);
  upstream.setIntercept((request, response, seen) => {
    if (request.method !== 'GET' && !isCall(seen.message)) return false;
    chatter(response);
    return true;
  });
  const session = await openSession(grant);
  const streams = [
    await fetch(grant.mcpUrl, {
      headers: { authorization: `Bearer ${grant.token}`, accept: 'text/event-stream', 'mcp-session-id': session.id },
    }),
    await session.post(call),
  ];
  expect(streams.map(({ status }) => status)).toEqual([200, 200]);
  const read = Promise.all(streams.map((stream) => stream.text().catch(() => '')));
  await toolgate.toolgate.close();
  await read;
  process.off('uncaughtException', note);
  expect(failures).toEqual([]);
});

/** What the log holds once the process is gone. */
const logged = async (type: string): Promise<readonly Record<string, unknown>[]> =>
  (await toolgate.log.events()).filter((event) => event['type'] === type);

test('a call that is still under way when the grace of a stop runs out ends with the outcome unknown', async () => {
  upstream.setIntercept((_request, _response, seen) => isCall(seen.message));
  const session = await openSession(grant);
  const answer = session.post(call).catch(() => undefined);
  await expect.poll(() => upstream.seenOf('tools/call').length).toBe(1);
  await toolgate.toolgate.close();
  await answer;
  const [decided] = await logged('toolCall.decided');
  expect(await logged('toolCall.completed')).toMatchObject([
    { callId: decided?.['callId'], status: 'unknown', grantId: grant.id, tool: 'echo' },
  ]);
  expect(await logged('gateway.stopped')).toHaveLength(1);
});

test.each([
  ['JSON', 'application/json', ''],
  ['an event stream', 'text/event-stream', 'data: '],
])(
  'a call that ends within the grace is answered in %s, its outcome is on record, and the stop ' +
    'waits no longer than for it',
  async (_kind, type, prefix) => {
    upstream.setIntercept((_request, response, seen) => {
      if (!isCall(seen.message)) return false;
      if (prefix !== '') response.writeHead(200, { 'content-type': type }).flushHeaders();
      const begin = (): void =>
        void (response.headersSent ? response : response.writeHead(200, { 'content-type': type })).end(
          `${prefix}{"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n`,
        );
      setTimeout(begin, 500);
      return true;
    });
    const session = await openSession(grant);
    const answer = session.post(call);
    await expect.poll(() => upstream.seenOf('tools/call').length).toBe(1);
    const stopped = toolgate.toolgate.close().then(() => 'stopped');
    expect(await Promise.race([stopped, rest(GRACE_MS, 'waited until the grace was over')])).toBe('stopped');
    expect(JSON.parse((await (await answer).text()).slice(prefix.length))).toMatchObject({
      id: 1,
      result: { content: [] },
    });
    expect(await logged('toolCall.completed')).toMatchObject([{ status: 'ok' }]);
  },
);
