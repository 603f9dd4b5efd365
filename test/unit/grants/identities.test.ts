import { describe, expect, test } from 'vitest';
import {
  decideIdentityChange,
  decideIdentityDeletion,
  evolveIdentity,
  wrongAttributes,
  type Identity,
} from '../../../src/control-plane/grants/identities.js';
import type { ControlEvent, IdentityBody } from '../../../src/record/event-log/events/index.js';

const ID = 'idn_01h2xcejqtf2nbrexx3vqjhp41';
const event = (body: IdentityBody, time = '2026-11-22T10:00:00.000Z'): ControlEvent & IdentityBody => ({
  id: 'evt',
  version: 1,
  time,
  organizationId: 'org',
  actor: { type: 'member', id: 'usr' },
  ...body,
});
const created = event({
  type: 'identity.created',
  identityId: ID,
  name: 'ci',
  kind: 'service',
  memberId: null,
  externalId: 'x-1',
  attributes: { team: 'core' },
});
const ci: Identity = {
  name: 'ci',
  kind: 'service',
  memberId: null,
  externalId: 'x-1',
  attributes: { team: 'core' },
  disabled: false,
  deleted: false,
  createdAt: '2026-11-22T10:00:00.000Z',
};
const after = (state: Identity, patch: Parameters<typeof decideIdentityChange>[2]): Identity =>
  decideIdentityChange(ID, state, patch).reduce((current, body) => evolveIdentity(current, event(body)), state);

describe('an identity', () => {
  test('is what its first event says', () => {
    expect(evolveIdentity(undefined, created)).toEqual(ci);
  });

  test('changes only in what a patch names, and null clears', () => {
    expect(after(ci, { externalId: null })).toEqual({ ...ci, externalId: null });
    expect(after(ci, { name: 'deploy', attributes: {} })).toEqual({ ...ci, name: 'deploy', attributes: {} });
  });

  test('is disabled and enabled by events of their own, beside a change in the same patch', () => {
    expect(decideIdentityChange(ID, ci, { name: 'deploy', disabled: true })).toEqual([
      { type: 'identity.changed', identityId: ID, name: 'deploy' },
      { type: 'identity.disabled', identityId: ID },
    ]);
    expect(decideIdentityChange(ID, { ...ci, disabled: true }, { disabled: false })).toEqual([
      { type: 'identity.enabled', identityId: ID },
    ]);
    expect(after(ci, { disabled: true })).toEqual({ ...ci, disabled: true });
  });

  test('records nothing for a patch that says what is so already', () => {
    expect(decideIdentityChange(ID, ci, { name: 'ci', attributes: { team: 'core' }, disabled: false })).toEqual([]);
  });

  test('is not found once it is deleted, whatever is asked', () => {
    const deleted = evolveIdentity(ci, event({ type: 'identity.deleted', identityId: ID }));
    for (const ask of [
      () => decideIdentityChange(ID, deleted, {}),
      () => decideIdentityDeletion(ID, deleted),
      () => decideIdentityChange(ID, undefined, {}),
    ]) {
      expect(ask).toThrow(expect.objectContaining({ code: 'not_found' }));
    }
  });
});

describe('attributes', () => {
  const keys = (count: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));

  test('take texts, finite numbers, booleans and nulls', () => {
    expect(wrongAttributes({ a: 'x', b: 1.5, c: false, d: null })).toEqual([]);
  });

  test('take 50 keys and not 51', () => {
    expect(wrongAttributes(keys(50))).toEqual([]);
    expect(wrongAttributes(keys(51))).toEqual([expect.objectContaining({ pointer: '/attributes' })]);
  });

  test('take 8192 bytes and not one more, counted in UTF-8', () => {
    expect(wrongAttributes({ a: 'ü'.repeat(4092) })).toEqual([]);
    expect(wrongAttributes({ a: `${'ü'.repeat(4092)}x` })).toEqual([
      expect.objectContaining({ pointer: '/attributes' }),
    ]);
  });

  test('are refused with a pointer to each value that is not flat or can not be stored', () => {
    const wrong = wrongAttributes({ ok: 1, 'a/b~c': {}, list: [1], nul: 'a\u0000', half: '\ud800', huge: Infinity });
    expect(wrong.map(({ pointer }) => pointer)).toEqual([
      '/attributes/a~1b~0c',
      '/attributes/list',
      '/attributes/nul',
      '/attributes/half',
      '/attributes/huge',
    ]);
  });

  test('are refused for a key that is empty or holds control characters', () => {
    expect(wrongAttributes({ '': 1 })).toHaveLength(1);
    expect(wrongAttributes({ 'a\n': 1 })).toHaveLength(1);
  });
});
