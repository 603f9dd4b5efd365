import { lengthOf, listSchema, textSchema, type Schema } from '../schema-parts.js';
import {
  containing,
  inRanges,
  isScalar,
  isScalarList,
  matching,
  not,
  ofLength,
  oneOf,
  onText,
  ordered,
  type Test,
} from './operator-tests.js';
import { MAX_EXPRESSION_LENGTH } from './pattern.js';

export type { Scalar, Test, Truth } from './operator-tests.js';

/** The longest text, and the most values, that a rule compares with. */
export const MAX_TEXT_LENGTH = 1000;
export const MAX_VALUES = 1000;

type Within = 'require' | 'deny_if';

/** All that is particular to one operator. */
type OperatorRow = Readonly<{
  /** The JSON types of the rule's value, or of each item of its list. */
  types: readonly ('string' | 'number' | 'boolean')[];
  list: 'never' | 'always' | 'optional';
  /** What the operator takes as its value, in words. */
  takes: string;
  /** The JSON Schema of the rule's value. */
  schema: Schema;
  /** What the operator says of an argument that is missing or null. */
  whenMissing: (value: unknown, within: Within) => boolean;
  /** The test for the rule's value; undefined when the operator does not take this value. */
  make: (value: unknown) => Test | undefined;
  /** The operator compares the whole value of the argument with the rule's. */
  comparesWhole?: true;
  /** Of a number that is the rule's value, the operator accepts only greater ones, or only smaller ones. */
  bound?: Readonly<{ side: 'lower' | 'upper'; isInclusive: boolean }>;
  /** The operator is true of values that are not, or do not contain, the rule's. */
  isNegative?: true;
  /** The rule's value is a regular expression. */
  isExpression?: true;
}>;

const never = (): boolean => false;
/** A missing value is not the value of the rule: a `deny_if` says so, a `require` wants to see another value. */
const negative = { isNegative: true, whenMissing: (_value: unknown, within: Within) => within === 'deny_if' } as const;

const negated = (make: OperatorRow['make']) => (value: unknown) => {
  const test = make(value);
  return test === undefined ? undefined : not(test);
};
const ifText = (make: (text: string) => Test | undefined) => (value: unknown) =>
  typeof value === 'string' ? make(value) : undefined;

const anyText = textSchema(0, MAX_TEXT_LENGTH);
const scalarSchema: Schema = { anyOf: [anyText, { type: 'number' }, { type: 'boolean' }] };

const scalar = {
  types: ['string', 'number', 'boolean'],
  list: 'never',
  takes: `a text of at most ${MAX_TEXT_LENGTH} characters, a number, true or false`,
  schema: scalarSchema,
  whenMissing: never,
  make: (value: unknown) => (isScalar(value) ? oneOf([value]) : undefined),
  comparesWhole: true,
} as const;

const scalars = {
  ...scalar,
  list: 'always',
  takes: `a list of 1 to ${MAX_VALUES} texts of at most ${MAX_TEXT_LENGTH} characters, numbers, true or false`,
  schema: listSchema(MAX_VALUES, scalarSchema, 1),
  make: (value: unknown) => (isScalarList(value) ? oneOf(value) : undefined),
} as const;

const comparable = {
  types: ['string', 'number'],
  list: 'never',
  takes: `a text of at most ${MAX_TEXT_LENGTH} characters or a number`,
  schema: { anyOf: [anyText, { type: 'number' }] },
  whenMissing: never,
} as const;

const text = {
  types: ['string'],
  list: 'never',
  takes: `a text of at most ${MAX_TEXT_LENGTH} characters`,
  schema: anyText,
  whenMissing: never,
  make: ifText(containing),
} as const;

const length = {
  types: ['number'],
  list: 'never',
  takes: 'a whole number, 0 or more',
  schema: lengthOf(0),
  whenMissing: never,
} as const;

/** The operators of conditions, in the order in which messages and the schema list them. */
const rows = {
  eq: scalar,
  neq: { ...scalar, ...negative, make: negated(scalar.make) },
  in: scalars,
  not_in: { ...scalars, ...negative, make: negated(scalars.make) },
  lt: {
    ...comparable,
    make: (value) => ordered(value, (difference) => difference < 0),
    bound: { side: 'upper', isInclusive: false },
  },
  lte: {
    ...comparable,
    make: (value) => ordered(value, (difference) => difference <= 0),
    bound: { side: 'upper', isInclusive: true },
  },
  gt: {
    ...comparable,
    make: (value) => ordered(value, (difference) => difference > 0),
    bound: { side: 'lower', isInclusive: false },
  },
  gte: {
    ...comparable,
    make: (value) => ordered(value, (difference) => difference >= 0),
    bound: { side: 'lower', isInclusive: true },
  },
  contains: text,
  not_contains: { ...text, ...negative, make: negated(text.make) },
  starts_with: { ...text, make: ifText((start) => onText((given) => given.startsWith(start))) },
  ends_with: { ...text, make: ifText((end) => onText((given) => given.endsWith(end))) },
  matches: {
    ...text,
    takes:
      `a regular expression in RE2 syntax, at most ${MAX_EXPRESSION_LENGTH} characters, without ` +
      'look-around, back references or large repeats',
    schema: textSchema(0, MAX_EXPRESSION_LENGTH),
    make: ifText(matching),
    isExpression: true,
  },
  exists: {
    types: ['boolean'],
    list: 'never',
    takes: 'true or false',
    schema: { type: 'boolean' },
    whenMissing: (value) => value === false,
    make: (value) => (typeof value === 'boolean' ? () => value : undefined),
  },
  length_lte: { ...length, make: (value) => ofLength(value, (count, bound) => count <= bound) },
  length_gte: { ...length, make: (value) => ofLength(value, (count, bound) => count >= bound) },
  cidr: {
    types: ['string'],
    list: 'optional',
    takes: 'a range of addresses such as "10.0.0.0/8" or "2001:db8::/32", or a list of them',
    schema: { anyOf: [textSchema(1, 49), listSchema(MAX_VALUES, textSchema(1, 49), 1)] },
    whenMissing: never,
    make: (value) => inRanges(typeof value === 'string' ? [value] : value),
  },
} as const satisfies Readonly<Record<string, OperatorRow>>;

export type Operator = keyof typeof rows;

export const operators: Readonly<Record<Operator, OperatorRow>> = rows;

export const operatorNames = Object.keys(rows) as readonly Operator[];

/**
 * The test of an operator for the value that the rule has, or undefined when the operator doesn't take such a value.
 */
export function testOf(op: Operator, value: unknown): Test | undefined {
  return operators[op].make(value);
}

/** What an operator says of a value that is missing or null. */
export function truthOfMissing(op: Operator, value: unknown, within: Within): boolean {
  return operators[op].whenMissing(value, within);
}
