import type { Stream } from '../../record/event-store/event-store.js';
import type { ApprovalBody, ApprovalStatus } from '../../record/event-log/events/index.js';
import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
import type { Tx } from '../../platform/postgres/database.js';
import { evolveApproval, type Approval, type ApproverDecision } from './approvals.js';

type Row = {
  id: string;
  version: number;
  grant_id: string;
  identity_id: string;
  server_id: string;
  tool: string;
  argument_keys: readonly string[];
  arguments_digest: string;
  definition_hash: string | null;
  policy_id: string;
  policy_version: number;
  rule: string | null;
  reason: string;
  count: number;
  status: ApprovalStatus;
  decisions: readonly ApproverDecision[];
  requested_at: Date;
  expires_at: Date;
};

const COLUMNS =
  'id, version, grant_id, identity_id, server_id, tool, argument_keys, arguments_digest, ' +
  'definition_hash, policy_id, policy_version, rule, reason, count, status, decisions, ' +
  'requested_at, expires_at';

const toApproval = (row: Row): Approval => ({
  call: {
    grantId: row.grant_id,
    identityId: row.identity_id,
    serverId: row.server_id,
    tool: row.tool,
    argumentKeys: row.argument_keys,
    argumentsDigest: row.arguments_digest,
    definitionHash: row.definition_hash,
    policyId: row.policy_id,
    policyVersion: row.policy_version,
    rule: row.rule,
    reason: row.reason,
  },
  count: row.count,
  status: row.status,
  decisions: row.decisions,
  requestedAt: row.requested_at.toISOString(),
  expiresAt: row.expires_at.toISOString(),
});

const valuesOf = ({ call, ...state }: Approval): readonly unknown[] => [
  call.grantId,
  call.identityId,
  call.serverId,
  call.tool,
  JSON.stringify(call.argumentKeys),
  call.argumentsDigest,
  call.definitionHash,
  call.policyId,
  call.policyVersion,
  call.rule,
  call.reason,
  state.count,
  state.status,
  JSON.stringify(state.decisions),
  state.requestedAt,
  state.expiresAt,
];

/** An approval's history and its row in `approvals`. */
export const approvalStream: Stream<Approval, ApprovalBody> = {
  noun: 'approval',
  evolve: evolveApproval,
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from approvals where organization_id = $1 and id = $2`, [
      organizationId,
      id,
    ]);
    return rows[0] && { state: toApproval(rows[0]), version: rows[0].version };
  },
  save: async (tx, { organizationId, id, version, state }) => {
    await tx.query(
      `insert into approvals(organization_id, ${COLUMNS})
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
       on conflict (organization_id, id) do update
         set version = excluded.version, status = excluded.status, decisions = excluded.decisions`,
      [organizationId, id, version, ...valuesOf(state)],
    );
  },
};

export const SHOWN_STATUSES = ['pending', 'approved', 'rejected', 'expired', 'used', 'void'] as const;
/** `void`: it can let nothing through any more, as its grant, policy or tool is not what it was. */
export type ShownStatus = (typeof SHOWN_STATUSES)[number];

/** An approval with what is shown beside it; `status` is as of the time that was asked for. */
export type ShownApproval = Readonly<{
  id: string;
  approval: Approval;
  status: ShownStatus;
  identityName: string;
  serverName: string;
  policyName: string;
  usedAt: string | null;
  callId: string | null;
}>;

type ShownRow = Row & {
  shown_status: ShownStatus;
  identity_name: string;
  server_name: string;
  policy_name: string;
  used_at: Date | null;
  call_id: string | null;
};

const SHOWN = `(
  select a.*, i.name as identity_name, s.name as server_name, p.name as policy_name,
  case when e.ended_as = 'used' then e.at
    end as used_at, case when e.ended_as = 'used' then e.call_id end as call_id,
    case when e.ended_as = 'used' then 'used' when a.status = 'rejected' then 'rejected' when a.status = 'expired'
      or e.ended_as = 'expired' or a.expires_at <= $2::timestamptz then 'expired'
      when g.revoked_at is not null or g.expires_at <= $2::timestamptz or g.policy_id is distinct from a.policy_id
        or p.policy_version is distinct from a.policy_version
        or (a.rule like '/tools/%' and (select t->>'definitionHash' from jsonb_array_elements(s.tools) t
          where t->>'name' = a.tool limit 1) is distinct from a.definition_hash) then 'void'
      else a.status end as shown_status
  from approvals a
    join grants g on g.organization_id = a.organization_id and g.id = a.grant_id
    join identities i on i.organization_id = a.organization_id and i.id = a.identity_id
    join servers s on s.organization_id = a.organization_id and s.id = a.server_id
    join policies p on p.organization_id = a.organization_id and p.id = a.policy_id
    left join approval_ends e on e.organization_id = a.organization_id and e.approval_id = a.id
  where a.organization_id = $1) shown`;

const toShown = (row: ShownRow): ShownApproval => ({
  id: row.id,
  approval: toApproval(row),
  status: row.shown_status,
  identityName: row.identity_name,
  serverName: row.server_name,
  policyName: row.policy_name,
  usedAt: row.used_at?.toISOString() ?? null,
  callId: row.call_id,
});

/** One organization's approvals as of `now`, which decides what has expired. */
export type RowContext = Readonly<{ organizationId: string; now: Date }>;

/** An approval of the organization, with its status at `now`; undefined when there is none with this id. */
export const findApproval = async (
  tx: Tx,
  { organizationId, now }: RowContext,
  id: string,
): Promise<ShownApproval | undefined> => {
  const { rows } = await tx.query<ShownRow>(`select * from ${SHOWN} where id = $3`, [
    organizationId,
    now.toISOString(),
    id,
  ]);
  return rows[0] && toShown(rows[0]);
};

const APPROVALS: ListSource = {
  id: 'id',
  search: ['tool', 'identity_name', 'server_name', 'policy_name'],
  sort: {
    requestedAt: timeColumn('requested_at'),
    expiresAt: timeColumn('expires_at'),
    tool: textColumn('tool'),
    identityName: textColumn('identity_name'),
    serverName: textColumn('server_name'),
    status: textColumn('shown_status'),
  },
};

/** The fields that a list of approvals is sorted by. */
export const APPROVAL_SORTS = Object.keys(APPROVALS.sort);

/** Approvals of a status, or all. */
export const listApprovals = async (
  tx: Tx,
  { organizationId, now }: RowContext,
  query: ListQuery & Readonly<{ status?: ShownStatus }>,
): Promise<readonly (ShownApproval & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(APPROVALS, query, [
    organizationId,
    now.toISOString(),
    query.status ?? null,
  ]);
  const { rows } = await tx.query<ShownRow & SortKey>(
    `select *, ${sortKey} as sort_key from ${SHOWN} where ($3::text is null or shown_status = $3)
       and ($3 is distinct from 'pending' or status = 'pending') ${tail}`,
    values,
  );
  return rows.map((row) => ({ ...toShown(row), sort_key: row.sort_key }));
};
