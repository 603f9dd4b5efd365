-- The audit log: the exact bytes of every recorded event, numbered once per organization. Nobody may update or delete a record;
-- retention drops whole days (recorded_at never falls while seq rises, so a dropped day is a prefix).
create table audit_heads (
  organization_id text primary key,
  next_seq bigint not null default 1,
  first_seq bigint not null default 1,
  recorded_at timestamptz not null default '-infinity',
  changed_xid xid8 not null default pg_current_xact_id()
);
create index audit_heads_changed on audit_heads (changed_xid);

create table audit_records (
  organization_id text not null,
  seq bigint not null,
  recorded_at timestamptz not null,
  id text not null,
  type text not null,
  time timestamptz not null,
  call_id text,
  grant_id text,
  identity_id text,
  server_id text,
  tool text,
  effect text,
  code text,
  status text,
  part smallint not null,
  off bigint not null,
  event bytea not null
) partition by range (recorded_at);
-- An organization's records have one order: by recorded_at and seq is the same as by seq alone. Readers name both, so that days before the one they
-- have reached are not looked into.
create index audit_records_seq on audit_records (organization_id, seq);
create index audit_records_time on audit_records (organization_id, recorded_at, seq);
create index audit_records_grant on audit_records (organization_id, grant_id, recorded_at, seq);
create index audit_records_identity on audit_records (organization_id, identity_id, recorded_at, seq);
create index audit_records_tool on audit_records (organization_id, tool, recorded_at, seq);
create index audit_records_refused on audit_records (organization_id, effect, recorded_at, seq) where effect <> 'allow';
create index audit_records_control on audit_records (organization_id, type, recorded_at, seq) where type <> 'toolCall.decided' and type <> 'toolCall.completed';
create table audit_records_default partition of audit_records default;

-- Ids of what is recorded, kept as long as the log may deliver again.
create table recorded_ids (
  id text not null,
  day date not null,
  primary key (id, day)
) partition by range (day);
create table recorded_ids_default partition of recorded_ids default;

-- How far each projection has read each organization's records; recorded_at is that of the last one read.
create table projection_positions (
  projection text not null,
  organization_id text not null,
  next_seq bigint not null default 1,
  recorded_at timestamptz not null default '-infinity',
  primary key (projection, organization_id)
) with (fillfactor = 50);

create table usage_hourly (
  organization_id text not null,
  hour timestamptz not null,
  grant_id text not null,
  identity_id text not null,
  server_id text not null,
  tool text not null,
  effect text not null,
  calls bigint not null default 0,
  completed bigint not null default 0,
  failed bigint not null default 0,
  primary key (organization_id, hour, grant_id, identity_id, server_id, tool, effect)
);

create table grant_last_used (
  organization_id text not null,
  grant_id text not null,
  last_used_at timestamptz not null,
  primary key (organization_id, grant_id)
);

do $$
declare name text;
begin
  foreach name in array array['audit_heads', 'audit_records', 'usage_hourly', 'grant_last_used', 'projection_positions'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own on %I to toolgate_app using (organization_id = current_setting(''toolgate.organization'', true))', name);
    execute format('create policy worker on %I to toolgate_worker using (true) with check (true)', name);
    execute format('grant select on %I to toolgate_app', name);
  end loop;
end $$;
grant select, insert, update on audit_heads, projection_positions to toolgate_worker;
grant select, insert on audit_records, recorded_ids to toolgate_worker;
grant select, insert, update, delete on usage_hourly, grant_last_used to toolgate_worker;

-- Makes the daily partitions from today to `ahead` days on, and those of days whose rows went to the default partition meanwhile; these rows move.
-- Runs as the owner of the tables, since a partition must be made by its owner.
create function ensure_partitions(ahead integer) returns void language plpgsql security definer set search_path from current as $$
declare
  parent text;
  moment text;
  day date;
  child text;
  zone text;
begin
  perform pg_advisory_xact_lock(7203917002);
  foreach parent in array array['log_records', 'audit_records', 'recorded_ids'] loop
    moment := case parent when 'log_records' then 'at' when 'audit_records' then 'recorded_at' else 'day' end;
    zone := case parent when 'recorded_ids' then '' else ' 00:00:00+00' end;
    for day in execute format(
      'select ((now() at time zone ''UTC'')::date + n)::date from generate_series(0, $1) n union select %s from %I',
      case parent when 'recorded_ids' then moment else format('(%I at time zone ''UTC'')::date', moment) end, parent || '_default') using ahead
    loop
      child := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
      continue when to_regclass(child) is not null;
      execute format('lock table %I in access exclusive mode', parent || '_default');
      execute format('create table %I (like %I including defaults)', child, parent);
      execute format('with moved as (delete from %I where %I >= %L and %I < %L returning *) insert into %I select * from moved',
        parent || '_default', moment, day::text || zone, moment, (day + 1)::text || zone, child);
      execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, day::text || zone, (day + 1)::text || zone);
    end loop;
  end loop;
end $$;

-- Drops the daily partitions that are older than the days to keep, but no part of the log that is not yet recorded, and no ids of a day from which
-- the log may still deliver. Returns what was dropped.
create function drop_partitions(audit_days integer, log_days integer) returns setof text language plpgsql security definer set search_path from current as $$
declare
  child record;
  unread boolean;
  oldest_unread date;
begin
  perform pg_advisory_xact_lock(7203917002);
  for child in
    select c.relname, p.relname as parent, to_date(right(c.relname, 8), 'YYYYMMDD') as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
    where i.inhparent in ('log_records'::regclass, 'audit_records'::regclass, 'recorded_ids'::regclass) and c.relname ~ '_[0-9]{8}$' and c.relkind = 'r'
    order by p.relname, c.relname
  loop
    continue when child.day >= (now() at time zone 'UTC')::date - case child.parent when 'audit_records' then audit_days else log_days end;
    if child.parent = 'log_records' then
      execute format('select exists (select 1 from %I r left join log_offsets o on o.reader = ''audit'' and o.topic = r.topic and o.part = r.part where r.off >= coalesce(o.next, 0))', child.relname) into unread;
      if unread then
        oldest_unread := least(oldest_unread, child.day);
        continue;
      end if;
    end if;
    continue when child.parent = 'recorded_ids' and child.day >= oldest_unread - 1;
    execute format('drop table %I', child.relname);
    return next child.relname;
  end loop;
end $$;
revoke all on function ensure_partitions(integer), drop_partitions(integer, integer) from public;
grant execute on function ensure_partitions(integer), drop_partitions(integer, integer) to toolgate_worker;

select ensure_partitions(2);
