import { lookup as nodeLookup, type LookupAddress } from 'node:dns';
import { FairTurns } from '../fair-shares/fair-turns.js';
import { within } from '../runtime/within.js';

export type Lookup = (
  hostname: string,
  options: Readonly<{ all: true }>,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

type Found = readonly LookupAddress[];
type CachedLookup = Readonly<{ found: Found; at: number }>;

const CACHE_SIZE = 5000;
const FRESH_MS = 10_000;
const STALE_MS = 300_000;
const RENEWAL_MS = 500;
const TURN_LIMITS = { waiting: 500, waitingPerKey: 50, waitMs: 5000 } as const;
const LIBUV_THREADS = 4;

/**
 * How look-ups are made: `threads` is libuv's UV_THREADPOOL_SIZE; `lookup` and `now` (ms) stand in for Node's and the
 * clock.
 */
export type NameLookupOptions = Readonly<{ threads?: number | undefined; lookup?: Lookup; now?: () => number }>;

/** What a name belongs to, as far as its last two labels tell: the names of one owner share its turns. */
const siteOf = (hostname: string): string => hostname.split('.').slice(-2).join('.');

/** One look-up, as a promise. */
const lookUp = (lookup: Lookup, hostname: string): Promise<Found> =>
  new Promise((resolve, reject) =>
    lookup(hostname, { all: true }, (error, found) => (error ? reject(error) : resolve(found))),
  );

/**
 * Look-ups by the resolver of this host, so that /etc/hosts, search domains and the like count, of names that strangers
 * chose. Node runs them on libuv's few threads, where a name whose server does not answer holds one for many seconds.
 * libuv keeps look-ups to half of its threads (UV__WORK_SLOW_IO), so that password hashes, of which two run at once,
 * and files always have the other half; what is left is that look-ups hold up look-ups. So:
 *
 * - one look-up of a name runs at a time, whoever waits for it, and of a site half as many as may: a slow site leaves
 *   threads to the others;
 * - an answer counts for 10 s, and for 5 minutes when its renewal fails or takes longer than half a second, so that
 *   names in use go on.
 *   The caller checks the addresses of every answer and connects to no others.
 *
 * At most 5,000 names are kept. A look-up that gets no turn in 5 s fails.
 */
export const makeNameLookups = ({
  threads = LIBUV_THREADS,
  lookup = nodeLookup,
  now = () => performance.now(),
}: NameLookupOptions = {}): Lookup => {
  const slots = Math.max(1, Math.floor((threads + 1) / 2));
  const turns = new FairTurns({ ...TURN_LIMITS, slots, slotsPerKey: Math.max(1, Math.floor(slots / 2)) });
  const kept = new Map<string, CachedLookup>();
  const running = new Map<string, Promise<Found>>();

  const keep = (hostname: string, found: Found): void => {
    kept.delete(hostname);
    kept.set(hostname, { found, at: now() });
    const [oldest] = kept.keys();
    if (kept.size > CACHE_SIZE && oldest !== undefined) kept.delete(oldest);
  };

  const renew = (hostname: string): Promise<Found> => {
    const asked = turns
      .run(siteOf(hostname), () => lookUp(lookup, hostname))
      .then((found) => {
        keep(hostname, found);
        return found;
      })
      .finally(() => running.delete(hostname));
    running.set(hostname, asked);
    // Whoever waits for it hears of a failure; a renewal may have nobody waiting.
    asked.catch(() => undefined);
    return asked;
  };

  return (hostname, _options, done) => {
    const known = kept.get(hostname);
    const age = known ? now() - known.at : Number.POSITIVE_INFINITY;
    if (known && age < FRESH_MS) return done(null, known.found);
    const asked = running.get(hostname) ?? renew(hostname);
    const usable = known && age < STALE_MS ? known.found : undefined;
    const settled = usable ? within(asked, RENEWAL_MS).then((found) => found ?? usable) : asked;
    settled.then(
      (found) => done(null, found),
      (error: unknown) => done(error instanceof Error ? error : new Error('the look-up failed'), []),
    );
  };
};
