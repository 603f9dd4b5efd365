import { Webhook } from 'standardwebhooks';
import { describe, expect } from 'vitest';
import { startLogReceiver, type LogReceiver } from '../../support/log-receiver.js';
import { tenantTest } from '../../support/product-test.js';
import { connect } from '../../support/tenant.js';
import { aTool, startUpstream } from '../../support/upstream.js';
import { until } from '../audit/audit-support.js';
import { healthOf, makeStream, range, record, seqsOf } from './streams-support.js';

const { test, tenant } = tenantTest();
let receiver: LogReceiver;
test.beforeEach(async () => {
  receiver = await startLogReceiver();
});
test.afterEach(async () => {
  await receiver.close();
});

describe('a webhook', () => {
  test('gets every record of the log in order, from a call through the gateway on, each signed', async () => {
    const stream = await makeStream(tenant, {
      kind: 'webhook',
      config: { url: receiver.url },
      startAt: 'beginning',
    });
    const upstream = await startUpstream({ json: true, tools: [aTool('echo')] });
    const serverId = await tenant.server(upstream.url);
    const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
    const client = await connect(await tenant.grant({ serverId, policyId }));
    await client.callTool({ name: 'echo', arguments: {} });
    await client.close();
    await upstream.close();
    await until(() => receiver.taken().some(({ type }) => type === 'toolCall.completed'));
    const items = receiver.taken();
    expect(seqsOf(items)).toEqual(range(1, items.length));
    const exported = await tenant.events();
    expect(items).toEqual(exported.slice(0, items.length));
    const webhook = new Webhook(String(stream['secret']));
    for (const { text, headers } of receiver.requests)
      expect(() => webhook.verify(text, headers as Record<string, string>)).not.toThrow();
    expect(JSON.parse(receiver.requests[0]?.text ?? '')).toMatchObject({ streamId: stream.id });
    await until(async () => (await healthOf(tenant, stream.id))['lagRecords'] === 0);
    expect(await healthOf(tenant, stream.id)).toMatchObject({ status: 'active', running: true, lastError: null });
  });

  test('whose secret was rotated signs with both for the grace, and then with the new one alone', async () => {
    const stream = await makeStream(tenant, { kind: 'webhook', config: { url: receiver.url } });
    const rotate = async (graceSeconds: number): Promise<string> => {
      const answer = await tenant.api('POST', `/v1/log-streams/${stream.id}/rotate-secret`, { graceSeconds });
      expect(answer.status).toBe(200);
      return String(answer.body['secret']);
    };
    const signatures = async (): Promise<readonly string[]> => {
      const before = receiver.requests.length;
      await record(tenant);
      await until(() => receiver.requests.length > before);
      return String(receiver.requests.at(-1)?.headers['webhook-signature']).split(' ');
    };
    const second = await rotate(3600);
    await until(async () => (await signatures()).length === 2);
    const { text, headers } = receiver.requests.at(-1) ?? { text: '', headers: {} };
    for (const secret of [String(stream['secret']), second])
      expect(() => new Webhook(secret).verify(text, headers as Record<string, string>)).not.toThrow();
    await rotate(0);
    await until(async () => (await signatures()).length === 1);
  });
});
