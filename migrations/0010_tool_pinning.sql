-- Which definitions of tools are accepted: what a policy pinned when it was published, and what its server accepted since, both by the tool's name.
-- `acceptances` counts the acceptances of a server, so that "later than the publication" needs no clock.
alter table policies add column pins jsonb not null default '{}', add column acceptances integer not null default 0;
alter table servers add column accepted jsonb not null default '{}', add column acceptances integer not null default 0;

-- Every definition that a server's tools have had, so that a change can be shown with what it was before.
create table tool_definitions (
  organization_id text not null,
  server_id text not null,
  definition_hash text not null,
  definition jsonb not null,
  primary key (organization_id, server_id, definition_hash)
);
alter table tool_definitions enable row level security;
alter table tool_definitions force row level security;
create policy own on tool_definitions to toolgate_app
  using (organization_id = current_setting('toolgate.organization', true)) with check (organization_id = current_setting('toolgate.organization', true));
create policy worker on tool_definitions to toolgate_worker using (true) with check (true);
grant select, insert, update, delete on tool_definitions to toolgate_app, toolgate_worker;

insert into tool_definitions
  select e.organization_id, e.stream_id, t->>'definitionHash', (t->'definition')::jsonb from events e, json_array_elements(e.event->'tools') t
  where e.type = 'tools.discovered' and json_typeof(e.event->'tools') = 'array' on conflict do nothing;

-- When each server is discovered anew, by whichever process comes first: taking a turn moves it. `changes` counts the turns in a row that found a change.
create table discovery_turns (
  organization_id text not null,
  server_id text not null,
  due_at timestamptz not null,
  taken_at timestamptz not null default '-infinity',
  changes integer not null default 0,
  primary key (organization_id, server_id)
);
create index discovery_turns_due on discovery_turns (due_at);
grant select, insert, update, delete on discovery_turns to toolgate_worker;
