import { afterEach, expect, test } from 'vitest';
import { SessionPool } from '../../../src/mcp/era-bridge/modern-client-to-legacy-server/session-pool.js';
import { POOLED_SESSION_QUOTA } from '../../../src/platform/fair-shares/data-plane-quotas.js';
import type { Forward } from '../../../src/mcp/upstream/forward.js';
import type { UpstreamTarget } from '../../../src/mcp/upstream/probe.js';

const pools: SessionPool[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.stop())));

let ended = 0;
const answering =
  (instructions = ''): Forward =>
  (request, sink) => {
    const message = request.body ? (JSON.parse(request.body.toString()) as { id?: unknown }) : {};
    if (request.method === 'DELETE') ended += 1;
    queueMicrotask(() => {
      sink.head(message.id === undefined ? 202 : 200, { 'content-type': 'application/json', 'mcp-session-id': 'one' });
      if (message.id !== undefined)
        sink.data(
          Buffer.from(
            JSON.stringify({
              jsonrpc: '2.0',
              id: message.id,
              result: { protocolVersion: '2025-06-18', capabilities: {}, instructions },
            }),
          ),
        );
      sink.end();
    });
    return { resume: () => undefined, abort: () => undefined };
  };
const reach = (organizationId: string, grantId: string, forward = answering()): UpstreamTarget => ({
  forward,
  server: {
    id: 'srv_1',
    organizationId,
    transport: { type: 'streamable-http', url: new URL('http://127.0.0.1:9/mcp') },
    eras: ['legacy'],
  },
  credential: {},
  grantId,
});
const client = { info: {}, capabilities: {} };

test(
  'An organization that has its share of sessions loses its idlest one for a new one, and no other ' +
    'organization loses one',
  async () => {
    const pool = new SessionPool();
    pools.push(pool);
    const quiet = await pool.session(reach('org_quiet', 'grt_quiet'), client);
    const most = POOLED_SESSION_QUOTA.organization.count;
    for (let index = 0; index < most; index += 1)
      expect(await pool.session(reach('org_loud', `grt_${index}`), client)).toHaveProperty('session');
    expect(ended).toBe(0);
    await expect.poll(async () => 'session' in (await pool.session(reach('org_loud', 'grt_more'), client))).toBe(true);
    expect(ended).toBe(1);
    expect(await pool.session(reach('org_quiet', 'grt_quiet'), client)).toEqual(quiet);
  },
);

test('What servers say of themselves is bounded for each organization, and given back with the session', async () => {
  const pool = new SessionPool();
  pools.push(pool);
  const long = answering('x'.repeat(3 * 2 ** 20));
  const open = (index: number, organizationId = 'org_loud') =>
    pool.session(reach(organizationId, `${organizationId} ${index}`, long), client);
  const opened = await Promise.all(Array.from({ length: 20 }, (_, index) => open(index)));
  expect(opened.filter((one) => 'session' in one)).toHaveLength(15);
  expect(await open(0, 'org_quiet')).toHaveProperty('session');
  for (const one of opened) if ('session' in one) one.session.markLost();
  expect(await open(100)).toHaveProperty('session');
});
