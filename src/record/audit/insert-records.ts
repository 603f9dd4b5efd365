import type { Tx } from '../../platform/postgres/database.js';
import { bigintArray, byteaArray, intArray, textArray, timestamptzArray } from '../../platform/postgres/pg-arrays.js';
import type { EventColumns } from './read-event.js';

/** A record as it is written: `recordedAt` in milliseconds since the epoch. */
export type NewRecord = Readonly<{
  offset: number;
  value: Buffer;
  columns: EventColumns;
  seq: number;
  recordedAt: number;
}>;

/** Columns that many records of a batch have alike: they travel once for all records of a kind. */
const SHARED = [
  'organizationId',
  'type',
  'grantId',
  'identityId',
  'serverId',
  'tool',
  'effect',
  'code',
  'status',
  'shadow',
] as const satisfies readonly (keyof EventColumns)[];

type Kinds = Readonly<{ first: readonly NewRecord[]; kindOf: readonly number[] }>;

/** The first record of each kind, and each record's kind, counted from 1. */
const kindsOf = (records: readonly NewRecord[]): Kinds => {
  const known = new Map<string, number>();
  const first: NewRecord[] = [];
  const kindOf = records.map((record) => {
    const { columns } = record;
    // No column holds a NUL, and what follows one tells null from a text, so that no two kinds have one key.
    let key = String(record.recordedAt);
    for (const name of SHARED) key += columns[name] === null ? '\0-' : `\0+${columns[name]}`;
    const kind = known.get(key);
    if (kind !== undefined) return kind;
    first.push(record);
    known.set(key, first.length);
    return first.length;
  });
  return { first, kindOf };
};

const RECORDS = `
insert into audit_records(organization_id, type, grant_id, identity_id, server_id, tool, effect, code, status, shadow,
  recorded_at, seq, id, time, call_id, part, off, event)
select k.organization_id, k.type, k.grant_id, k.identity_id, k.server_id, k.tool, k.effect, k.code, k.status,
  k.shadow, k.recorded_at, r.seq, r.id, r.time, r.call_id, $19::smallint, r.off, r.event
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
  $9::text[], $10::text[], $11::timestamptz[]) with ordinality
  k(organization_id, type, grant_id, identity_id, server_id, tool, effect, code, status, shadow, recorded_at, kind)
join unnest($12::int[], $13::bigint[], $14::text[], $15::timestamptz[], $16::text[], $17::bigint[],
  $18::bytea[]) r(kind, seq, id, time, call_id, off, event) on r.kind = k.kind`;

const IDS = `insert into recorded_ids(id, day) select r.id, (r.recorded_at at time zone 'UTC')::date
  from unnest($1::text[], $2::timestamptz[]) r(id, recorded_at)`;

/** The parameters of RECORDS. */
const packed = (partition: number, records: readonly NewRecord[], ids: Buffer): readonly unknown[] => {
  const { first, kindOf } = kindsOf(records);
  return [
    ...SHARED.map((name) => textArray(first.map(({ columns }) => columns[name]))),
    timestamptzArray(first.map(({ recordedAt }) => recordedAt)),
    intArray(kindOf),
    bigintArray(records.map(({ seq }) => seq)),
    ids,
    timestamptzArray(records.map(({ columns }) => columns.timeMs)),
    textArray(records.map(({ columns }) => columns.callId)),
    bigintArray(records.map(({ offset }) => offset)),
    byteaArray(records.map(({ value }) => value)),
    partition,
  ];
};

/** Writes new records of one partition of the log, and their ids. */
export const insertRecords = async (tx: Tx, partition: number, records: readonly NewRecord[]): Promise<void> => {
  const ids = textArray(records.map(({ columns }) => columns.id));
  const known = tx.prepared('audit-ids', IDS, [ids, timestamptzArray(records.map(({ recordedAt }) => recordedAt))]);
  // PostgreSQL writes the ids while this process packs the records.
  const parameters = packed(partition, records, ids);
  await known;
  await tx.prepared('audit-records', RECORDS, parameters);
};
