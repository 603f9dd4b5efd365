import { expect, test } from 'vitest';
import { ChannelRegistry } from '../../../src/mcp/transports/channel-registry.js';
import type { UpstreamRequest } from '../../../src/mcp/upstream/forward.js';
import { CHANNEL_QUOTA } from '../../../src/platform/fair-shares/data-plane-quotas.js';

const requestOf = (organizationId: string, grantId: string): UpstreamRequest => ({
  server: { id: 'srv_1', organizationId, transport: { type: 'sse', url: new URL('http://127.0.0.1:9/') }, eras: [] },
  grantId,
  era: 'legacy',
  method: 'POST',
  headers: {},
  body: undefined,
  silenceMs: 0,
});

test(
  'an organization that has its share of channels loses the one that it used longest ago for a new ' +
    'one, and no other organization loses any',
  () => {
    const channels = new ChannelRegistry({ isGrantActive: () => true });
    const ended: string[] = [];
    const keep = (organizationId: string, index: number): void => {
      const key = `${organizationId} ${index}`;
      channels.add(
        key,
        { grantId: key, serverId: 'srv_1', lastUsedAt: () => Date.now() - 1000 + index, end: () => ended.push(key) },
        requestOf(organizationId, key),
      );
    };
    for (let index = 0; index < 16; index += 1) keep('honest', index);
    const share = CHANNEL_QUOTA.organization.count;
    for (let index = 0; index < share + 50; index += 1) keep('hostile', index);
    expect(ended).toEqual(Array.from({ length: 50 }, (_, index) => `hostile ${index}`));
    keep('late', 1);
    channels.end('hostile 60');
    keep('hostile', 1000);
    expect(ended).toHaveLength(51);
    channels.stop();
    expect(ended).toHaveLength(16 + share + 51 + 1);
  },
);
