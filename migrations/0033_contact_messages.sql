-- Messages to the people who run this installation (src/control-plane/pages/contact). They are mailed to OPERATORS where mail is set, and kept for 180 days. request_key is the Idempotency-Key with the network it came from, as a hash.
create table contact_messages (
  id text primary key,
  created_at timestamptz not null default now(),
  name text not null,
  email text not null,
  message text not null,
  request_key bytea unique,
  request_hash bytea,
  due_at timestamptz not null default now(),
  leased_until timestamptz,
  attempts integer not null default 0,
  mailed_at timestamptz,
  last_error text
);
create index contact_messages_created on contact_messages (created_at);
create index contact_messages_due on contact_messages (due_at) where mailed_at is null and attempts < 9;

-- Strangers write it: the role of requests in an organization has no right on it.
grant select, insert, update, delete on contact_messages to toolgate_worker;
