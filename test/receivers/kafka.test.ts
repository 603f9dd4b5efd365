import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kafkaIsHere, startKafka, type KafkaCluster } from '../support/kafka-cluster.js';
import { USER, makeAuthority, securedListeners } from '../support/kafka-security.js';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { ORGANIZATION, batchOf, itemsFrom, openKind, sendOnce } from './support/kind.js';
import { startTcpProxy } from './support/tcp-proxy.js';

const TOPIC = 'siem.toolgate';
const never = new AbortController().signal;

type Heard = Readonly<{ key: string; value: string; headers: Readonly<Record<string, string>> }>;

/** The first messages of the topic, as somebody else's consumer reads them. */
const listen = async (broker: string, count: number): Promise<readonly Heard[]> => {
  const consumer = new Kafka({ clientId: 'siem', brokers: [broker], logLevel: logLevel.NOTHING }).consumer({
    groupId: `siem-${Date.now()}`,
  });
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  const heard: Heard[] = [];
  await new Promise<void>((resolve, reject) => {
    setTimeout(() => reject(new Error(`heard ${heard.length} of ${count}`)), 30_000).unref();
    const eachMessage = ({
      message,
    }: {
      message: { key: Buffer | null; value: Buffer | null; headers?: object };
    }): Promise<void> => {
      const headers = Object.fromEntries(
        Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
      );
      heard.push({ key: String(message.key), value: String(message.value), headers });
      if (heard.length === count) resolve();
      return Promise.resolve();
    };
    consumer.run({ eachMessage: eachMessage as never }).catch(reject);
  });
  await consumer.disconnect();
  return heard;
};

describe.skipIf(!kafkaIsHere())('Apache Kafka', () => {
  let certificates: Certificates;
  let cluster: KafkaCluster;
  let ca: string;

  beforeAll(async () => {
    certificates = await makeCertificates();
    const authority = await makeAuthority(certificates.folder, 'brokers');
    ca = await readFile(authority.caFile, 'utf8');
    const right = await authority.issue('IP:127.0.0.1');
    const wrong = await makeAuthority(certificates.folder, 'others').then((other) => other.issue('DNS:broker.example'));
    cluster = await startKafka({ nodes: 1, listeners: securedListeners(right, wrong) });
    const admin = new Kafka({ brokers: cluster.brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 3 }] });
    await admin.disconnect();
  });
  afterAll(async () => {
    await cluster?.stop();
    await certificates?.remove();
  });

  test('holds every record in order, keyed by the organization, with its id in a header', async () => {
    const destination = openKind('kafka', { brokers: cluster.brokers, topic: TOPIC });
    const batches = [itemsFrom(1, 300), itemsFrom(301, 100), itemsFrom(401, 1)];
    for (const items of batches)
      expect(await destination.send(batchOf(items), never)).toMatchObject({ outcome: 'accepted' });
    await destination.close();
    const sent = batches.flat();
    const heard = await listen(cluster.brokers[0]!, sent.length);
    expect(heard.map(({ value }) => value)).toEqual(sent.map(({ text }) => text));
    expect(heard.map(({ headers }) => headers['ce_id'])).toEqual(sent.map(({ record }) => record.eventId));
    expect(new Set(heard.map(({ key }) => key))).toEqual(new Set([ORGANIZATION]));
  });

  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'takes a sign-in by %s over TLS, and refuses a wrong password',
    async (mechanism) => {
      const config = (password: string) => ({
        brokers: [cluster.listener('BOTH')],
        topic: TOPIC,
        tls: { ca },
        sasl: { mechanism, username: USER.username, password },
      });
      expect(await sendOnce('kafka', config(USER.password), { items: itemsFrom(1, 1) })).toMatchObject({
        outcome: 'accepted',
      });
      const refused = await sendOnce('kafka', config('wrong-4711'), { items: itemsFrom(1, 1) });
      expect(refused).toMatchObject({ outcome: 'auth_error' });
      expect(JSON.stringify(refused)).not.toContain('wrong-4711');
    },
  );

  test('a broker with a certificate that is not trusted gets nothing', async () => {
    const config = { brokers: [cluster.listener('TLS')], topic: TOPIC, tls: { ca: certificates.ca } };
    expect(await sendOnce('kafka', config, { items: itemsFrom(1, 1) })).toMatchObject({
      outcome: 'retry',
      code: 'certificate_not_trusted',
    });
  });

  test('a topic that does not exist is tried again, and a record that is too long is refused', async () => {
    const missing = await sendOnce('kafka', { brokers: cluster.brokers, topic: 'nowhere' }, { items: itemsFrom(1, 1) });
    expect(missing).toMatchObject({ outcome: 'retry' });
    const items = itemsFrom(1, 1, { more: { reason: 'x'.repeat(1_200_000) } });
    expect(await sendOnce('kafka', { brokers: cluster.brokers, topic: TOPIC }, { items })).toMatchObject({
      outcome: 'refused',
      code: 'message_too_large',
    });
  });

  test('a broker that metadata names is judged as the first one is', async () => {
    // What is listed may be reached; what it names, 127.0.0.1, may not.
    const proxy = await startTcpProxy(Number(cluster.brokers[0]!.split(':')[1]), '127.0.0.2');
    try {
      const config = { brokers: [`127.0.0.2:${proxy.port}`], topic: TOPIC };
      const result = await sendOnce('kafka', config, { items: itemsFrom(1, 1), allow: ['127.0.0.2/32'] });
      expect(result).toMatchObject({ outcome: 'retry', code: 'address_not_allowed' });
      expect(await sendOnce('kafka', config, { items: itemsFrom(1, 1), allow: ['127.0.0.0/8'] })).toMatchObject({
        outcome: 'accepted',
      });
    } finally {
      await proxy.stop();
    }
  });

  test('a broker that hangs is given up when the stream stops, and serves again afterwards', async () => {
    const destination = openKind('kafka', { brokers: cluster.brokers, topic: TOPIC });
    expect(await destination.send(batchOf(itemsFrom(1, 1)), never)).toMatchObject({ outcome: 'accepted' });
    cluster.node(1).stop();
    expect(await destination.send(batchOf(itemsFrom(2, 1)), AbortSignal.timeout(1000))).toMatchObject({
      outcome: 'retry',
      code: 'stopped',
    });
    cluster.node(1).cont();
    await expect
      .poll(() => destination.send(batchOf(itemsFrom(2, 1)), never).then(({ outcome }) => outcome))
      .toBe('accepted');
    await destination.close();
  });
});

describe('something that is no broker', () => {
  const lies: readonly (readonly [string, Buffer])[] = [
    ['a response of no bytes', Buffer.from([0, 0, 0, 0])],
    ['a response of two gigabytes', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xf0])],
    ['a response that is cut off', Buffer.from([0, 0, 0, 6, 0, 0, 0, 0, 0, 0])],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ];
  test.each(lies)('that answers %s ends the try and nothing else', async (_, bytes) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write(bytes));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const result = await sendOnce(
      'kafka',
      { brokers: [`127.0.0.1:${port}`], topic: TOPIC },
      { items: itemsFrom(1, 1) },
    );
    expect(result).toMatchObject({ outcome: 'retry' });
    server.close();
  });
});
