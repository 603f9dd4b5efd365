import { ROUNDS_PER_YIELD, type Sliced } from './slices.js';
import { SortedTrie } from './sorted-trie.js';

/**
 * What a text holds of the pieces, until the next search. Places are where a piece ends, exclusive, in UTF-16 units.
 */
export type Found = Readonly<{
  /** The pieces that occur, each once, and those that the text ends with. */
  pieces: readonly number[];
  suffixes: readonly number[];
  steps: number;
}>;

const STEPS_PER_CHARACTER = 4;
const STEPS_PER_PIECE = 6;
const STEPS_PER_END = 3;
/** Finding the longest shorter path of a node. */
const STEPS_PER_LINK = 15;

/**
 * Finds which of many pieces a text holds, by the automaton of Aho and Corasick: in time linear in the text and in what
 * is found, whatever the number of the pieces. All ends are told of the `recurring` pieces only, as text and pieces
 * made of one letter have many.
 */
export class PieceSearch {
  readonly #trie: SortedTrie;
  /** By node: the longest proper suffix of its path that is a path too. */
  readonly #shorter: Int32Array;
  /** By node: the longest such suffix that is a piece, and one that is a recurring piece; 0 where there is none. */
  readonly #piece: Int32Array;
  readonly #recurring: Int32Array;
  readonly #isRecurring: (piece: number) => boolean;
  readonly #lengths: Int32Array;
  /** By piece: the search that found it last, and the one that found the text to end with it. */
  readonly #foundIn: Int32Array;
  readonly #suffixIn: Int32Array;
  readonly #firstEnd: Int32Array;
  readonly #ends: number[][] = [];
  #searches = 0;

  private constructor(trie: SortedTrie, pieces: readonly string[], isRecurring: (piece: number) => boolean) {
    this.#trie = trie;
    this.#isRecurring = isRecurring;
    this.#lengths = Int32Array.from(pieces, ({ length }) => length);
    this.#foundIn = new Int32Array(pieces.length);
    this.#suffixIn = new Int32Array(pieces.length);
    this.#firstEnd = new Int32Array(pieces.length);
    this.#shorter = new Int32Array(trie.size);
    this.#piece = new Int32Array(trie.size);
    this.#recurring = new Int32Array(trie.size);
  }

  /** `pieces` are not empty, sorted by UTF-16 units, and each there once; a piece is named by its index. */
  static *build(pieces: readonly string[], isRecurring: (piece: number) => boolean): Sliced<PieceSearch> {
    const trie = yield* SortedTrie.build({
      count: pieces.length,
      lengthOf: (index) => pieces[index]?.length ?? 0,
      labelAt: (index, depth) => pieces[index]?.charCodeAt(depth) ?? 0,
    });
    const search = new PieceSearch(trie, pieces, isRecurring);
    yield* search.#link();
    return search;
  }

  /** How many pieces a text of this length or a shorter one can hold, at most. */
  mostPieces(length: number): number {
    return Math.min(this.#lengths.length, length * this.#mostAtOnce((node) => this.#isPieceAt(node), this.#piece));
  }

  /** A bound of the steps that searching a text of this length or a shorter one can take. */
  maxSteps(length: number): number {
    const atOnce = this.#mostAtOnce((node) => this.#isRecurringAt(node), this.#recurring);
    return length * (STEPS_PER_CHARACTER + (atOnce + 1) * STEPS_PER_END) + this.mostPieces(length) * STEPS_PER_PIECE;
  }

  /**
   * How many pieces of a kind can end at one place; `links` lead from each node to the next shorter one of the kind.
   */
  #mostAtOnce(isKind: (node: number) => boolean, links: Int32Array): number {
    const ending = new Int32Array(links.length);
    let most = 0;
    for (let node = 1; node < links.length; node += 1) {
      // What is shorter has a smaller number.
      ending[node] = (isKind(node) ? 1 : 0) + (ending[links[node] as number] as number);
      most = Math.max(most, ending[node] as number);
    }
    return most;
  }

