import { hash, verify } from '@node-rs/argon2';
import { FairTurns } from '../../platform/fair-shares/fair-turns.js';
import { networkOf } from './login-limits.js';

/** Bounds of a password, in characters. */
export const PASSWORD_LENGTH = { min: 8, max: 256 } as const;

/**
 * argon2id (the library's default algorithm) with the parameters of OWASP's Password Storage Cheat Sheet: 19 MiB, two
 * passes, one lane.
 */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** The hash of a random password that nobody knows: it makes an unknown e-mail cost as much as a wrong password. */
const UNKNOWN_USER_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$tmo+iALy4sfSIfciUNSHLg$CAd9UtJq4WGGezFQxBZFYVmfECDSWUlZ1FYSUTAX8Sc';

/**
 * A flood of passwords must not starve the gateway of processor time and threads: this process hashes two at once.
 */
const hashing = new FairTurns({ slots: 2, slotsPerKey: 2, waiting: 200, waitingPerKey: 25, waitMs: 30_000 });

/**
 * Who asks for a hash. Networks take turns, and within a network sign-ups and sign-ins take turns, so that a flood of
 * one kind does not keep out the other.
 */
export type Hasher = Readonly<{ kind: 'signup' | 'login'; address: string }>;

type Guards = Readonly<{ admit: () => Promise<void>; failed: () => Promise<void> }>;

const keyOf = ({ kind, address }: Hasher): string => `${kind} ${networkOf(address)}`;

/**
 * The hash of a new password in NFC, whatever keyboard it was typed on, as a PHC string with its own salt. Waits its
 * turn.
 * @throws Problem too_many_requests or unavailable when too many wait
 */
export const hashPassword = (password: string, by: Hasher): Promise<string> =>
  hashing.run(keyOf(by), () => hash(password.normalize('NFC'), COST));

/**
 * The forms in which a password may have been hashed: NFC, and for hashes of earlier releases, which took it as it was
 * typed, NFD and as it is. One form, unless the password has characters beyond ASCII.
 */
const formsOf = (password: string): readonly string[] => [
  ...new Set([password.normalize('NFC'), password, password.normalize('NFD')]),
];

const matchesAnyForm = async (stored: string, password: string): Promise<boolean> => {
  for (const form of formsOf(password)) if (await verify(stored, form)) return true;
  return false;
};

/**
 * Whether a password belongs to a stored hash; without a hash the answer is false after the same time. Waits its turn.
 * `admit` is called when the turn has come, so that failures counted meanwhile refuse it before it is hashed; `failed`
 * is called for a wrong password before the turn ends, so that parallel guesses get no further than serial ones.
 */
export const passwordMatches = (stored: string | undefined, password: string, by: Hasher & Guards): Promise<boolean> =>
  hashing.run(keyOf(by), async () => {
    await by.admit();
    const right = await matchesAnyForm(stored ?? UNKNOWN_USER_HASH, password);
    const matches = right && stored !== undefined;
    if (!matches) await by.failed();
    return matches;
  });
