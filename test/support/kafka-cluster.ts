import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { inject } from 'vitest';

export type KafkaNode = Readonly<{
  id: number;
  broker: string;
  /** Of the broker itself. */
  pid: () => number;
  /** `kill -9`, and waits until it is gone. */
  kill: () => Promise<void>;
  /** SIGSTOP: it keeps its connections and answers nothing. */
  stop: () => void;
  /** SIGCONT. */
  cont: () => void;
  /** Starts it again on its data; doesn't wait until it serves. */
  restart: () => Promise<void>;
}>;

/** More listeners beside the plain one, by name, with what the broker needs for them. */
export type Listeners = Readonly<{
  protocols: Readonly<Record<string, 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'>>;
  settings: Readonly<Record<string, string>>;
  formatArguments: readonly string[];
}>;

export type KafkaCluster = Readonly<{
  brokers: string[];
  node: (id: number) => KafkaNode;
  /** Where the first node listens under this name. */
  listener: (name: string) => string;
  ready: () => Promise<void>;
  stop: () => Promise<void>;
}>;

type Place = Readonly<{
  id: number;
  folder: string;
  port: number;
  controllerPort: number;
  classpath: string;
  listeners: Listeners;
  listenerPorts: Readonly<Record<string, number>>;
}>;

/** Whether a cluster can be started here; the reason was printed once. */
export const kafkaIsHere = (): boolean => inject('kafkaClasspath') !== '';

const JAVA = [
  '-Xms64m',
  '-Xmx384m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-Djava.net.preferIPv4Stack=true',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];
const guard = fileURLToPath(new URL('../../src/platform/embedded-postgres/postgres-guard.mjs', import.meta.url));
const java = (classpath: string, main: string, ...args: string[]): string[] => [
  ...JAVA,
  '-cp',
  classpath,
  main,
  ...args,
];

const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((done) => {
          const server = createServer().listen(0, '127.0.0.1', () => done(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
};

/**
 * One node that is broker and controller; three find each other by a fixed list of voters. Deaths are noticed in 3 s,
 * not in the default 9.
 */
const properties = ({ id, folder, port, controllerPort, ...more }: Place, all: readonly Place[]): string => {
  const copies = all.length;
  const others = Object.entries(more.listenerPorts)
    .map(([name, its]) => `,${name}://127.0.0.1:${its}`)
    .join('');
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${others}`;
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': id,
    listeners,
    'advertised.listeners': listeners,
    'controller.quorum.voters': all.map((one) => `${one.id}@127.0.0.1:${one.controllerPort}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': [
      'CONTROLLER:PLAINTEXT',
      'PLAINTEXT:PLAINTEXT',
      ...Object.entries(more.listeners.protocols).map((one) => one.join(':')),
    ].join(','),
    ...more.listeners.settings,
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': Math.min(2, copies),
    'offsets.topic.num.partitions': 3,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.num.partitions': 3,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': Math.min(2, copies),
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': Math.min(2, copies),
    'group.initial.rebalance.delay.ms': 0,
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    'controller.quorum.election.timeout.ms': 500,
    'controller.quorum.fetch.timeout.ms': 1500,
    'replica.lag.time.max.ms': 5000,
    'log.retention.check.interval.ms': 1000,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
};

const format = async (place: Place, clusterId: string): Promise<void> => {
  await promisify(execFile)(
    'java',
    java(
      place.classpath,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      clusterId,
      '-c',
      join(place.folder, 'server.properties'),
      ...place.listeners.formatArguments,
    ),
  );
};

/** The guard ends the JVM when this process is gone, however it ended. */
const launch = async (place: Place): Promise<Readonly<{ guarded: ChildProcess; pid: number }>> => {
  const log = openSync(join(place.folder, 'server.log'), 'a');
  const order = JSON.stringify({
    command: 'java',
    args: java(place.classpath, 'kafka.Kafka', join(place.folder, 'server.properties')),
  });
  const guarded = spawn(process.execPath, [guard, order], { detached: true, stdio: ['pipe', 'pipe', log] });
  const pid = await new Promise<number>((resolve, reject) => {
    guarded.once('error', reject);
    guarded.stdout!.once('data', (data: Buffer) => resolve(Number.parseInt(data.toString(), 10)));
  });
  return { guarded, pid };
};

const startNode = async (place: Place): Promise<KafkaNode> => {
  let { guarded, pid } = await launch(place);
  const signal = (name: NodeJS.Signals): void => {
    if (guarded.exitCode === null && guarded.signalCode === null) process.kill(pid, name);
  };
  const gone = (): Promise<unknown> =>
    guarded.exitCode === null && guarded.signalCode === null
      ? new Promise((done) => guarded.once('exit', done))
      : Promise.resolve();
  return {
    id: place.id,
    broker: `127.0.0.1:${place.port}`,
    pid: () => pid,
    kill: async () => {
      const ending = gone();
      signal('SIGKILL');
      await ending;
    },
    stop: () => signal('SIGSTOP'),
    cont: () => signal('SIGCONT'),
    restart: async () => {
      ({ guarded, pid } = await launch(place));
    },
  };
};

/** Waits until all nodes are known to each other and take topics. */
const ready = async (brokers: readonly string[]): Promise<void> => {
  const end = Date.now() + 90_000;
  for (;;) {
    const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
    try {
      await admin.connect();
      if ((await admin.describeCluster()).brokers.length === brokers.length) return;
    } catch {
      // Not yet.
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
    if (Date.now() > end) throw new Error('Kafka did not start');
    await new Promise((done) => setTimeout(done, 100));
  }
};

const NO_MORE: Listeners = { protocols: {}, settings: {}, formatArguments: [] };

type Wanted = Readonly<{ nodes: 1 | 3; classpath?: string; listeners?: Listeners }>;

/** A real Apache Kafka of one or three nodes on free loopback ports, its data in a temporary folder. */
export const startKafka = async ({
  nodes,
  classpath = inject('kafkaClasspath'),
  listeners = NO_MORE,
}: Wanted): Promise<KafkaCluster> => {
  const folder = await mkdtemp(join(tmpdir(), 'toolgate-kafka-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  const names = Object.keys(listeners.protocols);
  const perNode = 2 + names.length;
  const ports = await freePorts(nodes * perNode);
  const places = await Promise.all(
    Array.from({ length: nodes }, async (_, index): Promise<Place> => ({
      id: index + 1,
      folder: await mkdtemp(join(folder, `n${index + 1}-`)),
      port: ports[index * perNode]!,
      controllerPort: ports[index * perNode + 1]!,
      classpath,
      listeners,
      listenerPorts: Object.fromEntries(names.map((name, n) => [name, ports[index * perNode + 2 + n]!])),
    })),
  );
  for (const place of places) writeFileSync(join(place.folder, 'server.properties'), properties(place, places));
  // A leading dash would read as an option.
  const clusterId = Buffer.concat([Buffer.alloc(1), randomBytes(15)]).toString('base64url');
  await Promise.all(places.map((place) => format(place, clusterId)));
  const running = await Promise.all(places.map(startNode));
  const brokers = running.map(({ broker }) => broker);
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((node) => node.kill()));
    process.off('exit', remove);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  await ready(brokers).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    brokers,
    stop,
    listener: (name) => `127.0.0.1:${places[0]!.listenerPorts[name]}`,
    ready: () => ready(brokers),
    node: (id) => running.find((node) => node.id === id)!,
  };
};
