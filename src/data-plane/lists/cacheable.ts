/** How long a client may use a result: as long as a change of policy may take to reach every gateway. */
const MAX_TTL_MS = 1000;

const ttlOf = (given: string | undefined): string => {
  const ttlMs = given === undefined ? Number.NaN : Number(given);
  return String(ttlMs >= 0 ? Math.min(Math.trunc(ttlMs), MAX_TTL_MS) : 0);
};

/**
 * What every result of the modern era says of its use, by member: made for this grant alone, and fresh for a second at
 * most. Each gets the JSON text of the server's value and returns its own.
 */
export const CACHE_MEMBERS: Readonly<Record<string, (given: string | undefined) => string>> = {
  resultType: (given) => given ?? '"complete"',
  ttlMs: ttlOf,
  cacheScope: () => '"private"',
};
