import { setTimeout as rest } from 'node:timers/promises';
import type { Database } from '../../src/platform/postgres/database.js';

/** What a promise of one second is, in the rounds of `countPolls`. */
export const ROUNDS_IN_A_SECOND = 10;

/**
 * Counts rounds of what a gateway does to hear of a change: it rests for 100 ms, then asks the database. Ten of them
 * are a second, and take longer where the process or its database is kept waiting, as the gateway's own do. The
 * function that it returns ends the count, and answers it: infinity where the database could not be asked, as a count
 * that stood still would be no proof.
 */
export const countPolls = (db: Database): (() => number) => {
  let rounds = 0;
  let counting = true;
  const count = async (): Promise<void> => {
    while (counting) {
      await rest(100);
      if (!counting) return;
      await db.worker.query('select 1');
      rounds += 1;
    }
  };
  count().catch(() => (rounds = Number.POSITIVE_INFINITY));
  return () => {
    counting = false;
    return rounds;
  };
};

/** Asks without a pause until `holds` answers true, and answers how many rounds that took. */
export const roundsUntil = async (db: Database, holds: () => Promise<boolean>): Promise<number> => {
  const polls = countPolls(db);
  while (!(await holds()));
  return polls();
};
