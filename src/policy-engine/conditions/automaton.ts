import type { Sliced } from '../slices.js';
import {
  empty,
  intervalOf,
  lineFeed,
  op,
  runeClasses,
  wordBehind,
  type Classes,
  type Program,
  type RuneClass,
} from './rune-classes.js';
import type { Work } from './work.js';

const unknown = -1;
const matched = -2;
const CHARACTER_STEPS = 3;
const WIDE_CHARACTER_STEPS = 8;
const TRANSITION_STEPS = 400;
const INSTRUCTION_STEPS = 40;
const none = new Uint16Array(0);
const BYTES_OF_AUTOMATON = 2500;
const BYTES_OF_CLASS = 150;
const BYTES_OF_STATE = 200;
/** What is kept from call to call, so that an automaton takes at most about 150 KB: more is dropped after the call. */
const MAX_CACHED_TRANSITIONS = 2048;
const MAX_CACHED_CELLS = 8192;
const MAX_CACHED_SEEDS = 8192;

/**
 * Searches texts for a match of one program, by RE2's deterministic automaton made as it is needed. re2js has one too,
 * but falls back to a simulation that takes seconds for 64 KiB. Here a search takes from the call's work: 3 a
 * character, some more above U+00FF, much more for each transition that this call is the first to take, known from an
 * earlier call or not, so that the answer never depends on what was searched before.
 */
export class Automaton {
  readonly #start: number;
  readonly #op: Uint8Array;
  readonly #out: Uint16Array;
  readonly #arg: Uint16Array;
  readonly #setOf: Uint16Array;
  readonly #bounds: Int32Array;
  readonly #classes: readonly RuneClass[];
  readonly #classOfInterval: Uint16Array;
  readonly #latin1 = new Uint16Array(256);
  readonly #context: number;
  readonly #seen: Uint32Array;
  #mark = 0;
  #visited = 0;
  readonly #reached: number[] = [];
  #seeds: Uint16Array[] = [];
  #flags: number[] = [];
  #ids = new Map<string, number>();
  #next = new Int32Array(0);
  #cost = new Int32Array(0);
  #stamp = new Uint32Array(0);
  #call = 0;
  #transitionCount = 0;
  #seedCount = 0;
  #first: number;

  private constructor({ start, instructions, setOf, bounds }: Program, { classes, classOfInterval, context }: Classes) {
    // The program of re2js takes a quarter of a kilobyte an instruction: only what is needed of it is kept.
    this.#start = start;
    this.#op = Uint8Array.from(instructions, ({ op: kind }) => kind);
    this.#out = Uint16Array.from(instructions, ({ out }) => out);
    this.#arg = Uint16Array.from(instructions, ({ arg }) => arg);
    this.#setOf = setOf;
    this.#bounds = Int32Array.from(bounds);
    this.#seen = new Uint32Array(instructions.length);
    this.#context = context;
    this.#classes = classes;
    this.#classOfInterval = classOfInterval;
    for (let rune = 0; rune < 256; rune += 1)
      this.#latin1[rune] = this.#classOfInterval[intervalOf(this.#bounds, rune)] ?? 0;
    this.#first = this.#firstState();
  }

  /** Prepares the automaton of a program, in slices. */
  static *build(program: Program): Sliced<Automaton> {
    return new Automaton(program, yield* runeClasses(program));
  }

  /** What it takes at present, in bytes, about. */
  get bytes(): number {
    const perInstruction = 11 * this.#op.length;
    const classes = this.#classes.reduce((sum, { sets }) => sum + BYTES_OF_CLASS + sets.length, 0);
    return (
      BYTES_OF_AUTOMATON +
      perInstruction +
      6 * this.#bounds.length +
      classes +
      12 * this.#next.length +
      BYTES_OF_STATE * this.#seeds.length +
      4 * this.#seedCount
    );
  }

  /** Whether some part of the text matches; `undecidable` when the work is used up first. */
  search(text: string, work: Work): boolean | 'undecidable' {
    const found = this.#run(text, work);
    if (
      this.#transitionCount > MAX_CACHED_TRANSITIONS ||
      this.#next.length > MAX_CACHED_CELLS ||
      this.#seedCount > MAX_CACHED_SEEDS
    )
      this.#forget();
    return found;
  }

