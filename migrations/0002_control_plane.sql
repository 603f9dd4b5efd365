-- State tables: each row is what its stream's events add up to; `version` is the number of events applied. Replaying the event store gives the same rows.
create table organizations (
  id text primary key,
  version integer not null,
  name text not null,
  disabled boolean not null default false,
  created_at timestamptz not null
);

create table members (
  organization_id text not null,
  user_id text not null,
  version integer not null,
  email text not null,
  role text not null,
  joined_at timestamptz not null,
  removed boolean not null default false,
  primary key (organization_id, user_id)
);
create index members_user on members (user_id);

create table servers (
  organization_id text not null,
  id text not null,
  version integer not null,
  name text not null,
  transport jsonb not null,
  auth jsonb not null,
  client_auth text not null,
  status text not null,
  status_detail text,
  disabled boolean not null,
  server_info jsonb,
  protocol_version text,
  tools jsonb not null,
  created_at timestamptz not null,
  discovered_at timestamptz,
  deleted boolean not null default false,
  primary key (organization_id, id)
);

create table policies (
  organization_id text not null,
  id text not null,
  version integer not null,
  server_id text not null,
  name text not null,
  policy_version integer not null,
  document jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted boolean not null default false,
  primary key (organization_id, id)
);
create index policies_server on policies (organization_id, server_id);

create table identities (
  organization_id text not null,
  id text not null,
  version integer not null,
  name text not null,
  kind text not null,
  member_id text,
  external_id text,
  attributes jsonb not null,
  disabled boolean not null,
  created_at timestamptz not null,
  deleted boolean not null default false,
  primary key (organization_id, id)
);

create table grants (
  organization_id text not null,
  id text not null,
  version integer not null,
  identity_id text not null,
  server_id text not null,
  policy_id text,
  label text,
  expires_at timestamptz,
  revoked_at timestamptz,
  issued_by jsonb not null,
  created_at timestamptz not null,
  primary key (organization_id, id)
);
create index grants_identity on grants (organization_id, identity_id);
create index grants_server on grants (organization_id, server_id);
create index grants_policy on grants (organization_id, policy_id);

-- Plain tables, outside the replay: credentials, sessions and answers kept for repeats.
create table organization_keys (
  organization_id text primary key,
  wrapped bytea not null
);

create table users (
  id text primary key,
  email text not null,
  password_hash text not null,
  created_at timestamptz not null default now()
);
create unique index users_email on users (lower(email));

create table sessions (
  id text primary key,
  organization_id text not null,
  user_id text not null references users,
  token_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sessions_user on sessions (user_id);

create table api_keys (
  organization_id text not null,
  id text not null,
  name text not null,
  role text not null,
  token_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  primary key (organization_id, id)
);
create unique index api_keys_id on api_keys (id);

create table invitations (
  organization_id text not null,
  id text not null,
  email text not null,
  role text not null,
  token_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  primary key (organization_id, id)
);
create unique index invitations_id on invitations (id);

create table server_secrets (
  organization_id text not null,
  server_id text not null,
  sealed_headers bytea not null,
  primary key (organization_id, server_id)
);

-- A grant has its current token and, while a rotation's grace lasts, the one before.
create table grant_tokens (
  organization_id text not null,
  grant_id text not null,
  token_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  primary key (organization_id, grant_id, token_hash)
);

create table ended_sessions (
  organization_id text not null,
  session_id text not null,
  expires_at timestamptz not null,
  primary key (organization_id, session_id)
);

create table idempotent_answers (
  organization_id text not null,
  caller text not null,
  key text not null,
  request_hash bytea not null,
  sealed_body bytea not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, caller, key)
);
create index idempotent_answers_age on idempotent_answers (created_at);

-- Row-level security on every table that names an organization: toolgate_app sees its own rows, toolgate_worker all.
do $$
declare name text;
begin
  foreach name in array array['organizations', 'members', 'servers', 'policies', 'identities', 'grants', 'organization_keys', 'sessions', 'api_keys',
    'invitations', 'server_secrets', 'grant_tokens', 'ended_sessions', 'idempotent_answers'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format(
      'create policy own on %I to toolgate_app using (%2$s = current_setting(''toolgate.organization'', true)) with check (%2$s = current_setting(''toolgate.organization'', true))',
      name, case when name = 'organizations' then 'id' else 'organization_id' end);
    execute format('create policy worker on %I to toolgate_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to toolgate_app, toolgate_worker', name);
  end loop;
end $$;

alter table users enable row level security;
alter table users force row level security;
create policy own on users to toolgate_app
  using (exists (select 1 from members m where m.user_id = users.id and not m.removed and m.organization_id = current_setting('toolgate.organization', true)));
create policy worker on users to toolgate_worker using (true) with check (true);
grant select (id, email, created_at) on users to toolgate_app;
grant select, insert, update, delete on users to toolgate_worker;
