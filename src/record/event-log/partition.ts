/**
 * The partition of a key: murmur2 as Kafka's own clients compute it, so that any producer in any language agrees.
 * The number of partitions must never change once a topic exists.
 */
export const partitionOf = (key: string, partitions: number): number => (hashOf(key) & 0x7fffffff) % partitions;

const CACHE_SIZE = 10_000;
const hashes = new Map<string, number>();

/** Keys are organizations: few, and each many times. */
const hashOf = (key: string): number => {
  const known = hashes.get(key);
  if (known !== undefined) return known;
  const hash = murmur2(Buffer.from(key));
  if (hashes.size >= CACHE_SIZE) hashes.clear();
  hashes.set(key, hash);
  return hash;
};

const M = 0x5bd1e995;

const tail = (data: Uint8Array, hash: number): number => {
  const at = data.length & ~3;
  let h = hash;
  if ((data.length & 3) >= 3) h ^= (data[at + 2] ?? 0) << 16;
  if ((data.length & 3) >= 2) h ^= (data[at + 1] ?? 0) << 8;
  if ((data.length & 3) >= 1) h = Math.imul(h ^ (data[at] ?? 0), M);
  return h;
};

const murmur2 = (data: Buffer): number => {
  let h = 0x9747b28c ^ data.length;
  for (let at = 0; at + 4 <= data.length; at += 4) {
    let k = Math.imul(data.readInt32LE(at), M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  h = tail(data, h);
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
};
