import { hash } from 'node:crypto';

/** A SHA-256 hash. */
export type Hash = Buffer;

/** A perfect subtree: its `2 ** height` leaves begin at `index * 2 ** height`. */
export type Subtree = Readonly<{ height: number; index: number }>;

/** Leaves from `start` to before `end`. */
export type Range = Readonly<{ start: number; end: number }>;

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

const sha256 = (bytes: Buffer): Hash => hash('sha256', bytes, 'buffer');

/** The hash of a leaf (RFC 6962, section 2.1). */
export const leafHash = (leaf: Buffer): Hash => sha256(Buffer.concat([LEAF, leaf]));

/** The hash of a node with two children (RFC 6962, section 2.1). */
export const nodeHash = (left: Hash, right: Hash): Hash => sha256(Buffer.concat([NODE, left, right]));

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Hash = sha256(Buffer.alloc(0));

const largestPowerBelow = (count: number): number => {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
};

/** The fewest perfect subtrees that cover a range, from left to right. */
export const subtreesOf = ({ start, end }: Range): readonly Subtree[] => {
  const subtrees: Subtree[] = [];
  for (let at = start; at < end;) {
    let [height, size] = [0, 1];
    while (at % (size * 2) === 0 && at + size * 2 <= end) {
      height += 1;
      size *= 2;
    }
    subtrees.push({ height, index: at / size });
    at += size;
  }
  return subtrees;
};

/**
 * The root over perfect subtrees that cover a tree, or a range that a proof names, from left to right: as RFC 6962
 * splits at the largest power of two, all that stands right of a subtree is its sibling.
 */
export const foldSubtrees = (hashes: readonly Hash[]): Hash =>
  hashes.length === 0
    ? EMPTY_ROOT
    : hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), hashes.at(-1) as Hash);

/** What the audit path of a leaf consists of, from the leaf up (RFC 6962, section 2.1.1): the root of each range. */
export const inclusionRanges = (leaf: number, size: number): readonly Range[] => {
  const path: Range[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (leaf < middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  return path.toReversed();
};

/**
 * What proves that a tree of `size` leaves begins with the one of the first `from`, in the order of RFC 6962, section
 * 2.1.2: the root of each range. Nothing is needed where both are one tree, or the first has no leaves.
 */
export const consistencyRanges = (from: number, size: number): readonly Range[] => {
  if (from === 0 || from === size) return [];
  const proof: Range[] = [];
  let [start, end, isWhole] = [0, size, true];
  while (end > from) {
    const middle = start + largestPowerBelow(end - start);
    if (from <= middle) {
      proof.push({ start: middle, end });
      end = middle;
    } else {
      proof.push({ start, end: middle });
      start = middle;
      isWhole = false;
    }
  }
  if (!isWhole) proof.push({ start, end });
  return proof.toReversed();
};
