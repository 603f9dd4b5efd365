import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../../support/database.js';
import { startLogReceiver, type LogReceiver } from '../../support/log-receiver.js';
import { startProduct, type Product } from '../../support/product.js';
import { startRawUpstream, type RawUpstream } from '../../support/raw-upstream.js';
import { openSession, signUp, type Tenant } from '../../support/tenant.js';
import { healthOf, makeStream, median } from './streams-support.js';

/** Each call makes two records. */
const CALLS_PER_SECOND = Number(process.env['CALLS_PER_SECOND'] ?? 250);
const ROUND_MS = Number(process.env['ROUND_MS'] ?? 5000);
const LIVING = 8;
const SESSIONS = 8;

let database: Awaited<ReturnType<typeof testDatabase>>;
let product: Product;
let upstream: RawUpstream;
let tenant: Tenant;
let dead: LogReceiver;
let receivers: readonly LogReceiver[];
let sessions: readonly Awaited<ReturnType<typeof openSession>>[];
let lags: number[] = [];

const RECORDED_AT = /"recordedAt":"([^"]+)"/g;

/** A receiver that keeps how old each record was when it came. */
const startTimingReceiver = async (): Promise<LogReceiver> => {
  const receiver = await startLogReceiver();
  receiver.answer((text) => {
    const now = Date.now();
    for (const [, recordedAt] of text.matchAll(RECORDED_AT)) lags.push(now - Date.parse(recordedAt ?? ''));
    return { status: 200 };
  });
  return receiver;
};

beforeAll(async () => {
  database = await testDatabase();
  product = await startProduct({
    DATABASE_URL: database.url,
    MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    UPSTREAM_ALLOW: '127.0.0.0/8',
    SIGNUP: 'open',
  });
  tenant = await signUp(product.url);
  upstream = await startRawUpstream('legacy');
  dead = await startLogReceiver();
  dead.answer(() => 'hang');
  receivers = await Promise.all(Array.from({ length: LIVING }, startTimingReceiver));
  const serverId = await tenant.server(upstream.url);
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  sessions = await Promise.all(
    Array.from({ length: SESSIONS }, async () => openSession(await tenant.grant({ serverId, policyId }))),
  );
}, 300_000);

afterAll(async () => {
  await product.killGroup();
  for (const receiver of [...receivers, dead]) await receiver.close();
  await upstream.close();
  await database.drop();
});

/** One call, and how long it took. */
const callMs = async (at: number): Promise<number> => {
  const since = performance.now();
  const params = { name: 'safe', arguments: { at } };
  const answer = await sessions[at % SESSIONS]?.post({ jsonrpc: '2.0', id: at + 1, method: 'tools/call', params });
  expect(await answer?.text()).toContain('done');
  return performance.now() - since;
};

const caughtUp = async (ids: readonly string[]): Promise<void> => {
  for (const id of ids)
    await expect.poll(async () => (await healthOf(tenant, id))['lagRecords'], { timeout: 120_000 }).toBe(0);
};

type Round = Readonly<{ calls: number; p50: number; lag: number; recordsPerSecond: number }>;

/** Calls through the gateway on a clock, and what they and the streams took. */
const round = async (ids: readonly string[]): Promise<Round> => {
  await caughtUp(ids);
  lags = [];
  const calls: Promise<number>[] = [];
  const began = performance.now();
  while (performance.now() - began < ROUND_MS) {
    const due = ((performance.now() - began) * CALLS_PER_SECOND) / 1000;
    while (calls.length < due) calls.push(callMs(calls.length));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const took = await Promise.all(calls);
  const seconds = (performance.now() - began) / 1000;
  await caughtUp(ids);
  const recordsPerSecond = Math.round(lags.length / LIVING / seconds);
  return { calls: took.length, p50: median(took), lag: median(lags), recordsPerSecond };
};

const medianOf = (rounds: readonly Round[], figure: keyof Round): number => median(rounds.map((one) => one[figure]));

test(
  'eight streams beside a ninth whose receiver hangs are hardly later than alone, and calls take hardly longer',
  { timeout: 600_000 },
  async () => {
    const ids: string[] = [];
    for (const { url } of receivers) ids.push((await makeStream(tenant, { kind: 'webhook', config: { url } })).id);
    const hanging = (await makeStream(tenant, { kind: 'webhook', config: { url: dead.url } })).id;
    const act = (action: string) => tenant.api('POST', `/v1/log-streams/${hanging}/${action}`);
    await act('pause');
    await round(ids);
    const [alone, beside]: [Round[], Round[]] = [[], []];
    // In turns: whatever else the machine does meets both.
    for (let turn = 0; turn < 3; turn += 1) {
      alone.push(await round(ids));
      const before = dead.requests.length;
      await act('resume');
      await expect.poll(() => dead.requests.length, { timeout: 30_000 }).toBeGreaterThan(before);
      beside.push(await round(ids));
      await act('pause');
    }
    const ratios = {
      lag: medianOf(beside, 'lag') / medianOf(alone, 'lag'),
      p50: medianOf(beside, 'p50') / medianOf(alone, 'p50'),
    };
    process.stdout.write(`${JSON.stringify({ ratios, alone, beside })}\n`);
    expect(Number((await healthOf(tenant, hanging))['lagRecords'])).toBeGreaterThan(alone.length * CALLS_PER_SECOND);
    expect(ratios.lag).toBeLessThan(2);
    expect(ratios.p50).toBeLessThan(1.3);
  },
);
