-- What a held request says beside its arguments: shown to reviewers, sealed and dropped as those are. Approvals of before were asked
-- for calls whose digest does not cover it: a call that says more has another digest now, and so asks anew.
alter table approval_arguments add column sealed_other_params bytea;
