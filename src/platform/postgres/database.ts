import { inBackground, startInterval } from '../runtime/guard.js';
import pg from 'pg';
import { cancelStatement } from './cancel-statement.js';
import { startupOptions, verifyRole } from './database-connection.js';
import { rolesOf, type PoolUrls } from './database-roles.js';
import { FairTurns } from '../fair-shares/fair-turns.js';
import { isId } from '../crypto/ids.js';
import { errorText, log } from '../runtime/log.js';
import { Problem } from '../runtime/problems.js';

pg.types.setTypeParser(pg.types.builtins.INT8, (text) => Number(text));
pg.types.setTypeParser(pg.types.builtins.NUMERIC, (text) => Number(text));

type Query = <R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]) => Promise<pg.QueryResult<R>>;
type Prepared = <R extends pg.QueryResultRow>(
  name: string,
  text: string,
  values: readonly unknown[],
) => Promise<pg.QueryResult<R>>;

/**
 * A connection inside a transaction. `prepared` is for what runs often: each connection reads and plans a statement of
 * this name once.
 */
export type Tx = Readonly<{ query: Query; prepared: Prepared }>;

/**
 * A pool whose every connection runs as one database role, and proves it, so that no statement can run with more rights
 * than its pool.
 */
const rolePool = (url: string, role: string, max: number, more = ''): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    options: startupOptions(role, ` -c idle_in_transaction_session_timeout=60000${more}`),
    verify: verifyRole(role),
    application_name: role,
    connectionTimeoutMillis: 10_000,
    // A connection whose other side fell silent would hold up its caller for as long as the kernel retransmits, about a
    // quarter of an hour.
    query_timeout: 60_000,
    keepAlive: true,
  });
  pool.on('error', (error) => {
    if (!pool.ending) log.warn('a database connection was lost', { role, error: errorText(error) });
  });
  // A connection that is lost while it is checked out tells its query; without a listener the same event would end the
  // process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
};

/**
 * pg gives up waiting for an answer and says no more than this. The connection is of no use any more: what is sent on
 * it waits behind what was not answered.
 */
const isSilence = (error: unknown): error is Error => error instanceof Error && error.message === 'Query read timeout';

type Begin = Readonly<{ begin: string; answerMs?: number | undefined; signal?: AbortSignal | undefined }>;

/** @throws Problem that nobody reads, when the caller left */
const refuseGone = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted) throw new Problem('unavailable', 'The caller left before the answer.');
};

const transaction = async <T>(
  pool: pg.Pool,
  { begin, answerMs, signal }: Begin,
  work: (tx: Tx) => Promise<T>,
): Promise<T> => {
  refuseGone(signal);
  const client = await pool.connect();
  let broken: Error | undefined;
  const stopCancelling = signal && cancelOn(signal, client);
  const ask = <R extends pg.QueryResultRow>(
    name: string | undefined,
    text: string,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<R>> => {
    refuseGone(signal);
    const statement = { name, text, values: values as unknown[], query_timeout: answerMs };
    return client.query(statement);
  };
  const run: Query = (text, values) => ask(undefined, text, values);
  try {
    await run(begin);
    const result = await work({ query: run, prepared: ask });
    await run('COMMIT');
    return result;
  } catch (error) {
    refuseGone(signal);
    if (isSilence(error)) broken = error;
    else
      await run('ROLLBACK').catch((failure: unknown) => {
        broken = failure instanceof Error ? failure : new Error('rollback failed');
      });
    throw error;
  } finally {
    stopCancelling?.();
    // A cancellation may arrive after the statement's end: it must not meet another's.
    client.release(signal?.aborted ? true : broken);
  }
};

const CANCEL_RETRY_DELAY_MS = 500;

/**
 * Cancels what a connection runs once the signal says so, and again until the answered function is called: a
 * cancellation may be early.
 */
const cancelOn = (signal: AbortSignal, client: pg.PoolClient): (() => void) => {
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    inBackground('cancel_statement', cancelStatement(client));
    timer = startInterval('cancel_statement', CANCEL_RETRY_DELAY_MS, () => cancelStatement(client));
  };
  signal.addEventListener('abort', cancel, { once: true });
  return () => {
    signal.removeEventListener('abort', cancel);
    clearInterval(timer);
  };
};

