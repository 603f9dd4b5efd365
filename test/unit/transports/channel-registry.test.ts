import { expect, test } from 'vitest';
import { ChannelRegistry, DEFAULT_SESSION_LIMITS } from '../../../src/mcp/transports/channel-registry.js';
import type { UpstreamRequest } from '../../../src/mcp/upstream/forward.js';
import { channelQuota } from '../../../src/platform/fair-shares/data-plane-quotas.js';

const requestOf = (organizationId: string, grantId: string, serverId = grantId): UpstreamRequest => ({
  server: { id: serverId, organizationId, transport: { type: 'sse', url: new URL('http://127.0.0.1:9/') }, eras: [] },
  grantId,
  era: 'legacy',
  method: 'POST',
  headers: {},
  body: undefined,
  silenceMs: 0,
});

/** A registry, and what it said to each newcomer. */
const build = (limits = DEFAULT_SESSION_LIMITS) => {
  const channels = new ChannelRegistry({ isGrantActive: () => true, limits });
  const ended: string[] = [];
  const add = (key: string, request: UpstreamRequest, idleMs: number): string | undefined => {
    const reason = channels.reasonWhyFull(request);
    if (reason !== undefined) return reason;
    const { grantId, server } = request;
    const lastUsedAt = (): number => Date.now() - idleMs;
    channels.add(key, { grantId, serverId: server.id, lastUsedAt, end: () => ended.push(key) }, request);
    return undefined;
  };
  return { channels, ended, add };
};

test('an organization over its share of channels gets a new one for its longest idle one', () => {
  const { channels, ended, add } = build();
  for (let index = 0; index < 16; index += 1) add(`honest ${index}`, requestOf('honest', `h${index}`), 100_000);
  const share = channelQuota(DEFAULT_SESSION_LIMITS).organization.count;
  for (let index = 0; index < share + 50; index += 1)
    expect(add(`hostile ${index}`, requestOf('hostile', `g${index}`), 90_000 - index)).toBeUndefined();
  expect(ended).toEqual(Array.from({ length: 50 }, (_, index) => `hostile ${index}`));
  channels.stop();
  expect(ended).toHaveLength(16 + share + 50);
});

test('an organization whose channels are all in use is refused one more, with the reason', () => {
  const { channels, ended, add } = build();
  const share = channelQuota(DEFAULT_SESSION_LIMITS).organization.count;
  for (let index = 0; index < share; index += 1) add(`${index}`, requestOf('hostile', `g${index}`), 59_000);
  expect(add('one more', requestOf('hostile', 'late'), 0)).toContain('this organization has as many sessions');
  expect(add('other', requestOf('honest', 'h'), 0)).toBeUndefined();
  expect(ended).toEqual([]);
  channels.stop();
});

test('a grant over its limit takes the place of its own channel that was idle for a minute, else it is refused', () => {
  const { channels, ended, add } = build({ perGrant: 2, perServer: 3, idleMs: 1_800_000 });
  expect(add('busy', requestOf('org', 'one', 'srv'), 0)).toBeUndefined();
  expect(add('other', requestOf('org', 'two', 'srv'), 500_000)).toBeUndefined();
  expect(add('idle', requestOf('org', 'one', 'srv'), 60_001)).toBeUndefined();
  expect(add('newcomer', requestOf('org', 'one', 'srv'), 1000)).toBeUndefined();
  expect(ended).toEqual(['idle']);
  expect(add('refused', requestOf('org', 'one', 'srv'), 0)).toContain('this grant has 2 sessions in use');
  expect(add('third', requestOf('org', 'three', 'srv'), 0)).toBeUndefined();
  expect(ended).toEqual(['idle', 'other']);
  expect(add('fourth', requestOf('org', 'four', 'srv'), 0)).toContain('3 sessions are in use at this MCP server');
  channels.stop();
});

test("a grant over its quota ends an idle channel of its own, and never another grant's", () => {
  const { channels, ended, add } = build();
  const quota = channelQuota(DEFAULT_SESSION_LIMITS).grant.count;
  add('other', requestOf('org', 'other'), 900_000);
  for (let index = 0; index < quota; index += 1) add(`${index}`, requestOf('org', 'greedy', `srv ${index}`), 0);
  expect(add('refused', requestOf('org', 'greedy', 'one more'), 0)).toContain('this grant has as many sessions');
  expect(ended).toEqual([]);
  channels.stop();
});
