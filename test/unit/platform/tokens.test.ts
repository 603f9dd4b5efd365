import { describe, expect, test } from 'vitest';
import { crc32 } from 'node:zlib';
import { newId } from '../../../src/platform/crypto/ids.js';
import { newToken, sameHash, tokenHash, tokenObjectId, type TokenKind } from '../../../src/platform/crypto/tokens.js';

const KINDS: readonly TokenKind[] = ['grant', 'key', 'session', 'invite'];
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A body with the checksum that belongs to it. */
const signed = (body: string): string => {
  let rest = crc32(body);
  let out = '';
  for (let i = 0; i < 6; i += 1) {
    out = BASE62.charAt(rest % 62) + out;
    rest = Math.floor(rest / 62);
  }
  return body + out;
};

describe('a new token', () => {
  test.each(KINDS)('of kind %s has the published shape and leads back to its object', (kind) => {
    const id = newId('grt');
    const token = newToken(kind, id);
    expect(token).toMatch(new RegExp(`^tg_${kind}_${id.slice(4)}_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$`));
    expect(tokenObjectId(kind, token)).toBe(id.slice(4));
    for (const other of KINDS.filter((one) => one !== kind)) expect(tokenObjectId(other, token)).toBeUndefined();
  });

  test('a new token is never the same twice for one object', () => {
    const id = newId('grt');
    expect(new Set(Array.from({ length: 2000 }, () => newToken('grant', id))).size).toBe(2000);
  });

  test('draws its secret from all 256 bits: every one of the 43 places varies', () => {
    const id = newId('grt');
    const secrets = Array.from({ length: 400 }, () => newToken('grant', id).slice(-49, -6));
    for (let place = 0; place < 43; place += 1)
      expect(new Set(secrets.map((secret) => secret[place])).size).toBeGreaterThan(1);
  });
});

describe('a token is refused without a look-up', () => {
  const token = newToken('grant', newId('grt'));

  test('when any one character of it is another', () => {
    for (let place = 0; place < token.length; place += 1) {
      for (const letter of `${BASE62}_-é \u0000`) {
        if (letter === token[place]) continue;
        expect(tokenObjectId('grant', token.slice(0, place) + letter + token.slice(place + 1))).toBeUndefined();
      }
    }
  });

  test('when a character is missing, doubled or added, or two neighbours are swapped', () => {
    for (let place = 0; place < token.length; place += 1) {
      expect(tokenObjectId('grant', token.slice(0, place) + token.slice(place + 1))).toBeUndefined();
      expect(
        tokenObjectId('grant', token.slice(0, place) + token.slice(place, place + 1) + token.slice(place)),
      ).toBeUndefined();
      const swapped =
        token.slice(0, place) +
        token
          .slice(place, place + 2)
          .split('')
          .toReversed()
          .join('') +
        token.slice(place + 2);
      if (swapped !== token) expect(tokenObjectId('grant', swapped)).toBeUndefined();
    }
    for (const text of ['', ' ', ` ${token}`, `${token}\n`, `Bearer ${token}`])
      expect(tokenObjectId('grant', text)).toBeUndefined();
  });

  test('when its object is no TypeID, even with the right checksum', () => {
    const secret = 'a'.repeat(43);
    const id = newId('grt').slice(4);
    expect(tokenObjectId('grant', signed(`tg_grant_${id}_${secret}`))).toBe(id);
    for (const other of [`${id.slice(0, 25)}\u0000`, `8${id.slice(1)}`, id.toUpperCase(), `${id.slice(0, 25)}_`])
      expect(tokenObjectId('grant', signed(`tg_grant_${other}_${secret}`))).toBeUndefined();
  });
});

describe('a hash', () => {
  test('a hash is that of the whole token: 32 bytes, the same each time, another for another token', () => {
    const token = newToken('key', newId('key'));
    expect(tokenHash(token)).toHaveLength(32);
    expect(sameHash(tokenHash(token), tokenHash(token))).toBe(true);
    expect(sameHash(tokenHash(token), tokenHash(`${token} `))).toBe(false);
  });

  test('of another length is not the same', () => {
    expect(sameHash(tokenHash('a'), tokenHash('a').subarray(1))).toBe(false);
    expect(sameHash(Buffer.alloc(0), tokenHash('a'))).toBe(false);
  });
});
