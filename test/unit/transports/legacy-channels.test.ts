import { expect, test } from 'vitest';
import { parseObject } from '../../../src/platform/json/json-object.js';
import { DEFAULT_SESSION_LIMITS } from '../../../src/mcp/transports/channel-registry.js';
import type { OpenChannel } from '../../../src/mcp/transports/channel.js';
import { LegacyChannels } from '../../../src/mcp/transports/legacy-channels.js';
import type { UpstreamRequest } from '../../../src/mcp/upstream/forward.js';
import { memorySessionStore } from '../../support/memory-session-store.js';

type Transport = UpstreamRequest['server']['transport'];
const SSE: Transport = { type: 'sse', url: new URL('http://127.0.0.1:9/') };
const STDIO: Transport = { type: 'stdio', command: '/bin/server', args: [], env: {} };

const RESULTS: Readonly<Record<string, unknown>> = {
  initialize: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'one', version: '1' } },
  'tools/list': { tools: [] },
};

/** A server over this transport that can be away, and how a request of its one client ends. */
const build = (transport: Transport) => {
  const state = { isAway: false, away: 'unreachable' as 'unreachable' | 'broken', drop: (): void => undefined };
  const open: OpenChannel = (_request, events) => {
    state.drop = () => events.closed({ kind: 'broken', sent: true });
    if (state.isAway) setImmediate(() => events.closed({ kind: state.away, sent: false }));
    const send = (body: Buffer): void => {
      const { id, method } = parseObject(body.toString('utf8')) ?? {};
      if (id !== undefined && !state.isAway)
        setImmediate(() =>
          events.message(JSON.stringify({ jsonrpc: '2.0', id, result: RESULTS[String(method)] ?? {} })),
        );
    };
    return { send, pause: () => undefined, resume: () => undefined, close: () => undefined };
  };
  const channels = new LegacyChannels(open, {
    isGrantActive: () => true,
    limits: DEFAULT_SESSION_LIMITS,
    store: memorySessionStore(),
  });
  const server = { id: 'srv_1', organizationId: 'org_1', transport, eras: [] };
  const post = (method: string, headers: Readonly<Record<string, string>> = {}) =>
    new Promise<Readonly<{ status?: number; session?: unknown; failed?: string }>>((resolve) => {
      let head = {};
      channels.forward(
        {
          server,
          grantId: 'grt_1',
          era: 'legacy',
          method: 'POST',
          headers,
          body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method })),
          silenceMs: 0,
        },
        {
          head: (status, fields) => void (head = { status, session: fields['mcp-session-id'] }),
          data: () => true,
          end: () => resolve(head),
          fail: ({ kind }) => resolve({ failed: kind }),
        },
      );
    });
  return { state, channels, post };
};

test.each(['unreachable', 'broken'] as const)(
  'a session at an SSE server that was away (%s) goes on as soon as the server is back',
  async (away) => {
    const { state, channels, post } = build(SSE);
    const { session } = await post('initialize');
    const headers = { 'mcp-session-id': String(session) };
    Object.assign(state, { isAway: true, away });
    state.drop();
    for (let tries = 0; tries < 5; tries += 1) expect(await post('ping', headers)).toEqual({ failed: away });
    state.isAway = false;
    expect(await post('ping', headers)).toMatchObject({ status: 200 });
    channels.stop();
  },
);

test('a command that ends again and again is not started by every request of its session', async () => {
  const { state, channels, post } = build(STDIO);
  const { session } = await post('initialize');
  const headers = { 'mcp-session-id': String(session) };
  state.isAway = true;
  state.drop();
  await post('ping', headers);
  await post('ping', headers);
  state.isAway = false;
  expect(await post('ping', headers)).toEqual({ failed: 'unreachable' });
  channels.stop();
});
