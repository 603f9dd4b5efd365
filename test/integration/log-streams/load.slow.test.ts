import { expect } from 'vitest';
import { startLogReceiver } from '../../support/log-receiver.js';
import { tenantTest } from '../../support/product-test.js';
import { healthOf, makeStream, record } from './streams-support.js';

const { test, tenant } = tenantTest();

const waitFor = async (condition: () => Promise<boolean> | boolean, everyMs = 20): Promise<number> => {
  const since = performance.now();
  while (!(await condition())) {
    if (performance.now() - since > 250_000) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return performance.now() - since;
};

const lagOf = async (id: string): Promise<number> => Number((await healthOf(tenant, id))['lagRecords']);

test('eight streams are not held up by a ninth whose receiver hangs', { timeout: 120_000 }, async () => {
  const receiver = await startLogReceiver();
  const dead = await startLogReceiver();
  dead.answer(() => 'hang');
  const ids: string[] = [];
  for (let at = 0; at < 8; at += 1)
    ids.push((await makeStream(tenant, { kind: 'webhook', config: { url: receiver.url } })).id);
  const caughtUp = async (): Promise<boolean> => {
    for (const id of ids) if ((await lagOf(id)) > 0) return false;
    return true;
  };
  const round = async (): Promise<number> => {
    await record(tenant, 40);
    return waitFor(caughtUp);
  };
  await round();
  const alone = [await round(), await round(), await round()].toSorted((a, b) => a - b)[1] ?? 0;
  const hanging = await makeStream(tenant, { kind: 'webhook', config: { url: dead.url }, startAt: 'beginning' });
  await waitFor(() => dead.requests.length > 0);
  const beside = [await round(), await round(), await round()].toSorted((a, b) => a - b)[1] ?? 0;
  expect(await lagOf(hanging.id)).toBeGreaterThan(100);
  // Half a second is what a round of the role takes: below it there is nothing to compare.
  expect(beside).toBeLessThan(Math.max(2 * alone, 1000));
  for (const id of [...ids, hanging.id]) await tenant.api('DELETE', `/v1/log-streams/${id}`);
  await receiver.close();
  await dead.close();
});
