-- A server that its registry calls deprecated stays in the catalog, and says so.
alter table catalog_servers add column deprecated boolean not null default false;
