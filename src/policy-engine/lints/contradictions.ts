import type { Within } from '../conditions/condition.js';
import { operators, testOf, truthOfMissing, type Test } from '../conditions/operators.js';
import type { Condition } from '../document.js';

/** Work on one document; beyond it nothing more is found, and nothing is warned of. */
const MAX_PAIRS = 20_000;
const MAX_WORK = 1_000_000;

/** Finds conditions that can't hold together, with bounded work for the whole document. */
export class Contradictions {
  readonly #tests = new Map<Condition, Test | undefined>();
  readonly #work = { left: MAX_WORK };
  #pairs = MAX_PAIRS;

  /**
   * Whether two of a rule's conditions on one value exclude each other. With `[*]` they may hold for different
   * elements.
   */
  within(conditions: readonly Condition[], within: Within): boolean {
    return conditions.some((one, at) =>
      conditions.some(
        (other, index) =>
          index !== at && one.path === other.path && !one.path.includes('[*]') && this.#excludes(one, other, within),
      ),
    );
  }

  /**
   * In a `deny_if` what is undecidable refuses as what is true does; in a `require` it holds as little as what is
   * false.
   */
  #excludes(one: Condition, other: Condition, within: Within): boolean {
    this.#pairs -= 1;
    if (this.#pairs < 0) return false;
    if (one.op === 'exists' && one.value === false) return !truthOfMissing(other.op, other.value, within);
    if (one.op !== 'eq') return isEmptyRange(one, other);
    if (other.op === 'exists') return false;
    const truth = this.#testOf(other)?.(one.value, this.#work);
    return this.#work.left >= 0 && (truth === false || (truth === 'undecidable' && within === 'require'));
  }

  #testOf(condition: Condition): Test | undefined {
    if (!this.#tests.has(condition)) this.#tests.set(condition, testOf(condition.op, condition.value));
    return this.#tests.get(condition);
  }
}

/** `one` is a lower bound and `other` an upper bound, and no number lies between them. */
function isEmptyRange(one: Condition, other: Condition): boolean {
  const [lower, upper] = [operators[one.op].bound, operators[other.op].bound];
  if (
    lower?.side !== 'lower' ||
    upper?.side !== 'upper' ||
    typeof one.value !== 'number' ||
    typeof other.value !== 'number'
  )
    return false;
  return lower.isInclusive && upper.isInclusive ? one.value > other.value : one.value >= other.value;
}
