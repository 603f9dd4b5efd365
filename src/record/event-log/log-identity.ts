import type pg from 'pg';

/**
 * Ties a database to the one event log that its positions count in. Positions of one log mean nothing in another: read
 * with them, the other log's first records would be passed over in silence.
 * @throws when the database was used with another log before.
 */
export const bindLog = async (pool: pg.Pool, identity: string): Promise<void> => {
  await pool.query('insert into log_identity(identity) values ($1) on conflict do nothing', [identity]);
  const { rows } = await pool.query<{ identity: string }>('select identity from log_identity');
  const bound = rows[0]?.identity;
  if (bound === identity) return;
  throw new Error(
    `this database belongs to the event log ${bound ?? 'of another release'}, not to the one ` +
      `${identity}; set KAFKA_BROKERS as before, or begin with an empty database`,
  );
};
