import { beforeAll, describe, expect } from 'vitest';
import { inTurn, startLogReceiver, type Answering, type LogReceiver } from '../../support/log-receiver.js';
import { tenantTest } from '../../support/product-test.js';
import { until } from '../audit/audit-support.js';
import { makeCertificate, type Certificate } from './certificate.js';
import { healthOf, makeStream, range, record, seqsOf } from './streams-support.js';

const { test, tenant } = tenantTest();
let certificate: Certificate;
beforeAll(async () => {
  certificate = await makeCertificate();
});

/** What a kind is told about a receiver, and how its requests are the same when they are sent again. */
const KINDS: Readonly<
  Record<string, Readonly<{ config: (url: string) => object; keyOf: (receiver: LogReceiver, at: number) => unknown }>>
> = {
  webhook: {
    config: (url) => ({ url }),
    keyOf: ({ requests }, at) => [requests[at]?.headers['webhook-id'], requests[at]?.text],
  },
  http: {
    config: (url) => ({ url, gzip: true }),
    keyOf: ({ requests }, at) => requests[at]?.text,
  },
};

const FAULTS: Readonly<Record<string, readonly Answering[]>> = {
  'asks to wait with 429': [{ status: 429, headers: { 'retry-after': '1' } }],
  'is not available (503)': [{ status: 503, body: 'busy' }],
  'resets the connection': ['reset'],
  'breaks off in its answer': ['half'],
  'redirects, which is not followed': [{ status: 307, headers: { location: 'http://127.0.0.1:9/' } }],
};

const withReceiver = async (work: (receiver: LogReceiver) => Promise<void>): Promise<void> => {
  const receiver = await startLogReceiver();
  try {
    await work(receiver);
  } finally {
    await receiver.close();
  }
};

/** Every record that the receiver took, in order, whatever came twice. */
const inOrder = (receiver: LogReceiver, from: number): void => {
  const seqs = [...new Set(seqsOf(receiver.taken()))];
  expect(seqs).toEqual(range(from, from + seqs.length - 1));
};

const headOf = async (id: string): Promise<number> => Number((await healthOf(tenant, id))['headSeq']);

/** The stream has sent all records, and no more have come between several looks: what was changed is on record. */
const settled = (id: string): Promise<void> => {
  const heads: unknown[] = [];
  return until(async () => {
    const { lagRecords, status, headSeq } = await healthOf(tenant, id);
    heads.push(lagRecords === 0 && status === 'active' ? headSeq : Number.NaN);
    return heads.length >= 5 && heads.slice(-5).every((head) => head === headSeq);
  });
};

