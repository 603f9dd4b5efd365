import type { Stream } from '../../record/event-store/event-store.js';
import type { MemberBody, MemberRole } from '../../record/event-log/events/index.js';
import type { Tx } from '../../platform/postgres/database.js';
import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
import { evolveMember, type Member } from './members.js';

type Row = { user_id: string; email: string; role: MemberRole; joined_at: Date; removed: boolean; version: number };

export type StoredMember = Readonly<{ id: string; version: number; member: Member }>;

const COLUMNS = 'user_id, email, role, joined_at, removed, version';

const toMember = ({ email, role, joined_at: joinedAt, removed }: Row): Member => ({
  email,
  role,
  joinedAt: joinedAt.toISOString(),
  removed,
});

/** The stream of a member; its id is the user's. */
export const memberStream: Stream<Member, MemberBody> = {
  noun: 'member',
  evolve: evolveMember,
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from members where organization_id = $1 and user_id = $2`, [
      organizationId,
      id,
    ]);
    return rows[0] && { state: toMember(rows[0]), version: rows[0].version };
  },
  save: async (tx, { organizationId, id, version, state }) => {
    await tx.query(
      `insert into members(organization_id, user_id, version, email, role, joined_at, removed)
        values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (organization_id, user_id) do update
       set version = excluded.version, email = excluded.email, role = excluded.role, joined_at = excluded.joined_at,
         removed = excluded.removed`,
      [organizationId, id, version, state.email, state.role, state.joinedAt, state.removed],
    );
  },
};

const MEMBERS: ListSource = {
  id: 'user_id',
  search: ['email'],
  sort: { email: textColumn('email'), role: textColumn('role'), joinedAt: timeColumn('joined_at') },
};

/** Members who were not removed. */
export const listMembers = async (
  tx: Tx,
  organizationId: string,
  query: ListQuery,
): Promise<readonly (StoredMember & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(MEMBERS, query, [organizationId]);
  const { rows } = await tx.query<Row & SortKey>(
    `select ${COLUMNS}, ${sortKey} as sort_key from members where organization_id = $1 and not removed ${tail}`,
    values,
  );
  return rows.map((row) => ({
    id: row.user_id,
    version: row.version,
    member: toMember(row),
    sort_key: row.sort_key,
  }));
};

/** How many admins the organization has without this user. */
export const countOtherAdmins = async (tx: Tx, organizationId: string, userId: string): Promise<number> => {
  const { rows } = await tx.query<{ count: number }>(
    `select count(*)::int as count from members where organization_id = $1 and user_id <> $2 and role = 'admin'
      and not removed`,
    [organizationId, userId],
  );
  return rows[0]?.count ?? 0;
};
