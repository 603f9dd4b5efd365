import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { startDatadog, type Datadog } from './support/datadog.js';
import { startElastic, type Elastic } from './support/elastic.js';
import { batchOf, itemsFrom, openKind, sendOnce } from './support/kind.js';
import { startSplunk, type Splunk } from './support/splunk.js';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates?.remove());

const tls = () => ({ ca: certificates.ca, cert: certificates.client.cert, key: certificates.client.key });
const never = new AbortController().signal;
const idsOf = (items: ReturnType<typeof itemsFrom>) => items.map(({ record }) => record.eventId);

describe.each([false, true])('Splunk, acknowledgement %s', (acknowledge) => {
  let splunk: Splunk;
  beforeAll(async () => {
    splunk = await startSplunk({ value: 'a-token', acknowledge, indexes: ['main'] }, certificates);
  });
  afterAll(() => splunk?.stop());
  const config = (more: object = {}) => ({
    url: splunk.url,
    token: 'a-token',
    acknowledge,
    tls: tls(),
    index: 'main',
    ...more,
  });

  test('indexes every event in order, with its id, number and call as indexed fields', async () => {
    const items = itemsFrom(1, 120);
    expect(await sendOnce('splunk_hec', config({ source: 'x', sourcetype: 'y' }), { items })).toMatchObject({
      outcome: 'accepted',
    });
    const events = splunk.events();
    expect(events.map(({ event }) => event)).toEqual(items.map(({ text }) => JSON.parse(text) as unknown));
    expect(events.map(({ fields }) => fields['event_id'])).toEqual(idsOf(items));
    expect(events[0]).toMatchObject({
      host: 'toolgate',
      source: 'x',
      sourcetype: 'y',
      index: 'main',
      fields: { seq: '1', call_id: items[0]!.record.callId },
    });
    expect(events[0]!.time).toBeCloseTo(Date.parse(items[0]!.record.event['time'] as string) / 1000, 3);
  });

  test('a wrong token is an error of authority', async () => {
    const result = await sendOnce('splunk_hec', config({ token: 'other' }), { items: itemsFrom(1, 1) });
    expect(result).toMatchObject({ outcome: 'auth_error', answer: { body: expect.stringContaining('Invalid token') } });
  });

  test('an event that is refused splits the batch; an index that the token may not use does not', async () => {
    const poison = await sendOnce('splunk_hec', config(), { items: itemsFrom(1, 2, { more: { reason: 'poison' } }) });
    expect(poison).toMatchObject({ outcome: 'refused' });
    const index = await sendOnce('splunk_hec', config({ index: 'other' }), { items: itemsFrom(1, 2) });
    expect(index).toMatchObject({ outcome: 'retry', code: 'hec_7' });
  });
});

describe('Splunk that answers 200 and acknowledges nothing', () => {
  test('has the batch sent again, under the same ids, until it does', async () => {
    const splunk = await startSplunk({ value: 't', acknowledge: true });
    const items = itemsFrom(1, 5);
    const destination = openKind('splunk_hec', {
      url: `${splunk.url}/services/collector`,
      token: 't',
      acknowledge: true,
    });
    splunk.stopIndexing();
    expect(await destination.send(batchOf(items), AbortSignal.timeout(3000))).toMatchObject({
      outcome: 'retry',
      code: 'not_acknowledged',
    });
    splunk.startIndexing();
    expect(await destination.send(batchOf(items), never)).toMatchObject({ outcome: 'accepted' });
    await destination.close();
    expect(splunk.events().map(({ fields }) => fields['event_id'])).toEqual(idsOf(items));
    const channels = new Set(splunk.received.map(({ headers }) => headers['x-splunk-request-channel']));
    expect(channels.size).toBe(1);
    await splunk.stop();
  });

  test('is told from one whose token has no acknowledgement', async () => {
    const splunk = await startSplunk({ value: 't' });
    const result = await sendOnce(
      'splunk_hec',
      { url: splunk.url, token: 't', acknowledge: true },
      { items: itemsFrom(1, 1) },
    );
    expect(result).toMatchObject({
      outcome: 'retry',
      answer: { body: expect.stringContaining('not enabled for this token') },
    });
    await splunk.stop();
  });
});

