-- In which eras of MCP a server was seen to speak, the preferred one first; none while it was never reached.
alter table servers add column eras text[] not null default '{}';
update servers set eras = array[case when protocol_version >= '2026-07-28' then 'modern' else 'legacy' end] where protocol_version is not null;
alter table servers alter column eras drop default;
