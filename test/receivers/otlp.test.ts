import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { attributeOf, startCollector, type Collector } from './support/collector.js';
import { ORGANIZATION, itemsFrom, sendOnce } from './support/kind.js';

const isHere = inject('receivers').collector !== '';

describe.skipIf(!isHere).each(['protobuf', 'json'] as const)('the OpenTelemetry collector, by %s', (encoding) => {
  let certificates: Certificates;
  let collector: Collector;
  beforeAll(async () => {
    certificates = await makeCertificates();
    collector = await startCollector(certificates);
  });
  afterAll(async () => {
    await collector?.stop();
    await certificates?.remove();
  });
  const config = (tls: unknown) => ({ url: collector.url, encoding, tls });
  const client = () => ({ ca: certificates.ca, cert: certificates.client.cert, key: certificates.client.key });

  test('holds every record in order, with its attributes, under its id', async () => {
    const items = itemsFrom(1, 300, { format: 'otlp', more: { traceId: '0123456789abcdef0123456789abcdef' } });
    expect(await sendOnce('otlp', config(client()), { format: 'otlp', items })).toMatchObject({ outcome: 'accepted' });
    await expect.poll(() => collector.records().length).toBe(300);
    const records = collector.records();
    expect(records.map((record) => attributeOf(record, 'log.record.uid'))).toEqual(
      items.map(({ record }) => record.eventId),
    );
    expect(records.map((record) => attributeOf(record, 'toolgate.seq'))).toEqual(
      items.map(({ record }) => String(record.seq)),
    );
    const [first] = records;
    const sent = JSON.parse(items[0]!.text) as typeof first;
    expect({ ...first, attributes: [...first!.attributes] }).toMatchObject({
      ...sent,
      attributes: [...sent!.attributes],
    });
    expect(collector.resources().flat()).toContainEqual({
      key: 'toolgate.tenant.id',
      value: { stringValue: ORGANIZATION },
    });
  });

  test('without our certificate nothing is sent', async () => {
    const before = collector.records().length;
    const items = itemsFrom(1, 3, { format: 'otlp' });
    const result = await sendOnce('otlp', config({ ca: certificates.ca }), { format: 'otlp', items });
    expect(result).toMatchObject({ outcome: 'retry' });
    expect(await sendOnce('otlp', config({ ca: certificates.strangerCa }), { format: 'otlp', items })).toMatchObject({
      outcome: 'retry',
      code: 'certificate_not_trusted',
    });
    expect(collector.records().length).toBe(before);
  });
});
