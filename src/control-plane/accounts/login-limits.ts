import ipaddr from 'ipaddr.js';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Problem } from '../../platform/runtime/problems.js';

const WINDOW_SECONDS = 15 * 60;

/**
 * How many failures 15 minutes allow to one target from one address, to one address with any targets, and to one target
 * from all addresses that its owner never signed in from.
 */
export const FAILED_LOGINS = { perTarget: 10, perAddress: 100, perTargetOfStrangers: 30 } as const;

/**
 * An attempt with a secret: whose it is (an e-mail address, or the key of a stored response) and the network address it
 * comes from. `known`: whether the owner signed in from this network before; undefined where nobody asks.
 */
export type Attempt = Readonly<{ target: string; address: string; known?: boolean }>;

/** The network that an address stands for: IPv4 as it is, IPv6 by its /64, which one subscriber has for itself. */
export const networkOf = (address: string): string => {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toNormalizedString().split(':').slice(0, 4).join(':');
};

/**
 * Counts failed sign-ins by target and address, by address alone, and by target over all addresses that are not known.
 * When strangers have used up the third count, their networks are refused and the owner's networks are not: nobody can
 * lock an owner out. Counts are in memory: each process has its own, so behind n processes an attacker has n times as
 * many attempts. Memory is bounded by the attempts of 15 minutes, as each failure costs a password hash or a
 * transaction.
 */
export class LoginLimits {
  readonly #byTarget = new RateLimiterMemory({
    keyPrefix: 'target',
    points: FAILED_LOGINS.perTarget,
    duration: WINDOW_SECONDS,
  });
  readonly #byAddress = new RateLimiterMemory({
    keyPrefix: 'address',
    points: FAILED_LOGINS.perAddress,
    duration: WINDOW_SECONDS,
  });

  readonly #byTargetOfStrangers = new RateLimiterMemory({
    keyPrefix: 'strangers',
    points: FAILED_LOGINS.perTargetOfStrangers,
    duration: WINDOW_SECONDS,
  });

  #counters({ target, address, known }: Attempt): readonly (readonly [RateLimiterMemory, string])[] {
    const network = networkOf(address);
    return [
      [this.#byTarget, `${target.toLowerCase()} ${network}`],
      [this.#byAddress, network],
      ...(known === false ? [[this.#byTargetOfStrangers, target.toLowerCase()] as const] : []),
    ];
  }

  /** @throws Problem too_many_requests with the seconds to wait when one of the counts is used up. */
  async admit(attempt: Attempt): Promise<void> {
    for (const [limiter, key] of this.#counters(attempt)) {
      const count = await limiter.get(key);
      if (count && count.consumedPoints >= limiter.points && count.msBeforeNext > 0) {
        throw new Problem('too_many_requests', 'Too many failed sign-ins. Wait, then try again.', {
          retryAfterSeconds: Math.ceil(count.msBeforeNext / 1000),
        });
      }
    }
  }

  async failed(attempt: Attempt): Promise<void> {
    for (const [limiter, key] of this.#counters(attempt)) await limiter.penalty(key);
  }

  /** Forgets the failures of this target from this address; those of the address stay. */
  async succeeded(attempt: Attempt): Promise<void> {
    const [byTarget] = this.#counters(attempt);
    if (byTarget) await byTarget[0].delete(byTarget[1]);
  }
}
