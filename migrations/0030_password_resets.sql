-- Single-use links that set a new password (src/control-plane/accounts/password-resets.store.ts).
create table password_resets (
  id text primary key,
  user_id text not null references users on delete cascade,
  token_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index password_resets_user on password_resets (user_id, created_at);

-- For sign-in alone: the role of requests has no right on it.
grant select, insert, update, delete on password_resets to toolgate_worker;
