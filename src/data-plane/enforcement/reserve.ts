import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { counterKey } from '../../platform/crypto/counter-key.js';
import { Deadlines } from '../../platform/runtime/deadlines.js';
import { GroupCommit } from '../../platform/postgres/group-commit.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { isRefusedStatement } from '../../platform/postgres/refused-statement.js';
import type { Reservation } from '../../policy-engine/decide.js';
import { counterName } from '../../policy-engine/limits.js';

/** What a call wants: all of its reservations or none. `capped: false` counts without refusing (monitor mode). */
type ReservationRequest = Readonly<{ organizationId: string; reservations: readonly Reservation[]; capped: boolean }>;

/**
 * Held until `release`, which gives back what the window still counts. `durable` answers, in time, whether a crash of
 * the database leaves it; undefined where the append of the decision sees to that.
 */
export type HeldReservation = Readonly<{ ok: true; release: () => void; durable: Promise<boolean> | undefined }>;
export type RefusedReservation = Readonly<{
  ok: false;
  reservation: Reservation;
  retryAfterSeconds: number | undefined;
}>;
/** The store did not answer in time; whatever it may have counted is given back. */
export type LimitsUnavailable = Readonly<{ ok: false; unavailable: true }>;

export type Reserve = (wanted: ReservationRequest) => Promise<HeldReservation | RefusedReservation | LimitsUnavailable>;

/**
 * `refused` has [call, entry, seconds to wait or null] for each call that was refused; most are not, and a row for each
 * would cost the gateway dear.
 */
type Row = { at: string; refused: readonly (readonly [number, number, number | null])[] };
type Outcome = Readonly<{ refused: Reservation | undefined; retryAfterSeconds: number | undefined; at: string }>;

/** Calls give up long before; this lets go of a connection whose other end is gone without a word. */
const QUERY_TIMEOUT_MS = 10_000;
const QUEUE = {
  maxBatch: 500,
  maxBatchBytes: Number.MAX_SAFE_INTEGER,
  maxWaiting: 20_000,
  maxWaitingBytes: Number.MAX_SAFE_INTEGER,
} as const;

class Batch {
  readonly keys: string[] = [];
  readonly organizations: string[] = [];
  readonly windows: string[] = [];
  readonly call: number[] = [];
  readonly key: number[] = [];
  readonly amount: number[] = [];
  readonly max: (number | null)[] = [];
  readonly adds: boolean[] = [];
  readonly entries: Reservation[] = [];
  readonly #known = new Map<string, number>();

  add(call: number, wanted: ReservationRequest): void {
    const added = new Set<number>();
    for (const one of wanted.reservations) {
      const index = this.#keyIndex(wanted.organizationId, one);
      this.call.push(call);
      this.key.push(index);
      this.amount.push(one.amount);
      this.max.push(wanted.capped ? one.max : null);
      this.adds.push(!added.has(index));
      this.entries.push(one);
      added.add(index);
    }
  }

  #keyIndex(organizationId: string, one: Reservation): number {
    const key = counterKey(counterName(organizationId, one));
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.keys.push(key);
    this.organizations.push(organizationId);
    this.windows.push(String(one.window));
    this.#known.set(key, this.keys.length);
    return this.keys.length;
  }
}

const RESERVE = `
select max(at)::text as at, coalesce(json_agg(json_build_array(call, refused,
  retry_after)) filter (where refused is not null), '[]') as refused
from reserve_counters($1, $2, $3, $4, $5, $6, $7, $8)`;

/** An array as PostgreSQL reads it; pg would quote and escape each element. */
const literal = (values: readonly (number | boolean | null)[]): string =>
  `{${values.map((value) => value ?? 'null').join(',')}}`;

const flushTo =
  (pool: pg.Pool) =>
  async (calls: readonly ReservationRequest[]): Promise<readonly Outcome[]> => {
    const batch = new Batch();
    calls.forEach((wanted, index) => batch.add(index + 1, wanted));
    const statement = {
      name: 'reserve-counters',
      text: RESERVE,
      values: [
        batch.keys,
        batch.organizations,
        batch.windows,
        literal(batch.call),
        literal(batch.key),
        literal(batch.amount),
        literal(batch.max),
        literal(batch.adds),
      ],
      query_timeout: QUERY_TIMEOUT_MS,
    };
    const { rows } = await pool.query<Row>(statement);
    const [row] = rows;
    if (!row) return [];
    const reserved: Outcome = { refused: undefined, retryAfterSeconds: undefined, at: row.at };
    const outcomes = calls.map(() => reserved);
    for (const [call, entry, seconds] of row.refused)
      outcomes[call - 1] = { refused: batch.entries[entry - 1], retryAfterSeconds: seconds ?? undefined, at: row.at };
    return outcomes;
  };

