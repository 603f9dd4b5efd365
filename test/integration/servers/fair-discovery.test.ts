import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { signUp } from '../../support/tenant.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { startUpstream } from '../../support/upstream.js';

const toolgate = await startTestToolgate();
const upstream = await startUpstream({ json: true });

/** A server that takes requests and answers none until it is released. */
let asked = 0;
const silent = createServer(() => void (asked += 1));
await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
const silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/mcp`;

afterAll(async () => {
  silent.closeAllConnections();
  silent.close();
  await toolgate.close();
  await upstream.close();
});

test(
  'One organization that registers many silent servers at once is held to a few discoveries, and ' +
    'another registers its own meanwhile',
  async () => {
    const [loud, quiet] = [await signUp(toolgate.url), await signUp(toolgate.url)];
    const registrations = Array.from({ length: 40 }, (_, index) =>
      loud.api('POST', '/v1/servers', {
        name: `silent ${index}`,
        transport: { type: 'streamable-http', url: silentUrl },
      }),
    );
    await expect.poll(() => asked).toBeGreaterThan(0);
    const answer = await quiet.api('POST', '/v1/servers', {
      name: 'mine',
      transport: { type: 'streamable-http', url: upstream.url },
    });
    expect([answer.status, answer.body['status']]).toEqual([201, 'ready']);
    expect(asked).toBeLessThanOrEqual(8);
    const refused = await Promise.race(registrations);
    expect([refused.status, refused.body['code']]).toEqual([429, 'too_many_requests']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    silent.closeAllConnections();
    silent.on('request', (request) => request.socket.destroy());
    const statuses = (await Promise.all(registrations)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201).length).toBe(24);
  },
);
