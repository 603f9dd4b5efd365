import pg from 'pg';

/**
 * The classes of SQLSTATE (PostgreSQL, appendix A) that say that a statement failed for the values that it was given, or for what it met in other transactions:
 * data exception, integrity constraint violation, transaction rollback, limit of a program exceeded. Everything else (no disk, no memory, no right, shutting
 * down) fails alike for all.
 */
const OF_VALUES: ReadonlySet<string | undefined> = new Set(['22', '23', '40', '54']);

/** The one code of these classes that leaves open whether the statement was done. */
const COMPLETION_UNKNOWN = '40003';

/**
 * Whether the server answered that it refuses a statement, sent outside a transaction, for its values. Then nothing of it has happened, and the same statement
 * with fewer values may succeed. An error of the connection is never such an answer: what was sent over it may have been done.
 */
export const isRefusedStatement = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && OF_VALUES.has(error.code?.slice(0, 2)) && error.code !== COMPLETION_UNKNOWN;
