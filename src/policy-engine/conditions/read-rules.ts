import { isObject } from '../../platform/json/json-object.js';
import { isStorableText } from '../../platform/json/storable.js';
import { listOf, objectOf, oneOf, refuse, textThat, type Reader, type Report, type Shape } from '../reader.js';
import type { Within } from './condition.js';
import { MAX_TEXT_LENGTH, MAX_VALUES, operatorNames, operators, testOf, type Operator } from './operators.js';
import { parsePath } from './path.js';
import { isUsable, patternSize } from './pattern.js';
import { faultOf, patternOf } from './pattern-cache.js';

const MAX_RULES = 64;
const MAX_CONDITIONS = 32;
const MAX_PATH_LENGTH = 256;
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

const readOperator = oneOf(...operatorNames);

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
    const known = operatorNames.find((one) => one === op);
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
  const { list, takes, isExpression } = operators[op];
  const message = `${op} takes ${takes}`;
  const isList = list !== 'never' && Array.isArray(value);
  if (list === 'always' && !isList) return refuse(report, pointer, 'invalid_type', message);
  const items: readonly unknown[] = isList ? (value as readonly unknown[]) : [value];
  if (items.length > MAX_VALUES) return refuse(report, pointer, 'too_many', `takes at most ${MAX_VALUES} values`);
  const before = report.errors.length;
  for (const [index, item] of items.entries())
    readItem(op, item, { pointer: isList ? `${pointer}/${index}` : pointer, message }, report);
  if (report.errors.length > before) return;
  if (testOf(op, value) === undefined) refuse(report, pointer, 'invalid_value', message);
  else if (isExpression && typeof value === 'string') readPattern(value, { pointer, message }, report);
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

function readItem(
  op: Operator,
  item: unknown,
  { pointer, message }: Readonly<{ pointer: string; message: string }>,
  report: Report,
): void {
  const { types, list } = operators[op];
  if (!types.some((type) => type === typeof item)) refuse(report, pointer, 'invalid_type', message);
  else if (typeof item === 'string' && (item.length > MAX_TEXT_LENGTH || !isStorableText(item)))
    refuse(report, pointer, 'invalid_value', message);
  else if (typeof item === 'number' && !Number.isFinite(item)) refuse(report, pointer, 'invalid_value', message);
  else if (list === 'optional' && testOf(op, item) === undefined) refuse(report, pointer, 'invalid_value', message);
}

function fits(pattern: string, report: Report): boolean {
  report.patternSize += patternSize(pattern);
  return report.patternSize <= MAX_PATTERN_SIZE;
}
