import { Kafka, logLevel } from 'kafkajs';
import { inject } from 'vitest';
import { kafkaIsHere, startKafka } from '../../support/kafka-cluster.js';
import { startLogReceiver } from '../../support/log-receiver.js';
import type { Certificates } from './certificates.js';
import { attributeOf, startCollector } from './collector.js';
import { startDatadog } from './datadog.js';
import { startElastic } from './elastic.js';
import { BUCKET, S3_KEYS, startS3 } from './s3-server.js';
import { startSplunk } from './splunk.js';
import { startRsyslog, startSyslogNg, type SyslogServer } from './syslog-servers.js';

type Json = Readonly<Record<string, unknown>>;

/** A receiver with what a stream to it is made of. */
export type Receiver = Readonly<{
  /** The body of POST /v1/log-streams, with another port where something stands before the receiver. */
  stream: (port?: number) => Json;
  port: number;
  /** The ids of the events that it holds, in order of their arrival, with those that came twice. */
  stored: () => Promise<readonly string[]>;
  /** Holds a record that came twice once, by itself. */
  dropsRepeats: boolean;
  stop: () => Promise<void>;
}>;

export type Destination = Readonly<{
  name: string;
  transport: 'http' | 'tcp' | 'kafka';
  isHere: boolean;
  /** With certificates it speaks TLS and wants our client's, where it can. */
  start: (certificates: Certificates, tls: boolean) => Promise<Receiver>;
}>;

const portOf = (url: string): number => Number(new URL(url).port);
const clientOf = ({ ca, client }: Certificates) => ({ ca, cert: client.cert, key: client.key });

type Http = Readonly<{ url: string; stop: () => Promise<void> }>;

const overHttp = (
  receiver: Http,
  {
    certificates,
    tls,
    ...more
  }: Readonly<{
    certificates: Certificates;
    tls: boolean;
    kind: string;
    format: string;
    config: Json;
    stored: () => readonly string[];
    dropsRepeats?: boolean;
  }>,
): Receiver => ({
  port: portOf(receiver.url),
  stream: (port = portOf(receiver.url)) => ({
    kind: more.kind,
    format: more.format,
    config: {
      ...more.config,
      url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
      ...(tls ? { tls: clientOf(certificates) } : {}),
    },
  }),
  stored: () => Promise.resolve(more.stored()),
  dropsRepeats: more.dropsRepeats ?? false,
  stop: receiver.stop,
});

const splunk = (acknowledge: boolean): Destination => ({
  name: acknowledge ? 'Splunk with acknowledgement' : 'Splunk',
  transport: 'http',
  isHere: true,
  start: async (certificates, tls) => {
    const server = await startSplunk({ value: 'a-token-of-hec', acknowledge }, tls ? certificates : undefined);
    const stored = (): readonly string[] => server.events().map(({ fields }) => fields['event_id']!);
    const config = { token: 'a-token-of-hec', acknowledge };
    return overHttp(server, { certificates, tls, kind: 'splunk_hec', format: 'ocsf', config, stored });
  },
});

const syslog = (name: string, isHere: boolean, start: typeof startRsyslog): Destination => ({
  name,
  transport: 'tcp',
  isHere,
  start: async (certificates, tls) => {
    const server: SyslogServer = await start({ certificates, tls });
    return {
      port: server.port,
      stream: (port = server.port) => ({
        kind: 'syslog',
        format: 'native',
        config: { host: '127.0.0.1', port, tls: tls ? clientOf(certificates) : false, body: 'json' },
      }),
      stored: () => Promise.resolve(server.heard().map(({ message }) => (JSON.parse(message) as { id: string }).id)),
      dropsRepeats: false,
      stop: server.stop,
    };
  },
});

const collector = (encoding: 'protobuf' | 'json'): Destination => ({
  name: `the OpenTelemetry collector by ${encoding}`,
  transport: 'http',
  isHere: inject('receivers').collector !== '',
  start: async (certificates, tls) => {
    const server = await startCollector(tls ? certificates : undefined);
    const stored = (): readonly string[] =>
      server.records().map((record) => String(attributeOf(record, 'log.record.uid')));
    return overHttp(server, { certificates, tls, kind: 'otlp', format: 'otlp', config: { encoding }, stored });
  },
});

const TOPIC = 'siem.toolgate';

