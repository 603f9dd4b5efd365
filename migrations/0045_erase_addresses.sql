-- The address of an erased person also stands in who is notified of what, as admins changed that.
create or replace function erase_from_events(of_organization text, of_user text, address text, word text) returns void language sql security definer set search_path from current as $$
  update events set event = replace(event::text, to_json(address)::text, to_json(word)::text)::json
    where organization_id = of_organization and strpos(event::text, to_json(address)::text) > 0
      and (event->'actor'->>'id' = of_user or event->>'userId' = of_user or event->>'email' = address
        or type in ('notifications.changed', 'approvalNotifications.changed'))
      and not exists (select from members m where m.organization_id = of_organization and m.user_id = of_user and not m.removed);
$$;
