import { expect } from 'vitest';
import { connect, type Tenant } from '../../support/tenant.js';
import type { Upstream } from '../../support/upstream.js';
import { withoutRepeats, type Receiver } from './destinations.js';

/** Makes a log stream of the whole log. */
export const makeStream = async (tenant: Tenant, name: string, body: object): Promise<string> => {
  const answer = await tenant.api('POST', '/v1/log-streams', { name, startAt: 'beginning', ...body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body['id'] as string;
};

/** One call of a tool through the gateway, until its outcome is on record; the ids of all records up to it. */
export const callTool = async (tenant: Tenant, upstream: Upstream): Promise<readonly string[]> => {
  const serverId = await tenant.server(upstream.url);
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  const client = await connect(await tenant.grant({ serverId, policyId }));
  await client.callTool({ name: 'echo', arguments: {} });
  await client.close();
  const outcomes = async () =>
    (await tenant.events(`&type=toolCall.completed&serverId=${serverId}`)).map(({ seq }) => Number(seq));
  await expect.poll(outcomes).toHaveLength(1);
  const [seq] = await outcomes();
  const events = await tenant.events();
  return events.filter((event) => Number(event['seq']) <= seq!).map(({ id }) => String(id));
};

/** Waits until the receiver holds these ids first, in this order. */
export const expectStored = async (receiver: Receiver, ids: readonly string[]): Promise<void> => {
  await expect.poll(async () => withoutRepeats(await receiver.stored()).length).toBeGreaterThanOrEqual(ids.length);
  expect(withoutRepeats(await receiver.stored()).slice(0, ids.length)).toEqual(ids);
};

/** Waits outside of a test, where `expect.poll` does not work. */
export const until = async (isSo: () => Promise<boolean>, what: string): Promise<void> => {
  for (const end = Date.now() + 30_000; !(await isSo()); await new Promise((done) => setTimeout(done, 100)))
    if (Date.now() > end) throw new Error(`it did not come: ${what}`);
};
