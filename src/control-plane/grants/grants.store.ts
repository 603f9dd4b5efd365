import type { Stream } from '../../record/event-store/event-store.js';
import type { Actor, GrantBody } from '../../record/event-log/events/index.js';
import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
import type { Tx } from '../../platform/postgres/database.js';
import { evolveGrant, type Grant, type GrantStatus } from './grants.js';

type Row = {
  id: string;
  version: number;
  identity_id: string;
  server_id: string;
  policy_id: string | null;
  shadow_policy_id: string | null;
  label: string | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  disabled: boolean;
  issued_by: Actor;
  created_at: Date;
  via: Grant['via'];
  client_id: string | null;
  client_name: string | null;
};

const COLUMNS =
  'id, version, identity_id, server_id, policy_id, shadow_policy_id, label, expires_at, revoked_at, ' +
  'disabled, issued_by, created_at, via, client_id, client_name';

/** A grant's history and its row in `grants`. */
export const grantStream: Stream<Grant, GrantBody> = {
  noun: 'grant',
  evolve: evolveGrant,
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from grants where organization_id = $1 and id = $2`, [
      organizationId,
      id,
    ]);
    return rows[0] && { state: toGrant(rows[0]), version: rows[0].version };
  },
  save: async (tx, { organizationId, id, version, state }) => {
    await tx.query(
      `insert into grants(organization_id, ${COLUMNS}) 
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
       on conflict (organization_id, id) do update
         set version = excluded.version, policy_id = excluded.policy_id, shadow_policy_id = excluded.shadow_policy_id,
         label = excluded.label,
         expires_at = excluded.expires_at, revoked_at = excluded.revoked_at, disabled = excluded.disabled`,
      [
        organizationId,
        id,
        version,
        state.identityId,
        state.serverId,
        state.policyId,
        state.shadowPolicyId,
        state.label,
        state.expiresAt,
        state.revokedAt,
        state.disabled,
        JSON.stringify(state.issuedBy),
        state.createdAt,
        state.via,
        state.clientId,
        state.clientName,
      ],
    );
  },
};

const toGrant = (row: Row): Grant => ({
  identityId: row.identity_id,
  serverId: row.server_id,
  policyId: row.policy_id,
  shadowPolicyId: row.shadow_policy_id,
  label: row.label,
  expiresAt: row.expires_at?.toISOString() ?? null,
  revokedAt: row.revoked_at?.toISOString() ?? null,
  disabled: row.disabled,
  issuedBy: row.issued_by,
  createdAt: row.created_at.toISOString(),
  via: row.via,
  clientId: row.client_id,
  clientName: row.client_name,
});

/** A grant with what is shown beside it; `status` is as of the time that was asked for. */
export type ShownGrant = Readonly<{
  id: string;
  version: number;
  grant: Grant;
  status: GrantStatus;
  identityName: string;
  serverName: string;
  policyName: string | null;
  lastUsedAt: string | null;
  /** The ends of the tokens that live, the current one first; null: it has no end. */
  tokenEnds: readonly (string | null)[];
}>;

type ShownRow = Row & {
  status: GrantStatus;
  identity_name: string;
  server_name: string;
  policy_name: string | null;
  last_used_at: Date | null;
  token_ends: readonly (string | null)[];
};

const TOKEN_ENDS = `coalesce((select json_agg(least(t.expires_at, g.expires_at) order by t.expires_at nulls first)
  from grant_tokens t where t.organization_id = g.organization_id and t.grant_id = g.id and g.revoked_at is null
    and coalesce(least(t.expires_at, g.expires_at) > $2::timestamptz, true)), '[]')`;

const SHOWN = `(
  select g.*, i.name as identity_name, s.name as server_name, p.name as policy_name, u.last_used_at,
    ${TOKEN_ENDS} as token_ends, case when g.revoked_at is not null then 'revoked'
    when g.expires_at <= $2::timestamptz then 'expired'
      when g.disabled or i.disabled or s.disabled or o.disabled then 'disabled' else 'active' end as status
    from grants g
    join organizations o on o.id = g.organization_id
    join identities i on i.organization_id = g.organization_id and i.id = g.identity_id
    join servers s on s.organization_id = g.organization_id and s.id = g.server_id
    left join policies p on p.organization_id = g.organization_id and p.id = g.policy_id
    left join grant_last_used u on u.organization_id = g.organization_id and u.grant_id = g.id
    where g.organization_id = $1) shown`;

const toShown = (row: ShownRow): ShownGrant => ({
  id: row.id,
  version: row.version,
  grant: toGrant(row),
  status: row.status,
  identityName: row.identity_name,
  serverName: row.server_name,
  policyName: row.policy_name,
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
  tokenEnds: row.token_ends.map((end) => end && new Date(end).toISOString()),
});

/** One organization's grants as of `now`, which decides what has expired. */
export type RowContext = Readonly<{ organizationId: string; now: Date }>;

/** A grant of the organization, with its status at `now`; undefined when there is none with this id. */
export const findGrant = async (
  tx: Tx,
  { organizationId, now }: RowContext,
  id: string,
): Promise<ShownGrant | undefined> => {
  const { rows } = await tx.query<ShownRow>(`select * from ${SHOWN} where id = $3`, [
    organizationId,
    now.toISOString(),
    id,
  ]);
  return rows[0] && toShown(rows[0]);
};

export type GrantFilter = Readonly<{ identityId?: string; serverId?: string; policyId?: string; status?: GrantStatus }>;

const GRANTS: ListSource = {
  id: 'id',
  search: ['identity_name', 'server_name', 'policy_name', 'label', 'client_name'],
  sort: {
    label: textColumn("coalesce(label, '')"),
    identityName: textColumn('identity_name'),
    serverName: textColumn('server_name'),
    policyName: textColumn("coalesce(policy_name, '')"),
    status: textColumn('status'),
    createdAt: timeColumn('created_at'),
    expiresAt: timeColumn('expires_at'),
    lastUsedAt: timeColumn('last_used_at', 'first'),
  },
};

/** The fields that a list of grants is sorted by. */
export const GRANT_SORTS = Object.keys(GRANTS.sort);

/** Grants that meet all of a filter. */
export const listGrants = async (
  tx: Tx,
  { organizationId, now }: RowContext,
  query: ListQuery & GrantFilter,
): Promise<readonly (ShownGrant & SortKey)[]> => {
  const { identityId = null, serverId = null, policyId = null, status = null } = query;
  const { sortKey, tail, values } = listClauses(GRANTS, query, [
    organizationId,
    now.toISOString(),
    identityId,
    serverId,
    policyId,
    status,
  ]);
  const { rows } = await tx.query<ShownRow & SortKey>(
    `select *, ${sortKey} as sort_key from ${SHOWN} where ($3::text is null or identity_id = $3)
       and ($4::text is null or server_id = $4) and ($5::text is null or policy_id = $5)
       and ($6::text is null or status = $6) ${tail}`,
    values,
  );
  return rows.map((row) => ({ ...toShown(row), sort_key: row.sort_key }));
};

/** The ids of grants of a server or an identity that are not revoked, oldest first. */
export const unrevokedGrantsOf = async (
  tx: Tx,
  organizationId: string,
  of: Readonly<{ serverId: string } | { identityId: string }>,
): Promise<readonly string[]> => {
  const [column, id] = 'serverId' in of ? ['server_id', of.serverId] : ['identity_id', of.identityId];
  const { rows } = await tx.query<{ id: string }>(
    `select id from grants where organization_id = $1 and ${column} = $2 and revoked_at is null order by id`,
    [organizationId, id],
  );
  return rows.map((row) => row.id);
};

/** Whether a server or an identity exists and is not deleted. */
export const exists = async (
  tx: Tx,
  organizationId: string,
  of: Readonly<{ table: 'servers' | 'identities'; id: string }>,
): Promise<boolean> => {
  const { rowCount } = await tx.query(
    `select 1 from ${of.table} where organization_id = $1 and id = $2 and not deleted`,
    [organizationId, of.id],
  );
  return rowCount === 1;
};

/** The server of a policy that is not deleted. */
export const serverOfPolicy = async (tx: Tx, organizationId: string, policyId: string): Promise<string | undefined> => {
  const { rows } = await tx.query<{ server_id: string }>(
    'select server_id from policies where organization_id = $1 and id = $2 and not deleted',
    [organizationId, policyId],
  );
  return rows[0]?.server_id;
};
