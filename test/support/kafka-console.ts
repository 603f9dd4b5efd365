import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import type { Topic } from '../../src/record/event-log/events/index.js';
import type { Heard } from './kafka-log.js';

const run = promisify(execFile);
const MOST_BYTES = 64 * 1024 * 1024;
const PRINT = ['partition', 'headers', 'key', 'value'];

const readLine = (line: string): Heard => {
  const [partition = '', headers = '', key = '', value = ''] = line.split('\t');
  const pairs = headers
    .split('|')
    .map((pair) => [pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1)] as const);
  return { partition: Number(partition.replace('Partition:', '')), headers: Object.fromEntries(pairs), key, value };
};

/**
 * The first `count` messages of a topic as Apache Kafka's own console consumer prints them; fewer when no further one
 * comes in half a minute.
 */
export const readOnConsole = async (broker: string, topic: Topic, count: number): Promise<readonly Heard[]> => {
  const properties = [...PRINT.map((part) => `print.${part}=true`), 'headers.separator=|'].flatMap((one) => [
    '--formatter-property',
    one,
  ]);
  const order = [
    '--bootstrap-server',
    broker,
    '--topic',
    topic,
    '--from-beginning',
    '--max-messages',
    String(count),
    '--timeout-ms',
    '30000',
    ...properties,
  ];
  const java = [
    '-Xmx128m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-cp',
    inject('kafkaClasspath'),
  ];
  const { stdout } = await run('java', [...java, 'org.apache.kafka.tools.consumer.ConsoleConsumer', ...order], {
    maxBuffer: MOST_BYTES,
  });
  return stdout.trimEnd().split('\n').map(readLine);
};
