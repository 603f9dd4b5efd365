import { isObject } from '../../platform/json/json-object.js';
import { isStorableText } from '../../platform/json/storable.js';
import { operators, type Operator } from '../document.js';
import { listOf, objectOf, oneOf, refuse, textThat, type Reader, type Report, type Shape } from '../reader.js';
import type { Within } from './condition.js';
import { testOf } from './operators.js';
import { parsePath } from './path.js';
import { isUsable, MAX_EXPRESSION_LENGTH, patternSize } from './pattern.js';
import { faultOf, patternOf } from './pattern-cache.js';

const MAX_RULES = 64;
const MAX_CONDITIONS = 32;
const MAX_VALUES = 1000;
const MAX_PATH_LENGTH = 256;
const MAX_TEXT_LENGTH = 1000;
/** Compiling more instructions than this takes longer than a save may. */
const MAX_PATTERN_SIZE = 10_000;

/** Reads `require` or `deny_if`: rules of one condition, or of a list of them. */
export function readRules(within: Within, readReason: Reader): Reader {
  const condition = conditionOf(within, new Map());
  const single = conditionOf(within, new Map([['on_deny', { read: readReason }]]));
  const several = objectOf(
    new Map([
      ['conditions', { read: listOf(MAX_CONDITIONS, condition), required: true }],
      ['on_deny', { read: readReason }],
    ]),
  );
  return listOf(MAX_RULES, (value, pointer, report) => {
    const read = isObject(value) && Object.hasOwn(value, 'conditions') ? several : single;
    read(value, pointer, report);
  });
}

const readOperator = oneOf(...operators);

function conditionOf(within: Within, more: Shape): Reader {
  const members = objectOf(
    new Map([
      ['path', { read: within === 'deny_if' ? readPath : readTrustedPath, required: true }],
      ['op', { read: readOperator, required: true }],
      // Judged below, as the operator decides what it may be.
      ['value', { read: () => undefined, required: true }],
      ...more,
    ]),
  );
  return (condition, pointer, report) => {
    members(condition, pointer, report);
    if (!isObject(condition) || !Object.hasOwn(condition, 'value')) return;
    const { op, value } = condition as Readonly<{ op?: unknown; value: unknown }>;
    const known = operators.find((one) => one === op);
    if (known !== undefined) readValue(known, value, `${pointer}/value`, report);
  };
}

const isPath = (text: string): boolean =>
  text.length <= MAX_PATH_LENGTH && isStorableText(text) && parsePath(text) !== undefined;

const paths =
  'args.a.b, args.items[0].id, args.items[*].id, identity.name, identity.kind, ' +
  'identity.attributes.x, request.ip, time.hour, time.weekday';

const readPath = textThat(isPath, `must be a path of at most ${MAX_PATH_LENGTH} characters: ${paths} or client.name`);

const readTrustedPath = textThat(
  (text) => isPath(text) && text !== 'client.name',
  `must be a path of at most ${MAX_PATH_LENGTH} characters: ${paths}; client.name is what the client ` +
    'says of itself, so only deny_if takes it',
);

function readValue(op: Operator, value: unknown, pointer: string, report: Report): void {
  const message = `${op} takes ${taken[op]}`;
  const list = isList(op, value);
  const items: readonly unknown[] = list ? (value as readonly unknown[]) : [value];
  if (op !== 'cidr' && list !== (op === 'in' || op === 'not_in'))
    return refuse(report, pointer, 'invalid_type', message);
  if (items.length > MAX_VALUES) return refuse(report, pointer, 'too_many', `takes at most ${MAX_VALUES} values`);
  const before = report.errors.length;
  for (const [index, item] of items.entries())
    readItem(op, item, { pointer: list ? `${pointer}/${index}` : pointer, message }, report);
  if (report.errors.length > before) return;
  if (testOf(op, value) === undefined) refuse(report, pointer, 'invalid_value', message);
  else if (op === 'matches' && typeof value === 'string') readPattern(value, { pointer, message }, report);
}

/** Compiles the pattern, so that calls here find it compiled. */
function readPattern(
  text: string,
  { pointer, message }: Readonly<{ pointer: string; message: string }>,
  report: Report,
): void {
  if (!fits(text, report))
    return refuse(
      report,
      pointer,
      'too_many',
      `all regular expressions together compile to ${report.patternSize} instructions, of at most ${MAX_PATTERN_SIZE}`,
    );
  if (report.isStored) return;
  const fault = faultOf(text);
  if (fault !== undefined) refuse(report, pointer, 'invalid_value', fault);
  else if (!isUsable(patternOf(text))) refuse(report, pointer, 'invalid_value', message);
}

const isList = (op: Operator, value: unknown): boolean =>
  Array.isArray(value) && (op === 'in' || op === 'not_in' || op === 'cidr');

function readItem(
  op: Operator,
  item: unknown,
  { pointer, message }: Readonly<{ pointer: string; message: string }>,
  report: Report,
): void {
  if (!types[op].includes(typeof item)) refuse(report, pointer, 'invalid_type', message);
  else if (typeof item === 'string' && (item.length > MAX_TEXT_LENGTH || !isStorableText(item)))
    refuse(report, pointer, 'invalid_value', message);
  else if (typeof item === 'number' && !Number.isFinite(item)) refuse(report, pointer, 'invalid_value', message);
  else if (op === 'cidr' && testOf(op, item) === undefined) refuse(report, pointer, 'invalid_value', message);
}

function fits(pattern: string, report: Report): boolean {
  report.patternSize += patternSize(pattern);
  return report.patternSize <= MAX_PATTERN_SIZE;
}

const anyScalar = ['string', 'number', 'boolean'];
const comparable = ['string', 'number'];
const text = ['string'];
const number = ['number'];

const types: Readonly<Record<Operator, readonly string[]>> = {
  eq: anyScalar,
  neq: anyScalar,
  in: anyScalar,
  not_in: anyScalar,
  lt: comparable,
  lte: comparable,
  gt: comparable,
  gte: comparable,
  contains: text,
  not_contains: text,
  starts_with: text,
  ends_with: text,
  matches: text,
  exists: ['boolean'],
  length_lte: number,
  length_gte: number,
  cidr: text,
};

const scalarText = `a text of at most ${MAX_TEXT_LENGTH} characters, a number, true or false`;
const orderText = `a text of at most ${MAX_TEXT_LENGTH} characters or a number`;
const textText = `a text of at most ${MAX_TEXT_LENGTH} characters`;
const listText = `a list of 1 to ${MAX_VALUES} texts of at most ${MAX_TEXT_LENGTH} characters, numbers, true or false`;

const taken: Readonly<Record<Operator, string>> = {
  eq: scalarText,
  neq: scalarText,
  in: listText,
  not_in: listText,
  lt: orderText,
  lte: orderText,
  gt: orderText,
  gte: orderText,
  contains: textText,
  not_contains: textText,
  starts_with: textText,
  ends_with: textText,
  matches:
    `a regular expression in RE2 syntax, at most ${MAX_EXPRESSION_LENGTH} characters, without ` +
    'look-around, back references or large repeats',
  exists: 'true or false',
  length_lte: 'a whole number, 0 or more',
  length_gte: 'a whole number, 0 or more',
  cidr: 'a range of addresses such as "10.0.0.0/8" or "2001:db8::/32", or a list of them',
};
