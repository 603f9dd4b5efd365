import { PieceSearch, type Found } from './piece-search.js';
import { ROUNDS_PER_YIELD, sorted, type Sliced } from './slices.js';
import { SortedTrie } from './sorted-trie.js';

/**
 * The most steps, of about 10 ns, that judging a call's name by patterns may take: a call that takes more is refused.
 */
export const MAX_PATTERN_STEPS = 100_000;

const STEPS_PER_CHILD = 1;
/** Looking a child up by its label. */
const STEPS_PER_LABEL = 4;
const STEPS_PER_NODE = 6;

const NO_PIECE = -1;
const NO_PATTERN = 0x7fff_ffff;

/**
 * `first` is the index of the first pattern that matches, or -1. It means nothing when `steps` is over the allowed
 * number.
 */
export type Match = Readonly<{ first: number; steps: number }>;

/** The nodes that are still to be walked, each with where the pieces on the way to it end in the name. */
type Walk = Readonly<{ name: string; found: Found; except: number; nodes: number[]; ends: number[] }> & {
  best: number;
  steps: number;
};

type Built = Readonly<{ pieces: readonly string[]; search: PieceSearch; trie: SortedTrie; first: Int32Array }>;

type Path = Readonly<{ labels: readonly number[]; pattern: number }>;

/**
 * Finds the first of many patterns that matches a name; in a pattern `*` is any run of characters, also an empty one.
 * Patterns are cut at their stars into pieces. One pass finds which pieces the name holds, and in the trie of the
 * patterns' pieces only the branches whose pieces occur in their order are walked, so that a pattern costs nothing
 * unless the name holds what it begins with. A node is walked at most once, with the leftmost place of each piece, as
 * that leaves the most room for the rest. Steps are counted and bounded by `MAX_PATTERN_STEPS`: the same name always
 * takes as many.
 */
export class PatternIndex {
  readonly #pieces: readonly string[];
  readonly #search: PieceSearch;
  /** Of each pattern its first piece, those between, and its last. */
  readonly #trie: SortedTrie;
  /** By node: the first pattern in its branch. */
  readonly #first: Int32Array;

  private constructor({ pieces, search, trie, first }: Built) {
    this.#pieces = pieces;
    this.#search = search;
    this.#trie = trie;
    this.#first = first;
  }

  /**
   * Every pattern has a star. The earlier one goes before the later one. Takes time n log n in their characters, in
   * slices.
   */
  static *build(patterns: readonly string[]): Sliced<PatternIndex> {
    const { pieces, paths } = yield* pathsOf(patterns);
    const recurring = yield* recurringPieces(paths, pieces.length);
    const distinct = yield* sortedAndDistinct(paths);
    const search = yield* PieceSearch.build(pieces, (piece) => recurring[piece] === 1);
    const trie = yield* SortedTrie.build({
      count: distinct.length,
      lengthOf: (index) => distinct[index]?.labels.length ?? 0,
      labelAt: (index, depth) => distinct[index]?.labels[depth] ?? 0,
    });
    return new PatternIndex({ pieces, search, trie, first: yield* firstInBranches(trie, distinct) });
  }

