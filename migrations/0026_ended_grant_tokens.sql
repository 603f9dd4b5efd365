-- Tokens that lived once, so that whoever still holds one is told what became of it (src/data-plane/directory/refused-tokens.ts). Each grant keeps its newest ten.
create table ended_grant_tokens (
  token_hash bytea primary key,
  organization_id text not null,
  grant_id text not null,
  ended_at timestamptz not null default now()
);
create index ended_grant_tokens_grant on ended_grant_tokens (organization_id, grant_id, ended_at desc);

alter table ended_grant_tokens enable row level security;
alter table ended_grant_tokens force row level security;
create policy own on ended_grant_tokens to toolgate_app
  using (organization_id = current_setting('toolgate.organization', true)) with check (organization_id = current_setting('toolgate.organization', true));
create policy worker on ended_grant_tokens to toolgate_worker using (true) with check (true);
grant select, insert, update, delete on ended_grant_tokens to toolgate_app, toolgate_worker;

create function keep_ended_grant_token() returns trigger language plpgsql as $$
begin
  insert into ended_grant_tokens(token_hash, organization_id, grant_id) values (old.token_hash, old.organization_id, old.grant_id) on conflict do nothing;
  delete from ended_grant_tokens where organization_id = old.organization_id and grant_id = old.grant_id and token_hash in (
    select token_hash from ended_grant_tokens where organization_id = old.organization_id and grant_id = old.grant_id
    order by ended_at desc, token_hash offset 10);
  return null;
end $$;
create trigger keep_ended after delete on grant_tokens for each row execute function keep_ended_grant_token();
