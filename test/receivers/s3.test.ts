import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { STREAM, batchOf, itemsFrom, openKind, sendOnce } from './support/kind.js';
import { BUCKET, S3_KEYS, startS3, type S3Server } from './support/s3-server.js';

describe.skipIf(inject('receivers').s3Classpath === '')('an S3 server that checks signatures', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(() => server?.stop());
  const config = (more: object = {}) => ({
    bucket: BUCKET,
    region: 'us-east-1',
    endpoint: server.url,
    prefix: 'siem/tenant=a/',
    ...S3_KEYS,
    ...more,
  });

  test('holds each batch as an object named by day and range, and the same object when it is sent again', async () => {
    const destination = openKind('s3', config());
    const [first, second] = [itemsFrom(1, 100), itemsFrom(101, 7)];
    for (const items of [first, second, second])
      expect(await destination.send(batchOf(items), new AbortController().signal)).toMatchObject({
        outcome: 'accepted',
      });
    await destination.close();
    const objects = await server.objects();
    const folder = `siem/tenant=a/${first[0]!.record.recordedAt.slice(0, 10)}`;
    expect(objects.map(({ key }) => key)).toEqual([`${folder}/1-100.ndjson.gz`, `${folder}/101-107.ndjson.gz`]);
    expect(objects.flatMap(({ lines }) => lines)).toEqual([...first, ...second].map(({ text }) => text));
  });

  test('tells in an object’s metadata what it holds', async () => {
    const items = itemsFrom(1, 100);
    const headers = await server.metadata(`siem/tenant=a/${items[0]!.record.recordedAt.slice(0, 10)}/1-100.ndjson.gz`);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-amz-meta-stream-id': STREAM,
      'x-amz-meta-first-seq': '1',
      'x-amz-meta-last-seq': '100',
      'x-amz-meta-records': '100',
      'x-amz-meta-format': 'native',
      'x-amz-meta-content-sha256': expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test('refuses a wrong secret, and the stream then has an error of authority', async () => {
    const items = itemsFrom(500, 1);
    const result = await sendOnce('s3', config({ secretAccessKey: 'another secret' }), { items });
    expect(result).toMatchObject({
      outcome: 'auth_error',
      answer: { body: expect.stringContaining('SignatureDoesNotMatch') },
    });
  });

  test('a bucket that does not exist is tried again, and loses no record', async () => {
    const result = await sendOnce('s3', config({ bucket: 'nowhere' }), { items: itemsFrom(501, 1) });
    expect(result).toMatchObject({ outcome: 'retry', answer: { body: expect.stringContaining('NoSuchBucket') } });
  });
});
