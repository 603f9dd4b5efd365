-- The event log of the embedded default: topics, partitions and dense offsets, as in Kafka. Only toolgate_worker may touch it.
create table log_heads (
  topic text not null,
  part smallint not null,
  next bigint not null default 0,
  primary key (topic, part)
) with (fillfactor = 20);

-- Partitioned by day, so that retention drops partitions and never deletes rows. Offsets come from log_heads under its row lock:
-- sequences would lose rows to readers, because commits do not follow the order in which values are drawn.
create table log_records (
  topic text not null,
  part smallint not null,
  off bigint not null,
  key text not null,
  at timestamptz not null default clock_timestamp(),
  value bytea not null
) partition by range (at);
create index log_records_position on log_records (topic, part, off);
create table log_records_default partition of log_records default;

-- Where each reader of a topic stands. A reader moves its row by compare-and-set in the transaction that stores what it read.
create table log_offsets (
  reader text not null,
  topic text not null,
  part smallint not null,
  next bigint not null default 0,
  primary key (reader, topic, part)
) with (fillfactor = 20);

-- The one log that these positions count in.
create table log_identity (
  single boolean primary key default true check (single),
  identity text not null
);

-- The event store of the control plane: never trimmed. `position` is dense per organization; `changed_xid` lets readers find
-- the organizations that changed since their last snapshot without an order over all of them.
create table event_heads (
  organization_id text primary key,
  position bigint not null default 0,
  changed_xid xid8 not null default pg_current_xact_id()
);
create index event_heads_changed on event_heads (changed_xid);

create table events (
  organization_id text not null references event_heads,
  position bigint not null,
  stream_id text not null,
  version integer not null,
  id text not null unique,
  type text not null,
  time timestamptz not null,
  event json not null,
  primary key (organization_id, position),
  unique (organization_id, stream_id, version)
);

-- How far each organization's control events have been appended to the log.
create table relay_positions (
  organization_id text primary key,
  position bigint not null default 0
);

alter table event_heads enable row level security;
alter table event_heads force row level security;
alter table events enable row level security;
alter table events force row level security;
create policy own on event_heads to toolgate_app
  using (organization_id = current_setting('toolgate.organization', true)) with check (organization_id = current_setting('toolgate.organization', true));
create policy own on events to toolgate_app
  using (organization_id = current_setting('toolgate.organization', true)) with check (organization_id = current_setting('toolgate.organization', true));
create policy worker on event_heads to toolgate_worker using (true) with check (true);
create policy worker on events to toolgate_worker using (true) with check (true);

grant select, insert, update on event_heads to toolgate_app;
grant select, insert on events to toolgate_app;
grant select, insert, update on event_heads, relay_positions, log_heads, log_offsets to toolgate_worker;
grant select, insert on events, log_records, log_identity to toolgate_worker;
