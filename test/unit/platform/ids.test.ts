import { describe, expect, test, vi } from 'vitest';
import { isId, newId } from '../../../src/platform/crypto/ids.js';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** The UUID in a TypeID, as 32 hex digits, by arithmetic of this test's own. */
const uuidOf = (id: string): string => {
  let value = 0n;
  for (const letter of id.slice(id.indexOf('_') + 1)) value = value * 32n + BigInt(ALPHABET.indexOf(letter));
  return value.toString(16).padStart(32, '0');
};

describe('a new id', () => {
  test('a new id is its prefix, an underscore and 26 characters of Crockford base32 that start below 8', () => {
    expect(newId('grt')).toMatch(/^grt_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
    expect(newId('call')).toMatch(/^call_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
  });

  test('a new id is a UUIDv7 of the time it was made', async () => {
    // Ids made in a burst run ahead of the clock: this wants a module that has made none.
    vi.resetModules();
    const fresh = await import('../../../src/platform/crypto/ids.js');
    const before = Date.now();
    const uuid = uuidOf(fresh.newId('evt'));
    expect(uuid[12]).toBe('7');
    expect('89ab').toContain(uuid[16]);
    const madeAt = Number.parseInt(uuid.slice(0, 12), 16);
    expect(madeAt).toBeGreaterThanOrEqual(before);
    expect(madeAt).toBeLessThanOrEqual(Date.now() + 1);
  });

  test('a new id is one of its own, and sorts after all that were made before it, 100,000 times', () => {
    const ids = Array.from({ length: 100_000 }, () => newId('evt'));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted().every((id, index) => id === ids[index])).toBe(true);
  });

  test('sorts after the earlier ones when the clock goes back or stands still', () => {
    const now = Date.now() + 1000;
    const ids = [newId('evt', now), newId('evt', now - 500), newId('evt', 0), newId('evt', now), newId('evt', now + 1)];
    expect(ids.toSorted()).toEqual(ids);
  });

  test('carries at least 62 random bits: no two made in one millisecond share their random part', () => {
    const now = Date.now() + 5000;
    const random = Array.from({ length: 4000 }, () => uuidOf(newId('evt', now)).slice(16));
    expect(new Set(random).size).toBe(random.length);
  });
});

describe('isId', () => {
  test('takes a new id of its prefix only', () => {
    const id = newId('srv');
    expect(isId('srv', id)).toBe(true);
    expect(isId('grt', id)).toBe(false);
  });

  const good = 'srv_01h455vb4pex5vsknk084sn02q';
  const bad: readonly unknown[] = [
    undefined,
    null,
    7,
    {},
    '',
    'srv_',
    good.slice(0, -1),
    `${good}0`,
    good.toUpperCase(),
    good.replace('0', '8'),
    good.replace('h', 'i'),
    good.replace('h', 'l'),
    good.replace('h', 'o'),
    good.replace('h', 'u'),
    good.replace('_', '-'),
    `${good.slice(0, -1)}\n`,
    [good],
  ];
  test('takes the example of the TypeID specification', () => expect(isId('srv', good)).toBe(true));
  test.each(bad)('isId refuses %j', (text) => expect(isId('srv', text)).toBe(false));
});
