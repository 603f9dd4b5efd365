-- The proof of the audit log (src/record/proof): for each organization an RFC 6962 tree over its records.

-- Leaf i is the record first_seq + i.
create table proof_trees (
  organization_id text primary key,
  origin text not null,
  first_seq bigint not null,
  size bigint not null default 0,
  signed_size bigint not null default 0,
  recorded_at timestamptz
);
create index proof_trees_unsigned on proof_trees (organization_id) where signed_size < size;

-- As C2SP tlog-tiles lays hashes out, 256 to a tile; on level 0 with the time of its first record, to find that by.
create table proof_tiles (
  organization_id text not null,
  level smallint not null,
  index bigint not null,
  hashes bytea not null,
  recorded_at timestamptz,
  primary key (organization_id, level, index)
);
alter table proof_tiles alter column hashes set storage external;

create table proof_checkpoints (
  organization_id text not null,
  tree_size bigint not null,
  root_hash bytea not null,
  time timestamptz not null,
  note text not null,
  primary key (organization_id, tree_size)
);

-- Public keys under which checkpoints were signed. One that is to sign next has no valid_from.
create table proof_keys (
  organization_id text not null,
  name text not null,
  vkey text not null,
  valid_from timestamptz,
  valid_until timestamptz,
  primary key (organization_id, vkey)
);
create index proof_keys_name on proof_keys (name);

do $$
declare name text;
begin
  foreach name in array array['proof_trees', 'proof_tiles', 'proof_checkpoints', 'proof_keys'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own on %I to toolgate_app using (organization_id = current_setting(''toolgate.organization'', true))', name);
    execute format('create policy worker on %I to toolgate_worker using (true) with check (true)', name);
    execute format('grant select on %I to toolgate_app', name);
    execute format('grant select, insert, update on %I to toolgate_worker', name);
  end loop;
end $$;