describe.each(Object.entries(KINDS))('a %s stream', (kind, { config, keyOf }) => {
  test.for(Object.entries(FAULTS))('whose receiver %s sends the same batch again', ([, answers]) =>
    withReceiver(async (receiver) => {
      receiver.answer(inTurn(...answers));
      const { id } = await makeStream(tenant, { kind, config: config(receiver.url), startAt: 'beginning' });
      await until(() => receiver.requests.length > answers.length);
      for (const at of range(1, answers.length)) expect(keyOf(receiver, at)).toEqual(keyOf(receiver, 0));
      await settled(id);
      inOrder(receiver, 1);
      expect(await healthOf(tenant, id)).toMatchObject({ lastError: null, deadLetters: 0 });
      await tenant.api('DELETE', `/v1/log-streams/${id}`);
    }),
  );

  test('puts a record that is refused, and no other, among the dead letters, and sends it again when told', () =>
    withReceiver(async (receiver) => {
      let refuses = true;
      receiver.answer((text) =>
        refuses && text.includes('"seq":3,') ? { status: 422, body: 'seq 3 is not to my taste' } : { status: 200 },
      );
      const { id } = await makeStream(tenant, { kind, config: config(receiver.url), startAt: 'beginning' });
      const head = await headOf(id);
      await settled(id);
      expect(seqsOf(receiver.taken()).slice(0, head - 1)).toEqual(range(1, head).filter((seq) => seq !== 3));
      const at = `/v1/log-streams/${id}/dead-letters`;
      const [letter] = (await tenant.api('GET', at)).body['items'] as readonly unknown[];
      expect(letter).toMatchObject({ seq: 3, httpStatus: 422, answer: 'seq 3 is not to my taste' });
      refuses = false;
      expect((await tenant.api('POST', `${at}/redrive`)).body).toMatchObject({ redriven: 1 });
      await until(() => seqsOf(receiver.taken()).includes(3));
      await until(async () => ((await tenant.api('GET', at)).body['items'] as readonly unknown[]).length === 0);
      await tenant.api('DELETE', `/v1/log-streams/${id}`);
    }));

  test('that gets 401 is in auth_error until it is resumed, and repeats no secret of the answer', () =>
    withReceiver(async (receiver) => {
      receiver.answer(inTurn({ status: 401, body: 'who is Bearer canary-0123456789?' }));
      const headers = { authorization: 'Bearer canary-0123456789' };
      const { id } = await makeStream(tenant, {
        kind,
        config: { ...config(receiver.url), headers },
        startAt: 'beginning',
      });
      await until(async () => (await healthOf(tenant, id))['status'] === 'auth_error');
      const { lastError } = await healthOf(tenant, id);
      expect(lastError).toMatchObject({ code: 'http_401', httpStatus: 401, answer: 'who is ***?' });
      const shown = await tenant.api('GET', `/v1/log-streams/${id}`);
      expect(shown.body['config']).toMatchObject({ headers: { authorization: { set: true } } });
      await tenant.api('POST', `/v1/log-streams/${id}/resume`);
      await settled(id);
      await tenant.api('DELETE', `/v1/log-streams/${id}`);
    }));

  test('loses nothing while it is paused', () =>
    withReceiver(async (receiver) => {
      const { id } = await makeStream(tenant, { kind, config: config(receiver.url) });
      await settled(id);
      const paused = await tenant.api('POST', `/v1/log-streams/${id}/pause`);
      expect([paused.status, paused.body['status']]).toEqual([200, 'paused']);
      await record(tenant, 3);
      const [first = 0] = seqsOf(receiver.taken());
      const before = receiver.taken().length;
      await until(async () => Number((await healthOf(tenant, id))['lagRecords']) >= 3);
      expect(receiver.taken()).toHaveLength(before);
      await tenant.api('POST', `/v1/log-streams/${id}/resume`);
      await settled(id);
      inOrder(receiver, first || Math.min(...seqsOf(receiver.taken())));
      await tenant.api('DELETE', `/v1/log-streams/${id}`);
    }));

  test('trusts the CA that it was given, and no other certificate', async () => {
    const receiver = await startLogReceiver(certificate);
    const { id } = await makeStream(tenant, { kind, config: config(receiver.url), startAt: 'beginning' });
    await until(async () => (await healthOf(tenant, id))['status'] === 'degraded');
    expect((await healthOf(tenant, id))['lastError']).toMatchObject({ code: 'certificate_not_trusted' });
    expect(receiver.requests).toEqual([]);
    const tested = await tenant.api('POST', `/v1/log-streams/${id}/test`);
    expect(tested.body).toMatchObject({ delivered: false, answer: null });
    const patch = { config: { tls: { ca: certificate.cert } } };
    expect((await tenant.api('PATCH', `/v1/log-streams/${id}`, patch)).status).toBe(200);
    await settled(id);
    inOrder(receiver, 1);
    await tenant.api('DELETE', `/v1/log-streams/${id}`);
    await receiver.close();
  });

  test('carries what its filter says, and sends old records again beside it', () =>
    withReceiver(async (receiver) => {
      const filter = { types: ['identity.created'] };
      const { id } = await makeStream(tenant, { kind, config: config(receiver.url), filter });
      await record(tenant, 2);
      await until(() => Promise.resolve(receiver.taken().length >= 2));
      await settled(id);
      expect(receiver.taken().map(({ type }) => type)).toEqual(['identity.created', 'identity.created']);
      const [, last] = seqsOf(receiver.taken());
      const backfills = `/v1/log-streams/${id}/backfills`;
      const made = await tenant.api('POST', backfills, { from: { seq: 1 }, to: { seq: last } });
      expect([made.status, made.body['fromSeq'], made.body['toSeq']]).toEqual([201, 1, last]);
      await until(
        async () => (await tenant.api('GET', `${backfills}/${String(made.body['id'])}`)).body['status'] === 'done',
      );
      const types = new Set(receiver.taken().map(({ type }) => type));
      expect([...types]).toEqual(['identity.created']);
      expect(seqsOf(receiver.taken()).filter((seq) => seq === last)).toHaveLength(2);
      await tenant.api('DELETE', `/v1/log-streams/${id}`);
    }));
});

test('a test event is marked, is shown its answer, and moves no cursor', () =>
  withReceiver(async (receiver) => {
    const { id } = await makeStream(tenant, { kind: 'webhook', config: { url: receiver.url } });
    await tenant.api('POST', `/v1/log-streams/${id}/pause`);
    const before = (await healthOf(tenant, id))['cursorSeq'];
    receiver.answer(inTurn({ status: 202, body: 'thanks' }, { status: 500, body: 'no' }));
    const send = async (): Promise<object> => (await tenant.api('POST', `/v1/log-streams/${id}/test`)).body;
    expect(await send()).toMatchObject({ delivered: true, error: null, answer: { httpStatus: 202, body: 'thanks' } });
    expect(receiver.taken().at(-1)).toMatchObject({ type: 'logStream.test', test: true });
    expect(await send()).toMatchObject({
      delivered: false,
      error: 'http_500',
      answer: { httpStatus: 500, body: 'no' },
    });
    expect((await healthOf(tenant, id))['cursorSeq']).toBe(before);
  }));

test('a config that is wrong is refused with pointers, and a kept secret does not follow a URL to another place', () =>
  withReceiver(async (receiver) => {
    const create = (body: object) => tenant.api('POST', '/v1/log-streams', { name: 'wrong', ...body });
    const wrong = await create({ kind: 'http', config: { url: 'ftp://x', bodi: 'ndjson', headers: { Host: 'x' } } });
    expect(wrong.status).toBe(400);
    expect((wrong.body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer).toSorted()).toEqual([
      '/config/bodi',
      '/config/headers/Host',
      '/config/url',
    ]);
    expect((await create({ kind: 'http', config: { url: 'http://169.254.169.254/' } })).status).toBe(422);
    const headers = { authorization: 'Bearer canary-0123456789' };
    const { id } = await makeStream(tenant, { kind: 'http', config: { url: receiver.url, headers } });
    const moved = await tenant.api('PATCH', `/v1/log-streams/${id}`, { config: { url: 'https://example.com/' } });
    expect([moved.status, (moved.body['errors'] as { pointer: string }[])[0]?.pointer]).toEqual([
      400,
      '/config/headers',
    ]);
  }));
