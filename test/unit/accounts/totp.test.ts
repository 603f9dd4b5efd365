import { describe, expect, test } from 'vitest';
import {
  newRecoveryCodes,
  recoveryHash,
  stepOfCode,
  totpCode,
  totpUri,
} from '../../../src/control-plane/accounts/totp.js';

const SECRET = Buffer.from('12345678901234567890');

describe('the codes of an authenticator', () => {
  test.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_234_567_890, '005924'],
    [20_000_000_000, '353130'],
  ])('at %d are those of RFC 6238', (seconds, code) => {
    expect(totpCode(SECRET, new Date(seconds * 1000))).toBe(code);
  });

  test('count for a clock that is a step off, and not for one that is two', () => {
    const now = new Date(1_111_111_109_000);
    const at = (steps: number): number | undefined =>
      stepOfCode(SECRET, totpCode(SECRET, new Date(now.getTime() + steps * 30_000)), now);
    expect([at(-1), at(0), at(1)]).toEqual([37_037_035, 37_037_036, 37_037_037]);
    expect([at(-2), at(2), stepOfCode(SECRET, '08180', now), stepOfCode(SECRET, 'abcdef', now)]).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });

  test('come from a secret in Base32, as text and in a URI', () => {
    expect(totpUri(SECRET, 'ada@example.com')).toEqual({
      secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
      uri: 'otpauth://totp/Toolgate%3Aada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Toolgate',
    });
  });
});

test('recovery codes are ten different ones, and are read whatever their case and hyphens', () => {
  const codes = newRecoveryCodes();
  expect(new Set(codes.filter((code) => /^[a-z2-7]{10}$/.test(code))).size).toBe(10);
  const [first = ''] = codes;
  expect(recoveryHash(` ${first.slice(0, 5).toUpperCase()}-${first.slice(5)}`)).toEqual(recoveryHash(first));
});
