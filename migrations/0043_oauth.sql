-- Sign-ins of clients (docs/oauth.md). A sign-in is a grant: its access tokens are rows of grant_tokens.
alter table grants add column via text not null default 'token';
alter table grants add column client_id text;
alter table grants add column client_name text;
alter table servers add column default_policy_id text;

-- Registered clients, codes, refresh tokens and running authorizations, sealed, by the hash of what their holder sends (src/control-plane/oauth). They are found before it is known whose they are, so the role of requests has no right on them.
create table oauth_records (
  kind text not null,
  id_hash bytea not null,
  uid_hash bytea,
  grant_id text,
  network text,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  consumed_at timestamptz,
  expires_at timestamptz,
  primary key (kind, id_hash)
);
create index oauth_records_uid on oauth_records (kind, uid_hash) where uid_hash is not null;
create index oauth_records_grant on oauth_records (grant_id) where grant_id is not null;
create index oauth_records_network on oauth_records (network, created_at) where network is not null;
create index oauth_records_expiry on oauth_records (expires_at) where expires_at is not null;

-- Keys of the issuer, sealed. One is published from created_at until 30 days after a newer one took its place.
create table oauth_keys (
  kid text primary key,
  sealed bytea not null,
  created_at timestamptz not null default now()
);

grant select, insert, update, delete on oauth_records, oauth_keys to toolgate_worker;
