-- When a credential was last used, to the minute.
alter table sessions add column last_used_at timestamptz;
alter table api_keys add column last_used_at timestamptz;
