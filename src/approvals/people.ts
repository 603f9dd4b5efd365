import type { Actor } from '../event-log/events/index.js';
import { personBehind } from '../members/person-behind.js';
import type { Tx } from '../platform/database.js';

/** The people whom a grant's calls concern: who issued the grant, and the member that its identity belongs to. */
export const partiesOf = async (tx: Tx, organizationId: string, grantId: string): Promise<readonly string[]> => {
  const { rows } = await tx.query<{ issued_by: Actor; member_id: string | null }>(
    `select g.issued_by, i.member_id from grants g join identities i on i.organization_id = g.organization_id and i.id = g.identity_id where g.organization_id = $1 and g.id = $2`,
    [organizationId, grantId],
  );
  const people = await Promise.all(rows.flatMap(({ issued_by: issuer, member_id: member }) => [personBehind(tx, organizationId, issuer), Promise.resolve(member ?? undefined)]));
  return people.filter((one) => one !== undefined);
};
