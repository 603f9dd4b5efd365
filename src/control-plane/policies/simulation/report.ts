import type { Replayed } from '../../../policy-engine/replay/replay.js';

type Effect = Replayed['effect'];

/**
 * Calls that a policy would have decided otherwise, alike in `from`, `to` and what the list goes by; `examples` are ids
 * of the first few decisions.
 */
type Flipped = Readonly<{ from: Effect; to: Effect; calls: number; examples: readonly string[] }>;

export type Report = Readonly<{
  calls: number;
  same: number;
  flipped: number;
  unjudged: number;
  setAside: number;
  notRecorded: number;
  /** `certain` is false where a rule before it may have refused already: what that one asks for is not kept. */
  byRule: readonly (Flipped & Readonly<{ rule: string | null; code: string; certain: boolean }>)[];
  byTool: readonly (Flipped & Readonly<{ tool: string | null }>)[];
  byGrant: readonly (Flipped & Readonly<{ grantId: string | null }>)[];
  unjudgedByRule: readonly Readonly<{ rule: string | null; calls: number; examples: readonly string[] }>[];
}>;

const MAX_EXAMPLES = 5;
/** Tools may have names that clients made up: those past as many are counted together under null. */
const MAX_GROUPS = 1000;

type Group<K> = { readonly key: K; calls: number; readonly examples: string[] };

/** Counts by a key, with the ids of the first few; bounded. */
class Tally<K extends object> {
  readonly #groups = new Map<string, Group<K>>();
  readonly #others: (key: K) => K;

  constructor(others: (key: K) => K) {
    this.#others = others;
  }

  count(key: K, eventId: string): void {
    const group = this.#groupOf(key);
    group.calls += 1;
    if (group.examples.length < MAX_EXAMPLES) group.examples.push(eventId);
  }

  /** Most calls first. */
  groups(): readonly (K & Readonly<{ calls: number; examples: readonly string[] }>)[] {
    return [...this.#groups.values()]
      .sort((one, other) => other.calls - one.calls)
      .map(({ key, calls, examples }) => ({ ...key, calls, examples }));
  }

  #groupOf(key: K): Group<K> {
    const text = Object.values(key).join('\n');
    const known = this.#groups.get(text);
    if (known !== undefined) return known;
    if (this.#groups.size >= MAX_GROUPS && this.#others(key) !== key) return this.#groupOf(this.#others(key));
    const made: Group<K> = { key, calls: 0, examples: [] };
    this.#groups.set(text, made);
    return made;
  }
}

/** What a simulation adds up to. */
export class Findings {
  #same = 0;
  #flipped = 0;
  #unjudged = 0;
  #setAside = 0;
  #notRecorded = 0;
  readonly #rules = new Tally<
    Readonly<{ rule: string | null; code: string; certain: boolean; from: Effect; to: Effect }>
  >((key) => (key.rule === null ? key : { ...key, rule: null }));
  readonly #tools = new Tally<Readonly<{ tool: string | null; from: Effect; to: Effect }>>((key) =>
    key.tool === null ? key : { ...key, tool: null },
  );
  readonly #grants = new Tally<Readonly<{ grantId: string | null; from: Effect; to: Effect }>>((key) =>
    key.grantId === null ? key : { ...key, grantId: null },
  );
  readonly #unkept = new Tally<Readonly<{ rule: string | null }>>((key) => (key.rule === null ? key : { rule: null }));

  /** A decision that was made as `was`, and what the policy says about it. */
  add(decision: Readonly<{ id: string; tool: string; grantId: string; was: Effect }>, replayed: Replayed): void {
    const { id, tool, grantId, was: from } = decision;
    const { sure, effect: to, rule, code, unkept } = replayed;
    if (!sure) {
      this.#unjudged += 1;
      for (const one of unkept) this.#unkept.count({ rule: one }, id);
    } else if (from === to) this.#same += 1;
    else {
      this.#flipped += 1;
      this.#rules.count({ rule, code, certain: unkept.length === 0, from, to }, id);
      this.#tools.count({ tool, from, to }, id);
      this.#grants.count({ grantId, from, to }, id);
    }
  }

  /** A call that was refused whatever the policy said. */
  setAside(): void {
    this.#setAside += 1;
  }

  /** Refusals that were counted instead of recorded one by one. */
  notRecorded(refusals: number): void {
    this.#notRecorded += refusals;
  }

  report(): Report {
    return {
      calls: this.#same + this.#flipped + this.#unjudged,
      same: this.#same,
      flipped: this.#flipped,
      unjudged: this.#unjudged,
      setAside: this.#setAside,
      notRecorded: this.#notRecorded,
      byRule: this.#rules.groups(),
      byTool: this.#tools.groups(),
      byGrant: this.#grants.groups(),
      unjudgedByRule: this.#unkept.groups(),
    };
  }
}
