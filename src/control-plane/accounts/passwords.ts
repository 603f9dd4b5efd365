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

/** The hash of a random password that nobody knows: an unknown e-mail costs as much as a wrong password. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$tmo+iALy4sfSIfciUNSHLg$CAd9UtJq4WGGezFQxBZFYVmfECDSWUlZ1FYSUTAX8Sc';

/**
 * A flood of passwords must not starve the gateway of processor time and threads: two are hashed at once in this
 * process.
 */
const hashing = new FairTurns({ slots: 2, slotsPerKey: 2, waiting: 200, waitingPerKey: 25, waitMs: 30_000 });

/**
 * Who asks for a hash: networks take turns, and in each network those who sign up with those who sign in, so that a
 * flood of the one does not keep out the other.
 */
export type Hasher = Readonly<{ kind: 'signup' | 'login'; address: string }>;

type Guards = Readonly<{ admit: () => Promise<void>; failed: () => Promise<void> }>;

const keyOf = ({ kind, address }: Hasher): string => `${kind} ${networkOf(address)}`;

/**
 * The hash of a new password, as a PHC string with its own salt. Waits its turn.
 * @throws Problem too_many_requests or unavailable when too many wait
 */
export const hashPassword = (password: string, by: Hasher): Promise<string> =>
  hashing.run(keyOf(by), () => hash(password, COST));

/**
 * Whether a password belongs to a stored hash; without a hash it is never right and takes the same time. Waits its
 * turn. `admit` is asked when the turn has come, so that a refusal by what happened while waiting costs nothing;
 * `failed` is told of a wrong password before the turn ends, so that guesses sent at once get no further than one after
 * the other.
 */
export const passwordMatches = (stored: string | undefined, password: string, by: Hasher & Guards): Promise<boolean> =>
  hashing.run(keyOf(by), async () => {
    await by.admit();
    const right = await verify(stored ?? NOBODY, password);
    const matches = right && stored !== undefined;
    if (!matches) await by.failed();
    return matches;
  });
