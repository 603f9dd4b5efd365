-- Sessions at stdio and SSE servers, so that another process, or another boot of this one, can start them again. Plain rows, outside the replay.
-- `sealed` holds the client's initialize and what else a restart needs; `boot_id` is the gateway that runs the session now, as long as that boot lives.
create table channel_sessions (
  organization_id text not null,
  id text not null,
  grant_id text not null,
  server_id text not null,
  sealed bytea not null,
  boot_id text,
  expires_at timestamptz not null,
  primary key (organization_id, id)
);
create index channel_sessions_expiry on channel_sessions (expires_at);

alter table channel_sessions enable row level security;
alter table channel_sessions force row level security;
create policy own on channel_sessions to toolgate_app
  using (organization_id = current_setting('toolgate.organization', true)) with check (organization_id = current_setting('toolgate.organization', true));
create policy worker on channel_sessions to toolgate_worker using (true) with check (true);
grant select, insert, update, delete on channel_sessions to toolgate_app, toolgate_worker;

-- Whether sessions at this server may be started again.
alter table servers add column restart_sessions boolean not null default true;
