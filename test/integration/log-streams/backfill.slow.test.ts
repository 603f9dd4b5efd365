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
const RECORDS = Number(process.env['RECORDS'] ?? 100_000);
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

test.for(FORMATS)(
  'a backfill in %s beside the live flow costs little for each record, holds no more of them than a batch, and delays nothing new',
  { timeout: TIMEOUT_MS },
  async (format) => {
    const receiver = await startCountingReceiver(RECORDS);
    const { id } = await makeStream(owner, { kind: 'http', format, config: { url: receiver.url } });
    await liveMs(receiver);
    const alone = [await liveMs(receiver), await liveMs(receiver), await liveMs(receiver)];
    const at = `/v1/log-streams/${id}/backfills`;
    const began = performance.now();
    const cpuBefore = process.cpuUsage();
    const made = await owner.api('POST', at, { from: { seq: 1 }, to: { seq: RECORDS } });
    expect([made.status, made.body['fromSeq'], made.body['toSeq']]).toEqual([201, 1, RECORDS]);
    const [beside, lags, memory]: number[][] = [[], [], []];
    while ((await owner.api('GET', `${at}/${String(made.body['id'])}`)).body['status'] === 'running') {
      beside?.push(await liveMs(receiver));
      lags?.push(Number((await healthOf(owner, id))['lagSeconds']));
      memory?.push(process.memoryUsage.rss());
    }
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    const counted = await receiver.counted();
    const cpuSeconds = (user + system) / 1e6;
    const figures = {
      format,
      records: RECORDS,
      perSecond: Math.round(RECORDS / seconds),
      perCpuSecond: Math.round(RECORDS / cpuSeconds),
      parses: Number(((cpuSeconds * 1000) / (counted.bytes / 2 ** 20) / costOfParsing()).toFixed(1)),
      liveMs: { alone: Math.round(median(alone)), beside: Math.round(median(beside ?? [])) },
      maxLagSeconds: Math.max(...(lags ?? [])),
      memory: (memory ?? []).map((bytes) => Math.round(bytes / 2 ** 20)).filter((_, index) => index % 10 === 0),
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    expect(counted.distinct).toBe(RECORDS);
    expect(figures.parses).toBeLessThan(MAX_PARSES[format] ?? 0);
    expect(figures.liveMs.beside).toBeLessThan(10 * figures.liveMs.alone);
    const early = Math.max(...(memory ?? []).slice(0, Math.ceil((memory?.length ?? 0) / 4)));
    expect(Math.max(...(memory ?? []))).toBeLessThan(1.5 * early);
    if (IN_FULL) {
      expect(figures.perSecond).toBeGreaterThan(10_000);
      expect(figures.maxLagSeconds).toBeLessThan(5);
    }
    await owner.api('DELETE', `/v1/log-streams/${id}`);
    await receiver.close();
  },
);
