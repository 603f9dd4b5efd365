import { hash, verify } from '@node-rs/argon2';
import { Problem } from '../platform/problems.js';

/** Bounds of a password, in characters. */
export const PASSWORD_LENGTH = { min: 8, max: 256 } as const;

/** argon2id (the library's default algorithm) with the parameters of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** The hash of a random password that nobody knows: an unknown e-mail costs as much as a wrong password. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$tmo+iALy4sfSIfciUNSHLg$CAd9UtJq4WGGezFQxBZFYVmfECDSWUlZ1FYSUTAX8Sc';

/**
 * Runs at most `slots` works at once and lets at most `places` wait, first come first served.
 * @throws Problem too_many_requests when all places are taken.
 */
export const waitingLine = (slots: number, places: number): (<T>(work: () => Promise<T>) => Promise<T>) => {
  const waiting: (() => void)[] = [];
  let running = 0;
  const enter = async (): Promise<void> => {
    if (running < slots) {
      running += 1;
      return;
    }
    if (waiting.length >= places) throw new Problem('too_many_requests', 'Too many people sign in at once. Try again in a moment.', { retryAfterSeconds: 2 });
    await new Promise<void>((turn) => waiting.push(turn));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  };
  return async (work) => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
};

/** One line for the whole process: a flood of logins must not starve the gateway of processor time and threads. */
const inTurn = waitingLine(2, 50);

/** The hash of a new password, as a PHC string with its own salt. Waits its turn. */
export const hashPassword = (password: string): Promise<string> => inTurn(() => hash(password, COST));

/**
 * Whether a password belongs to a stored hash; without a hash it is never right and takes the same time.
 * `admit` is asked when the turn has come, so that a refusal by what happened while waiting costs nothing.
 */
export const passwordMatches = (stored: string | undefined, password: string, admit: () => Promise<void>): Promise<boolean> =>
  inTurn(async () => {
    await admit();
    const right = await verify(stored ?? NOBODY, password);
    return right && stored !== undefined;
  });
