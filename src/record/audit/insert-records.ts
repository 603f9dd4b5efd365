import type { Tx } from '../../platform/postgres/database.js';
import { bigintArray, byteaArray, intArray, textArray, timestamptzArray } from '../../platform/postgres/pg-arrays.js';
import { COLUMNS } from './columns.js';
import type { EventColumns } from './read-event.js';

/** A record as it is written: `recordedAt` in milliseconds since the epoch. */
export type NewRecord = Readonly<{
  offset: number;
  value: Buffer;
  columns: EventColumns;
  seq: number;
  recordedAt: number;
}>;

/** A column of `audit_records`, and how its values for many records travel: as one array of this type. */
type SqlColumn = Readonly<{ name: string; type: string; pack: (records: readonly NewRecord[]) => Buffer }>;

const textColumn = (name: string, member: keyof Omit<EventColumns, 'timeMs'>): SqlColumn => ({
  name,
  type: 'text',
  pack: (records) => textArray(records.map(({ columns }) => columns[member])),
});

/** Columns in which many records of a batch are alike: a batch has few different rows of these, its kinds. */
const SHARED = [
  'organizationId',
  'type',
  ...COLUMNS.flatMap(({ member, isUnique }) => (isUnique ? [] : [member])),
] as const;

const KIND_COLUMNS: readonly SqlColumn[] = [
  textColumn('organization_id', 'organizationId'),
  textColumn('type', 'type'),
  ...COLUMNS.flatMap(({ member, name, isUnique }) => (isUnique ? [] : [textColumn(name, member)])),
  {
    name: 'recorded_at',
    type: 'timestamptz',
    pack: (records) => timestamptzArray(records.map(({ recordedAt }) => recordedAt)),
  },
];

const ID = textColumn('id', 'id');

const RECORD_COLUMNS: readonly SqlColumn[] = [
  ID,
  { name: 'seq', type: 'bigint', pack: (records) => bigintArray(records.map(({ seq }) => seq)) },
  {
    name: 'time',
    type: 'timestamptz',
    pack: (records) => timestamptzArray(records.map(({ columns }) => columns.timeMs)),
  },
  ...COLUMNS.flatMap(({ member, name, isUnique }) => (isUnique ? [textColumn(name, member)] : [])),
  { name: 'off', type: 'bigint', pack: (records) => bigintArray(records.map(({ offset }) => offset)) },
  { name: 'event', type: 'bytea', pack: (records) => byteaArray(records.map(({ value }) => value)) },
];

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

const names = (columns: readonly SqlColumn[], of = ''): string => columns.map(({ name }) => `${of}${name}`).join(', ');

/** Each kind of record travels once; each record names its kind. The parameters are those that `packed` makes. */
const makeInsert = (): string => {
  let parameters = 0;
  const array = (type: string): string => `$${(parameters += 1)}::${type}[]`;
  const kinds = KIND_COLUMNS.map(({ type }) => array(type)).join(', ');
  const records = ['int', ...RECORD_COLUMNS.map(({ type }) => type)].map(array).join(', ');
  return `
insert into audit_records(${names(KIND_COLUMNS)}, ${names(RECORD_COLUMNS)}, part)
select ${names(KIND_COLUMNS, 'k.')}, ${names(RECORD_COLUMNS, 'r.')}, $${parameters + 1}::smallint
from unnest(${kinds}) with ordinality k(${names(KIND_COLUMNS)}, kind)
join unnest(${records}) r(kind, ${names(RECORD_COLUMNS)}) on r.kind = k.kind`;
};

const RECORDS = makeInsert();

const IDS = `insert into recorded_ids(id, day) select r.id, (r.recorded_at at time zone 'UTC')::date
  from unnest($1::text[], $2::timestamptz[]) r(id, recorded_at)`;

/** The parameters of RECORDS. */
const packed = (partition: number, records: readonly NewRecord[], ids: Buffer): readonly unknown[] => {
  const { first, kindOf } = kindsOf(records);
  return [
    ...KIND_COLUMNS.map(({ pack }) => pack(first)),
    intArray(kindOf),
    ...RECORD_COLUMNS.map((column) => (column === ID ? ids : column.pack(records))),
    partition,
  ];
};

/** Writes new records of one partition of the log, and their ids. */
export const insertRecords = async (tx: Tx, partition: number, records: readonly NewRecord[]): Promise<void> => {
  const ids = ID.pack(records);
  const known = tx.prepared('audit-ids', IDS, [ids, timestamptzArray(records.map(({ recordedAt }) => recordedAt))]);
  // PostgreSQL writes the ids while this process packs the records.
  const parameters = packed(partition, records, ids);
  await known;
  await tx.prepared('audit-records', RECORDS, parameters);
};
