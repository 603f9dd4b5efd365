-- Where alarms of an organization go. As for approvals: the URL may hold a secret, so it lies sealed beside the signing secret.
create table alarm_notifications (
  organization_id text not null,
  id text not null,
  version integer not null,
  webhook_origin text,
  emails jsonb not null,
  primary key (organization_id, id)
);

-- Plain tables, outside the replay.
create table alarm_webhooks (
  organization_id text primary key,
  sealed_webhook bytea not null
);

-- Alarms that are owed, written with the change that they tell of; kept for a week once they are done.
create table alarm_outbox (
  organization_id text not null,
  id text not null,
  subject_id text not null,
  channel text not null check (channel in ('webhook', 'mail')),
  type text not null,
  alarm jsonb not null,
  attempts integer not null default 0,
  created_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  leased_until timestamptz,
  done_at timestamptz,
  delivered boolean not null default false,
  last_error text,
  primary key (organization_id, id)
);
create index alarm_outbox_due on alarm_outbox (due_at) where done_at is null;
create index alarm_outbox_done on alarm_outbox (done_at) where done_at is not null;
create index alarm_outbox_channel on alarm_outbox (organization_id, channel, created_at);

do $$
declare name text;
begin
  foreach name in array array['alarm_notifications', 'alarm_webhooks', 'alarm_outbox'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format(
      'create policy own on %I to toolgate_app using (organization_id = current_setting(''toolgate.organization'', true)) with check (organization_id = current_setting(''toolgate.organization'', true))', name);
    execute format('create policy worker on %I to toolgate_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to toolgate_app, toolgate_worker', name);
  end loop;
end $$;
