-- How Toolgate signs in to servers that demand OAuth (docs/oauth.md): the client that it is there, and the refresh token, sealed. The access token is a header in server_secrets.
create table connections (
  organization_id text not null,
  server_id text not null,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  scopes text[] not null default '{}',
  expires_at timestamptz,
  refresh_at timestamptz,
  leased_until timestamptz,
  primary key (organization_id, server_id)
);
create index connections_due on connections (refresh_at) where refresh_at is not null;

alter table connections enable row level security;
alter table connections force row level security;
create policy own on connections to toolgate_app
  using (organization_id = current_setting('toolgate.organization', true)) with check (organization_id = current_setting('toolgate.organization', true));
create policy worker on connections to toolgate_worker using (true) with check (true);
grant select, insert, update, delete on connections to toolgate_app, toolgate_worker;
