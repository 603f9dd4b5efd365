import { describe, expect, test } from 'vitest';
import {
  decideJoining,
  decideRemoval,
  decideRoleChange,
  evolveMember,
  type Member,
} from '../../../src/control-plane/accounts/members.js';
import {
  decideOrganizationChange,
  decideOrganizationCreation,
  evolveOrganization,
} from '../../../src/control-plane/accounts/organizations.js';
import type { MemberBody } from '../../../src/record/event-log/events/index.js';

const user = { id: 'usr_1', email: 'ada@example.com' };
const viewer = { email: user.email, role: 'viewer' } as const;
const member = (changes: Partial<Member> = {}): Member => ({
  email: user.email,
  role: 'admin',
  joinedAt: '2026-01-01T00:00:00.000Z',
  removed: false,
  ...changes,
});
const envelope = {
  id: 'evt_1',
  version: 1,
  time: '2026-02-02T00:00:00.000Z',
  organizationId: 'org_1',
  actor: { type: 'member', id: 'usr_1' },
} as const;
const evolve = (state: Member | undefined, body: MemberBody) => evolveMember(state, { ...envelope, ...body });

describe('organizations', () => {
  test('an organization is created once, with the time of its event', () => {
    expect(decideOrganizationCreation('org_1', undefined, { name: 'Acme' })).toEqual([
      { type: 'organization.created', name: 'Acme' },
    ]);
    expect(evolveOrganization(undefined, { ...envelope, type: 'organization.created', name: 'Acme' })).toEqual({
      name: 'Acme',
      disabled: false,
      createdAt: envelope.time,
      deletesAt: null,
      deletedAt: null,
    });
    expect(() =>
      decideOrganizationCreation(
        'org_1',
        { name: 'Acme', disabled: false, createdAt: '', deletesAt: null, deletedAt: null },
        { name: 'Acme' },
      ),
    ).toThrow('once');
  });

  test('an organization is disabled and enabled by one event each, and by none when it is so already', () => {
    const acme = { name: 'Acme', disabled: false, createdAt: envelope.time, deletesAt: null, deletedAt: null };
    const off = evolveOrganization(acme, { ...envelope, type: 'organization.disabled' });
    expect(off).toEqual({ ...acme, disabled: true });
    expect(evolveOrganization(off, { ...envelope, type: 'organization.enabled' })).toEqual(acme);
    expect([true, false, undefined].map((disabled) => decideOrganizationChange('org_1', acme, { disabled }))).toEqual([
      [{ type: 'organization.disabled' }],
      [],
      [],
    ]);
    expect([true, false, undefined].map((disabled) => decideOrganizationChange('org_1', off, { disabled }))).toEqual([
      [],
      [{ type: 'organization.enabled' }],
      [],
    ]);
  });
});

describe('members', () => {
  test('a person joins an organization when new or removed, and not twice', () => {
    const joined = [{ type: 'member.joined', userId: user.id, email: user.email, role: 'viewer' }];
    expect(decideJoining(user.id, undefined, viewer)).toEqual(joined);
    expect(decideJoining(user.id, member({ removed: true }), viewer)).toEqual(joined);
    expect(() => decideJoining(user.id, member(), viewer)).toThrow('conflict');
  });

  test.each([
    [
      'the last admin is not demoted',
      () => decideRoleChange(user.id, member(), { role: 'viewer', otherAdmins: 0 }),
      'conflict',
    ],
    ['the last admin is not removed', () => decideRemoval(user.id, member(), { otherAdmins: 0 }), 'conflict'],
    [
      'a role change of a person who never joined is not found',
      () => decideRoleChange(user.id, undefined, { role: 'viewer', otherAdmins: 1 }),
      'not_found',
    ],
    [
      'a role change of a removed member is not found',
      () => decideRoleChange(user.id, member({ removed: true }), { role: 'viewer', otherAdmins: 1 }),
      'not_found',
    ],
    [
      'a second removal of a member is not found',
      () => decideRemoval(user.id, member({ removed: true }), { otherAdmins: 1 }),
      'not_found',
    ],
  ])('%s', (_name, decide, code) => expect(decide).toThrow(code));

  test.each([
    [
      'one admin of two may be demoted',
      decideRoleChange(user.id, member(), { role: 'viewer', otherAdmins: 1 }),
      [{ type: 'member.roleChanged', userId: user.id, role: 'viewer' }],
    ],
    [
      'a change to the role that a member has makes no event',
      decideRoleChange(user.id, member(), { role: 'admin', otherAdmins: 0 }),
      [],
    ],
    [
      'a member who is no admin may be removed beside one admin',
      decideRemoval(user.id, member({ role: 'viewer' }), { otherAdmins: 0 }),
      [{ type: 'member.removed', userId: user.id }],
    ],
  ])('%s', (_name, events, expected) => expect(events).toEqual(expected));

  test('the state of a member follows from its events, also after a second joining', () => {
    const joined = evolve(undefined, { type: 'member.joined', userId: user.id, email: user.email, role: 'viewer' });
    expect(joined).toEqual({ email: user.email, role: 'viewer', joinedAt: envelope.time, removed: false });
    const removed = evolve(evolve(joined, { type: 'member.roleChanged', userId: user.id, role: 'auditor' }), {
      type: 'member.removed',
      userId: user.id,
    });
    expect(removed).toEqual({ ...joined, role: 'auditor', removed: true });
    expect(evolve(removed, { type: 'member.joined', userId: user.id, email: user.email, role: 'viewer' })).toEqual(
      joined,
    );
    expect(() => evolve(undefined, { type: 'member.removed', userId: user.id })).toThrow('before member.joined');
  });
});
