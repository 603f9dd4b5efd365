import type pg from 'pg';
import { withinBytes } from '../../../platform/postgres/within-bytes.js';
import type { HandleBatch, LogRecord, Position } from '../event-log.js';
import type { Topic } from '../events/index.js';

const READ_BYTES = 8 * 1024 * 1024;
/** Partitions whose batches are handled at once: a batch keeps one backend busy, and appends need connections too. */
const MAX_CONCURRENT_BATCHES = 2;
/**
 * Partitions for which a batch is held that was read ahead: a batch can be 8 MiB, and each is read on a connection of
 * its own.
 */
const MAX_PREFETCHED_BATCHES = 2;

/**
 * At most `limit` records and, past the first, about 8 MiB: a few hundred large ones must not fill the memory of every
 * reader.
 */
export const readRecords = async (
  pool: pg.Pool,
  topic: Topic,
  partition: number,
  range: Readonly<{ from: number; limit: number }>,
): Promise<readonly LogRecord[]> => {
  const { rows } = await pool.query<{ off: number; key: string; value: Buffer }>({
    name: 'log-read',
    text: withinBytes(
      'select off, key, value from log_records where topic = $1 and part = $2 and off >= $3 order by off limit $4',
      'octet_length(value)',
      READ_BYTES,
    ),
    values: [topic, partition, range.from, range.limit],
  });
  return rows.map((row) => ({ offset: row.off, key: row.key, value: row.value }));
};

type Reader = Readonly<{ position: Position; handle: HandleBatch; batchSize: number }>;
type Head = { topic: Topic; part: number; next: number };
type Prefetched = Readonly<{ from: number; records: Promise<readonly LogRecord[]> }>;

/** Hands what is new in the log to one reader. While it handles a batch of a partition, the next one is read. */
export class PostgresReading {
  readonly #pool: pg.Pool;
  readonly #reader: Reader;
  readonly #prefetched = new Map<string, Prefetched>();

  constructor(pool: pg.Pool, reader: Reader) {
    this.#pool = pool;
    this.#reader = reader;
  }

  /**
   * Handles one batch of every partition that has something new; true when there may be more. One that fails does not
   * keep the others from their turn.
   */
  async sweep(): Promise<boolean> {
    const { rows } = await this.#pool.query<Head>({
      name: 'log-heads',
      text: 'select topic, part, next from log_heads where next > 0',
    });
    let more = false;
    const failures: unknown[] = [];
    const heads = rows.values();
    const work = async (): Promise<void> => {
      for (const head of heads) {
        await this.#handleNext(head).then(
          (behind) => void (more ||= behind),
          (error: unknown) => failures.push(error),
        );
      }
    };
    await Promise.all(Array.from({ length: MAX_CONCURRENT_BATCHES }, work));
    if (failures.length > 0) throw failures[0];
    return more;
  }

  /** Hands the next records of a partition on; true when there are more. */
  async #handleNext(head: Head): Promise<boolean> {
    const { topic, part: partition } = head;
    const from = await this.#reader.position(topic, partition);
    const ahead = this.#takePrefetched(head);
    if (from >= head.next) return false;
    // Another reader may have moved the position since it was read.
    const records = await (ahead?.from === from ? ahead.records : this.#read(head, from));
    const last = records.at(-1);
    if (!last) return false;
    const next = last.offset + 1;
    if (next < head.next && this.#prefetched.size < MAX_PREFETCHED_BATCHES) this.#prefetch(head, next);
    await this.#reader.handle({ topic, partition, from, next, records });
    return next < head.next;
  }

  #takePrefetched({ topic, part }: Head): Prefetched | undefined {
    const key = `${topic}|${part}`;
    const ahead = this.#prefetched.get(key);
    this.#prefetched.delete(key);
    return ahead;
  }

  #prefetch(head: Head, from: number): void {
    const records = this.#read(head, from);
    // Who asks for them gets the failure.
    records.catch(() => undefined);
    this.#prefetched.set(`${head.topic}|${head.part}`, { from, records });
  }

  #read({ topic, part }: Head, from: number): Promise<readonly LogRecord[]> {
    return readRecords(this.#pool, topic, part, { from, limit: this.#reader.batchSize });
  }
}
