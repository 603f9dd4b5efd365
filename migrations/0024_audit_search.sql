-- Ids of grants, identities and servers are unique without their organization, which needs no place in their indexes; what that saves is about what the
-- index of servers takes. Ids of events and calls begin with the time, so that each few pages of records hold a narrow range of them.
drop index audit_records_grant;
drop index audit_records_identity;
create index audit_records_grant on audit_records (grant_id, recorded_at, seq);
create index audit_records_identity on audit_records (identity_id, recorded_at, seq);
create index audit_records_server on audit_records (server_id, recorded_at, seq);
create index audit_records_ids on audit_records using brin (id, call_id) with (pages_per_range = 16, autosummarize = on);
