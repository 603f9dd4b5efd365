import { afterAll, beforeAll, describe, expect } from 'vitest';
import { tenantTest } from '../support/product-test.js';
import { aTool, startUpstream, type Upstream } from '../support/upstream.js';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { destinations, type Receiver } from './support/destinations.js';
import { callTool, expectStored, makeStream } from './support/streams.js';

const { test, tenant } = tenantTest();

let certificates: Certificates;
let upstream: Upstream;
beforeAll(async () => {
  [certificates, upstream] = await Promise.all([makeCertificates(), startUpstream({ tools: [aTool('echo')] })]);
});
afterAll(async () => {
  await Promise.all([certificates?.remove(), upstream?.close()]);
});

describe.each(destinations)('$name', (destination) => {
  let receiver: Receiver;
  beforeAll(async () => {
    if (destination.isHere) receiver = await destination.start(certificates, true);
  });
  afterAll(() => receiver?.stop());

  test.skipIf(!destination.isHere)(
    'holds a call that went through the gateway, and all that is on record before it, in order',
    async () => {
      const id = await makeStream(tenant, destination.name, receiver.stream());
      await expectStored(receiver, await callTool(tenant, upstream));
      const health = (await tenant.api('GET', `/v1/log-streams/${id}/health`)).body;
      expect(health).toMatchObject({ status: 'active', lastError: null, deadLetters: 0 });
      const shown = (await tenant.api('GET', `/v1/log-streams/${id}`)).body;
      expect(JSON.stringify(shown)).not.toContain('PRIVATE KEY');
      await tenant.api('DELETE', `/v1/log-streams/${id}`);
    },
  );

  test.skipIf(!destination.isHere)('takes a marked test event, and its answer is shown', async () => {
    const id = await makeStream(tenant, `${destination.name} test`, { ...receiver.stream(), startAt: 'now' });
    const answer = await tenant.api('POST', `/v1/log-streams/${id}/test`);
    expect(answer.body).toMatchObject({ delivered: true, error: null });
    await tenant.api('DELETE', `/v1/log-streams/${id}`);
  });
});
