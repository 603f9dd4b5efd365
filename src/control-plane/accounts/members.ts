import type { Stream } from '../../record/event-store/event-store.js';
import type { ControlEvent, MemberBody, MemberRole } from '../../record/event-log/events/index.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';

/** What a member's events add up to; who was removed may join again, on the same stream. */
export type Member = Readonly<{ email: string; role: MemberRole; joinedAt: string; removed: boolean }>;

/** A person with a password; the same one may be a member of several organizations. */
export type User = Readonly<{ id: string; email: string }>;

const present = (state: Member | undefined): Member => {
  if (!state || state.removed) throw notFound('member');
  return state;
};

const keepsAnAdmin = (member: Member, otherAdmins: number): void => {
  if (member.role === 'admin' && otherAdmins === 0)
    throw new Problem('conflict', 'This is the last admin. Make another member an admin first.');
};

/** Joining an organization; refused for who is in it. */
export const joinOrganization =
  (user: User, role: MemberRole) =>
  (state: Member | undefined): readonly MemberBody[] => {
    if (state && !state.removed) throw new Problem('conflict', 'This person is already a member of the organization.');
    return [{ type: 'member.joined', userId: user.id, email: user.email, role }];
  };

/**
 * A new role; the same one again changes nothing. `otherAdmins` counts the organization's admins without this member.
 */
export const changeRole =
  (userId: string, role: MemberRole, otherAdmins: number) =>
  (state: Member | undefined): readonly MemberBody[] => {
    const member = present(state);
    if (member.role === role) return [];
    keepsAnAdmin(member, otherAdmins);
    return [{ type: 'member.roleChanged', userId, role }];
  };

/**
 * Removes a member. `otherAdmins` counts the organization's other admins. @throws Problem not_found when nobody is a
 * member under this id, conflict for the last admin.
 */
export const removeMember =
  (userId: string, otherAdmins: number) =>
  (state: Member | undefined): readonly MemberBody[] => {
    keepsAnAdmin(present(state), otherAdmins);
    return [{ type: 'member.removed', userId }];
  };

/** What a member becomes by an event. @throws when the first event is not `member.joined`. */
export const evolveMember = (state: Member | undefined, event: ControlEvent & MemberBody): Member => {
  if (event.type === 'member.joined')
    return { email: event.email, role: event.role, joinedAt: event.time, removed: false };
  if (!state) throw new Error(`${event.type} before member.joined`);
  switch (event.type) {
    case 'member.roleChanged':
      return { ...state, role: event.role };
    case 'member.removed':
      return { ...state, removed: true };
  }
};

type Row = { email: string; role: MemberRole; joined_at: Date; removed: boolean; version: number };

/** The stream of a member; its id is the user's. */
export const members: Stream<Member, MemberBody> = {
  noun: 'member',
  evolve: evolveMember,
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<Row>(
      'select email, role, joined_at, removed, version from members where organization_id = $1 and user_id = $2',
      [organizationId, id],
    );
    const row = rows[0];
    return (
      row && {
        state: { email: row.email, role: row.role, joinedAt: row.joined_at.toISOString(), removed: row.removed },
        version: row.version,
      }
    );
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
