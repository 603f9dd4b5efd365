-- A second policy of a grant, judged beside its own; it never decides.
alter table grants add column shadow_policy_id text;
create index grants_shadow_policy on grants (organization_id, shadow_policy_id) where shadow_policy_id is not null;

-- What the shadow policy would have answered, where that is another effect than what was decided.
alter table audit_records add column shadow text;
create index audit_records_shadow on audit_records (organization_id, recorded_at, seq) where shadow is not null;
