-- What an organization's settings for notifications add up to. The URL may hold a secret: it lies sealed beside the signing secret.
create table approval_notifications (
  organization_id text not null,
  id text not null,
  version integer not null,
  webhook_origin text,
  emails jsonb not null,
  primary key (organization_id, id)
);

-- Plain tables, outside the replay.
create table approval_webhooks (
  organization_id text primary key,
  sealed_webhook bytea not null
);

-- Notifications that are owed, written with the change that they tell of; kept for a week once they are done.
create table approval_outbox (
  organization_id text not null,
  id text not null,
  approval_id text not null,
  channel text not null check (channel in ('webhook', 'mail')),
  type text not null,
  attempts integer not null default 0,
  created_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  leased_until timestamptz,
  done_at timestamptz,
  delivered boolean not null default false,
  last_error text,
  primary key (organization_id, id)
);
create index approval_outbox_due on approval_outbox (due_at) where done_at is null;
create index approval_outbox_done on approval_outbox (done_at) where done_at is not null;
create index approval_outbox_channel on approval_outbox (organization_id, channel, created_at);

do $$
declare name text;
begin
  foreach name in array array['approval_notifications', 'approval_webhooks', 'approval_outbox'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format(
      'create policy own on %I to toolgate_app using (organization_id = current_setting(''toolgate.organization'', true)) with check (organization_id = current_setting(''toolgate.organization'', true))', name);
    execute format('create policy worker on %I to toolgate_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to toolgate_app, toolgate_worker', name);
  end loop;
end $$;