/**
 * What an organization's transactions are for. Each lane has connections of its own, so that none waits for those of
 * another: `control` for the API, `enforcement` for what calls through the gateway wait for, `search` for what reads
 * much of the record.
 */
export type Lane = 'control' | 'enforcement' | 'search';

/** Runs a work in a transaction of its own. */
export type Look = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

type Connections = Readonly<{ pool: pg.Pool; turns: FairTurns }>;

type InLane = Readonly<{ begin: string; lane: Lane; signal?: AbortSignal | undefined }>;

const MAX_WAIT_MS = 10_000;
const SEARCH_TIMEOUT_MS = 30_000;
const PUBLIC_SLOTS = 3;
const PUBLIC_TIMEOUT_MS = 5000;

const laneOf = (pool: pg.Pool, slots: number): Connections => ({
  pool,
  turns: new FairTurns({
    slots,
    slotsPerKey: Math.ceil(slots / 2),
    waiting: 5000,
    waitingPerKey: 100,
    waitMs: MAX_WAIT_MS,
  }),
});

/**
 * The ways to the database, whose roles are named after it. `inOrganization`, `changeInOrganization` and `search` run
 * as its `app` role: row-level security shows only that organization's rows, and a statement outside it sees none.
 * `asWorker` and `asStranger` run as its `worker` role, which sees all organizations: directory, audit writer, sign-in.
 * Before each pool that tenants or strangers can fill stands a queue that is fair by organization.
 */
export class Database {
  readonly app: pg.Pool;
  readonly worker: pg.Pool;
  /**
   * As the worker, for credentials alone: who is asking, before their organization is known. Half of it is for those
   * who sign up or join.
   */
  readonly signIn: pg.Pool;
  /** As the worker, for limits. Its commits do not wait for the disk: what does is `makeReserve`'s to know. */
  readonly limits: pg.Pool;
  /** As the worker, for the event log alone: a flood of look-ups must not hold up a decision's append. */
  readonly log: pg.Pool;
  /** As the worker, for log streams alone, so that whoever reads much waits for nobody else and holds up nobody. */
  readonly streams: pg.Pool;
  readonly #lanes: Readonly<Record<Lane, Connections>>;
  readonly #strangers: FairTurns;
  readonly #public: Connections;

