import type { Topic } from '../event-log/events/index.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { textArray } from '../../platform/postgres/pg-arrays.js';
import { insertRecords, type NewRecord } from './insert-records.js';
import { missingSince, noteNumber, type DecisionNumber, type Numbering } from './numbering.js';
import type { EventColumns } from './read-event.js';

/** A readable event of the log at its place. */
export type Incoming = Readonly<{
  offset: number;
  value: Buffer;
  columns: EventColumns;
  number: DecisionNumber | undefined;
}>;

/** What to record: `known` is where the partition's reader stood, `next` where it stands afterwards. */
export type Batch = Readonly<{
  topic: Topic;
  partition: number;
  known: number;
  next: number;
  incoming: readonly Incoming[];
}>;

type Head = { nextSeq: number; recordedAt: number; numbering: Numbering; changed: boolean };

/** Organizations whose head row is committed, so that most batches need not try to make one. */
const ORGANIZATION_CACHE_SIZE = 10_000;

/** Without a row yet, the position is at 0. */
const makePosition = (tx: Tx, { topic, partition }: Batch): Promise<unknown> =>
  tx.query(`insert into log_offsets(reader, topic, part, next) values ('audit', $1, $2, 0) on conflict do nothing`, [
    topic,
    partition,
  ]);

/** Heads for organizations that may have none yet, in one order for all writers. */
const makeHeads = (tx: Tx, organizations: readonly string[]): Promise<unknown> =>
  tx.query(
    'insert into audit_heads(organization_id) select o from unnest($1::text[]) o order by o on conflict do nothing',
    [organizations],
  );

/** Compare-and-set; the first batch of a partition finds no row yet. */
const movePosition = async (tx: Tx, batch: Batch): Promise<boolean> => {
  if (batch.known === 0) await makePosition(tx, batch);
  const moved = await tx.prepared(
    'audit-move-position',
    `update log_offsets set next = $4 where reader = 'audit' and topic = $1 and part = $2 and next = $3`,
    [batch.topic, batch.partition, batch.known, batch.next],
  );
  return moved.rowCount === 1;
};

/** Locks the heads in one order for all writers, so that no two wait for each other. */
const lockHeads = async (
  tx: Tx,
  organizations: readonly string[],
  known: ReadonlySet<string>,
): Promise<Map<string, Head>> => {
  const unknown = organizations.filter((organization) => !known.has(organization));
  if (unknown.length > 0) await makeHeads(tx, unknown);
  const { rows } = await tx.prepared<{
    organization_id: string;
    next_seq: number;
    recorded_at: Date | number;
    numbering: Numbering;
  }>(
    'audit-lock-heads',
    `select organization_id, next_seq, recorded_at, numbering from audit_heads where organization_id = any ($1)
      order by organization_id for update`,
    [organizations],
  );
  if (rows.length !== organizations.length) throw new Error('an audit head is missing');
  return new Map(
    rows.map((row) => [
      row.organization_id,
      { nextSeq: row.next_seq, recordedAt: Number(row.recorded_at), numbering: row.numbering, changed: false },
    ]),
  );
};

/**
 * The ids that are recorded already, and the time now in milliseconds; a statement of its own, so that it sees what was
 * committed before the locks were had. The subquery keeps the planner from seeing how many ids there are: for thousands
 * it would rather read the whole table than the index.
 */
const findKnownIds = async (tx: Tx, ids: readonly string[]): Promise<Readonly<{ known: Set<string>; now: number }>> => {
  const { rows } = await tx.prepared<{ known: string[]; now: Date }>(
    'audit-known-ids',
    `select array(select id from recorded_ids where id = any ((select $1::text[])::text[])) as known,
      date_trunc('milliseconds', clock_timestamp()) as now`,
    [textArray(ids)],
  );
  return { known: new Set(rows[0]?.known), now: Number(rows[0]?.now) };
};

/** Gives each new event its number and time, and moves the heads in memory. */
const numberEvents = (
  incoming: readonly Incoming[],
  heads: ReadonlyMap<string, Head>,
  seen: Readonly<{ known: Set<string>; now: number }>,
): readonly NewRecord[] => {
  const numbered: NewRecord[] = [];
  for (const one of incoming) {
    const head = heads.get(one.columns.organizationId);
    if (!head) throw new Error('an event without a head');
    if (seen.known.has(one.columns.id)) continue;
    seen.known.add(one.columns.id);
    head.recordedAt = Math.max(head.recordedAt, seen.now);
    numbered.push({
      offset: one.offset,
      value: one.value,
      columns: one.columns,
      seq: head.nextSeq,
      recordedAt: head.recordedAt,
    });
    head.nextSeq += 1;
    if (!one.number) continue;
    noteNumber(head.numbering, one.number, seen.now);
    head.changed = true;
  }
  return numbered;
};

const moveHeads = async (tx: Tx, records: readonly NewRecord[], heads: ReadonlyMap<string, Head>): Promise<void> => {
  const organizations = [...new Set(records.map((record) => record.columns.organizationId))];
  const moved = organizations.flatMap((organization) => heads.get(organization) ?? []);
  await tx.prepared(
    'audit-move-heads',
    `update audit_heads h set next_seq = u.next_seq, recorded_at = u.recorded_at, changed_xid = pg_current_xact_id(),
       numbering = coalesce(u.numbering, h.numbering), missing_since = case
         when u.numbering is null then h.missing_since else u.missing_since end
     from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::jsonb[], $5::timestamptz[]) u(organization_id,
       next_seq, recorded_at, numbering, missing_since)
     where h.organization_id = u.organization_id`,
    [
      organizations,
      moved.map((head) => head.nextSeq),
      moved.map((head) => new Date(head.recordedAt)),
      moved.map((head) => (head.changed ? JSON.stringify(head.numbering) : null)),
      moved.map((head) => missingSince(head.numbering)),
    ],
  );
};

/**
 * Records batches of the log, each in one transaction with the move of the reader's position: exactly once, whatever is
 * delivered twice and however many writers run. `seq` is dense per organization from 1 and `recordedAt` never falls;
 * neither is given until known ids are dropped. The commit waits for the disk although the log could repeat the batch:
 * what somebody has read under a number must not come back under another.
 */
export class BatchRecorder {
  readonly #db: Database;
  readonly #organizations = new Set<string>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** How many events were recorded; undefined when the position was not at `known`, and then nothing has changed. */
  async record(batch: Batch): Promise<number | undefined> {
    const organizations = [...new Set(batch.incoming.map((one) => one.columns.organizationId))];
    const recorded = await this.#db.asWorker(async (tx) => {
      if (!(await movePosition(tx, batch))) return undefined;
      if (organizations.length === 0) return 0;
      const heads = await lockHeads(tx, organizations, this.#organizations);
      const seen = await findKnownIds(
        tx,
        batch.incoming.map((one) => one.columns.id),
      );
      const records = numberEvents(batch.incoming, heads, seen);
      if (records.length === 0) return 0;
      await insertRecords(tx, batch.partition, records);
      await moveHeads(tx, records, heads);
      return records.length;
    });
    if (recorded !== undefined) this.#remember(organizations);
    return recorded;
  }

  #remember(organizations: readonly string[]): void {
    if (this.#organizations.size > ORGANIZATION_CACHE_SIZE) this.#organizations.clear();
    for (const organization of organizations) this.#organizations.add(organization);
  }
}
