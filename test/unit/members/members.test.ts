import { describe, expect, test } from 'vitest';
import {
  changeRole,
  evolveMember,
  joinOrganization,
  removeMember,
  type Member,
} from '../../../src/control-plane/accounts/members.js';
import {
  createOrganization,
  evolveOrganization,
  switchOrganization,
} from '../../../src/control-plane/accounts/organizations.js';
import type { MemberBody } from '../../../src/record/event-log/events/index.js';

const user = { id: 'usr_1', email: 'ada@example.com' };
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

describe('an organization', () => {
  test('is created once, with the time of its event', () => {
    expect(createOrganization('Acme')(undefined)).toEqual([{ type: 'organization.created', name: 'Acme' }]);
    expect(evolveOrganization(undefined, { ...envelope, type: 'organization.created', name: 'Acme' })).toEqual({
      name: 'Acme',
      disabled: false,
      createdAt: envelope.time,
    });
    expect(() => createOrganization('Acme')({ name: 'Acme', disabled: false, createdAt: '' })).toThrow('once');
  });

  test('is disabled and enabled by events of their own, and by none when it is so already', () => {
    const acme = { name: 'Acme', disabled: false, createdAt: envelope.time };
    const off = evolveOrganization(acme, { ...envelope, type: 'organization.disabled' });
    expect(off).toEqual({ ...acme, disabled: true });
    expect(evolveOrganization(off, { ...envelope, type: 'organization.enabled' })).toEqual(acme);
    expect([true, false, undefined].map((disabled) => switchOrganization(disabled)(acme))).toEqual([
      [{ type: 'organization.disabled' }],
      [],
      [],
    ]);
    expect([true, false, undefined].map((disabled) => switchOrganization(disabled)(off))).toEqual([
      [],
      [{ type: 'organization.enabled' }],
      [],
    ]);
  });
});

describe('a member', () => {
  test('joins when new or removed, and not twice', () => {
    const joined = [{ type: 'member.joined', userId: user.id, email: user.email, role: 'viewer' }];
    expect(joinOrganization(user, 'viewer')(undefined)).toEqual(joined);
    expect(joinOrganization(user, 'viewer')(member({ removed: true }))).toEqual(joined);
    expect(() => joinOrganization(user, 'viewer')(member())).toThrow('conflict');
  });

  test.each([
    ['the last admin is not demoted', () => changeRole(user.id, 'viewer', 0)(member()), 'conflict'],
    ['the last admin is not removed', () => removeMember(user.id, 0)(member()), 'conflict'],
    ['a stranger has no role to change', () => changeRole(user.id, 'viewer', 1)(undefined), 'not_found'],
    [
      'who was removed has no role to change',
      () => changeRole(user.id, 'viewer', 1)(member({ removed: true })),
      'not_found',
    ],
    ['who was removed is not removed again', () => removeMember(user.id, 1)(member({ removed: true })), 'not_found'],
  ])('%s', (_name, decide, code) => expect(decide).toThrow(code));

  test.each([
    [
      'one admin of two may be demoted',
      changeRole(user.id, 'viewer', 1)(member()),
      [{ type: 'member.roleChanged', userId: user.id, role: 'viewer' }],
    ],
    ['the same role again changes nothing', changeRole(user.id, 'admin', 0)(member()), []],
    [
      'the only other member may be removed',
      removeMember(user.id, 0)(member({ role: 'viewer' })),
      [{ type: 'member.removed', userId: user.id }],
    ],
  ])('%s', (_name, events, expected) => expect(events).toEqual(expected));

  test('is what its events add up to', () => {
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
