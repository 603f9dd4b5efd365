import type pg from 'pg';
import { GroupCommit } from '../../../platform/postgres/group-commit.js';
import { isRefusedStatement } from '../../../platform/postgres/refused-statement.js';
import { startPollingLoop } from '../../../platform/runtime/polling-loop.js';
import type { Appended, EventLog, LogEntry } from '../event-log.js';
import { TOPICS, type Topic } from '../events/index.js';
import { partitionOf } from '../partition.js';
import { PostgresReading, readRecords } from './reading.js';
import { lengthRefusal } from '../record-size.js';

const QUEUE = {
  maxBatch: 1000,
  maxBatchBytes: 4 * 1024 * 1024,
  maxWaiting: 20_000,
  maxWaitingBytes: 64 * 1024 * 1024,
} as const;
const POLL_MS = 100;
/**
 * A connection whose other end is gone without a word would hold up every append behind it until TCP gives up, a
 * quarter of an hour later.
 */
const FLUSH_TIMEOUT_MS = 10_000;

/**
 * One flush: one statement, one transaction, one fsync. Partition heads are locked in order and each hands out its next
 * offsets, so offsets are dense and follow commit order also with several writers; values drawn from a sequence would
 * not. The values come as one run of bytes with the place of each, and only the heads go back: an array of bytes would
 * travel as hex text, and a row for each record costs the gateway more than all else here.
 */
const APPEND = `
with c as (select part, count(*) n from unnest($2::smallint[]) part group by part),
 l as (select h.part from log_heads h where h.topic = $1 and h.part in (select part from c)
   order by h.part for update),
 u as (update log_heads h set next = h.next + c.n from c, l where h.topic = $1 and h.part = c.part and l.part = c.part
   returning h.part, h.next - c.n base),
 i as (insert into log_records(topic, part, off, key, value)
       select $1, t.part, u.base + row_number() over (partition by t.part
         order by t.ord) - 1, ($3::text[])[t.key], substring($7::bytea from t.start for t.length)
       from unnest($2::smallint[], $4::int[], $5::int[], $6::int[]) with ordinality t(part, key, start, length, ord)
         join u using (part))
select part, base from u`;

type Waiting = Readonly<{ entry: LogEntry; partition: number }>;

/** An array of numbers as PostgreSQL reads it; pg would quote and escape each element. */
const numbers = (values: readonly number[]): string => `{${values.join(',')}}`;

/**
 * All values in one run of bytes. Texts become bytes only here: a buffer for each record would be garbage that is dear
 * to collect.
 */
const joined = (batch: readonly Waiting[], bytes: number): Buffer => {
  const all = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const { entry } of batch)
    at += typeof entry.value === 'string' ? all.write(entry.value, at) : entry.value.copy(all, at);
  return all;
};

/** The parameters of APPEND after the topic. Positions in SQL begin at 1. */
const packed = (batch: readonly Waiting[]): readonly unknown[] => {
  const keys = new Map<string, number>();
  const [keyAt, starts, lengths]: [number[], number[], number[]] = [[], [], []];
  let start = 1;
  for (const { entry } of batch) {
    const length = Buffer.byteLength(entry.value);
    const at = keys.get(entry.key) ?? keys.size + 1;
    keys.set(entry.key, at);
    keyAt.push(at);
    starts.push(start);
    lengths.push(length);
    start += length;
  }
  return [
    numbers(batch.map((one) => one.partition)),
    [...keys.keys()],
    numbers(keyAt),
    numbers(starts),
    numbers(lengths),
    joined(batch, start - 1),
  ];
};

const makeFlush =
  (pool: pg.Pool, topic: Topic, wake: () => void) =>
  async (batch: readonly Waiting[]): Promise<readonly Appended[]> => {
    const statement = {
      name: 'log-append',
      text: APPEND,
      values: [topic, ...packed(batch)],
      query_timeout: FLUSH_TIMEOUT_MS,
    };
    const { rows } = await pool.query<{ part: number; base: number }>(statement);
    wake();
    const next = new Map(rows.map((row) => [row.part, row.base]));
    return batch.map(({ partition }) => {
      const offset = next.get(partition);
      if (offset === undefined) throw new Error('a partition without a head');
      next.set(partition, offset + 1);
      return { partition, offset };
    });
  };

/** Makes the head of each partition that has none. @throws when the log was made with another number of partitions. */
const ensureHeads = async (pool: pg.Pool, partitions: number): Promise<void> => {
  await pool.query(
    `insert into log_heads(topic, part) select t, p from unnest($1::text[]) t, generate_series(0, $2 - 1) p
      where not exists (select 1 from log_heads h where h.topic = t) on conflict do nothing`,
    [TOPICS, partitions],
  );
  const { rows } = await pool.query<{ parts: number }>('select count(*)::int parts from log_heads where topic = $1', [
    TOPICS[0],
  ]);
  if (rows[0]?.parts !== partitions)
    throw new Error(
      `KAFKA_PARTITIONS is ${partitions}, but the log was made with ${rows[0]?.parts ?? 0}; it never changes`,
    );
};

/** Reads on whenever this process appended, and every `POLL_MS` for what others did, until it is stopped. */
const startReading = (
  pool: pg.Pool,
  reader: Parameters<EventLog['subscribe']>[0],
  listeners: Set<() => void>,
): Readonly<{ stop: () => Promise<void> }> => {
  const reading = new PostgresReading(pool, reader);
  const loop = startPollingLoop(async () => ((await reading.sweep()) ? 0 : POLL_MS), {
    failed: 'reading the event log failed',
    retryDelayMs: POLL_MS,
  });
  listeners.add(loop.wake);
  return {
    stop: () => {
      listeners.delete(loop.wake);
      return loop.stop();
    },
  };
};

/**
 * The event log in PostgreSQL, with Kafka's semantics (test/support/event-log-contract.ts). `pool` must run as
 * toolgate_worker. Wake-ups within the process follow each flush; other processes' appends are seen by polling every
 * 100 ms.
 */
export const openPostgresLog = async (pool: pg.Pool, partitions: number): Promise<EventLog> => {
  await ensureHeads(pool, partitions);
  const listeners = new Set<() => void>();
  const wake = (): void => listeners.forEach((listener) => listener());
  const queueOf = (topic: Topic): GroupCommit<Waiting, Appended> =>
    new GroupCommit(
      { flush: makeFlush(pool, topic, wake), ownerOf: ({ entry }) => entry.key, isRefusal: isRefusedStatement },
      QUEUE,
    );
  const queues = {
    'toolgate.decisions': queueOf('toolgate.decisions'),
    'toolgate.control': queueOf('toolgate.control'),
  } as const;
  return {
    identity: 'in this PostgreSQL',
    append: (topic, entry) => {
      const refusal = lengthRefusal(entry.value);
      return refusal
        ? Promise.reject(refusal)
        : queues[topic].push({ entry, partition: partitionOf(entry.key, partitions) }, entry.value.length);
    },
    read: (topic, partition, from, limit) => readRecords(pool, topic, partition, { from, limit }),
    subscribe: (reader) => Promise.resolve(startReading(pool, reader, listeners)),
    ends: async (topic) =>
      (
        await pool.query<{ next: number }>('select next from log_heads where topic = $1 order by part', [topic])
      ).rows.map(({ next }) => next),
    ready: async () => {
      await pool.query('select 1');
    },
    close: async () => {
      await Promise.all(Object.values(queues).map((queue) => queue.close()));
    },
  };
};
