import { randomUUID } from 'node:crypto';
import type pg from 'pg';

/** What only a connection that this process began can tell. */
const MARK = randomUUID();

/**
 * The start-up options of a connection: its role, where it has one, and the state that our statements rest on. `more`
 * are further settings, in the same form.
 */
export const startupOptions = (role?: string, more = ''): string =>
  `${role === undefined ? '' : `-c role=${role} `}-c timezone=UTC -c row_security=on -c ` +
  `toolgate.connection=${MARK}${more}`;

type State = { mark: string | null; role: string; row_security: string; time_zone: string; unbounded: boolean };

const STATE = `select current_setting('toolgate.connection', true) as mark, current_user::text as role,
  current_setting('row_security') as row_security, current_setting('TimeZone') as time_zone,
  (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) as unbounded`;

const advice = 'Let DATABASE_URL lead to PostgreSQL itself: Toolgate keeps pools of its own';
const dropped = (what: string, cause?: unknown): Error =>
  new Error(`DATABASE_URL leads through a pooler that drops ${what}. ${advice}.`, { cause });

/** What a connection does not have of what it was begun with. */
const lostBy = (state: State, role: string | undefined): readonly string[] =>
  [
    role === undefined || state.role === role ? '' : 'the role',
    state.row_security === 'on' ? '' : 'row_security',
    state.time_zone === 'UTC' ? '' : 'the time zone',
    state.mark === MARK ? '' : 'start-up options',
  ].filter((what) => what !== '');

/**
 * Proves that a new connection has the state that it was begun with (`startupOptions`): the role, row-level security,
 * the time zone. A pooler that drops start-up options, or hands out connections that others began, would leave
 * statements with the rights of the database's owner.
 * @throws Error saying what was dropped, or that the role could pass by row-level security.
 */
export const proveConnection = async (client: Pick<pg.ClientBase, 'query'>, role?: string): Promise<void> => {
  const [state] = (await client.query<State>(STATE)).rows;
  if (!state) throw dropped('answers');
  const lost = lostBy(state, role);
  if (lost.length > 0) throw dropped(lost.join(', '));
  if (role !== undefined && state.unbounded)
    throw new Error(
      `The database role ${role} could pass by row-level security: run ALTER ROLE ${role} NOSUPERUSER NOBYPASSRLS`,
    );
};

/**
 * `proveConnection` for a pool's option `verify`, which is asked once for each new connection and has it closed when it
 * fails.
 */
export const verifyRole =
  (role: string): NonNullable<pg.PoolConfig['verify']> =>
  (client, done) => {
    proveConnection(client, role).then(() => done(), done);
  };

/**
 * What an operator reads when a connection could not be made: poolers such as PgBouncer refuse start-up options that
 * they can't pass on.
 */
export const connectError = (error: unknown): unknown =>
  error instanceof Error && /unsupported startup parameter/i.test(error.message)
    ? dropped('start-up options', error)
    : error;