/** How long a reservation is kept for giving it back while the database is away. */
const GIVE_BACK_TIMEOUT_MS = 300_000;
const RETRY_DELAY_MS = 1000;

/** A connection, as soon as there is one. */
const connected = async (pool: pg.Pool, until: number): Promise<pg.PoolClient> => {
  for (;;) {
    if (performance.now() > until) throw new Error('the database was away for too long');
    try {
      return await pool.connect();
    } catch (error) {
      if (pool.ending) throw error;
      await sleep(RETRY_DELAY_MS, undefined, { ref: false });
    }
  }
};

type GiveBack = (wanted: ReservationRequest, at: string) => void;

/**
 * Gives back one after the other, so that after an outage they leave a connection to the calls. What is not sent waits
 * for a connection; what was sent is never sent again, as its answer may be all that was lost.
 */
const givingBack = (pool: pg.Pool): GiveBack => {
  const send = async (
    { organizationId, reservations }: ReservationRequest,
    at: string,
    until: number,
  ): Promise<void> => {
    const amounts = new Map(reservations.map((one) => [counterKey(counterName(organizationId, one)), one.amount]));
    const statement = {
      name: 'release-counters',
      text: 'select release_counters($1, $2, $3)',
      values: [[...amounts.keys()], [...amounts.values()], at],
      query_timeout: QUERY_TIMEOUT_MS,
    };
    const client = await connected(pool, until);
    let broken: Error | undefined;
    try {
      await client.query(statement);
    } catch (error) {
      broken = error instanceof Error ? error : new Error('no answer');
      throw error;
    } finally {
      client.release(broken);
    }
  };
  let last = Promise.resolve();
  return (wanted, at) => {
    const until = performance.now() + GIVE_BACK_TIMEOUT_MS;
    last = last
      .then(() => send(wanted, at, until))
      .catch((error: unknown) =>
        log.warn('giving back a limit failed; it counts until its window ends', { error: errorText(error) }),
      );
  };
};

/**
 * A commit that waits for the disk waits for all that was committed before it, so one does for all who ask meanwhile.
 * It needs something to commit: a message to nobody.
 */
const flushingTo =
  (disk: pg.Pool) =>
  async (calls: readonly string[]): Promise<readonly undefined[]> => {
    const statement = {
      name: 'flush-limits',
      text: `select pg_logical_emit_message(true, 'toolgate', '')`,
      query_timeout: QUERY_TIMEOUT_MS,
    };
    await disk.query(statement);
    return calls.map(() => undefined);
  };

/**
 * Reservations of limits, exact across all gateways: calls that arrive while one statement runs go together in the
 * next, and the database takes them in order (reserve_counters in the database). `pool` must run as toolgate_worker.
 * Its commits don't wait for the disk: where the log is in the same database, the decision's own commit makes them
 * durable. With the log elsewhere a commit on `disk` does, beside the append; without it a crash would forget what an
 * acknowledged call has used.
 */
export const makeReserve = (pool: pg.Pool, timeoutMs: number, disk?: pg.Pool): Reserve => {
  const group = new GroupCommit<ReservationRequest, Outcome>(
    { flush: flushTo(pool), ownerOf: (wanted) => wanted.organizationId, isRefusal: isRefusedStatement },
    QUEUE,
  );
  const flushes =
    disk &&
    new GroupCommit<string, undefined>(
      { flush: flushingTo(disk), ownerOf: (organizationId) => organizationId, isRefusal: () => false },
      QUEUE,
    );
  const deadlines = new Deadlines(timeoutMs);
  const giveBack = givingBack(pool);
  const late = (): Error => new Error(`no answer in ${timeoutMs} ms`);
  const flushed = (to: NonNullable<typeof flushes>, organizationId: string): Promise<boolean> =>
    deadlines.within(to.push(organizationId, 0), late).then(
      () => true,
      () => false,
    );
  return async (wanted) => {
    if (wanted.reservations.length === 0) return { ok: true, release: () => undefined, durable: undefined };
    const pending = group.push(wanted, 0);
    const outcome = await deadlines.within(pending, late).catch(() => undefined);
    if (!outcome) {
      pending.then(
        (late) => late.refused ?? giveBack(wanted, late.at),
        () => undefined,
      );
      return { ok: false, unavailable: true };
    }
    if (outcome.refused)
      return { ok: false, reservation: outcome.refused, retryAfterSeconds: outcome.retryAfterSeconds };
    return {
      ok: true,
      release: () => giveBack(wanted, outcome.at),
      durable: flushes && flushed(flushes, wanted.organizationId),
    };
  };
};
