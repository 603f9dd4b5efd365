import { HIDDEN } from '../../../platform/crypto/secret-text.js';
import type { Answer } from '../kind.js';

const MAX_ANSWER_BYTES = 2048;
const SHORTEST_SECRET = 4;

type Json = Readonly<Record<string, unknown>>;

/** User names with their passwords as `Authorization: Basic` has them, wherever they stand in a config. */
const basicCredentials = (config: Json): readonly string[] =>
  Object.values({ '': config, ...config }).flatMap((part) => {
    const { username, password } = (typeof part === 'object' && part !== null ? part : {}) as Json;
    return typeof username === 'string' && typeof password === 'string'
      ? [Buffer.from(`${username}:${password}`).toString('base64')]
      : [];
  });

/** Every spelling of a stream's secrets that a receiver might repeat, longest first. */
export const secretTexts = (secrets: readonly string[], config: Json): readonly string[] =>
  [
    ...new Set([
      ...basicCredentials(config),
      ...secrets.flatMap((secret) => [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]),
    ]),
  ]
    .filter((text) => text.length >= SHORTEST_SECRET)
    .toSorted((one, other) => other.length - one.length);

/**
 * What a receiver answered, without the stream's secrets (longest first), and cut to 2 KiB. Only so much is looked
 * through that what is kept holds no part of a secret either; the cost does not grow with the answer.
 */
export const cleanAnswer = ({ httpStatus, body }: Answer, secrets: readonly string[]): Answer => {
  const longest = secrets[0]?.length ?? 0;
  const looked = body.slice(0, MAX_ANSWER_BYTES + longest);
  const hidden = secrets.reduce((text, secret) => text.replaceAll(secret, HIDDEN), looked);
  // A secret that goes on behind the end of what was looked through begins within its last characters.
  const open = looked.length < body.length ? hidden.slice(0, Math.max(0, hidden.length - longest)) : hidden;
  // PostgreSQL holds no NUL; half a character at the cut becomes U+FFFD.
  const cut = Buffer.from(open.replaceAll('\0', '\uFFFD')).subarray(0, MAX_ANSWER_BYTES).toString();
  return { httpStatus, body: cut };
};
