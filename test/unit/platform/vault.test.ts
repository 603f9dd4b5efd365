import { describe, expect, test } from 'vitest';
import { Vault, type SecretPlace } from '../../../src/platform/crypto/vault.js';

const MASTER = Buffer.alloc(32, 5);
const vault = new Vault(MASTER);
const key = vault.newOrganizationKey('org_a');
const place: SecretPlace = { organizationId: 'org_a', table: 'server_secrets', column: 'headers', row: 'srv_1' };
const secret = 'Bearer glpat-hunter2 ünïcode';
const sealed = vault.seal(key, place, secret);

describe('a sealed value', () => {
  test('a sealed value opens where it was sealed, also in another process with the same master key', () => {
    expect(vault.open(key, place, sealed)).toBe(secret);
    expect(new Vault(MASTER).open(key, place, sealed)).toBe(secret);
    expect(vault.open(key, place, vault.seal(key, place, ''))).toBe('');
  });

  test('a sealed value does not show what it holds, and is never the same twice', () => {
    expect(sealed.includes('hunter2')).toBe(false);
    expect(new Set(Array.from({ length: 200 }, () => vault.seal(key, place, secret).toString('hex'))).size).toBe(200);
  });

  const moved: readonly (readonly [string, SecretPlace])[] = [
    ['row', { ...place, row: 'srv_2' }],
    ['column', { ...place, column: 'env' }],
    ['table', { ...place, table: 'log_streams' }],
  ];
  test.each(moved)('a sealed value does not open in another %s', (_what, other) =>
    expect(() => vault.open(key, other, sealed)).toThrow(),
  );

  test('a sealed value does not open in another organization, with its key or with the first one', () => {
    const other = { ...place, organizationId: 'org_b' };
    expect(() => vault.open(vault.newOrganizationKey('org_b'), other, sealed)).toThrow();
    expect(() => vault.open(key, other, sealed)).toThrow();
    expect(() => vault.open(vault.newOrganizationKey('org_a'), place, sealed)).toThrow();
  });

  test('a sealed value does not open when any one bit of it is changed', () => {
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const altered = Buffer.from(sealed);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => vault.open(key, place, altered)).toThrow();
    }
  });

  test('a sealed value does not open when it was cut or lengthened anywhere', () => {
    for (let length = 0; length < sealed.length; length += 1)
      expect(() => vault.open(key, place, sealed.subarray(0, length))).toThrow();
    expect(() => vault.open(key, place, Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow();
  });

  test('that is shorter than a nonce and a whole tag is refused before its tag is looked at', () => {
    for (let length = 0; length < 28; length += 1)
      expect(() => vault.open(key, place, Buffer.alloc(length))).toThrow('too short');
  });
});

describe('a wrapped organization key', () => {
  test('a wrapped organization key opens under its master key only', () => {
    expect(() => new Vault(Buffer.alloc(32, 6)).open(key, place, sealed)).toThrow();
  });

  test('a wrapped organization key does not serve another organization', () => {
    expect(() => vault.seal(key, { ...place, organizationId: 'org_b' }, secret)).toThrow();
  });

  test('a wrapped organization key is refused when altered', () => {
    const altered = Buffer.from(key);
    altered.writeUInt8(altered.readUInt8(20) ^ 1, 20);
    expect(() => vault.seal(altered, place, secret)).toThrow();
  });
});

test(
  'a key for a purpose is the same each time, and another for another purpose, organization, data ' +
    'key or master key',
  () => {
    const keys = [
      vault.organizationPurposeKey('org_a', key, 'arguments'),
      vault.organizationPurposeKey('org_a', key, 'other'),
      vault.organizationPurposeKey('org_b', vault.newOrganizationKey('org_b'), 'arguments'),
      vault.organizationPurposeKey('org_a', vault.newOrganizationKey('org_a'), 'arguments'),
      vault.purposeKey('arguments'),
      vault.purposeKey('sessions'),
      new Vault(Buffer.alloc(32, 6)).purposeKey('sessions'),
    ].map((one) => one.toString('hex'));
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.every((one) => one.length === 64)).toBe(true);
    expect(new Vault(MASTER).organizationPurposeKey('org_a', key, 'arguments').toString('hex')).toBe(keys[0]);
    expect(new Vault(MASTER).purposeKey('sessions').toString('hex')).toBe(keys[5]);
  },
);

test("a value of the installation opens for its purpose and row only, and is no organization's", () => {
  const answer = vault.sealForInstallation('sign-up answers', 'row 1', secret);
  expect(vault.openForInstallation('sign-up answers', 'row 1', answer)).toBe(secret);
  expect(() => vault.openForInstallation('sign-up answers', 'row 2', answer)).toThrow();
  expect(() => vault.openForInstallation('other', 'row 1', answer)).toThrow();
  expect(() => vault.open(key, place, answer)).toThrow();
});

test.each([0, 16, 31, 33])('a master key of %i bytes is refused', (length) =>
  expect(() => new Vault(Buffer.alloc(length))).toThrow('32 bytes'),
);
