-- Running gateways, a row for each boot, by this database's clock: touched every few seconds, never for a call. Without a heartbeat for silent_ms a boot
-- allows no more calls, and its row goes when all that it left open is closed. No allowed call that was decided before open_since lacks its outcome.
create table gateway_boots (
  boot_id text primary key,
  last_seen timestamptz not null default clock_timestamp(),
  open_since timestamptz not null default clock_timestamp(),
  silent_ms integer not null,
  stopped boolean not null default false
);
grant select, insert, update, delete on gateway_boots to toolgate_worker;

-- A boot's last minutes over all organizations: recorded_at rises with the rows, so this index is a few pages and costs the writer next to nothing.
create index audit_records_recorded on audit_records using brin (recorded_at) with (pages_per_range = 16, autosummarize = on);

-- Each boot's numbering of an organization's decisions, as far as it is recorded (src/record/audit/numbering.ts): what is missing shows here until it comes or is reported as a gap.
alter table audit_heads add column numbering jsonb not null default '{}', add column missing_since timestamptz;
create index audit_heads_missing on audit_heads (missing_since) where missing_since is not null;
