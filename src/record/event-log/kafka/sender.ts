import { inBackground } from '../../../platform/runtime/guard.js';
import type { ICustomPartitioner, Message, Producer } from 'kafkajs';
import { errorText, log } from '../../../platform/runtime/log.js';
import { REQUEST_TIMEOUT_MS, connectAny, rejectAfter, type MakeClient } from './client.js';
import type { Topic } from '../events/index.js';

/** How long a flush may take, connecting included; then it is given up and everything it held is rejected. */
const SEND_TIMEOUT_MS = 5000;

/** A producer and the sends that still use it. */
type ProducerLease = { readonly producer: Promise<Producer>; sending: number; retired: boolean };

type Timed = Message & Readonly<{ expiresAt: number }>;

/** kafkajs tries no send again after an error marked like this. */
class Expired extends Error {
  readonly retriable = false;
}

/**
 * The partition was chosen when the record was queued. kafkajs asks again on every attempt, and this is the one place
 * where an attempt can be stopped: a send that was given up must not go out minutes later.
 */
const givenPartition: ICustomPartitioner =
  () =>
  ({ message }) => {
    if ((message as Timed).expiresAt < Date.now()) throw new Expired('the send was given up');
    return message.partition ?? 0;
  };

const openProducer = (client: MakeClient): Promise<Producer> =>
  connectAny(() =>
    client().producer({ createPartitioner: givenPartition, allowAutoTopicCreation: false, idempotent: false }),
  );

type ProtocolError = Error & Readonly<{ type?: string; retriable?: boolean }>;

/** What the leader said, however kafkajs wrapped it. */
const protocolErrorIn = (error: unknown): ProtocolError | undefined => {
  for (let at = error; at instanceof Error; at = at.cause) if (at.name === 'KafkaJSProtocolError') return at;
  return undefined;
};

/**
 * The leader looked at the records and refuses them as they are (too large, not permitted): nothing is wrong with the
 * connection.
 */
const isRefusal = (error: unknown): boolean => {
  const said = protocolErrorIn(error);
  return said !== undefined && said.retriable !== true;
};

/** What the leader says of a batch that it stored nothing of because one of its records is not one that it takes. */
const OF_RECORDS: ReadonlySet<string | undefined> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
]);

/** Whether a failed send stored nothing, and another with fewer of its records may succeed. */
export const isRefusedForItsRecords = (error: unknown): boolean => OF_RECORDS.has(protocolErrorIn(error)?.type);

/**
 * Sends batches, each to one partition, and keeps clear of what kafkajs 2.2.4 does when a send fails (seen in
 * test/kafka/kafkajs-traps.test.ts):
 *
 * - A send to partitions of several leaders is tried again for all when one fails, also for those whose answer is still
 *   under way: here every send goes to one partition.
 * - An idempotent producer takes its sequence numbers back after an error, and what is sent next under the same numbers
 *   is acknowledged without being stored; it never asks for a new id; one whose connect failed sends without any; and
 *   it retries for ever. Here `idempotent` is off, a connect that fails fails the send, and readers drop event ids that
 *   they know.
 * - `maxInFlightRequests` queues behind a timer: it is left unset, and the caller keeps one send in flight a partition.
 * - After a request timed out, kafkajs goes on with the same connection and the same leader until its metadata is five
 *   minutes old: a host that vanished silently would cost that long. It also believes a broker that lags behind for as
 *   long as it happens to ask it. Here a send that fails retires its producer: the next send has new connections, by
 *   another broker, and new metadata, while sends under way end on the old one.
 */
export class KafkaSender {
  readonly #client: MakeClient;
  #line: ProducerLease | undefined;

  constructor(client: MakeClient) {
    this.#client = client;
  }

  /**
   * Resolves to the offset of the first record when all copies in sync have them. @throws after 5 s at most; the
   * records may be stored nevertheless.
   */
  async send(topic: Topic, partition: number, messages: readonly Message[]): Promise<number> {
    const line = (this.#line ??= { producer: openProducer(this.#client), sending: 0, retired: false });
    const expiresAt = Date.now() + SEND_TIMEOUT_MS;
    const timed = messages.map((message): Timed => ({ ...message, partition, expiresAt }));
    line.sending += 1;
    const sent = line.producer.then((producer) =>
      producer.send({ topic, messages: timed, acks: -1, timeout: REQUEST_TIMEOUT_MS }),
    );
    sent.catch(() => undefined).finally(() => this.#release(line));
    try {
      const [result] = await rejectAfter(sent, SEND_TIMEOUT_MS, 'appending to Kafka');
      const offset = Number(result?.baseOffset ?? Number.NaN);
      if (!Number.isSafeInteger(offset) || offset < 0) throw new Error('Kafka acknowledged without an offset');
      return offset;
    } catch (error) {
      if (!isRefusal(error)) this.#retire(line);
      throw error;
    }
  }

  /** Takes no more; resolves when nothing is connected any longer. Sends that were given up are not waited for. */
  async close(): Promise<void> {
    const line = this.#line;
    this.#line = undefined;
    if (!line) return;
    line.retired = true;
    if (line.sending === 0) await this.#disconnect(line);
  }

  #retire(line: ProducerLease): void {
    if (this.#line === line) this.#line = undefined;
    line.retired = true;
    if (line.sending === 0) inBackground('kafka_sender', this.#disconnect(line));
  }

  #release(line: ProducerLease): void {
    line.sending -= 1;
    if (line.retired && line.sending === 0) inBackground('kafka_sender', this.#disconnect(line));
  }

  async #disconnect(line: ProducerLease): Promise<void> {
    try {
      await (await line.producer).disconnect();
    } catch (error) {
      log.info('a Kafka connection ended badly', { error: errorText(error) });
    }
  }
}
