import { expect } from 'vitest';
import { startLogReceiver, type LogReceiver } from '../../support/log-receiver.js';
import { tenantTest } from '../../support/product-test.js';
import { healthOf, makeStream, range, record, seqsOf } from './streams-support.js';

const { test, tenant } = tenantTest();
const WAIT = { timeout: 15_000 };

const [OLD, NEW] = ['canary-old-0123456789', 'canary-new-0123456789'];

/** Kinds with a secret of the receiver, and where their requests hold it. */
const KINDS: Readonly<Record<string, Readonly<{ config: (secret: string) => object; header: string }>>> = {
  webhook: { config: (secret) => ({ headers: { authorization: secret } }), header: 'authorization' },
  http: { config: (secret) => ({ headers: { 'x-api-key': secret } }), header: 'x-api-key' },
  splunk_hec: { config: (token) => ({ token }), header: 'authorization' },
  otlp: { config: (secret) => ({ encoding: 'json', headers: { 'x-token': secret } }), header: 'x-token' },
  elastic: { config: (apiKey) => ({ dataStream: 'logs-a.b-default', apiKey }), header: 'authorization' },
  datadog: { config: (apiKey) => ({ apiKey }), header: 'dd-api-key' },
};

/** Takes one secret alone, which changes; and answers as each kind wants to be answered. */
const startReceiver = async (header: string): Promise<LogReceiver & { takes: string }> => {
  const receiver = Object.assign(await startLogReceiver(), { takes: OLD });
  receiver.answer((_text, _count, headers) =>
    String(headers[header]).includes(receiver.takes)
      ? { status: 200, body: '{"errors":false,"items":[]}', headers: { 'content-type': 'application/json' } }
      : { status: 401, body: `I do not know ${String(headers[header])}` },
  );
  return receiver;
};

test.for(Object.entries(KINDS))(
  'a new secret of a %s stream may be set before its receiver takes it or after, within the grace',
  async ([kind, { config, header }]) => {
    const receiver = await startReceiver(header);
    const url = new URL(receiver.url).origin;
    const { id } = await makeStream(tenant, { kind, config: { url, ...config(OLD) } });
    const health = () => healthOf(tenant, id);
    const caughtUp = async (): Promise<void> => {
      await record(tenant);
      await expect.poll(async () => (await health())['lagRecords'], WAIT).toBe(0);
      expect(await health()).toMatchObject({ status: 'active', lastError: null });
    };
    await caughtUp();
    const patch = { config: config(NEW), graceSeconds: 3600 };
    expect((await tenant.api('PATCH', `/v1/log-streams/${id}`, patch)).status).toBe(200);
    await caughtUp();
    const used = () => receiver.requests.filter(({ status }) => status === 200).at(-1)?.headers[header];
    expect(used()).toContain(OLD);
    const tried = (await tenant.api('POST', `/v1/log-streams/${id}/test`)).body;
    expect(tried).toMatchObject({ delivered: false, answer: { httpStatus: 401 } });
    expect(JSON.stringify(tried)).not.toMatch(/canary/);
    receiver.takes = NEW;
    await caughtUp();
    expect(used()).toContain(NEW);
    receiver.takes = 'neither';
    await record(tenant);
    await expect.poll(async () => (await health())['status'], WAIT).toBe('auth_error');
    expect(JSON.stringify(await health())).not.toMatch(/canary/);
    await tenant.api('DELETE', `/v1/log-streams/${id}`);
    await receiver.close();
  },
);

test('a secret before is not tried without a grace, nor at another place', async () => {
  const receiver = await startReceiver('authorization');
  const { id } = await makeStream(tenant, {
    kind: 'http',
    config: { url: receiver.url, headers: { authorization: OLD } },
  });
  const set = (more: object) =>
    tenant.api('PATCH', `/v1/log-streams/${id}`, { config: { headers: { authorization: NEW }, ...more } });
  const refused = async (): Promise<void> => {
    await record(tenant);
    await expect.poll(async () => (await healthOf(tenant, id))['status'], WAIT).toBe('auth_error');
    expect(receiver.requests.filter(({ status }) => status === 401).at(-1)?.headers['authorization']).toBe(NEW);
  };
  await set({});
  const before = receiver.taken().length;
  await refused();
  expect(receiver.taken()).toHaveLength(before);
  const other = await startReceiver('authorization');
  await tenant.api('PATCH', `/v1/log-streams/${id}`, {
    config: { url: other.url, headers: { authorization: 'canary-third-0123456789' } },
    graceSeconds: 3600,
  });
  await expect.poll(() => other.requests.length, WAIT).toBeGreaterThan(0);
  expect(other.requests.some(({ headers }) => headers['authorization'] === NEW)).toBe(false);
  await tenant.api('DELETE', `/v1/log-streams/${id}`);
  await receiver.close();
  await other.close();
});

test('a receiver that turns to a new secret between two tries of a batch is not said to refuse it', async () => {
  const receiver = await startReceiver('authorization');
  const config = { url: receiver.url, headers: { authorization: OLD } };
  const { id } = await makeStream(tenant, { kind: 'http', config });
  let takes = OLD;
  receiver.answer((_text, _count, { authorization }) => {
    if (authorization === takes) return { status: 200 };
    takes = NEW;
    return { status: 401 };
  });
  await tenant.api('PATCH', `/v1/log-streams/${id}`, {
    config: { headers: { authorization: NEW } },
    graceSeconds: 3600,
  });
  const fromTheTurn = async (): Promise<readonly number[]> => {
    await record(tenant);
    const statuses = receiver.requests.map(({ status }) => status);
    return statuses.slice(statuses.indexOf(401)).slice(0, 3);
  };
  await expect.poll(fromTheTurn, WAIT).toEqual([401, 401, 200]);
  expect(await healthOf(tenant, id)).toMatchObject({ lastError: null });
  await tenant.api('DELETE', `/v1/log-streams/${id}`);
  await receiver.close();
});

test('a stream that turns to a new secret sends every record once, in order', async () => {
  const receiver = await startReceiver('authorization');
  const config = { url: receiver.url, headers: { authorization: OLD } };
  const { id } = await makeStream(tenant, { kind: 'http', config, startAt: 'beginning' });
  await tenant.api('PATCH', `/v1/log-streams/${id}`, {
    config: { headers: { authorization: NEW } },
    graceSeconds: 3600,
  });
  await record(tenant, 5);
  receiver.takes = NEW;
  await record(tenant, 5);
  await expect.poll(async () => (await healthOf(tenant, id))['lagRecords'], WAIT).toBe(0);
  const seqs = [...new Set(seqsOf(receiver.taken()))];
  expect(seqs).toEqual(range(1, seqs.length));
  await tenant.api('DELETE', `/v1/log-streams/${id}`);
  await receiver.close();
});
