-- When the proof of an organization's audit log was last checked against its records, and the first record that was wrong.
alter table proof_trees add column checked_at timestamptz, add column first_bad_seq bigint;
grant update (checked_at, first_bad_seq) on proof_trees to toolgate_app;
