import pg from 'pg';

/**
 * The classes of SQLSTATE (PostgreSQL, appendix A) that say that a statement failed for the values that it was given:
 * data exception, integrity constraint violation, limit of a program exceeded. Everything else (no disk, no memory, no
 * right, a deadlock, shutting down) is not its values' fault.
 */
const OF_VALUES: ReadonlySet<string | undefined> = new Set(['22', '23', '54']);

/**
 * Whether the server answered that it refuses a statement for its values. Then nothing of it or of its transaction has
 * happened, and the same statement with fewer values may succeed. An error of the connection is never such an answer:
 * what was sent over it may have been done.
 */
export const isRefusedStatement = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && OF_VALUES.has(error.code?.slice(0, 2));
