import type { Condition } from '../document.js';
import type { Facts } from '../facts.js';
import { testOf, truthOfMissing, type Test, type Truth } from './operators.js';
import { hasVariant, parsePath, type Step } from './path.js';
import { unkept } from './unkept.js';
import type { Work } from './work.js';

/** The list that a condition stands in. `[*]` and missing values mean different things in the two. */
export type Within = 'require' | 'deny_if';

/** The truth of a condition; `unkept` when it needs a value of a recorded call, which records do not hold. */
export type Finding = Truth | 'unkept';

/** A compiled condition. */
export type Judge = (facts: Facts, work: Work) => Finding;

type Walk = Readonly<{ steps: readonly Step[]; test: Test; missing: boolean; within: Within }>;

const STEPS_PER_CONDITION = 40;
const STEPS_PER_ELEMENT = 15;
const STEPS_PER_STEP = 25;

/** Compiles one condition. @throws when `parsePolicy` did not accept the document. */
export function compileCondition({ path: text, op, value }: Condition, within: Within): Judge {
  const path = parsePath(text);
  const test = testOf(op, value);
  if (path === undefined || test === undefined)
    throw new Error('a condition does not compile: the document was not parsed');
  const { root, steps } = path;
  const walk: Walk = { steps, test, missing: truthOfMissing(op, value, within), within };
  return (facts, work) => {
    work.left -= STEPS_PER_CONDITION;
    return judgeFrom(root(facts), 0, walk, work);
  };
}

function judgeFrom(root: unknown, from: number, walk: Walk, work: Work): Finding {
  let value = root;
  for (let at = from; at < walk.steps.length; at += 1) {
    const end = endOf(value, walk);
    if (end !== undefined) return end;
    work.left -= STEPS_PER_STEP;
    if (work.left < 0) return 'undecidable';
    const step = walk.steps[at] as Step;
    if (step.kind === 'every') return Array.isArray(value) ? judgeElements(value, at + 1, walk, work) : 'undecidable';
    value = stepInto(value, step, work);
    if (value === nowhere) return 'undecidable';
  }
  const end = endOf(value, walk);
  if (end !== undefined) return end;
  const truth = walk.test(value, work);
  return work.left < 0 ? 'undecidable' : truth;
}

/** The finding for a value that is missing, null or not in the record; undefined for every other value. */
function endOf(value: unknown, walk: Walk): Finding | undefined {
  if (value === undefined || value === null) return walk.missing;
  return value === unkept ? 'unkept' : undefined;
}

const nowhere = Symbol('the path leads nowhere');

/** The value one step further; undefined when it is missing, `nowhere` when this value has no such steps. */
function stepInto(value: unknown, step: Exclude<Step, { kind: 'every' }>, work: Work): unknown {
  if (step.kind === 'index') return Array.isArray(value) ? value[step.index] : nowhere;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || hasVariant(value, step, work))
    return nowhere;
  return Object.hasOwn(value, step.key) ? (value as Readonly<Record<string, unknown>>)[step.key] : undefined;
}

/** `[*]`: any element in a `deny_if`; every one, and at least one, in a `require`. */
function judgeElements(elements: readonly unknown[], from: number, walk: Walk, work: Work): Finding {
  const decides = walk.within === 'deny_if';
  let truth: Finding = walk.within === 'require' && elements.length > 0;
  for (const element of elements) {
    work.left -= STEPS_PER_ELEMENT;
    if (work.left < 0) return 'undecidable';
    const one = judgeFrom(element, from, walk, work);
    if (one === decides) return one;
    if (typeof one === 'string') truth = one;
  }
  return truth;
}
