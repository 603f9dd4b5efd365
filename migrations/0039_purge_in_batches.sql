-- Deletes an organization that was deleted long enough ago: true when it is gone, false while some of its events are not
-- in the log yet, null when a batch of its records or events was deleted and more may follow. A transaction of the
-- caller is as long as one batch.
create or replace function purge_organization(of_organization text, after_days integer) returns boolean language plpgsql security definer set search_path from current as $$
declare
  owned text;
  pass integer;
  again boolean;
begin
  perform 1 from organizations o left join event_heads h on h.organization_id = o.id left join relay_positions r on r.organization_id = o.id
    where o.id = of_organization and o.deleted_at < now() - make_interval(days => after_days) and coalesce(r.position, 0) >= coalesce(h.position, 0)
    for update of o;
  if not found then
    return false;
  end if;
  delete from audit_records where organization_id = of_organization
    and seq < (select min(seq) + 20000 from audit_records where organization_id = of_organization);
  if found then
    return null;
  end if;
  delete from events where organization_id = of_organization
    and position < (select min(position) + 20000 from events where organization_id = of_organization);
  if found then
    return null;
  end if;
  -- What others refer to goes in a later pass.
  for pass in 1..10 loop
    again := false;
    for owned in
      select c.relname from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped)
      order by c.relname desc
    loop
      begin
        execute format('delete from %I where organization_id = $1', owned) using of_organization;
      exception when foreign_key_violation then
        again := true;
      end;
    end loop;
    exit when not again;
  end loop;
  if again then
    raise exception 'rows of a deleted organization refer to each other in a circle';
  end if;
  delete from organizations where id = of_organization;
  return true;
end $$;
