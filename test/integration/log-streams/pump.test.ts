import { expect } from 'vitest';
import { Vault } from '../../../src/platform/crypto/vault.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';
import { StreamRun } from '../../../src/record/log-streams/delivery/stream-run.js';
import { itemsOf, startLogReceiver, type LogReceiver } from '../../support/log-receiver.js';
import { tenantTest } from '../../support/product-test.js';
import { healthOf, makeStream, range, record, seqsOf } from './streams-support.js';

// No streams role: the tests run their streams themselves, by a clock of their own.
const { test, toolgate, tenant } = tenantTest({ ROLES: 'api,gateway,projector' });

const OWNER = 'boot_of_the_test';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WAIT = { timeout: 20_000, interval: 20 };
const NEW = Number.MAX_SAFE_INTEGER;

let receiver: LogReceiver;
let clock: number;
let id: string;
let run: StreamRun | undefined;
let givenUp: number;
let refused: number;
test.beforeEach(async () => {
  receiver = await startLogReceiver();
  clock = Date.now();
  givenUp = 0;
  refused = 0;
});
test.afterEach(async () => {
  await run?.stop();
  await tenant.api('DELETE', `/v1/log-streams/${id}`);
  await receiver.close();
});

/** Makes a stream of the whole log and runs it. */
const start = async (config: object = {}, more: object = { startAt: 'beginning' }): Promise<void> => {
  ({ id } = await makeStream(tenant, { kind: 'http', config: { url: receiver.url, ...config }, ...more }));
  await toolgate.db.worker.query('update log_stream_cursors set owner = $2 where id = $1', [id, OWNER]);
  const nothing = (): void => undefined;
  const deps = {
    db: toolgate.db,
    vault: new Vault(Buffer.alloc(32, 7)),
    outbound: makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] }),
    owner: OWNER,
    now: () => clock,
    onSent: nothing,
    onMissing: nothing,
    onAuthError: () => {
      refused += 1;
    },
    giveUp: () => {
      givenUp += 1;
      return Promise.resolve();
    },
  };
  run = await StreamRun.start(deps, { organizationId: tenant.organizationId, streamId: id });
};

/** How many tries in a row failed, as it is kept. */
const failures = async (): Promise<unknown> =>
  (await toolgate.db.worker.query('select failures from log_stream_cursors where id = $1', [id])).rows[0]?.failures;

/** Lets time pass at once; whoever waited for it goes on. */
const pass = (ms: number): void => {
  clock += ms;
  run?.wake(NEW, false);
};

/** Lets time pass, a step after each request, until something is so. */
const passUntil = async (stepMs: number, isSo: () => Promise<boolean> | boolean): Promise<void> => {
  const look = async (): Promise<boolean> => {
    pass(stepMs);
    return isSo();
  };
  await expect.poll(look, WAIT).toBe(true);
};

const sizes = (): readonly number[] => receiver.requests.map(({ text }) => itemsOf(text).length);
const caughtUp = async (): Promise<boolean> => (await healthOf(tenant, id))['lagRecords'] === 0;
/** Nothing is left to send: the newest record is the one of the stream itself. */
const hasToldOfItself = async (): Promise<boolean> =>
  (await caughtUp()) && receiver.taken().some((one) => one['type'] === 'logStream.created' && one['streamId'] === id);
const deadLetters = async (): Promise<number> => Number((await healthOf(tenant, id))['deadLetters']);

test('a stream is given up when its receiver took nothing for seven days, and not an hour earlier', async () => {
  receiver.answer(() => ({ status: 503 }));
  await start();
  await expect.poll(async () => (await healthOf(tenant, id))['status'], WAIT).toBe('degraded');
  for (const ms of [7 * DAY_MS - HOUR_MS, HOUR_MS]) {
    expect(givenUp).toBe(0);
    const before = receiver.requests.length;
    pass(ms);
    await expect.poll(() => receiver.requests.length, WAIT).toBe(before + 1);
    await expect.poll(failures, WAIT).toBe(before + 1);
  }
  await expect.poll(() => givenUp, WAIT).toBe(1);
  expect(await healthOf(tenant, id)).toMatchObject({ status: 'degraded', lastError: { code: 'http_503' } });
});

test('a stream that is told to try again while a try is refused does not wait because of that one', async () => {
  receiver.answer(async () => {
    await tenant.api('POST', `/v1/log-streams/${id}/resume`);
    return { status: 401 };
  });
  await start();
  await expect.poll(() => receiver.requests.length, WAIT).toBe(1);
  await run?.stop();
  run = undefined;
  expect(await healthOf(tenant, id)).toMatchObject({ status: 'active', lastError: null });
  expect(refused).toBe(0);
});

