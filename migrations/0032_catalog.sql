-- The catalog of known MCP servers and what their tools can do (src/control-plane/catalog). It is public and belongs to the whole installation: no row of it is an organization's.
create table catalog_servers (
  slug text collate "C" primary key,
  name text collate "C" not null unique,
  summary text not null,
  version text,
  source text not null,
  transports text[] not null,
  preset jsonb not null,
  tool_count integer not null,
  read_count integer not null,
  write_count integer not null,
  execute_count integer not null,
  destructive_count integer not null,
  financial_count integer not null,
  tokens integer not null,
  verified_on date,
  updated_at timestamptz not null default now(),
  name_words text[] not null,
  words text[] not null
);
create index catalog_servers_words on catalog_servers using gin (words) with (fastupdate = off);
create index catalog_servers_name_words on catalog_servers using gin (name_words) with (fastupdate = off);
create index catalog_servers_tool_count on catalog_servers (tool_count, slug);
create index catalog_servers_tokens on catalog_servers (tokens, slug);

create table catalog_tools (
  server_slug text collate "C" not null references catalog_servers on delete cascade,
  name text collate "C" not null,
  category text not null,
  confidence real not null,
  evidence text[] not null,
  signals text[] not null,
  inputs text[] not null,
  amount_input text,
  tokens integer not null,
  definition_hash text not null,
  primary key (server_slug, name)
);

-- Each version of a server that was seen, and what it offered then.
create table catalog_versions (
  server_slug text collate "C" not null references catalog_servers on delete cascade,
  version text collate "C" not null,
  tool_count integer not null,
  tokens integer not null,
  tools_hash text not null,
  seen_on date not null,
  primary key (server_slug, version)
);

-- The words of all servers, and the parts of three letters by which a misspelt one is found.
create table catalog_words (word text collate "C" primary key, servers integer not null);
create table catalog_trigrams (
  trigram text collate "C" not null,
  word text collate "C" not null,
  primary key (trigram, word)
);

-- How far each source has been read, so that an import goes on where it stopped and takes only what is new.
create table catalog_sources (source text primary key, state jsonb not null, read_at timestamptz not null default now());

-- The role of requests in an organization has no right here: public reads have connections of their own.
grant select, insert, update, delete on catalog_servers, catalog_tools, catalog_versions, catalog_words, catalog_trigrams, catalog_sources to toolgate_worker;
