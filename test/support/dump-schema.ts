import pg from 'pg';
import { rolesOf } from '../../src/platform/postgres/database-roles.js';

type Row = Readonly<Record<string, string>>;

/** What holds for every query: our schema only, and no partition that is named by its day. */
const RELATIONS = `select c.* from pg_class c where c.relnamespace = 'public'::regnamespace
  and c.relname !~ '_[0-9]{8}$'`;

/**
 * Columns and constraints of a table, or whose partition it is. Not-null constraints are told by the columns: only
 * PostgreSQL 18 and later name them.
 */
const TABLES = `
  select c.relname as name, format(E'create table %I%s%s%s;', c.relname,
    case when c.relispartition then format(' partition of %s %s', i.inhparent::regclass, pg_get_expr(c.relpartbound,
      c.oid))
    else E' (\\n' || (select string_agg('  ' || line, E',\\n' order by kind, place) from (
      select 1 as kind, a.attnum::text::int as place, format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
        || case when a.attcollation <> t.typcollation then format(' collate %I', l.collname) else '' end
        || case when a.attidentity <> '' then format(' identity %s', a.attidentity) else '' end
        || case when a.attnotnull then ' not null' else '' end
        || case when d.adbin is null then '' when a.attgenerated <> '' then format(' generated (%s)',
          pg_get_expr(d.adbin, d.adrelid)) else format(' default %s', pg_get_expr(d.adbin, d.adrelid)) end as line
      from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_collation l on l.oid = a.attcollation
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      union all
      select 2, (row_number() over (order by k.conname collate "C"))::int, format('constraint %I %s', k.conname,
        pg_get_constraintdef(k.oid))
      from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n'
    ) lines) || E'\\n)' end,
    case when c.relkind = 'p' then ' partition by ' || pg_get_partkeydef(c.oid) else '' end,
    case when c.reloptions is null then '' else format(' with (%s)', (select string_agg(o, ', ' order by o)
      from unnest(c.reloptions) o)) end) as text
  from (${RELATIONS}) c left join pg_inherits i on i.inhrelid = c.oid where c.relkind in ('r', 'p')`;

const OTHER_RELATIONS = `
  select c.relname as name, case c.relkind when 'S' then format('create sequence %I;', c.relname)
    else format(E'create %s %I as\\n%s', case c.relkind when 'm' then 'materialized view' else 'view'
      end, c.relname, pg_get_viewdef(c.oid)) end as text
  from (${RELATIONS}) c where c.relkind in ('S', 'v', 'm')`;

/** Indexes that no constraint made and that no index of a parent table made. */
const INDEXES = `
  select t.relname as name, pg_get_indexdef(x.indexrelid) || ';' as text
  from pg_index x join (${RELATIONS}) t on t.oid = x.indrelid
  where not exists (select 1 from pg_constraint k where k.conindid = x.indexrelid) and not exists (select 1
    from pg_inherits i where i.inhrelid = x.indexrelid)`;

const ROW_SECURITY = `
  select c.relname as name, format('alter table %I %s row level security;', c.relname, word) as text
  from (${RELATIONS}) c, unnest(array[case when c.relrowsecurity then 'enable' end, case
    when c.relforcerowsecurity then 'force' end]) word where word is not null`;

const POLICIES = `
  select tablename as name, format('create policy %I on %I as %s for %s to %s%s%s;', policyname, tablename,
    lower(permissive), lower(cmd), array_to_string(roles, ', '),
    case when qual is null then '' else format(E'\\n  using (%s)', regexp_replace(qual, '^\\((.*)\\)$', '\\1')) end,
    case when with_check is null then '' else format(E'\\n  with check (%s)', regexp_replace(with_check,
      '^\\((.*)\\)$', '\\1')) end) as text
  from pg_policies where schemaname = 'public'`;

const TRIGGERS = `
  select c.relname as name, pg_get_triggerdef(t.oid) || ';' as text from pg_trigger t
    join (${RELATIONS}) c on c.oid = t.tgrelid where not t.tgisinternal`;

/** The owner's own rights are left out: who migrates differs between installations. */
const GRANTS = `
  select c.relname as name, format('grant %s on %I to %s;', string_agg(lower(x.privilege_type), ', '
    order by x.privilege_type), c.relname,
    case when x.grantee = 0 then 'public' else x.grantee::regrole::text end) as text
  from (${RELATIONS}) c, aclexplode(c.relacl) x where x.grantee <> c.relowner group by c.relname, x.grantee
  union all
  select c.relname, format('grant %s (%s) on %I to %s;', string_agg(lower(x.privilege_type), ', '
    order by x.privilege_type), a.attname, c.relname,
    case when x.grantee = 0 then 'public' else x.grantee::regrole::text end)
  from (${RELATIONS}) c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) x
    where x.grantee <> c.relowner group by c.relname, a.attname, x.grantee`;

const FUNCTIONS = `
  select p.proname as name, rtrim(pg_get_functiondef(p.oid), E'\\n') || ';' as text from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prokind in ('f', 'p')`;

const FUNCTION_GRANTS = `
  select p.proname as name, format('grant execute on function %s to %s;', p.oid::regprocedure, case
    when x.grantee = 0 then 'public' else x.grantee::regrole::text end) as text
  from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
    where p.pronamespace = 'public'::regnamespace and x.grantee <> p.proowner`;

const TYPES = `
  select t.typname as name, case t.typtype when 'e' then format('create type %I as enum (%s);', t.typname,
    (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid))
    else format('create domain %I as %s;', t.typname, format_type(t.typbasetype, t.typtypmod)) end as text
  from pg_type t where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd')
  union all select e.extname, format('create extension %I;', e.extname) from pg_extension e
    where e.extname <> 'plpgsql'`;

/** What is told of one object, in this order. */
const RELATION_PARTS = [TABLES, OTHER_RELATIONS, INDEXES, ROW_SECURITY, POLICIES, TRIGGERS, GRANTS];
const FUNCTION_PARTS = [FUNCTIONS, FUNCTION_GRANTS];

const section = async (client: pg.Client, parts: readonly string[]): Promise<readonly string[]> => {
  const objects = new Map<string, string[]>();
  for (const part of parts) {
    const { rows } = await client.query<Row>(
      `select * from (${part}) part order by name collate "C", text collate "C"`,
    );
    for (const { name = '', text = '' } of rows) objects.set(name, [...(objects.get(name) ?? []), text]);
  }
  return [...objects].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, texts]) => texts.join('\n'));
};

/**
 * The schema of a database as SQL to read and to compare, from pg_catalog: tables with columns and constraints,
 * indexes, row-level security, policies, triggers, grants, functions, types. The order is by name; partitions named by
 * their day are left out, and roles have the names that migrations use, so the same migrations always give the same
 * text.
 */
export const dumpSchema = async (databaseUrl: string): Promise<string> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const sections = [
      await section(client, [TYPES]),
      await section(client, RELATION_PARTS),
      await section(client, FUNCTION_PARTS),
    ];
    const { app, worker } = rolesOf(databaseUrl);
    return `${sections.flat().join('\n\n')}\n`.replaceAll(app, 'toolgate_app').replaceAll(worker, 'toolgate_worker');
  } finally {
    await client.end();
  }
};