test('a record that alone gets 500 for an hour while others pass becomes a dead letter', async () => {
  await record(tenant, 6);
  let aloneAt: number | undefined;
  receiver.answer((text) => {
    if (!text.includes('"seq":4,')) return { status: 200 };
    if (itemsOf(text).length === 1) aloneAt ??= clock;
    return { status: 500, body: 'seq 4 upsets me' };
  });
  await start();
  await passUntil(MINUTE_MS, async () => (await deadLetters()) > 0);
  expect(clock - Number(aloneAt)).toBeGreaterThanOrEqual(HOUR_MS);
  const letters = (await tenant.api('GET', `/v1/log-streams/${id}/dead-letters`)).body['items'];
  expect(letters).toMatchObject([{ seq: 4, httpStatus: 500, answer: 'seq 4 upsets me' }]);
  await passUntil(1000, caughtUp);
  const seqs = seqsOf(receiver.taken()).filter((seq) => seq > 0);
  const head = Number((await healthOf(tenant, id))['headSeq']);
  expect(seqs).toEqual(range(1, head).filter((seq) => seq !== 4));
  // That others pass is known from a test event.
  expect(receiver.taken().filter(({ type }) => type === 'logStream.test')).toHaveLength(1);
});

test('no record is at fault while a receiver answers 500 to everything, for however long', async () => {
  receiver.answer(() => ({ status: 500 }));
  await start();
  await passUntil(MINUTE_MS, () => receiver.requests.some(({ text }) => text.includes('logStream.test')));
  expect(await deadLetters()).toBe(0);
  receiver.answer(() => ({ status: 200 }));
  await passUntil(MINUTE_MS, caughtUp);
  const seqs = seqsOf(receiver.taken());
  expect(seqs).toEqual(range(1, seqs.length));
});

test('a batch that the receiver has no time for is sent again in halves, which grow slowly, in order', async () => {
  await record(tenant, 12);
  receiver.answer((text) => (itemsOf(text).length > 4 ? { status: 408 } : { status: 200 }));
  await start();
  await passUntil(MINUTE_MS, caughtUp);
  const [whole = 0, ...rest] = sizes();
  expect(whole).toBeGreaterThan(12);
  const halves: number[] = [];
  for (let size = whole >> 1; size > 4; size >>= 1) halves.push(size);
  expect(rest.slice(0, halves.length)).toEqual(halves);
  const seqs = seqsOf(receiver.taken());
  expect(seqs).toEqual(range(1, seqs.length));
  const after = rest.slice(halves.length);
  expect(after[0]).toBeLessThanOrEqual(4);
  expect(after.every((size, at) => at === 0 || size <= (after[at - 1] ?? 0) + 1)).toBe(true);
});

test('a stream with nothing to send says each minute that it lives, and how far it is', async () => {
  await start({ heartbeatSeconds: 60 });
  await expect.poll(hasToldOfItself, WAIT).toBe(true);
  const before = receiver.taken().length;
  pass(59_000);
  await passUntil(1000, () => receiver.taken().length > before);
  const head = Number((await healthOf(tenant, id))['headSeq']);
  const streamId = id;
  const beat = { type: 'logStream.heartbeat', seq: 0, lastSeq: head, streamId, organizationId: tenant.organizationId };
  expect(receiver.taken().at(-1)).toMatchObject(beat);
  expect(receiver.taken().at(-1)).not.toHaveProperty('test');
  expect(await healthOf(tenant, id)).toMatchObject({ cursorSeq: head, lagRecords: 0, status: 'active' });
  const delivered = ((await healthOf(tenant, id))['hours'] as readonly { delivered: number }[])[0]?.delivered;
  expect(delivered).toBe(head);
});

test('a heartbeat that fails shows in the health of its stream until one arrives, and is no dead letter', async () => {
  await start({ heartbeatSeconds: 60 });
  await expect.poll(hasToldOfItself, WAIT).toBe(true);
  receiver.answer(() => ({ status: 503, body: 'busy' }));
  await passUntil(MINUTE_MS, async () => (await healthOf(tenant, id))['status'] === 'degraded');
  expect((await healthOf(tenant, id))['lastError']).toMatchObject({ code: 'http_503', answer: 'busy' });
  receiver.answer(() => ({ status: 200 }));
  await passUntil(MINUTE_MS, async () => (await healthOf(tenant, id))['status'] === 'active');
  expect(await healthOf(tenant, id)).toMatchObject({ lastError: null, deadLetters: 0 });
});

test('heartbeats are as often as the config says, between ten seconds and a day', async () => {
  await start({ heartbeatSeconds: 3600 });
  const shown = (await tenant.api('GET', `/v1/log-streams/${id}`)).body['config'];
  expect(shown).toMatchObject({ heartbeatSeconds: 3600 });
  for (const heartbeatSeconds of [9, 86_401, '60'])
    expect(await tenant.api('PATCH', `/v1/log-streams/${id}`, { config: { heartbeatSeconds } })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/config/heartbeatSeconds' }] },
    });
});
