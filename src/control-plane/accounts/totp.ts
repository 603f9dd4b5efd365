import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const STEP_SECONDS = 30;
const DIGITS = 6;
/** A clock may be a step off, either way. */
const TOLERATED_STEPS = [0, -1, 1];
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
export const RECOVERY_CODES = 10;

/** Base32 (RFC 4648) without padding. */
const base32 = (bytes: Buffer): string => {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
};

/** A new secret of 160 bits, as RFC 4226 recommends. */
export const newTotpSecret = (): Buffer => randomBytes(20);

/** The code of a step (RFC 4226, 5.3). */
const codeOf = (secret: Buffer, step: number): string => {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', secret).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** DIGITS).padStart(DIGITS, '0');
};

/** The code that an authenticator shows at a time. */
export const totpCode = (secret: Buffer, now: Date): string =>
  codeOf(secret, Math.floor(now.getTime() / 1000 / STEP_SECONDS));

/** The step that a code is of, now or one step off; undefined for another code. */
export const stepOfCode = (secret: Buffer, code: string, now: Date): number | undefined => {
  if (!/^\d{6}$/.test(code)) return undefined;
  const step = Math.floor(now.getTime() / 1000 / STEP_SECONDS);
  return TOLERATED_STEPS.map((off) => step + off).find((one) =>
    timingSafeEqual(Buffer.from(codeOf(secret, one)), Buffer.from(code)),
  );
};

/** What authenticators read from a QR code, as text and as a URI. */
export const totpUri = (secret: Buffer, email: string): Readonly<{ secret: string; uri: string }> => {
  const text = base32(secret);
  const label = `Toolgate:${email}`;
  const query = new URLSearchParams({ secret: text, issuer: 'Toolgate' });
  return { secret: text, uri: `otpauth://totp/${encodeURIComponent(label)}?${query.toString()}` };
};

/** Recovery codes of 50 bits, each good once. */
export const newRecoveryCodes = (): readonly string[] =>
  Array.from({ length: RECOVERY_CODES }, () => base32(randomBytes(7)).slice(0, 10).toLowerCase());

/** What is kept of a recovery code; blanks, hyphens and case don't count. */
export const recoveryHash = (code: string): Buffer =>
  createHash('sha256').update(code.replaceAll(/[\s-]/g, '').toLowerCase()).digest();
