alter table organizations add column deletes_at timestamptz, add column deleted_at timestamptz;
create index organizations_end on organizations (coalesce(deleted_at, deletes_at)) where deletes_at is not null or deleted_at is not null;

-- Deletes every row of an organization that was deleted so many days ago, in whatever table has one, and says whether it did: tables that later releases make are found too.
-- The worker role may not delete events and records; here it may, of such an organization alone, and only when all of its events are in the event log.
create function purge_organization(of_organization text, after_days integer) returns boolean language plpgsql security definer set search_path from current as $$
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
revoke all on function purge_organization(text, integer) from public;
grant execute on function purge_organization(text, integer) to toolgate_worker;

-- Puts another word in the place of a person's e-mail address in an organization's events, which are never changed otherwise. The log and the audit log stay as they are.
create function erase_from_events(of_organization text, of_user text, address text, word text) returns void language sql security definer set search_path from current as $$
  update events set event = replace(event::text, to_json(address)::text, to_json(word)::text)::json
    where organization_id = of_organization and strpos(event::text, to_json(address)::text) > 0
      and (event->'actor'->>'id' = of_user or event->>'userId' = of_user or event->>'email' = address)
      and not exists (select from members m where m.organization_id = of_organization and m.user_id = of_user and not m.removed);
$$;
revoke all on function erase_from_events(text, text, text, text) from public;
grant execute on function erase_from_events(text, text, text, text) to toolgate_worker;
