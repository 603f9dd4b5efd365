import { describe, expect, test } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { clientConfig, slugOf } from '../../../src/control-plane/grants/client-config.js';
import {
  decideGrantChange,
  decideGrantRevocation,
  decideGrantRotation,
  evolveGrant,
  futureExpiry,
  type Grant,
} from '../../../src/control-plane/grants/grants.js';
import { pathId } from '../../../src/platform/rest/path-id.js';
import type { ControlEvent, GrantBody } from '../../../src/record/event-log/events/index.js';

const ID = 'grt_01h2xcejqtf2nbrexx3vqjhp41';
const OF = { grantId: ID, identityId: 'idn_1', serverId: 'srv_1' };
const ACTOR = { type: 'apiKey', id: 'key_1', name: 'terraform' } as const;
const event = (body: GrantBody, time = '2026-11-22T10:00:00.000Z'): ControlEvent & GrantBody => ({
  id: 'evt',
  version: 1,
  time,
  organizationId: 'org',
  actor: ACTOR,
  ...body,
});
const grant: Grant = {
  identityId: 'idn_1',
  serverId: 'srv_1',
  policyId: 'pol_1',
  shadowPolicyId: null,
  label: 'ci',
  expiresAt: '2027-01-01T00:00:00.000Z',
  revokedAt: null,
  disabled: false,
  issuedBy: ACTOR,
  createdAt: '2026-11-22T10:00:00.000Z',
  via: 'token',
  clientId: null,
  clientName: null,
};
const revoked = evolveGrant(
  grant,
  event({ type: 'grant.revoked', ...OF, reason: 'revoked' }, '2026-11-23T00:00:00.000Z'),
);
const refusal = (code: string): unknown => expect.objectContaining({ code });

describe('a grant', () => {
  test('remembers who issued it and when', () => {
    expect(
      evolveGrant(
        undefined,
        event({ type: 'grant.issued', ...OF, policyId: 'pol_1', label: 'ci', expiresAt: '2027-01-01T00:00:00.000Z' }),
      ),
    ).toEqual(grant);
  });

  test('changes only in what a patch names, and null clears', () => {
    const events = decideGrantChange(ID, grant, { label: null, policyId: 'pol_1' });
    expect(events).toEqual([{ type: 'grant.changed', ...OF, label: null }]);
    expect(events.reduce((state, body) => evolveGrant(state, event(body)), grant)).toEqual({ ...grant, label: null });
  });

  test('issued or changed before shadows were known has none', () => {
    const shadowed = { ...grant, shadowPolicyId: 'pol_2' };
    expect(evolveGrant(grant, event({ type: 'grant.changed', ...OF, shadowPolicyId: 'pol_2' }))).toEqual(shadowed);
    expect(evolveGrant(shadowed, event({ type: 'grant.changed', ...OF, label: 'ci' }))).toEqual(shadowed);
    expect(decideGrantChange(ID, shadowed, { shadowPolicyId: null })).toEqual([
      { type: 'grant.changed', ...OF, shadowPolicyId: null },
    ]);
  });

  test('records nothing for a patch that says nothing new', () => {
    expect(decideGrantChange(ID, grant, { label: 'ci' })).toEqual([]);
    expect(decideGrantChange(ID, grant, {})).toEqual([]);
  });

  test(
    'is disabled and enabled by events of their own, beside a change in the same patch, and by none ' +
      'when it is so already',
    () => {
      const events = decideGrantChange(ID, grant, { label: null, disabled: true });
      expect(events).toEqual([
        { type: 'grant.changed', ...OF, label: null },
        { type: 'grant.disabled', ...OF },
      ]);
      const off = events.reduce((state, body) => evolveGrant(state, event(body)), grant);
      expect(off).toEqual({ ...grant, label: null, disabled: true });
      expect(decideGrantChange(ID, off, { disabled: true })).toEqual([]);
      expect(decideGrantChange(ID, grant, { disabled: false })).toEqual([]);
      expect(evolveGrant(off, event({ type: 'grant.enabled', ...OF })).disabled).toBe(false);
      expect(decideGrantChange(ID, off, { disabled: false })).toEqual([{ type: 'grant.enabled', ...OF }]);
    },
  );

  test('can neither be changed nor rotated once it is revoked', () => {
    expect(() => decideGrantChange(ID, revoked, {})).toThrow(refusal('conflict'));
    expect(() => decideGrantRotation(ID, revoked, { now: new Date('2026-11-24T00:00:00Z'), graceSeconds: 0 })).toThrow(
      refusal('conflict'),
    );
  });

  test('can be rotated until the moment it expires', () => {
    expect(decideGrantRotation(ID, grant, { now: new Date('2026-12-31T23:59:59.999Z'), graceSeconds: 9 })).toEqual([
      { type: 'grant.rotated', ...OF, graceSeconds: 9 },
    ]);
    expect(() => decideGrantRotation(ID, grant, { now: new Date('2027-01-01T00:00:00Z'), graceSeconds: 9 })).toThrow(
      refusal('conflict'),
    );
  });

  test('is revoked once: a second revocation records nothing and keeps the first time', () => {
    expect(revoked.revokedAt).toBe('2026-11-23T00:00:00.000Z');
    expect(decideGrantRevocation(ID, grant, { reason: 'server_deleted' })).toEqual([
      { type: 'grant.revoked', ...OF, reason: 'server_deleted' },
    ]);
    expect(decideGrantRevocation(ID, revoked, { reason: 'revoked' })).toEqual([]);
  });

  test('that was never issued is not found', () => {
    for (const ask of [
      () => decideGrantChange(ID, undefined, {}),
      () => decideGrantRevocation(ID, undefined, { reason: 'revoked' }),
      () => decideGrantRotation(ID, undefined, { now: new Date(0), graceSeconds: 0 }),
    ]) {
      expect(ask).toThrow(refusal('not_found'));
    }
  });
});

