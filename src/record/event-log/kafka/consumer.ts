import { setTimeout as sleep } from 'node:timers/promises';
import { startInterval } from '../../../platform/runtime/guard.js';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { errorText, log } from '../../../platform/runtime/log.js';
import type { HandleBatch, LogRecord, Position, Subscription } from '../event-log.js';
import { TOPICS, type Topic } from '../events/index.js';
import { rejectAfter, type MakeClient } from './client.js';
import { boundsOf, toRecord } from './reader.js';

const GROUP = 'toolgate-audit';

/**
 * A dead reader's partitions go to another one after this long. Brokers refuse less than 6 s unless told otherwise, and
 * a long garbage collection must not look like a death; a reader counted dead by mistake does no harm, as it loses by
 * the position's compare-and-set.
 */
const SESSION_MS = 10_000;
const HEARTBEAT_MS = 1000;

/** How long a rebalance waits for a reader that is alive but busy. */
const REBALANCE_MS = 20_000;

/**
 * A fetch is answered when this much has come or this time is over: each batch is a transaction, and one for every few
 * records would cost more than all else in the log. The embedded log is polled as often. `stop` waits as long, too.
 */
const MAX_WAIT_MS = 100;
const MIN_BYTES = 256 * 1024;

/** A fetch that times out does not make kafkajs ask who leads now; only age does. */
const METADATA_MS = 10_000;

/** Longer than a rebalance: whoever shows no sign of life for this long is replaced. */
const SILENCE_MS = 30_000;
const CONNECT_MS = 10_000;
const DISCONNECT_MS = 10_000;
const RETRY_MS = 500;
const MAX_CONCURRENT_PARTITIONS = 4;

type Reader = Readonly<{ position: Position; handle: HandleBatch; batchSize: number }>;
type Assignment = Readonly<Record<string, readonly number[]>>;
type Place = Readonly<{ topic: Topic; partition: number }>;

const nothing = (): void => undefined;

/**
 * One membership of the group, from its first connection until it ends, for whatever reason; kafkajs's own restarts are
 * off, since they reuse what just failed.
 */
class Membership {
  /** Resolves to why it ended, when nothing of it is left running. */
  readonly ended: Promise<string>;
  readonly #client: MakeClient;
  readonly #reader: Reader;
  readonly #consumer: Consumer;
  readonly #handling = new Set<Promise<void>>();
  #over = false;
  #finish: (why: string) => void = nothing;
  #generation = 0;
  #lastSignMs = Date.now();

