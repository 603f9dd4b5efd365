import { totpCode } from '../../src/control-plane/accounts/totp.js';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The bytes of a Base32 text. */
const bytesOf = (text: string): Buffer => {
  const bits = [...text].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
};

/** What an authenticator shows for a secret, so many steps of 30 s from now. */
export const shownCode = (secret: unknown, steps = 0): string =>
  totpCode(bytesOf(String(secret)), new Date(Date.now() + steps * 30_000));

/** The code of the step before this one, amid a step: it is not two steps old when it arrives. */
export const earlierCode = async (secret: unknown): Promise<string> => {
  while (Date.now() % 30_000 > 27_000) await new Promise((resolve) => setTimeout(resolve, 100));
  return shownCode(secret, -1);
};
