import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startKafka, type KafkaCluster } from './kafka-cluster.js';
import { deleteTopics } from './kafka-log.js';
import { assertJava, classpath } from './kafka-setup.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a product under test asks for a Kafka of its own: see `testLog`. Empty: the log is kept in PostgreSQL. */
    testLogs: string;
  }
}

/**
 * Lends clusters of one node: `POST /` answers the address of one that has no topics, `DELETE /<address>` takes it
 * back, and `POST /<address>/stop` and `/cont` hang it and let it go on. Kafka has no name spaces and the topics' names
 * are part of the contract, so products that don't share a database must not share a cluster either; one that was given
 * back is lent again once its topics are gone, which takes a tenth of the time of a start.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await assertJava();
  const jars = await classpath();
  const lent = new Map<string, KafkaCluster>();
  const idle: KafkaCluster[] = [];
  const lend = async (): Promise<string> => {
    const cluster = idle.pop() ?? (await startKafka({ nodes: 1, classpath: jars }));
    const [address] = cluster.brokers as [string];
    lent.set(address, cluster);
    return address;
  };
  const takeBack = async (address: string): Promise<string> => {
    const cluster = lent.get(address);
    lent.delete(address);
    if (cluster)
      await deleteTopics(cluster).then(
        () => idle.push(cluster),
        () => cluster.stop(),
      );
    return '';
  };
  const signal = (address: string, name: 'stop' | 'cont'): string => {
    lent.get(address)?.node(1)[name]();
    return '';
  };
  const answer = async (method: string, path: string): Promise<string> => {
    const [, address = '', command] = path.split('/');
    if (method === 'DELETE') return takeBack(address);
    return command === 'stop' || command === 'cont' ? signal(address, command) : lend();
  };
  const server = createServer((request, response) => {
    answer(request.method ?? '', request.url ?? '').then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  project.provide('testLogs', await listen(server));
  return async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all([...idle, ...lent.values()].map((cluster) => cluster.stop()));
  };
}

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
