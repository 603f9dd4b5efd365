import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const TYPEID_SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

const base62 = (value: bigint, length: number): string => {
  let rest = value;
  let out = '';
  for (let i = 0; i < length; i += 1) {
    out = (BASE62[Number(rest % 62n)] ?? '') + out;
    rest /= 62n;
  }
  return out;
};

/** The CRC-32 of a text in base62: once for every request, so without big integers. */
const checksum = (text: string): string => {
  let rest = crc32(text);
  let out = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i += 1) {
    out = (BASE62[rest % 62] ?? '') + out;
    rest = Math.floor(rest / 62);
  }
  return out;
};

/** What a token is for: it is the word after `tg_`. */
export type TokenKind = 'grant' | 'access' | 'key' | 'session' | 'invite' | 'reset';

/**
 * A new bearer token `tg_<kind>_<id>_<secret><checksum>`: 256 random bits in base62 and a CRC-32 that lets secret
 * scanners and this server reject typing errors without a look-up. `id` is the part of a TypeID after the underscore.
 * Shown once, kept as a hash only.
 */
export const newToken = (kind: TokenKind, objectId: string): string => {
  const id = objectId.slice(objectId.indexOf('_') + 1);
  const secret = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), SECRET_LENGTH);
  const text = `tg_${kind}_${id}_${secret}`;
  return text + checksum(text);
};

/** SHA-256 of a token: the only form that is stored. Tokens carry 256 random bits, so no slow hash is needed. */
export const tokenHash = (token: string): Buffer => hash('sha256', token, 'buffer');

/** Compares two stored hashes in constant time; false when lengths differ. */
export const sameHash = (left: Buffer, right: Buffer): boolean =>
  left.length === right.length && timingSafeEqual(left, right);

/**
 * The object's id part of a well-formed token of this kind, or undefined (wrong kind, shape or checksum). No secret
 * comparison happens here.
 */
export const tokenObjectId = (kind: TokenKind, token: string): string | undefined => {
  const prefix = `tg_${kind}_`;
  const length = prefix.length + 26 + 1 + SECRET_LENGTH + CHECKSUM_LENGTH;
  if (token.length !== length || !token.startsWith(prefix) || token[prefix.length + 26] !== '_') return undefined;
  const body = token.slice(0, -CHECKSUM_LENGTH);
  const id = token.slice(prefix.length, prefix.length + 26);
  return TYPEID_SUFFIX.test(id) && checksum(body) === token.slice(-CHECKSUM_LENGTH) ? id : undefined;
};

/** The grant of a bearer token of the gateway: its own token, or an access token of a sign-in. */
export const tokenGrantId = (token: string): string | undefined => {
  const id = tokenObjectId('grant', token) ?? tokenObjectId('access', token);
  return id === undefined ? undefined : `grt_${id}`;
};
