-- The rule tells a tool from a prompt of the same name: each may wait for people at once.
drop index approvals_pending;
create unique index approvals_pending on approvals (organization_id, grant_id, tool, arguments_digest, coalesce(definition_hash, ''), policy_id, policy_version, coalesce(rule, '')) where status = 'pending';