  /**
   * `urls`: one for all pools, or one for each role. `app` and `worker` are the most connections of their pools. All
   * pools together stay below what an embedded PostgreSQL takes (50).
   */
  constructor(urls: string | PoolUrls, { app = 8, worker = 10 }: Readonly<{ app?: number; worker?: number }> = {}) {
    const url = typeof urls === 'string' ? { app: urls, worker: urls } : urls;
    const roles = rolesOf(url.app);
    const appPool = (max: number, more?: string): pg.Pool => rolePool(url.app, roles.app, max, more);
    const workerPool = (max: number, more?: string): pg.Pool => rolePool(url.worker, roles.worker, max, more);
    this.app = appPool(app);
    this.worker = workerPool(worker);
    this.signIn = workerPool(4);
    this.limits = workerPool(2, ' -c synchronous_commit=off');
    this.log = workerPool(4);
    this.streams = workerPool(4, ' -c synchronous_commit=off');
    this.#lanes = {
      control: laneOf(this.app, app),
      enforcement: laneOf(appPool(4), 4),
      search: laneOf(appPool(3, ` -c statement_timeout=${SEARCH_TIMEOUT_MS}`), 3),
    };
    this.#strangers = new FairTurns({ slots: 2, slotsPerKey: 1, waiting: 200, waitingPerKey: 50, waitMs: MAX_WAIT_MS });
    // Strangers get no workers beside their own connection; and lists that are read level by level keep their order.
    const alone = ` -c statement_timeout=${PUBLIC_TIMEOUT_MS} -c max_parallel_workers_per_gather=0`;
    this.#public = laneOf(workerPool(PUBLIC_SLOTS, alone), PUBLIC_SLOTS);
  }

  /**
   * One transaction that sees this organization's rows only and can write none, when the organization's turn has come:
   * what a caller changes goes through the event store. A work must not begin another in the same lane.
   * @throws Problem too_many_requests or unavailable when too many wait
   */
  inOrganization<T>(organizationId: string, work: (tx: Tx) => Promise<T>, lane: Lane = 'control'): Promise<T> {
    return this.#inOrganization(organizationId, { begin: 'BEGIN READ ONLY', lane }, work);
  }

  /**
   * The same for a transaction that also writes. It does not ask whether somebody may make the change: it is for the
   * event store, which does, and for what the gateway and a session's own holder write about themselves.
   */
  changeInOrganization<T>(organizationId: string, work: (tx: Tx) => Promise<T>, lane: Lane = 'control'): Promise<T> {
    return this.#inOrganization(organizationId, { begin: 'BEGIN', lane }, work);
  }

  /**
   * Reads much of an organization's record: a statement is cancelled after 30 s, and when `signal` says that nobody
   * waits for it any more. An error of a cancelled statement is `search_timeout` for `databaseProblem`.
   */
  search(organizationId: string, signal?: AbortSignal): Look {
    return (work) => this.#inOrganization(organizationId, { begin: 'BEGIN READ ONLY', lane: 'search', signal }, work);
  }

  #inOrganization<T>(
    organizationId: string,
    { begin, lane, signal }: InLane,
    work: (tx: Tx) => Promise<T>,
  ): Promise<T> {
    if (!isId('org', organizationId)) return Promise.reject(new Error('not an organization id'));
    const { pool, turns } = this.#lanes[lane];
    return turns.run(organizationId, () =>
      transaction(pool, { begin: `${begin}; SET LOCAL toolgate.organization = '${organizationId}'`, signal }, work),
    );
  }

  /**
   * One transaction over all organizations. Never hand its rows to a caller of the API without naming the organization.
   * It rejects, and the connection is given up, when a statement is not answered in `answerMs`, or in a minute.
   */
  asWorker<T>(work: (tx: Tx) => Promise<T>, answerMs?: number): Promise<T> {
    return transaction(this.worker, { begin: 'BEGIN', answerMs }, work);
  }

  /**
   * The same on the connections of log streams, whose commits do not wait for the disk: what a crash of the database
   * takes back is sent again.
   */
  asStreams<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return transaction(this.streams, { begin: 'BEGIN' }, work);
  }

  /**
   * The same for somebody without a credential, who signs up or joins, on the connections for that. `key` is whose turn
   * it is.
   */
  asStranger<T>(key: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#strangers.run(key, () => transaction(this.signIn, { begin: 'BEGIN' }, work));
  }

  /**
   * Reads what is public, for somebody without a credential, on connections for that. `key` is whose turn it is. It
   * runs as the worker: its statements may name no table but those of the catalog, and the public keys of logs.
   */
  readPublic<T>(key: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    const { pool, turns } = this.#public;
    return turns.run(key, () => transaction(pool, { begin: 'BEGIN READ ONLY' }, work));
  }

  async close(): Promise<void> {
    const pools = [
      this.#public.pool,
      ...Object.values(this.#lanes).map(({ pool }) => pool),
      this.worker,
      this.signIn,
      this.limits,
      this.log,
      this.streams,
    ];
    await Promise.all(pools.map((pool) => pool.end()));
  }
}
