import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../../support/database.js';
import { startLogReceiver, type LogReceiver } from '../../support/log-receiver.js';
import { startProduct, type Product } from '../../support/product.js';
import { signUp, type Tenant } from '../../support/tenant.js';
import { NODE_TTL_SECONDS } from '../../../src/record/log-streams/delivery/nodes.store.js';
import { healthOf, makeStream, median, range, record, seqsOf } from './streams-support.js';

const STREAMS = 4;
/** Of the 15 s that are promised, so many trips through the API on a machine that is not busy are beside the lease. */
const TRIPS = 60;
const QUIET_TRIP_MS = 100;

let database: Awaited<ReturnType<typeof testDatabase>>;
let receivers: readonly LogReceiver[];
let nodes: readonly Product[];
let tenant: Tenant;

beforeAll(async () => {
  database = await testDatabase();
  receivers = await Promise.all(Array.from({ length: STREAMS }, () => startLogReceiver()));
  const settings = {
    DATABASE_URL: database.url,
    MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    UPSTREAM_ALLOW: '127.0.0.0/8',
    SIGNUP: 'open',
  };
  const first = await startProduct(settings);
  nodes = [first, await startProduct({ ...settings, ROLES: 'api,streams' })];
  tenant = await signUp(first.url);
}, 300_000);

afterAll(async () => {
  for (const node of nodes) await node.killGroup();
  for (const receiver of receivers) await receiver.close();
  await database.drop();
});

/** What a trip through the API to the database and back takes while this test runs. */
const tripMs = async (id: string): Promise<number> => {
  const trips: number[] = [];
  for (let count = 0; count < 5; count += 1) {
    const since = performance.now();
    await healthOf(tenant, id);
    trips.push(performance.now() - since);
  }
  return median(trips);
};

const waitFor = async (condition: () => Promise<boolean> | boolean, ms: number): Promise<number> => {
  const since = Date.now();
  while (!(await condition())) {
    if (Date.now() - since > ms) throw new Error(`it did not happen in ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return Date.now() - since;
};

test(
  'streams of a node that is killed while it sends go on elsewhere within 15 s, in order, and with nothing lost',
  { timeout: 120_000 },
  async () => {
    const [api, other] = [nodes[0], nodes[1]];
    const streams = await Promise.all(
      receivers.map((receiver) =>
        makeStream(tenant, { kind: 'webhook', config: { url: receiver.url }, startAt: 'beginning' }),
      ),
    );
    const caughtUp = async (): Promise<boolean> =>
      (await Promise.all(streams.map(({ id }) => healthOf(tenant, id)))).every(({ lagRecords }) => lagRecords === 0);
    await waitFor(caughtUp, 30_000);
    // Every receiver hangs once, so that whoever dies has a batch under way.
    for (const receiver of receivers) receiver.answer((_text, count) => (count === 1 ? 'hang' : { status: 200 }));
    await record(tenant, 20);
    await waitFor(() => receivers.every(({ requests }) => requests.at(-1)?.status === 0), 10_000);
    await other?.killGroup();
    await record(tenant, 20);
    const hanging = (): number => receivers.filter(({ requests }) => requests.at(-1)?.status === 0).length;
    const ofTheOther = hanging();
    const tookMs = await waitFor(() => hanging() < ofTheOther, 60_000);
    const trip = Math.max(QUIET_TRIP_MS, await tripMs(streams[0]?.id ?? ''));
    expect(tookMs).toBeLessThan(NODE_TTL_SECONDS * 1000 + TRIPS * trip);
    await waitFor(caughtUp, 60_000);
    for (const receiver of receivers) {
      const seqs = [...new Set(seqsOf(receiver.taken()))];
      expect(seqs).toEqual(range(1, seqs.length));
    }
    expect(api?.output()).not.toContain('unexpected failure');
  },
);
