-- The kill switch: a grant, and single tools of a server by their names, which outlive discoveries.
alter table grants add column disabled boolean not null default false;
alter table servers add column disabled_tools jsonb not null default '[]';
