import { ROUNDS_PER_YIELD, type Sliced } from './slices.js';

/**
 * Sequences of whole numbers, by index: sorted, the shorter of two first where one begins the other, and each there
 * once.
 */
export type Sequences = Readonly<{
  count: number;
  lengthOf: (index: number) => number;
  labelAt: (index: number, depth: number) => number;
}>;

/**
 * A trie in typed arrays. Nodes are numbered breadth first from the root, 0, so that the children of a node stand side
 * by side, in the order of their labels. It takes 12 bytes a node. Building it takes time linear in the sequences, in
 * slices.
 */
export class SortedTrie {
  readonly size: number;
  /** By node: the label of the edge that leads to it. */
  readonly labels: Int32Array;
  /** By node: its first child. The children of a node end where those of the next begin. */
  readonly firstChild: Int32Array;
  /** By node: the sequence that ends there, or -1. */
  readonly sequenceAt: Int32Array;

  private constructor(size: number) {
    this.size = size;
    this.labels = new Int32Array(size);
    this.firstChild = new Int32Array(size + 1);
    this.sequenceAt = new Int32Array(size).fill(-1);
  }

  static *build(sequences: Sequences): Sliced<SortedTrie> {
    const { count, lengthOf, labelAt } = sequences;
    const size = yield* countNodes(sequences);
    const trie = new SortedTrie(size);
    // The sequences that go through a node are those from `from[node]` to before `to[node]`.
    const from = new Int32Array(size);
    const to = new Int32Array(size);
    to[0] = count;
    let next = 1;
    let depth = 0;
    let rounds = 0;
    for (let node = 0, endOfLevel = 1; node < size; node += 1) {
      if (node === endOfLevel) {
        depth += 1;
        endOfLevel = next;
      }
      trie.firstChild[node] = next;
      let at = from[node] as number;
      const end = to[node] as number;
      if (at < end && lengthOf(at) === depth) trie.sequenceAt[node] = at++;
      while (at < end) {
        const label = labelAt(at, depth);
        trie.labels[next] = label;
        from[next] = at;
        for (; at < end && labelAt(at, depth) === label; at += 1)
          if ((rounds += 1) % ROUNDS_PER_YIELD === 0) yield ROUNDS_PER_YIELD * STEPS_PER_LABEL;
        to[next] = at;
        next += 1;
      }
    }
    trie.firstChild[size] = next;
    return trie;
  }

  /** The child of a node under a label, or -1; takes time logarithmic in the number of its children. */
  child(node: number, label: number): number {
    const { labels, firstChild } = this;
    const end = firstChild[node + 1] as number;
    let low = firstChild[node] as number;
    let high = end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((labels[middle] as number) < label) low = middle + 1;
      else high = middle;
    }
    return low < end && labels[low] === label ? low : -1;
  }
}

/** Reading a label of a sequence, and what is noted of a node. */
const STEPS_PER_LABEL = 6;

/** The root, and for each sequence what it does not share with the one before it. */
function* countNodes({ count, lengthOf, labelAt }: Sequences): Sliced<number> {
  let size = 1;
  let rounds = 0;
  for (let index = 0; index < count; index += 1) {
    const length = lengthOf(index);
    const shorter = index === 0 ? 0 : Math.min(length, lengthOf(index - 1));
    let shared = 0;
    while (shared < shorter && labelAt(index, shared) === labelAt(index - 1, shared)) shared += 1;
    size += length - shared;
    rounds += shared + 1;
    if (rounds < ROUNDS_PER_YIELD) continue;
    yield rounds * STEPS_PER_LABEL;
    rounds = 0;
  }
  return size;
}
