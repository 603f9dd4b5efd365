-- What an approval's events add up to: the exact call that it is for, and what people said of it.
create table approvals (
  organization_id text not null,
  id text not null,
  version integer not null,
  grant_id text not null,
  identity_id text not null,
  server_id text not null,
  tool text not null,
  argument_keys jsonb not null,
  arguments_digest text not null,
  definition_hash text,
  policy_id text not null,
  policy_version integer not null,
  rule text,
  reason text not null,
  count integer not null,
  status text not null,
  decisions jsonb not null,
  requested_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (organization_id, id)
);
-- One call has one pending approval, whichever gateway asked.
create unique index approvals_pending on approvals (organization_id, grant_id, tool, arguments_digest, coalesce(definition_hash, ''), policy_id, policy_version) where status = 'pending';
create index approvals_call on approvals (organization_id, grant_id, arguments_digest);
create index approvals_expiry on approvals (expires_at) where status = 'pending';

-- Plain tables, outside the replay. The arguments of a call that is to be decided, sealed; they go when it is.
create table approval_arguments (
  organization_id text not null,
  approval_id text not null,
  sealed_arguments bytea not null,
  primary key (organization_id, approval_id)
);

-- The one call that an approval ended with: the one that it let through, or the one that was told of its expiry. One row, so it is used once.
create table approval_ends (
  organization_id text not null,
  approval_id text not null,
  call_id text not null,
  ended_as text not null check (ended_as in ('used', 'expired')),
  at timestamptz not null default now(),
  primary key (organization_id, approval_id)
);

do $$
declare name text;
begin
  foreach name in array array['approvals', 'approval_arguments', 'approval_ends'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format(
      'create policy own on %I to toolgate_app using (organization_id = current_setting(''toolgate.organization'', true)) with check (organization_id = current_setting(''toolgate.organization'', true))', name);
    execute format('create policy worker on %I to toolgate_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to toolgate_app, toolgate_worker', name);
  end loop;
end $$;
