import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CookieJar } from '../../../src/mcp/http-client/cookie-jar.js';
import {
  makeSessionOpener,
  maxSealedLength,
  openSession,
  sealSession,
  type SessionContent,
} from '../../../src/data-plane/sessions/sealed-session.js';

const key = createHash('sha256').update('key').digest();
const otherKey = createHash('sha256').update('other').digest();
const content: SessionContent = {
  era: 'legacy',
  sessionId: 'ses_1',
  organizationId: 'org_1',
  grantId: 'grt_1',
  serverId: 'srv_1',
  upstreamSession: 'up-1',
  protocolVersion: '2025-11-25',
  clientCapabilities: { roots: { listChanged: true } },
  clientName: 'claude',
  clientVersion: '2',
  expiresAt: 1000,
};

function seal(changes: Partial<SessionContent> = {}): string {
  const sealed = sealSession(key, { ...content, ...changes });
  if (sealed === undefined) throw new Error('too long');
  return sealed;
}

describe('a sealed session', () => {
  test('a sealed session opens to what was sealed', () => {
    expect(openSession(key, seal(), 999)).toEqual({ ...content, cookies: expect.any(CookieJar) as CookieJar });
    expect(openSession(key, seal({ upstreamSession: undefined }), 999)?.upstreamSession).toBeUndefined();
  });

  test('a sealed session brings back the cookies of the upstream session, ten of them with 8 KiB in all', () => {
    const url = new URL('https://mcp.example.com/mcp');
    const cookies = new CookieJar();
    cookies.take(
      url,
      Array.from({ length: 10 }, (_, index) => `c${index}=${'x'.repeat(800)}; Path=/`),
    );
    const sent = cookies.headerFor(url);
    expect(sent?.split('; ')).toHaveLength(10);
    expect(openSession(key, seal({ cookies }), 999)?.cookies?.headerFor(url)).toBe(sent);
  });

  test('a sealed session is visible ASCII that shows nothing of its content and never looks the same twice', () => {
    expect(seal()).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(Buffer.from(seal(), 'base64url').toString('latin1')).not.toMatch(/grt_1|claude/);
    expect(seal()).not.toBe(seal());
  });

  test('a sealed session opens until its expiry and not from then on', () => {
    const sealed = seal();
    expect([999, 1000, 1001].map((now) => openSession(key, sealed, now)?.sessionId)).toEqual([
      'ses_1',
      undefined,
      undefined,
    ]);
  });
});

describe('what is not a sealed session of ours', () => {
  test('a session that was sealed with another key does not open', () => {
    expect(openSession(otherKey, seal(), 0)).toBeUndefined();
  });

  test('a sealed session with any one character altered does not open', () => {
    const sealed = seal();
    for (let at = 0; at < sealed.length; at += 1) {
      for (const letter of ['A', 'B', '_', '.', '=', 'é']) {
        if (sealed[at] !== letter)
          expect(openSession(key, sealed.slice(0, at) + letter + sealed.slice(at + 1), 0)).toBeUndefined();
      }
    }
  });

  test.each([
    (s: string) => s.slice(0, -1),
    (s: string) => `${s}A`,
    (s: string) => `${s}=`,
    (s: string) => ` ${s}`,
    (s: string) => s + s,
    () => '',
    () => 'AQ',
    (s: string) => s.replaceAll('', '.'),
  ])('does not open when cut, padded or spelled otherwise (%#)', (change) =>
    expect(openSession(key, change(seal()), 0)).toBeUndefined(),
  );

  test('a sealed session does not open in another spelling of its unused last bits', () => {
    for (const name of ['c', 'cl', 'cla']) {
      const sealed = seal({ clientName: name });
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      expect([...alphabet].filter((last) => openSession(key, sealed.slice(0, -1) + last, 0) !== undefined)).toEqual([
        sealed.at(-1),
      ]);
    }
  });

  test('a sealed session of more than 12 KiB is neither made nor opened', () => {
    const fits = seal({ clientCapabilities: 'x'.repeat(8000) });
    expect(fits.length).toBeLessThanOrEqual(maxSealedLength);
    expect(openSession(key, fits, 0)?.clientCapabilities).toHaveLength(8000);
    expect(sealSession(key, { ...content, clientCapabilities: 'x'.repeat(9300) })).toBeUndefined();
    expect(openSession(key, 'A'.repeat(maxSealedLength + 1), 0)).toBeUndefined();
  });

  test('opening any text as a session never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.base64String(),
          fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from([1, ...bytes]).toString('base64url')),
        ),
        (text) => {
          expect(openSession(key, text, 0)).toBeUndefined();
        },
      ),
    );
  });
});

describe('a session opener', () => {
  test('a session opener answers a repeat from memory with the same object', () => {
    const open = makeSessionOpener(key, { max: 2 });
    const sealed = seal();
    expect(open(sealed, 0)).toBe(open(sealed, 1));
  });

  test('a session opener checks the expiry of what it remembers, and opens nothing after that', () => {
    const open = makeSessionOpener(key, { max: 2 });
    const sealed = seal();
    expect([0, 999, 1000, 1001].map((now) => open(sealed, now)?.sessionId)).toEqual([
      'ses_1',
      'ses_1',
      undefined,
      undefined,
    ]);
  });

  test('a session opener remembers at most max sessions, and drops the least recently used', () => {
    const open = makeSessionOpener(key, { max: 2 });
    const [a, b, c] = [seal(), seal(), seal()];
    const first = { a: open(a, 0), b: open(b, 0) };
    expect(open(a, 0)).toBe(first.a);
    open(c, 0);
    expect(open(a, 0)).toBe(first.a);
    expect(open(b, 0)).not.toBe(first.b);
    expect(open(b, 0)).toEqual(first.b);
  });

  test('guesses evict no session from a session opener', () => {
    const open = makeSessionOpener(key, { max: 1 });
    const sealed = seal();
    const first = open(sealed, 0);
    for (let guess = 0; guess < 10; guess += 1) expect(open(`${sealed}${guess}`, 0)).toBeUndefined();
    expect(open(sealed, 0)).toBe(first);
  });
});