  #run(text: string, work: Work): boolean | 'undecidable' {
    this.#call += 1;
    const width = this.#classes.length + 1;
    const [latin1, call, end] = [this.#latin1, this.#call, text.length];
    let [next, stamp, left] = [this.#next, this.#stamp, work.left];
    let state = this.#first;
    for (let at = 0; at < end && left >= 0; at += 1) {
      const unit = text.charCodeAt(at);
      let runeClass: number;
      if (unit < 256) runeClass = latin1[unit] as number;
      else {
        const rune = text.codePointAt(at) as number;
        if (rune > 0xffff) at += 1;
        left -= WIDE_CHARACTER_STEPS;
        runeClass = this.#classOf(rune);
      }
      const cell = state * width + runeClass;
      if (stamp[cell] === call) {
        left -= CHARACTER_STEPS;
        state = next[cell] as number;
      } else {
        left -= this.#take(cell, state, runeClass);
        // A new state may have replaced the tables.
        [next, stamp] = [this.#next, this.#stamp];
        state = next[cell] as number;
      }
      if (state === matched) break;
    }
    if (state !== matched && left >= 0) {
      const cell = state * width + width - 1;
      left -= stamp[cell] === call ? CHARACTER_STEPS : this.#take(cell, state, width - 1);
      state = this.#next[cell] as number;
      work.left = left;
      return left < 0 ? 'undecidable' : state === matched;
    }
    work.left = left;
    return state === matched ? true : 'undecidable';
  }

  /** What it costs to be the first of this call to go from a state with a rune of this class. */
  #take(cell: number, state: number, runeClass: number): number {
    if (this.#next[cell] === unknown) this.#make(cell, state, runeClass);
    this.#stamp[cell] = this.#call;
    return this.#cost[cell] as number;
  }

  #make(at: number, state: number, runeClass: number): void {
    this.#transitionCount += 1;
    const next = this.#classes[runeClass];
    const before = this.#flags[state] ?? 0;
    const isMatch = this.#close(this.#seeds[state] ?? none, before | this.#flagsAhead(before, next));
    // A state takes as many cells as there are classes.
    this.#cost[at] = TRANSITION_STEPS + INSTRUCTION_STEPS * this.#visited + this.#classes.length;
    if (isMatch) this.#next[at] = matched;
    else if (next === undefined) this.#next[at] = state;
    else {
      const to = this.#stateOf(this.#step(next.sets), flagsBehind(next));
      // Only now: a new state may have replaced the tables.
      this.#next[at] = to;
    }
  }

  /**
   * Where the instructions that were reached lead with a rune of these sets, in order and each once, and the start, as
   * a match may begin anywhere.
   */
  #step(sets: Uint8Array): Uint16Array {
    this.#mark += 1;
    const seeds = [this.#start];
    this.#seen[this.#start] = this.#mark;
    for (const pc of this.#reached) {
      const out = this.#out[pc] as number;
      if (this.#seen[out] === this.#mark || sets[this.#setOf[pc] as number] !== 1) continue;
      this.#seen[out] = this.#mark;
      seeds.push(out);
    }
    return Uint16Array.from(seeds).sort();
  }

  /**
   * What is true between the character before and `next`, undefined at the end of the text. A word before is kept as
   * `boundary`.
   */
  #flagsAhead(before: number, next: RuneClass | undefined): number {
    const ahead = next === undefined ? empty.endText | empty.endLine : next.rune === lineFeed ? empty.endLine : 0;
    const wordBefore = (before & wordBehind) !== 0;
    return ahead | (wordBefore === (next?.isWord ?? false) ? empty.noBoundary : empty.boundary);
  }

  /** Goes from the seeds through all that needs no character, and answers whether that is a match already. */
  #close(seeds: Uint16Array, flags: number): boolean {
    this.#mark += 1;
    this.#visited = 0;
    this.#reached.length = 0;
    const stack = Array.from(seeds);
    for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
      if (this.#seen[pc] === this.#mark) continue;
      this.#seen[pc] = this.#mark;
      this.#visited += 1;
      const kind = this.#op[pc] as number;
      const arg = this.#arg[pc] as number;
      if (kind === op.match) return true;
      if (kind >= op.firstRune) this.#reached.push(pc);
      else if (leadsOn(kind, arg, flags)) stack.push(this.#out[pc] as number);
      if (kind === op.alt || kind === op.altMatch) stack.push(arg);
    }
    return false;
  }

  #firstState(): number {
    return this.#stateOf(Uint16Array.of(this.#start), empty.beginText | empty.beginLine);
  }

  #classOf(rune: number): number {
    return this.#classOfInterval[intervalOf(this.#bounds, rune)] ?? 0;
  }

  #stateOf(seeds: Uint16Array, flags: number): number {
    const kept = flags & this.#context;
    const key = String.fromCharCode(kept, ...seeds);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#seeds.push(seeds) - 1;
    this.#seedCount += seeds.length;
    this.#flags.push(kept);
    this.#ids.set(key, id);
    this.#reserve((id + 1) * (this.#classes.length + 1));
    return id;
  }

  #reserve(cells: number): void {
    if (cells <= this.#next.length) return;
    const size = Math.max(cells, this.#next.length * 2);
    const old = { next: this.#next, cost: this.#cost, stamp: this.#stamp };
    this.#next = new Int32Array(size).fill(unknown);
    this.#cost = new Int32Array(size);
    this.#stamp = new Uint32Array(size);
    this.#next.set(old.next);
    this.#cost.set(old.cost);
    this.#stamp.set(old.stamp);
  }

  #forget(): void {
    this.#transitionCount = 0;
    this.#seedCount = 0;
    this.#seeds = [];
    this.#flags = [];
    this.#ids = new Map();
    this.#next = new Int32Array(0);
    this.#cost = new Int32Array(0);
    this.#stamp = new Uint32Array(0);
    this.#first = this.#firstState();
  }
}

function flagsBehind({ rune, isWord }: RuneClass): number {
  return (rune === lineFeed ? empty.beginLine : 0) | (isWord ? wordBehind : 0);
}

function leadsOn(kind: number, arg: number, flags: number): boolean {
  return kind !== op.fail && (kind !== op.emptyWidth || (arg & ~flags) === 0);
}
