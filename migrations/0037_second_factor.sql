-- Second factors of people (RFC 6238), sealed; recovery codes as hashes. One that is not confirmed asks nobody for a code.
create table user_totp (
  user_id text primary key references users on delete cascade,
  sealed_secret bytea not null,
  created_at timestamptz not null default now(),
  confirmed_at timestamptz,
  last_step bigint not null default 0,
  recovery_hashes bytea[] not null default '{}'
);

-- For sign-in alone: the role of requests has no right on it.
grant select, insert, update, delete on user_totp to toolgate_worker;
