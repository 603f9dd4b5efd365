import type { Change } from '../../../record/event-store/event-store.js';
import type { Database, Tx } from '../../../platform/postgres/database.js';
import { ownTables } from '../../../platform/postgres/own-tables.js';

/**
 * What stays of a deleted organization until the event log has forgotten it, so that what is still under way to the
 * audit log arrives: its events, its record and what is made of the record. All else goes at once. A table of a new
 * room belongs here only when the record can't be written without it.
 */
export const STAYS_WITH_THE_RECORD = [
  'audit_heads',
  'audit_records',
  'event_heads',
  'events',
  'organizations',
  'projection_positions',
  'relay_positions',
  'usage_hourly',
];

/** Whether a table stays until then: those above, and what the proof of the record is made of. */
export const isOfTheRecord = (table: string): boolean =>
  STAYS_WITH_THE_RECORD.includes(table) || table.startsWith('proof_');

/** Deletes who is a member of no other organization, with their sessions, and all rows of the organization. */
export const deleteState = async ({ tx, caller: { organizationId } }: Change): Promise<void> => {
  await tx.query('delete from sessions where organization_id = $1', [organizationId]);
  await tx.query(
    `delete from users u using members m where m.organization_id = $1 and m.user_id = u.id and not exists (
       select 1 from members o where o.user_id = u.id and o.organization_id <> $1 and not o.removed)`,
    [organizationId],
  );
  const tables = (await ownTables(tx)).filter(({ name }) => name !== 'users' && !isOfTheRecord(name));
  // Twice: a trigger keeps in one table what is deleted from another.
  for (const { name } of [...tables, ...tables])
    await tx.query(`delete from "${name}" where organization_id = $1`, [organizationId]);
};

/** The organizations whose time has come. */
export const dueDeletions = async (db: Database): Promise<readonly string[]> =>
  (
    await db.worker.query<{ id: string }>(
      'select id from organizations where deletes_at <= now() and deleted_at is null order by deletes_at limit 20',
    )
  ).rows.map(({ id }) => id);

/** The organizations that were deleted so many days ago. */
export const deletedFor = async (db: Database, days: number): Promise<readonly string[]> =>
  (
    await db.worker.query<{ id: string }>(
      'select id from organizations where deleted_at < now() - make_interval(days => $1) order by deleted_at limit 20',
      [days],
    )
  ).rows.map(({ id }) => id);

/**
 * Deletes the rest of such an organization, records and events a batch at a time, each committed by itself. `more` when
 * another batch follows, `waits` when some of its events are not in the log yet.
 */
export const purge = async (tx: Pick<Tx, 'query'>, id: string, days: number): Promise<'more' | 'done' | 'waits'> => {
  const { rows } = await tx.query<{ purged: boolean | null }>('select purge_organization($1, $2) as purged', [
    id,
    days,
  ]);
  const purged = rows[0]?.purged ?? null;
  return purged === null ? 'more' : purged ? 'done' : 'waits';
};
