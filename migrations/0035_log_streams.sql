-- What an organization's log streams add up to. `config` is as answers show it: secrets lie sealed in log_stream_secrets.
create table log_streams (
  organization_id text not null,
  id text not null,
  version integer not null,
  name text not null,
  kind text not null,
  format text not null,
  mapping_version text not null,
  config jsonb not null,
  filter jsonb not null,
  stopped text check (stopped in ('paused', 'suspended')),
  stop_reason text,
  deleted boolean not null,
  created_at timestamptz not null,
  primary key (organization_id, id)
);

-- Plain tables, outside the replay.
create table log_stream_secrets (
  organization_id text not null,
  stream_id text not null,
  sealed bytea not null,
  primary key (organization_id, stream_id)
);

-- How far a stream is (id = stream_id), and how far each of its backfills is (to_seq is their end). next_at: recorded_at of the record before,
-- null when that is not known. sending_to: the last seq of the batch that was being sent, so that it is the same batch when it is sent again.
-- owner: the process that runs the stream, on the stream's own row. restarts counts calls that make it try again at once.
create table log_stream_cursors (
  organization_id text not null,
  stream_id text not null,
  id text not null,
  from_seq bigint not null,
  to_seq bigint,
  next_seq bigint not null,
  next_at timestamptz,
  sending_to bigint,
  status text not null check (status in ('active', 'degraded', 'auth_error', 'done', 'failed', 'cancelled')),
  owner text,
  restarts integer not null default 0,
  failures integer not null default 0,
  failing_since timestamptz,
  retry_at timestamptz,
  last_success_at timestamptz,
  last_error jsonb,
  created_at timestamptz not null default now(),
  primary key (organization_id, id)
) with (fillfactor = 50);
create index log_stream_cursors_owner on log_stream_cursors (owner) where id = stream_id;
create index log_stream_cursors_stream on log_stream_cursors (organization_id, stream_id);

create table log_stream_hours (
  organization_id text not null,
  stream_id text not null,
  hour timestamptz not null,
  delivered bigint not null default 0,
  failed bigint not null default 0,
  bytes bigint not null default 0,
  primary key (organization_id, stream_id, hour)
) with (fillfactor = 50);

create table log_stream_dead_letters (
  organization_id text not null,
  stream_id text not null,
  seq bigint not null,
  event_id text not null,
  at timestamptz not null default now(),
  http_status integer,
  answer text not null,
  redrive boolean not null default false,
  primary key (organization_id, stream_id, seq)
);
create index log_stream_dead_letters_redrive on log_stream_dead_letters (organization_id, stream_id) where redrive;

-- What was said about a stream: each alarm once, until it is over.
create table log_stream_alarms (
  organization_id text not null,
  stream_id text not null,
  code text not null,
  raised_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (organization_id, stream_id, code)
);

do $$
declare name text;
begin
  foreach name in array array['log_streams', 'log_stream_secrets', 'log_stream_cursors', 'log_stream_hours', 'log_stream_dead_letters', 'log_stream_alarms'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format(
      'create policy own on %I to toolgate_app using (organization_id = current_setting(''toolgate.organization'', true)) with check (organization_id = current_setting(''toolgate.organization'', true))', name);
    execute format('create policy worker on %I to toolgate_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to toolgate_app, toolgate_worker', name);
  end loop;
end $$;

-- Processes that run streams. One that was not seen for a while has lost its streams.
create table log_stream_nodes (
  id text primary key,
  seen_at timestamptz not null
);
grant select, insert, update, delete on log_stream_nodes to toolgate_worker;