  /** Stops when it took more than `maxSteps`. */
  search(text: string, maxSteps: number): Found {
    this.#searches += 1;
    const pieces: number[] = [];
    let node = 0;
    let steps = 0;
    for (let at = 0; at < text.length && steps <= maxSteps; at += 1) {
      node = this.#follow(node, text.charCodeAt(at));
      const before = pieces.length;
      this.#noteFirst(node, at + 1, pieces);
      steps +=
        STEPS_PER_CHARACTER + STEPS_PER_PIECE * (pieces.length - before) + STEPS_PER_END * this.#noteEnds(node, at + 1);
    }
    const suffixes: number[] = [];
    for (let end = this.#own(node); end > 0; end = this.#piece[end] as number) {
      const piece = this.#trie.sequenceAt[end] as number;
      this.#suffixIn[piece] = this.#searches;
      suffixes.push(piece);
    }
    return { pieces, suffixes, steps: steps + STEPS_PER_END * suffixes.length };
  }

  /** Whether the text that was searched last ends with a piece. */
  isSuffix(piece: number): boolean {
    return this.#suffixIn[piece] === this.#searches;
  }

  /** Where a piece that begins at `from` or later ends first in the text that was searched last, or -1. */
  nextEnd(piece: number, from: number): number {
    if (this.#foundIn[piece] !== this.#searches) return -1;
    const earliest = from + (this.#lengths[piece] as number);
    const first = this.#firstEnd[piece] as number;
    return first >= earliest ? first : firstFrom(this.#ends[piece] ?? [], earliest);
  }

  /** The pieces that the text begins with. */
  prefixes(text: string): number[] {
    const found: number[] = [];
    for (let at = 0, node = 0; at < text.length; at += 1) {
      node = this.#trie.child(node, text.charCodeAt(at));
      if (node < 0) break;
      const piece = this.#trie.sequenceAt[node] as number;
      if (piece >= 0) found.push(piece);
    }
    return found;
  }

  /** Where a piece was noted, all that it ends with were. */
  #noteFirst(node: number, end: number, pieces: number[]): void {
    for (let at = this.#own(node); at > 0; at = this.#piece[at] as number) {
      const piece = this.#trie.sequenceAt[at] as number;
      if (this.#foundIn[piece] === this.#searches) return;
      this.#foundIn[piece] = this.#searches;
      this.#firstEnd[piece] = end;
      pieces.push(piece);
    }
  }

  #noteEnds(node: number, end: number): number {
    let noted = 0;
    let at = this.#isRecurringAt(node) ? node : (this.#recurring[node] as number);
    for (; at > 0; at = this.#recurring[at] as number) {
      const piece = this.#trie.sequenceAt[at] as number;
      if (this.#firstEnd[piece] === end) this.#ends[piece] = [end];
      else this.#ends[piece]?.push(end);
      noted += 1;
    }
    return noted;
  }

  #own(node: number): number {
    return this.#isPieceAt(node) ? node : (this.#piece[node] as number);
  }

  #isPieceAt(node: number): boolean {
    return (this.#trie.sequenceAt[node] as number) >= 0;
  }

  #isRecurringAt(node: number): boolean {
    const piece = this.#trie.sequenceAt[node] as number;
    return piece >= 0 && this.#isRecurring(piece);
  }

  #follow(from: number, unit: number): number {
    let node = from;
    for (;;) {
      const child = this.#trie.child(node, unit);
      if (child >= 0) return child;
      if (node === 0) return 0;
      node = this.#shorter[node] as number;
    }
  }

  *#link(): Sliced<void> {
    const { size, firstChild } = this.#trie;
    for (let node = 0; node < size; node += 1) {
      const end = firstChild[node + 1] as number;
      for (let child = firstChild[node] as number; child < end; child += 1) {
        this.#linkChild(node, child);
        if (child % ROUNDS_PER_YIELD === 0) yield ROUNDS_PER_YIELD * STEPS_PER_LINK;
      }
    }
  }

  #linkChild(node: number, child: number): void {
    const shorter = node === 0 ? 0 : this.#follow(this.#shorter[node] as number, this.#trie.labels[child] as number);
    this.#shorter[child] = shorter;
    this.#piece[child] = this.#own(shorter);
    this.#recurring[child] = this.#isRecurringAt(shorter) ? shorter : (this.#recurring[shorter] as number);
  }
}

/** The first of ascending numbers that is at least `least`, or -1. */
function firstFrom(numbers: readonly number[], least: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return numbers[low] ?? -1;
}
