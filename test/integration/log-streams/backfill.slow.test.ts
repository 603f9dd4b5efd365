import { expect } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { costOfParsing } from '../../support/cpu.js';
import { startCountingReceiver } from '../../support/counting-receiver.js';
import { productTest } from '../../support/product-test.js';
import { seedDecisions } from '../../support/seed-decisions.js';
import { signUp, type Tenant } from '../../support/tenant.js';
import { healthOf, makeStream, median, record } from './streams-support.js';

/**
 * `RECORDS=1000000` on a machine that does nothing else holds the promise as it stands: 10,000 records in a second, and
 * a live flow that is never five seconds behind. Otherwise costs are compared with others of the same run.
 */
const IN_FULL = process.env['RECORDS'] !== undefined;
const RECORDS = Number(process.env['RECORDS'] ?? 40_000);
const FORMATS = process.env['FORMATS']?.split(',') ?? ['native', 'ocsf'];
/** The processor time of a mebibyte that is sent, where that of a mebibyte of JSON that is parsed is one. */
const MAX_PARSES: Readonly<Record<string, number>> = { native: 20, ocsf: 40, ecs: 40, cef: 40 };
const TIMEOUT_MS = 600_000;

const { test, toolgate } = productTest();
let owner: Tenant;

type Receiver = Awaited<ReturnType<typeof startCountingReceiver>>;

const until = async (isSo: () => Promise<boolean>, everyMs = 20): Promise<number> => {
  for (const since = performance.now(); ;) {
    if (await isSo()) return performance.now() - since;
    if (performance.now() - since > TIMEOUT_MS) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
};

/** How long something new takes from its request to its receiver. */
const liveMs = async (receiver: Receiver): Promise<number> => {
  const { highest } = await receiver.counted();
  const since = performance.now();
  await record(owner);
  await until(async () => (await receiver.counted()).highest > highest);
  return performance.now() - since;
};

test.beforeAll(async () => {
  owner = await signUp(toolgate.url);
  const { organizationId } = owner;
  await until(async () => (await owner.events()).length >= 2);
  // The seeded records come before those of the sign-up in time, and whatever is recorded from now on after them.
  await seedDecisions(toolgate.db, {
    organizationId,
    serverId: newId('srv'),
    policyId: newId('pol'),
    identityIds: [newId('idn')],
    grantIds: [newId('grt')],
    decisions: RECORDS / 2,
    since: new Date(Date.now() - 7 * 86_400_000),
  });
  await toolgate.db.worker.query('update audit_heads set next_seq = $2 where organization_id = $1', [
    organizationId,
    RECORDS + 100,
  ]);
}, TIMEOUT_MS);

type Seen = Readonly<{ liveMs: number; lagSeconds: number; rss: number }>;
type Measured = Readonly<{ seen: readonly Seen[]; seconds: number; cpuSeconds: number }>;

/** Backfills all seeded records, and looks at what is recorded meanwhile until that is done. */
const backfill = async (streamId: string, receiver: Receiver): Promise<Measured> => {
  const at = `/v1/log-streams/${streamId}/backfills`;
  const [began, cpuBefore] = [performance.now(), process.cpuUsage()];
  const made = await owner.api('POST', at, { from: { seq: 1 }, to: { seq: RECORDS } });
  expect([made.status, made.body['fromSeq'], made.body['toSeq']]).toEqual([201, 1, RECORDS]);
  const seen: Seen[] = [];
  while ((await owner.api('GET', `${at}/${String(made.body['id'])}`)).body['status'] === 'running')
    seen.push({
      liveMs: await liveMs(receiver),
      lagSeconds: Number((await healthOf(owner, streamId))['lagSeconds']),
      rss: process.memoryUsage.rss(),
    });
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seen, seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
};

const figuresOf = ({ seen, seconds, cpuSeconds }: Measured, bytes: number) => ({
  perSecond: Math.round(RECORDS / seconds),
  perCpuSecond: Math.round(RECORDS / cpuSeconds),
  parses: Number(((cpuSeconds * 1000) / (bytes / 2 ** 20) / costOfParsing()).toFixed(1)),
  liveMs: Math.round(median(seen.map((one) => one.liveMs))),
  maxLagSeconds: Math.max(...seen.map((one) => one.lagSeconds)),
  /** The most memory in each quarter of the time, in MiB. */
  memory: [0, 1, 2, 3].map((quarter) => {
    const [from, to] = [quarter, quarter + 1].map((part) => Math.floor((part * seen.length) / 4));
    return Math.round(Math.max(...seen.slice(from, to).map(({ rss }) => rss)) / 2 ** 20);
  }),
});

test.for(FORMATS)(
  'a backfill in %s beside the live flow costs little for each record, holds few of them, and delays nothing new',
  { timeout: TIMEOUT_MS },
  async (format) => {
    const receiver = await startCountingReceiver(RECORDS);
    const { id } = await makeStream(owner, { kind: 'http', format, config: { url: receiver.url } });
    await liveMs(receiver);
    const alone = median([await liveMs(receiver), await liveMs(receiver), await liveMs(receiver)]);
    const measured = await backfill(id, receiver);
    const counted = await receiver.counted();
    const figures = figuresOf(measured, counted.bytes);
    process.stdout.write(`${JSON.stringify({ format, records: RECORDS, liveAloneMs: alone, ...figures })}\n`);
    expect(counted.distinct).toBe(RECORDS);
    expect(figures.parses).toBeLessThan(MAX_PARSES[format] ?? 0);
    expect(figures.liveMs).toBeLessThan(10 * alone);
    expect(figures.memory[3]).toBeLessThan(1.5 * (figures.memory[1] ?? 0));
    if (IN_FULL) {
      expect(figures.perSecond).toBeGreaterThan(10_000);
      expect(figures.maxLagSeconds).toBeLessThan(5);
    }
    await owner.api('DELETE', `/v1/log-streams/${id}`);
    await receiver.close();
  },
);
