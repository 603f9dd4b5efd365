import pg from 'pg';
import { startupOptions, verifyRole } from './database-connection.js';
import { rolesOf, type PoolUrls } from './database-roles.js';
import { isId } from './ids.js';
import { errorText, log } from './log.js';

pg.types.setTypeParser(pg.types.builtins.INT8, (text) => Number(text));
pg.types.setTypeParser(pg.types.builtins.NUMERIC, (text) => Number(text));

type Query = <R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]) => Promise<pg.QueryResult<R>>;
type Prepared = <R extends pg.QueryResultRow>(name: string, text: string, values: readonly unknown[]) => Promise<pg.QueryResult<R>>;

/** A connection inside a transaction. `prepared` is for what runs often: each connection reads and plans a statement of this name once. */
export type Tx = Readonly<{ query: Query; prepared: Prepared }>;

/** A pool whose every connection runs as one database role, and proves it, so that no statement can run with more rights than its pool. */
const rolePool = (url: string, role: string, max: number, more = ''): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    options: startupOptions(role, ` -c idle_in_transaction_session_timeout=60000${more}`),
    verify: verifyRole(role),
    application_name: role,
    connectionTimeoutMillis: 10_000,
    // A connection whose other side fell silent would hold up its caller for as long as the kernel retransmits, about a quarter of an hour.
    query_timeout: 60_000,
    keepAlive: true,
  });
  pool.on('error', (error) => {
    if (!pool.ending) log.warn('a database connection was lost', { role, error: errorText(error) });
  });
  // A connection that is lost while it is checked out tells its query; without a listener the same event would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
};

/** pg gives up waiting for an answer and says no more than this. The connection is of no use any more: what is sent on it waits behind what was not answered. */
const isSilence = (error: unknown): error is Error => error instanceof Error && error.message === 'Query read timeout';

type Begin = Readonly<{ begin: string; answerMs?: number | undefined }>;

const transaction = async <T>(pool: pg.Pool, { begin, answerMs }: Begin, work: (tx: Tx) => Promise<T>): Promise<T> => {
  const client = await pool.connect();
  let broken: Error | undefined;
  const ask = <R extends pg.QueryResultRow>(name: string | undefined, text: string, values?: readonly unknown[]): Promise<pg.QueryResult<R>> => {
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
    if (isSilence(error)) broken = error;
    else
      await run('ROLLBACK').catch((failure: unknown) => {
        broken = failure instanceof Error ? failure : new Error('rollback failed');
      });
    throw error;
  } finally {
    client.release(broken);
  }
};

/**
 * The ways to the database, whose roles are named after it. `inOrganization` and `changeInOrganization` run as its `app` role: row-level security shows only that
 * organization's rows, and a statement outside it sees none. `asWorker` runs as its `worker` role, which sees all organizations: directory, audit writer, sign-in.
 */
export class Database {
  readonly app: pg.Pool;
  readonly worker: pg.Pool;
  /** As the worker, for limits. Its commits do not wait for the disk: what does is `makeReserve`'s to know. */
  readonly limits: pg.Pool;
  /** As the worker, for the event log alone: a flood of look-ups must not hold up a decision's append. */
  readonly log: pg.Pool;

  /** `urls`: one for all pools, or one for each role. `app` and `worker` are the most connections of their pools. */
  constructor(urls: string | PoolUrls, { app = 10, worker = 10 }: Readonly<{ app?: number; worker?: number }> = {}) {
    const url = typeof urls === 'string' ? { app: urls, worker: urls } : urls;
    const roles = rolesOf(url.app);
    this.app = rolePool(url.app, roles.app, app);
    this.worker = rolePool(url.worker, roles.worker, worker);
    this.limits = rolePool(url.worker, roles.worker, 2, ' -c synchronous_commit=off');
    this.log = rolePool(url.worker, roles.worker, 4);
  }

  /** One transaction that sees this organization's rows only and can write none: what a caller changes goes through the event store. */
  inOrganization<T>(organizationId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#inOrganization('BEGIN READ ONLY', organizationId, work);
  }

  /**
   * One transaction that sees and writes this organization's rows only. It does not ask whether somebody may make the change: it is for the
   * event store, which does, and for what the gateway and a session's own holder write about themselves.
   */
  changeInOrganization<T>(organizationId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#inOrganization('BEGIN', organizationId, work);
  }

  #inOrganization<T>(begin: string, organizationId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    if (!isId('org', organizationId)) return Promise.reject(new Error('not an organization id'));
    return transaction(this.app, { begin: `${begin}; SET LOCAL toolgate.organization = '${organizationId}'` }, work);
  }

  /**
   * One transaction over all organizations. Never hand its rows to a caller of the API without naming the organization. It rejects, and the connection is given up,
   * when a statement is not answered in `answerMs`, or in a minute.
   */
  asWorker<T>(work: (tx: Tx) => Promise<T>, answerMs?: number): Promise<T> {
    return transaction(this.worker, { begin: 'BEGIN', answerMs }, work);
  }

  async close(): Promise<void> {
    await Promise.all([this.app.end(), this.worker.end(), this.limits.end(), this.log.end()]);
  }
}