  /** A bound of the steps that a name of this length or a shorter one can take. */
  maxSteps(length: number): number {
    const { size, firstChild } = this.#trie;
    const mostPieces = this.#search.mostPieces(length);
    const below = new Float64Array(size);
    for (let node = size - 1; node >= 0; node -= 1) {
      const children = below.subarray(firstChild[node], firstChild[node + 1]);
      // A name leads no further than to as many children as it holds pieces.
      const costliest = children.length <= mostPieces ? children : children.toSorted().subarray(-mostPieces);
      below[node] =
        (isLast(this.#trie.labels[node] as number) ? 0 : STEPS_PER_NODE) +
        (STEPS_PER_CHILD + 1) * children.length +
        costliest.reduce((sum, steps) => sum + steps, 0);
    }
    return this.#search.maxSteps(length) + length * STEPS_PER_LABEL + (below[0] as number);
  }

  /** The first pattern that matches the name, `except` left out. Stops when it took more than `maxSteps`. */
  match(name: string, maxSteps = MAX_PATTERN_STEPS, except = -1): Match {
    const found = this.#search.search(name, maxSteps);
    const walk: Walk = { name, found, except, nodes: [], ends: [], best: NO_PATTERN, steps: found.steps };
    this.#begin(walk);
    for (let node = walk.nodes.pop(); node !== undefined && walk.steps <= maxSteps; node = walk.nodes.pop()) {
      this.#walk(walk, node, walk.ends.pop() ?? 0);
    }
    return { first: walk.best === NO_PATTERN ? -1 : walk.best, steps: walk.steps };
  }

  #begin(walk: Walk): void {
    for (const piece of [NO_PIECE, ...this.#search.prefixes(walk.name)]) {
      const node = this.#trie.child(0, labelOf(piece, false));
      walk.steps += STEPS_PER_LABEL;
      if (node >= 0) this.#reach(walk, node, this.#lengthOf(piece));
    }
  }

  /** Goes through the children of a node, or through what the name holds, whichever is less. */
  #walk(walk: Walk, node: number, end: number): void {
    walk.steps += STEPS_PER_NODE;
    if ((this.#first[node] as number) >= walk.best) return;
    const { pieces, suffixes } = walk.found;
    const from = this.#trie.firstChild[node] as number;
    const to = this.#trie.firstChild[node + 1] as number;
    if (to - from <= (pieces.length + suffixes.length + 1) * STEPS_PER_LABEL) {
      for (let child = from; child < to; child += 1) this.#tryChild(walk, child, end);
      return;
    }
    this.#tryLabel(walk, node, labelOf(NO_PIECE, true), end);
    for (const piece of suffixes) this.#tryLabel(walk, node, labelOf(piece, true), end);
    for (const piece of pieces) this.#tryLabel(walk, node, labelOf(piece, false), end);
  }

  #tryLabel(walk: Walk, node: number, label: number, end: number): void {
    const child = this.#trie.child(node, label);
    walk.steps += STEPS_PER_LABEL;
    if (child >= 0) this.#tryChild(walk, child, end);
  }

  #tryChild(walk: Walk, child: number, end: number): void {
    walk.steps += STEPS_PER_CHILD;
    if ((this.#first[child] as number) >= walk.best) return;
    const label = this.#trie.labels[child] as number;
    const piece = pieceOf(label);
    if (!isLast(label)) {
      const next = this.#search.nextEnd(piece, end);
      if (next >= 0) this.#reach(walk, child, next);
    } else if (piece === NO_PIECE || this.#search.isSuffix(piece)) {
      const pattern = this.#first[child] as number;
      if (walk.name.length - this.#lengthOf(piece) >= end && pattern !== walk.except) walk.best = pattern;
    }
  }

  #reach({ nodes, ends }: Walk, node: number, end: number): void {
    nodes.push(node);
    ends.push(end);
  }

  #lengthOf(piece: number): number {
    return this.#pieces[piece]?.length ?? 0;
  }
}

const labelOf = (piece: number, last: boolean): number => (piece + 1) * 2 + (last ? 1 : 0);
const pieceOf = (label: number): number => (label >> 1) - 1;
const isLast = (label: number): boolean => (label & 1) === 1;

/** The first and the last may be empty, those between are not. */
function piecesOf(pattern: string): readonly string[] {
  return pattern.split('*').filter((piece, at, { length }) => piece !== '' || at === 0 || at === length - 1);
}

/** Cutting a pattern at its stars, and looking its pieces up. */
const STEPS_PER_CUT = 60;
const STEPS_PER_PATH = 20;
const STEPS_PER_NODE_BUILT = 6;
const STEPS_PER_YIELD = 10_000;

/** The pieces in their order, and each pattern as a path of them. */
function* pathsOf(
  patterns: readonly string[],
): Sliced<Readonly<{ pieces: readonly string[]; paths: readonly Path[] }>> {
  const cut: (readonly string[])[] = [];
  const distinct = new Set<string>();
  let steps = 0;
  for (const pattern of patterns) {
    const own = piecesOf(pattern);
    cut.push(own);
    for (const piece of own) if (piece !== '') distinct.add(piece);
    if ((steps += pattern.length + own.length * STEPS_PER_CUT) < STEPS_PER_YIELD) continue;
    yield steps;
    steps = 0;
  }
  const pieces = yield* sorted([...distinct], (one, other) => (one < other ? -1 : 1));
  const ids = new Map<string, number>();
  for (const [id, piece] of pieces.entries()) {
    ids.set(piece, id);
    if (id % ROUNDS_PER_YIELD === 0) yield ROUNDS_PER_YIELD * STEPS_PER_PATH;
  }
  const paths: Path[] = [];
  for (const [pattern, own] of cut.entries()) {
    paths.push({ labels: own.map((piece, at) => labelOf(ids.get(piece) ?? NO_PIECE, at === own.length - 1)), pattern });
    if ((steps += own.length * STEPS_PER_PATH) < STEPS_PER_YIELD) continue;
    yield steps;
    steps = 0;
  }
  return { pieces, paths };
}

/** Pieces that are looked for behind another one, so that their first place in a name is not enough to know. */
function* recurringPieces(paths: readonly Path[], count: number): Sliced<Uint8Array> {
  const recurring = new Uint8Array(count);
  for (const [index, { labels }] of paths.entries()) {
    const unanchored = labels[0] === labelOf(NO_PIECE, false) ? 2 : 1;
    for (let at = unanchored; at < labels.length - 1; at += 1) recurring[pieceOf(labels[at] as number)] = 1;
    if (index % ROUNDS_PER_YIELD === 0) yield ROUNDS_PER_YIELD * STEPS_PER_PATH;
  }
  return recurring;
}

/** Of those that are equal but for the number of stars the first stays. */
function* sortedAndDistinct(paths: readonly Path[]): Sliced<readonly Path[]> {
  const inOrder = yield* sorted(
    paths,
    (one, other) => compareLabels(one.labels, other.labels) || one.pattern - other.pattern,
  );
  const distinct: Path[] = [];
  for (const [at, path] of inOrder.entries()) {
    if (compareLabels(path.labels, distinct.at(-1)?.labels ?? []) !== 0) distinct.push(path);
    if (at % ROUNDS_PER_YIELD === 0) yield ROUNDS_PER_YIELD * STEPS_PER_PATH;
  }
  return distinct;
}

function compareLabels(one: readonly number[], other: readonly number[]): number {
  const shorter = Math.min(one.length, other.length);
  for (let at = 0; at < shorter; at += 1) if (one[at] !== other[at]) return (one[at] as number) - (other[at] as number);
  return one.length - other.length;
}

function* firstInBranches({ size, firstChild, sequenceAt }: SortedTrie, paths: readonly Path[]): Sliced<Int32Array> {
  const first = new Int32Array(size).fill(NO_PATTERN);
  for (let node = size - 1; node >= 0; node -= 1) {
    const path = paths[sequenceAt[node] as number];
    if (path !== undefined) first[node] = path.pattern;
    const end = firstChild[node + 1] as number;
    for (let child = firstChild[node] as number; child < end; child += 1)
      first[node] = Math.min(first[node] as number, first[child] as number);
    if (node % ROUNDS_PER_YIELD === 0) yield ROUNDS_PER_YIELD * STEPS_PER_NODE_BUILT;
  }
  return first;
}
