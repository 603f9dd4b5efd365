import type { Tx } from './database.js';

/** A table with rows of organizations: the columns of its primary key with their types, and those that may be shown. */
export type OwnTable = Readonly<{
  name: string;
  keys: readonly string[];
  keyTypes: readonly string[];
  columns: readonly string[];
  /** Whether a row may be long. */
  isWide: boolean;
}>;

/** What is sealed or hashed is binary; a role sees the columns that it was granted. */
const TABLES = `select c.relname as name,
    coalesce(k.names, '{}') as keys, coalesce(k.types, '{}') as "keyTypes",
    (select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
      and not a.attisdropped and a.atttypid <> 'bytea'::regtype
      and has_column_privilege(c.oid, a.attnum, 'select')) as columns,
    exists (select 1 from pg_attribute a where a.attrelid = c.oid
      and a.atttypid in ('json'::regtype, 'jsonb'::regtype)) as "isWide"
  from pg_class c left join lateral (
    select array_agg(a.attname::text order by u.place) as names,
      array_agg(format_type(a.atttypid, a.atttypmod) order by u.place) as types
    from pg_index i cross join unnest(i.indkey) with ordinality u(attnum, place)
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.attnum
    where i.indrelid = c.oid and i.indisprimary) k on true
  where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and (c.relname in ('organizations', 'users') or exists (select 1 from pg_attribute a where a.attrelid = c.oid
      and a.attname = 'organization_id' and not a.attisdropped))
  order by c.relname`;

/**
 * Every table that holds rows of organizations, users included, by name: also those that are made later. `columns` is
 * null of a table that the caller's role may not read.
 */
export const ownTables = async (tx: Pick<Tx, 'query'>): Promise<readonly OwnTable[]> =>
  (await tx.query<OwnTable>(TABLES)).rows;
