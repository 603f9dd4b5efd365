-- Drops the oldest daily partition of a table that is older than a day, and answers its name; null when there is none. One transaction each: to drop one takes
-- a lock on the whole table, and while that waits or is held, nobody reads or writes it. No day of the log goes before it and those before it are recorded, and no ids of
-- a day from which the log may still deliver. Whether a day is recorded is read from the index: one look for each partition of the log.
drop function drop_partitions(integer, integer);
create function drop_oldest_partition(of_table text, kept_from date) returns text language plpgsql security definer set search_path from current as $$
declare
  child record;
  unread boolean;
begin
  if of_table not in ('log_records', 'audit_records', 'recorded_ids') then
    raise exception 'retention drops no partition of this table';
  end if;
  perform pg_advisory_xact_lock(7203917002);
  for child in
    select c.relname as name, p.relname as parent, to_date(right(c.relname, 8), 'YYYYMMDD') as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
    where i.inhparent in (of_table::regclass, case of_table when 'recorded_ids' then 'log_records'::regclass end) and c.relname ~ '_[0-9]{8}$' and c.relkind = 'r'
    order by p.relname, c.relname
  loop
    continue when child.day >= kept_from;
    if child.parent = 'log_records' then
      execute format('select exists (select from log_heads h left join log_offsets o on o.reader = ''audit'' and o.topic = h.topic and o.part = h.part
        where (select max(r.off) from %I r where r.topic = h.topic and r.part = h.part) >= coalesce(o.next, 0))', child.name) into unread;
      if unread then
        kept_from := child.day - case of_table when 'recorded_ids' then 1 else 0 end;
        continue;
      end if;
    end if;
    continue when child.parent <> of_table;
    execute format('drop table %I', child.name);
    return child.name;
  end loop;
  return null;
end $$;
revoke all on function drop_oldest_partition(text, date) from public;
grant execute on function drop_oldest_partition(text, date) to toolgate_worker;