describe('an expiry', () => {
  const now = new Date('2026-11-22T10:00:00Z');

  test('is stored in UTC', () => {
    expect(futureExpiry('2026-11-22T12:00:01+02:00', now)).toBe('2026-11-22T10:00:01.000Z');
  });

  test('must be later than now and before the year 10000', () => {
    for (const time of ['2026-11-22T10:00:00Z', '2020-01-01T00:00:00Z', '9999-12-31T23:59:59-01:00']) {
      expect(() => futureExpiry(time, now)).toThrow(
        expect.objectContaining({ code: 'invalid_body', errors: [expect.objectContaining({ pointer: '/expiresAt' })] }),
      );
    }
  });
});

describe('a client configuration', () => {
  const KEY = `gitlab-${ID.slice(-10)}`;

  test('holds the token where there is one, else a placeholder', () => {
    const of = (token?: string) =>
      clientConfig({ grantId: ID, serverName: 'GitLab' }, 'https://t.example/mcp/srv_1', token);
    expect(of('tg_grant_x')).toEqual({
      mcpServers: {
        [KEY]: { type: 'http', url: 'https://t.example/mcp/srv_1', headers: { Authorization: 'Bearer tg_grant_x' } },
      },
    });
    expect(of().mcpServers[KEY]?.headers.Authorization).toBe('Bearer <grant token>');
  });

  test('the keys of two grants differ, whatever their servers are called', () => {
    const ids = Array.from({ length: 100 }, () => newId('grt'));
    const keys = ids.map((grantId) => Object.keys(clientConfig({ grantId, serverName: '日本' }, '').mcpServers)[0]);
    expect(new Set(keys).size).toBe(100);
  });

  test.each([
    ['GitLab', 'gitlab'],
    ['  My Server (v2)! ', 'my-server-v2'],
    ['Büro', 'buro'],
    ['日本', 'server'],
    [`${'a'.repeat(39)}-b`, 'a'.repeat(39)],
    ['__proto__', 'proto'],
  ])('names the server %j as %j', (name, slug) => {
    expect(slugOf(name)).toBe(slug);
  });
});

test('a path id that can not be one is answered as not found', () => {
  expect(pathId('grt', 'grant').transform(ID)).toBe(ID);
  for (const id of ['grt_x', ID.replace('grt', 'idn'), `${ID}\u0000`])
    expect(() => pathId('grt', 'grant').transform(id)).toThrow(refusal('not_found'));
});
