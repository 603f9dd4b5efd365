import type { MemberRole } from '../../platform/rest/allowed.js';
import type { Tx } from '../../platform/postgres/database.js';
import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';

/** An organization that a user is a member of. */
export type OwnOrganization = Readonly<{ id: string; name: string; role: MemberRole; joinedAt: string }>;

type Row = SortKey & { id: string; name: string; role: MemberRole; joined_at: Date };

const ORGANIZATIONS: ListSource = {
  id: 'o.id',
  search: ['o.name'],
  sort: { name: textColumn('o.name'), role: textColumn('m.role'), joinedAt: timeColumn('m.joined_at') },
};

/** The organizations that a user is a member of. */
export const listOrganizationsOf = async (
  tx: Tx,
  userId: string,
  query: ListQuery,
): Promise<readonly (OwnOrganization & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(ORGANIZATIONS, query, [userId]);
  const { rows } = await tx.query<Row>(
    `select o.id, o.name, m.role, m.joined_at, ${sortKey} as sort_key
     from members m join organizations o on o.id = m.organization_id where m.user_id = $1 and not m.removed ${tail}`,
    values,
  );
  return rows.map(({ joined_at: joinedAt, ...row }) => ({ ...row, joinedAt: joinedAt.toISOString() }));
};
