import type { ControlEvent, MemberBody, MemberRole } from '../../record/event-log/events/index.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';

/** What a member's events add up to; who was removed may join again, on the same stream. */
export type Member = Readonly<{ email: string; role: MemberRole; joinedAt: string; removed: boolean }>;

/** Stands where the e-mail address of an erased person stood. */
export const ERASED = 'erased';

/** A person with a password; the same one may be a member of several organizations. */
export type User = Readonly<{ id: string; email: string }>;

/** A user whose password was right, and its hash at that time. */
export type Verified = Readonly<{ user: User; passwordHash: string }>;

/** @throws Problem not_found for who never was a member or was removed */
export const existingMember = (state: Member | undefined): Member => {
  if (!state || state.removed) throw notFound('member');
  return state;
};

/** `otherAdmins` counts the organization's admins without this member. */
type AmongAdmins = Readonly<{ otherAdmins: number }>;

const refuseLastAdmin = (member: Member, { otherAdmins }: AmongAdmins): void => {
  if (member.role === 'admin' && otherAdmins === 0)
    throw new Problem('conflict', 'This is the last admin. Make another member an admin first.');
};

/** @throws Problem conflict for who is a member already */
export const decideJoining = (
  userId: string,
  state: Member | undefined,
  { email, role }: Readonly<{ email: string; role: MemberRole }>,
): readonly MemberBody[] => {
  if (state && !state.removed) throw new Problem('conflict', 'This person is already a member of the organization.');
  return [{ type: 'member.joined', userId, email, role }];
};

/** A new role; the same one again changes nothing. @throws Problem not_found, conflict for the last admin */
export const decideRoleChange = (
  userId: string,
  state: Member | undefined,
  request: AmongAdmins & Readonly<{ role: MemberRole }>,
): readonly MemberBody[] => {
  const member = existingMember(state);
  if (member.role === request.role) return [];
  refuseLastAdmin(member, request);
  return [{ type: 'member.roleChanged', userId, role: request.role }];
};

/** @throws Problem not_found when nobody is a member under this id, conflict for the last admin */
export const decideRemoval = (
  userId: string,
  state: Member | undefined,
  request: AmongAdmins,
): readonly MemberBody[] => {
  refuseLastAdmin(existingMember(state), request);
  return [{ type: 'member.removed', userId }];
};

/** Forgets the e-mail address of a former member; nothing when it is forgotten already. */
export const decideErasure = (userId: string, state: Member | undefined): readonly MemberBody[] => {
  if (!state?.removed) throw new Error('a member is removed before they are erased');
  return state.email === ERASED ? [] : [{ type: 'member.erased', userId }];
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
    case 'member.erased':
      return { ...state, email: ERASED };
  }
};