const kafka: Destination = {
  name: 'Apache Kafka',
  transport: 'kafka',
  isHere: kafkaIsHere(),
  start: async () => {
    const cluster = await startKafka({ nodes: 1 });
    const client = new Kafka({ brokers: cluster.brokers, logLevel: logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 2 }] });
    await admin.disconnect();
    const consumer = client.consumer({ groupId: 'siem', maxWaitTimeInMs: 200 });
    const ids: string[] = [];
    await consumer.connect();
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        ids.push(String(message.headers?.['ce_id']));
        return Promise.resolve();
      },
    });
    return {
      port: Number(cluster.brokers[0]!.split(':')[1]),
      stream: () => ({ kind: 'kafka', format: 'native', config: { brokers: cluster.brokers, topic: TOPIC } }),
      stored: () => Promise.resolve(ids),
      dropsRepeats: false,
      stop: async () => {
        await consumer.disconnect();
        await cluster.stop();
      },
    };
  },
};

const s3: Destination = {
  name: 'an S3 server',
  transport: 'http',
  isHere: inject('receivers').s3Classpath !== '',
  start: async () => {
    const server = await startS3();
    const firstSeq = (key: string): number => Number(/(\d+)-\d+\.ndjson\.gz$/.exec(key)?.[1]);
    return {
      port: portOf(server.url),
      stream: (port = portOf(server.url)) => ({
        kind: 's3',
        format: 'native',
        config: {
          bucket: BUCKET,
          region: 'us-east-1',
          endpoint: `http://127.0.0.1:${port}`,
          maxWaitSeconds: 1,
          ...S3_KEYS,
        },
      }),
      stored: async () => {
        const objects = [...(await server.objects())].sort((one, other) => firstSeq(one.key) - firstSeq(other.key));
        return objects.flatMap(({ lines }) => lines.map((line) => (JSON.parse(line) as { id: string }).id));
      },
      dropsRepeats: true,
      stop: server.stop,
    };
  },
};

const elastic: Destination = {
  name: 'Elastic',
  transport: 'http',
  isHere: true,
  start: async (certificates, tls) => {
    const server = await startElastic('ApiKey c2VjcmV0LWtleQ==', tls ? certificates : undefined);
    const config = { dataStream: 'logs-toolgate.audit-default', apiKey: 'c2VjcmV0LWtleQ==' };
    const stored = (): readonly string[] => [...server.documents().keys()];
    return overHttp(server, { certificates, tls, kind: 'elastic', format: 'ecs', config, stored, dropsRepeats: true });
  },
};

const datadog: Destination = {
  name: 'Datadog',
  transport: 'http',
  isHere: true,
  start: async (certificates, tls) => {
    const server = await startDatadog('a-key-of-datadog', tls ? certificates : undefined);
    const stored = (): readonly string[] => server.logs().map(({ toolgate }) => toolgate.event_id);
    return overHttp(server, {
      certificates,
      tls,
      kind: 'datadog',
      format: 'native',
      config: { apiKey: 'a-key-of-datadog' },
      stored,
    });
  },
};

const overPlainHttp = (kind: 'webhook' | 'http', name: string): Destination => ({
  name,
  transport: 'http',
  isHere: true,
  start: async (certificates, tls) => {
    const { ca, server } = certificates;
    const receiver = await startLogReceiver(tls ? { ca, cert: server.cert, key: server.key } : undefined);
    return overHttp(
      { url: receiver.url, stop: receiver.close },
      {
        certificates,
        tls,
        kind,
        format: 'native',
        config: {},
        stored: () =>
          receiver
            .taken()
            .filter(({ test }) => test !== true)
            .map((item) => String(item['id'])),
      },
    );
  },
});

/** Every destination that there is a receiver for. */
export const destinations: readonly Destination[] = [
  overPlainHttp('webhook', 'a webhook'),
  overPlainHttp('http', 'a collector over HTTP'),
  splunk(false),
  splunk(true),
  syslog('rsyslog', inject('receivers').rsyslog !== '', startRsyslog),
  syslog('syslog-ng', inject('receivers').syslogNg !== '', startSyslogNg),
  collector('protobuf'),
  collector('json'),
  elastic,
  datadog,
  s3,
  kafka,
];

/** Ids without those that came before. */
export const withoutRepeats = (ids: readonly string[]): readonly string[] => [...new Set(ids)];