  constructor(client: MakeClient, reader: Reader) {
    this.#client = client;
    this.#reader = reader;
    this.#consumer = client().consumer({
      groupId: GROUP,
      allowAutoTopicCreation: false,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      rebalanceTimeout: REBALANCE_MS,
      maxWaitTimeInMs: MAX_WAIT_MS,
      minBytes: MIN_BYTES,
      metadataMaxAge: METADATA_MS,
      retry: { restartOnFailure: () => Promise.resolve(false) },
    });
    const finished = new Promise<string>((resolve) => (this.#finish = resolve));
    const running = this.#run();
    running.catch((error: unknown) => this.#finish(errorText(error)));
    const watchdog = startInterval('kafka_consumer', HEARTBEAT_MS, () => this.#watch());
    this.ended = finished.then((why) => {
      clearInterval(watchdog);
      return this.#leave(running, why);
    });
  }

  end(): void {
    this.#over = true;
    this.#finish('stopped');
  }

  async #run(): Promise<void> {
    const consumer = this.#consumer;
    const { FETCH_START, HEARTBEAT, END_BATCH_PROCESS, GROUP_JOIN, CRASH } = consumer.events;
    for (const event of [FETCH_START, HEARTBEAT, END_BATCH_PROCESS, GROUP_JOIN])
      consumer.on(event, () => (this.#lastSignMs = Date.now()));
    consumer.on(GROUP_JOIN, ({ payload }) => this.#seekAll(payload.memberAssignment));
    consumer.on(CRASH, ({ payload }) => this.#finish(errorText(payload.error)));
    await rejectAfter(consumer.connect(), CONNECT_MS, 'connecting to Kafka');
    await consumer.subscribe({ topics: [...TOPICS], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: MAX_CONCURRENT_PARTITIONS,
      eachBatch: (payload) => this.#track(this.#eachBatch(payload)),
    });
  }

  #watch(): void {
    if (this.#handling.size === 0 && Date.now() - this.#lastSignMs > SILENCE_MS)
      this.#finish(`no sign of life in ${SILENCE_MS} ms`);
  }

  /**
   * kafkajs can't be stopped while it joins: then the join is waited for a little, and a consumer that comes of it
   * later is stopped too.
   */
  async #leave(running: Promise<void>, why: string): Promise<string> {
    this.#over = true;
    await rejectAfter(running, CONNECT_MS, 'joining').catch(nothing);
    await rejectAfter(this.#consumer.disconnect(), DISCONNECT_MS, 'leaving').catch(nothing);
    running.finally(() => this.#consumer.disconnect()).catch(nothing);
    await Promise.allSettled(this.#handling);
    return why;
  }

  async #track(work: Promise<void>): Promise<void> {
    this.#handling.add(work);
    try {
      await work;
    } finally {
      this.#handling.delete(work);
    }
  }

  /**
   * The group only says which partitions are ours; where to go on stands in PostgreSQL. Batches that kafkajs fetched
   * before this are checked again.
   */
  async #seekAll(assignment: Assignment): Promise<void> {
    const generation = (this.#generation += 1);
    const places = TOPICS.flatMap((topic) =>
      (assignment[topic] ?? []).map((partition): Place => ({ topic, partition })),
    );
    for (const place of places) {
      while (!this.#over && generation === this.#generation) {
        try {
          this.#consumer.seek({ ...place, offset: String(await this.#reader.position(place.topic, place.partition)) });
          break;
        } catch (error) {
          log.warn('where to read the event log from is not known; trying again', { error: errorText(error) });
          await sleep(RETRY_MS);
        }
      }
    }
  }

  /** Heartbeats go on while the handler works, or a slow database would cost the membership and start a rebalance. */
  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const place: Place = { topic: payload.batch.topic as Topic, partition: payload.batch.partition };
    const beating = startInterval('kafka_consumer', HEARTBEAT_MS, () => payload.heartbeat().catch(nothing));
    try {
      let rest: readonly LogRecord[] = payload.batch.messages.map(toRecord);
      while (rest.length > 0 && !this.#over && payload.isRunning() && !payload.isStale()) {
        rest = await this.#handleSome(place, rest, payload);
        await payload.heartbeat();
      }
    } finally {
      clearInterval(beating);
    }
  }

  /** What is left to handle of a batch after its next part; nothing when the batch must be fetched again. */
  async #handleSome(
    { topic, partition }: Place,
    records: readonly LogRecord[],
    payload: EachBatchPayload,
  ): Promise<readonly LogRecord[]> {
    try {
      const known = await this.#reader.position(topic, partition);
      await this.#assertSameLog(known, Number(payload.batch.highWatermark), { topic, partition });
      const due = records.filter((record) => record.offset >= known);
      const part = due.slice(0, this.#reader.batchSize);
      const [first, last] = [part[0], part.at(-1)];
      if (
        !first ||
        !last ||
        (await this.#skipped(known, Number(payload.batch.firstOffset() ?? first.offset), { topic, partition }))
      ) {
        this.#consumer.seek({ topic, partition, offset: String(known) });
        return [];
      }
      await this.#reader.handle({ topic, partition, from: first.offset, next: last.offset + 1, records: part });
      payload.resolveOffset(String(last.offset));
      this.#commit({ topic, partition }, last.offset + 1, payload);
      return due.slice(part.length);
    } catch (error) {
      log.warn('reading the event log failed; trying again', { topic, partition, error: errorText(error) });
      await sleep(RETRY_MS);
      return [];
    }
  }

  /**
   * True when a batch begins after the position although the log still has what lies between. What the log has lost is
   * passed over, and the handler sees that.
   */
  async #skipped(known: number, batchFrom: number, { topic, partition }: Place): Promise<boolean> {
    return known < batchFrom && known >= (await boundsOf(this.#client, topic, partition)).low;
  }

  /**
   * A position past the end belongs to another log: topics that were made anew, or the log that PostgreSQL kept before.
   * To go on would skip what is in this one.
   */
  async #assertSameLog(known: number, fetchedEnd: number, { topic, partition }: Place): Promise<void> {
    if (known <= fetchedEnd) return;
    const { high } = await boundsOf(this.#client, topic, partition);
    if (known > high)
      throw new Error(
        `the reader stands at ${known}, but the log ends at ${high}: these are not the topics that were read before`,
      );
  }

  /** For tools that show a group's lag; nothing here reads it, so that a failure doesn't matter. */
  #commit({ topic, partition }: Place, next: number, payload: EachBatchPayload): void {
    payload
      .commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: String(next) }] }] })
      .catch(nothing);
  }
}

/**
 * Reads both topics as a member of the group `toolgate-audit`, which shares the partitions among all readers and does
 * nothing else: where a partition is read from is what `position` says, before every part of a batch. A reader that
 * lost its partition without knowing, or whose handler lost the compare-and-set, therefore goes on from where the other
 * one got to. A membership that ends is followed by a new one.
 */
export const joinReaders = (client: MakeClient, reader: Reader): Subscription => {
  let stopping = false;
  let membership: Membership | undefined;
  const run = async (): Promise<void> => {
    while (!stopping) {
      membership = new Membership(client, reader);
      const why = await membership.ended;
      if (stopping) return;
      log.warn('the reader of the event log fell out of its Kafka group; joining again', { reason: why });
      await sleep(RETRY_MS);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping = true;
      membership?.end();
      await running;
    },
  };
};
