import { counterKey } from '../../platform/crypto/counter-key.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { PolicyDocument } from '../../policy-engine/document.js';
import { counterName } from '../../policy-engine/limits.js';
import { limitsOf, type PlacedLimit } from '../../policy-engine/limits-of.js';
import { scopes } from '../../policy-engine/scopes.js';

/** A grant and its policy; without one, nothing governs its calls. */
export type GovernedGrant = Readonly<{
  id: string;
  identityId: string;
  identityName: string;
  serverId: string;
  serverName: string;
  policy: Readonly<{ id: string; name: string; version: number; document: PolicyDocument }> | undefined;
}>;

/**
 * Where one limit stands. By session there is a count for each session, so that `used` and `left` are unknown here:
 * null.
 */
export type LimitState = PlacedLimit & Readonly<{ used: number | null; left: number | null; resetAt: Date }>;

type GrantRow = {
  identity_id: string;
  identity_name: string;
  server_id: string;
  server_name: string;
  policy_name: string;
  policy_id: string | null;
  policy_version: number;
  document: PolicyDocument;
};

/** A grant with its current policy; undefined when there is no such grant. */
export const findGovernedGrant = async (
  tx: Tx,
  organizationId: string,
  id: string,
): Promise<GovernedGrant | undefined> => {
  const { rows } = await tx.query<GrantRow>(
    `select g.identity_id, i.name as identity_name, g.server_id, s.name as server_name, p.id as policy_id,
       p.name as policy_name, p.policy_version, p.document
     from grants g
     join identities i on i.organization_id = g.organization_id and i.id = g.identity_id
     join servers s on s.organization_id = g.organization_id and s.id = g.server_id
     left join policies p on p.organization_id = g.organization_id and p.id = g.policy_id and not p.deleted
       where g.organization_id = $1 and g.id = $2`,
    [organizationId, id],
  );
  const [row] = rows;
  const policy =
    row && row.policy_id !== null
      ? { id: row.policy_id, name: row.policy_name, version: row.policy_version, document: row.document }
      : undefined;
  return (
    row && {
      id,
      identityId: row.identity_id,
      identityName: row.identity_name,
      serverId: row.server_id,
      serverName: row.server_name,
      policy,
    }
  );
};

type CounterRow = { at: Date; resets: Date; used: number };

/** As reserve_counters would find the counters now: a row whose window has passed counts from 0 again. */
const COUNTERS = `
select n.at, window_end(u.win, w.opens) as resets, case when c.window_start = w.opens then c.used else 0 end as used
from (select clock_timestamp() as at) n
cross join unnest($1::text[], $2::text[]) with ordinality u(key, win, place)
left join limit_counters c on c.key = u.key
cross join lateral (select greatest(window_start(u.win, n.at), c.window_start) as opens) w
order by u.place`;

/** Where each limit of a grant stands now, by the database's clock. Reads only. */
export const readLimits = async (
  tx: Tx,
  organizationId: string,
  grant: GovernedGrant,
): Promise<readonly LimitState[]> => {
  const limits = grant.policy ? limitsOf(grant.policy.document) : [];
  if (limits.length === 0) return [];
  const facts = { organizationId, grantId: grant.id, serverId: grant.serverId, identity: { id: grant.identityId } };
  const keys = limits.map((limit) =>
    counterKey(counterName(organizationId, { ...limit, whom: scopes[limit.scope].whom(facts) })),
  );
  const { rows } = await tx.query<CounterRow>(COUNTERS, [keys, limits.map(({ window }) => String(window))]);
  return limits.map((limit, index) => {
    const row = rows[index];
    if (!row) throw new Error('a limit without a counter');
    const used = scopes[limit.scope].countsEachSession ? null : row.used;
    return { ...limit, used, left: used === null ? null : Math.max(0, limit.max - used), resetAt: row.resets };
  });
};
