import { hash } from 'node:crypto';

/**
 * Keys of the counters that calls name again and again; a longer name is hashed anew each time, so that the cache stays
 * below 4 MiB.
 */
const MAX_CACHED_KEYS = 10_000;
const MAX_CACHED_NAME_LENGTH = 256;
const cached = new Map<string, string>();

const hashOf = (name: string): string => hash('sha256', name, 'hex');

/**
 * The key under which `limit_counters` keeps the counter of this name: its SHA-256 in 64 hexadecimal digits. Every key
 * has the same length and holds digits only, whatever the name holds and however long it is, so no customer's counter
 * can be one that the database does not store. Two names never share a key. The database's function `counter_key`
 * computes the same.
 */
export const counterKey = (name: string): string => {
  if (name.length > MAX_CACHED_NAME_LENGTH) return hashOf(name);
  const known = cached.get(name);
  if (known !== undefined) return known;
  const key = hashOf(name);
  if (cached.size >= MAX_CACHED_KEYS) cached.clear();
  cached.set(name, key);
  return key;
};
