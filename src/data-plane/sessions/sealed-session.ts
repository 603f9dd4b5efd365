import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import { toJsonText } from '../../platform/json/exact-number.js';
import { CookieJar, type KeptCookies } from '../../mcp/http-client/cookie-jar.js';
import type { LegacyCaller } from '../../mcp/protocol/caller.js';

/**
 * The content of a session id, from which any gateway can serve the next request of the session. `expiresAt` is in ms
 * since the epoch.
 */
export type SessionContent = LegacyCaller &
  Readonly<{
    sessionId: string;
    organizationId: string;
    grantId: string;
    serverId: string;
    expiresAt: number;
  }>;

export type OpenSession = (sealed: string, nowMs: number) => SessionContent | undefined;

/** As it is sealed: the cookies as they are kept. */
type SealedContent = Omit<SessionContent, 'cookies'> & Readonly<{ cookies?: KeptCookies }>;

const sealable = ({ cookies, ...content }: SessionContent): SealedContent => {
  const kept = cookies?.toJSON();
  return kept === undefined ? content : { ...content, cookies: kept };
};

/** Room for 8 KiB of cookies. Node takes 16 KiB for all headers of a request together. */
export const maxSealedLength = 12 * 1024;

const version = Buffer.of(1);
const nonceBytes = 12;
const tagBytes = 16;
const minSealedBytes = version.length + nonceBytes + tagBytes;

/**
 * Seals a session into a visible-ASCII `Mcp-Session-Id`: base64url of version byte, nonce, ciphertext and tag
 * (AES-256-GCM, 32-byte key, random 96-bit nonce, the version byte as associated data). Undefined when it would be
 * over 12 KiB: the client chooses how large its capabilities are.
 */
export function sealSession(key: Buffer, content: SessionContent): string | undefined {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(version);
  const ciphertext = Buffer.concat([cipher.update(toJsonText(sealable(content)), 'utf8'), cipher.final()]);
  const sealed = Buffer.concat([version, nonce, ciphertext, cipher.getAuthTag()]).toString('base64url');
  return sealed.length <= maxSealedLength ? sealed : undefined;
}

/**
 * Opens what `sealSession` sealed with the same key. Undefined when a character was altered, from `expiresAt` on, for
 * another key or version, and over 12 KiB; never throws for a 32-byte key. The caller must compare the session's grant
 * and server with the request's.
 */
export function openSession(key: Buffer, sealed: string, nowMs: number): SessionContent | undefined {
  if (sealed.length > maxSealedLength) return undefined;
  const bytes = Buffer.from(sealed, 'base64url');
  // Node skips foreign characters and unused trailing bits: accept only the spelling that `sealSession` writes.
  if (bytes.length < minSealedBytes || bytes[0] !== version[0] || bytes.toString('base64url') !== sealed)
    return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(version.length, version.length + nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(version).setAuthTag(bytes.subarray(-tagBytes));
  try {
    const text =
      decipher.update(bytes.subarray(version.length + nonceBytes, -tagBytes), undefined, 'utf8') +
      decipher.final('utf8');
    const content = JSON.parse(text) as SealedContent;
    return content.expiresAt > nowMs ? { ...content, cookies: new CookieJar(content.cookies) } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes an `openSession` that caches the last `max` opened texts, so that a repeat costs one look-up. It checks the
 * expiry each time, and does not cache what can't be opened, so that guesses evict no session.
 */
export function makeSessionOpener(key: Buffer, { max }: Readonly<{ max: number }>): OpenSession {
  // Two generations instead of an order of use: a hit among the young changes nothing, and all old entries are dropped
  // when the young ones fill half.
  let young = new Map<string, SessionContent>();
  let old = young;
  return (sealed, nowMs) => {
    // A digest as the key saves half a kilobyte of text per session.
    const digest = hash('sha256', sealed, 'base64');
    let content = young.get(digest);
    if (content === undefined) {
      content = old.get(digest) ?? openSession(key, sealed, nowMs);
      if (content === undefined) return undefined;
      if (young.size >= max / 2) {
        old = young;
        young = new Map();
      }
      young.set(digest, content);
    }
    return content.expiresAt > nowMs ? content : undefined;
  };
}
