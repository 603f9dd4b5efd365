import { expect } from 'vitest';
import { startLogReceiver } from '../../support/log-receiver.js';
import { tenantTest } from '../../support/product-test.js';
import { startBeside } from '../../support/toolgate.js';
import { healthOf, makeStream, range, record, seqsOf } from './streams-support.js';

const { test, toolgate, tenant } = tenantTest();
const WAIT = { timeout: 20_000 };
const STREAMS = 5;

/** How many streams each node runs. */
const shares = async (): Promise<readonly number[]> => {
  const { rows } = await toolgate.db.worker.query<{ count: number }>(
    'select count(*)::int as count from log_stream_cursors where owner is not null group by owner order by 1',
  );
  return rows.map(({ count }) => count);
};

test('a node that joins gets its share of the streams, and gives it back when it ends, with nothing lost', async () => {
  const receivers = await Promise.all(Array.from({ length: STREAMS }, () => startLogReceiver()));
  const ids: string[] = [];
  for (const { url } of receivers)
    ids.push((await makeStream(tenant, { kind: 'webhook', config: { url }, startAt: 'beginning' })).id);
  await expect.poll(shares, WAIT).toEqual([STREAMS]);
  const other = await startBeside(toolgate, { ROLES: 'streams' });
  await record(tenant, 5);
  await expect.poll(shares, WAIT).toEqual([2, 3]);
  await record(tenant, 5);
  await other.close();
  await record(tenant, 5);
  await expect.poll(shares, WAIT).toEqual([STREAMS]);
  for (const [at, id] of ids.entries()) {
    await expect.poll(async () => (await healthOf(tenant, id))['lagRecords'], WAIT).toBe(0);
    const seqs = [...new Set(seqsOf(receivers[at]?.taken() ?? []))];
    expect(seqs).toEqual(range(1, seqs.length));
    expect(seqs.length).toBeGreaterThan(15);
  }
  for (const receiver of receivers) await receiver.close();
});
