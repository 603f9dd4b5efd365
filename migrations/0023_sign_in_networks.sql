-- The networks that a user signed in from: who tries a password from one of them is not held up by the failures of strangers (src/control-plane/accounts/login-limits.ts).
create table sign_in_networks (
  user_id text not null references users on delete cascade,
  network text not null,
  seen_at timestamptz not null default now(),
  primary key (user_id, network)
);
create index sign_in_networks_seen on sign_in_networks (seen_at);

-- For sign-in alone: the role of requests has no right on it.
grant select, insert, update, delete on sign_in_networks to toolgate_worker;