describe('Elastic', () => {
  let elastic: Elastic;
  beforeAll(async () => {
    elastic = await startElastic('ApiKey c2VjcmV0', certificates);
  });
  afterAll(() => elastic?.stop());
  const config = (more: object = {}) => ({
    url: elastic.url,
    dataStream: 'logs-toolgate.audit-default',
    apiKey: 'c2VjcmV0',
    tls: tls(),
    ...more,
  });

  test.each(['native', 'ecs', 'cef'] as const)(
    'holds every record once by its event id, in %s, also when it is sent again',
    async (format) => {
      const items = itemsFrom(1000 * (1 + ['native', 'ecs', 'cef'].indexOf(format)), 50, { format });
      const before = elastic.documents().size;
      const destination = openKind('elastic', config(), { format });
      for (const _ of [1, 2])
        expect(await destination.send(batchOf(items), never)).toMatchObject({ outcome: 'accepted' });
      await destination.close();
      expect([...elastic.documents().keys()].slice(before)).toEqual(idsOf(items));
    },
  );

  test('items that get 429 come again, and only they are new then', async () => {
    const items = itemsFrom(5000, 20);
    const before = elastic.documents().size;
    elastic.rejectNext(7);
    expect(await sendOnce('elastic', config(), { items })).toMatchObject({ outcome: 'retry', code: 'item_429' });
    expect(elastic.documents().size).toBe(before + 13);
    expect(await sendOnce('elastic', config(), { items })).toMatchObject({ outcome: 'accepted' });
    expect(elastic.documents().size).toBe(before + 20);
  });

  test('an item that gets 400 is refused alone, with what was said of it', async () => {
    const items = [...itemsFrom(6000, 2), ...itemsFrom(6002, 1, { more: { reason: 'poison' } }), ...itemsFrom(6003, 2)];
    const result = await sendOnce('elastic', config(), { items });
    expect(result).toMatchObject({ outcome: 'accepted_except', refused: [{ seq: 6002, answer: { httpStatus: 400 } }] });
    expect(JSON.stringify(result)).toContain('failed to parse field');
    expect(elastic.documents().has(items[4]!.record.eventId)).toBe(true);
  });

  test('a wrong key is an error of authority, and a password goes as Basic', async () => {
    expect(await sendOnce('elastic', config({ apiKey: 'b3RoZXI=' }), { items: itemsFrom(1, 1) })).toMatchObject({
      outcome: 'auth_error',
    });
    const basic = await startElastic(`Basic ${Buffer.from('elastic:pass').toString('base64')}`);
    const signIn = { url: basic.url, dataStream: 'logs', username: 'elastic', password: 'pass' };
    expect(await sendOnce('elastic', signIn, { items: itemsFrom(1, 1) })).toMatchObject({ outcome: 'accepted' });
    await basic.stop();
  });
});

describe('Datadog', () => {
  let datadog: Datadog;
  beforeAll(async () => {
    datadog = await startDatadog('a-key', certificates);
  });
  afterAll(() => datadog?.stop());
  const config = (more: object = {}) => ({ url: datadog.url, apiKey: 'a-key', tls: tls(), ...more });

  test('holds every record, with its id, its time and the tags', async () => {
    const items = itemsFrom(1, 500);
    expect(
      await sendOnce('datadog', config({ service: 'mcp', tags: ['env:prod', 'team:sec'] }), { items }),
    ).toMatchObject({ outcome: 'accepted' });
    const logs = datadog.logs();
    expect(logs.map(({ toolgate }) => toolgate.event_id)).toEqual(idsOf(items));
    expect(logs.map(({ message }) => message)).toEqual(items.map(({ text }) => text));
    expect(logs[0]).toMatchObject({ ddsource: 'toolgate', service: 'mcp', ddtags: 'env:prod,team:sec' });
    expect(logs[0]!.timestamp).toBe(Date.parse(items[0]!.record.event['time'] as string));
  });

  test('a record that Datadog would drop for its age arrives, with its own time beside that of sending', async () => {
    const before = datadog.logs().length;
    const time = new Date(Date.now() - 20 * 3_600_000).toISOString();
    expect(await sendOnce('datadog', config(), { items: itemsFrom(7000, 3, { more: { time } }) })).toMatchObject({
      outcome: 'accepted',
    });
    expect(
      datadog
        .logs()
        .slice(before)
        .map(({ toolgate }) => toolgate.original_time),
    ).toEqual([time, time, time]);
  });

  test('records of 60,000 bytes that are all quotes stay under the limit of a request', async () => {
    const items = itemsFrom(8000, 17, { more: { reason: '"'.repeat(29_000) } });
    expect(items.reduce((sum, { text }) => sum + text.length, 0)).toBeGreaterThan(950_000);
    expect(await sendOnce('datadog', config(), { items })).toMatchObject({ outcome: 'accepted' });
  });

  test('a wrong key is an error of authority', async () => {
    expect(await sendOnce('datadog', config({ apiKey: 'other' }), { items: itemsFrom(1, 1) })).toMatchObject({
      outcome: 'auth_error',
    });
  });
});
