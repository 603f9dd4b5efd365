import { isJsonObject, memberOf, type Json, type JsonObject } from './json-tree.js';
import { listOf } from './policy-model.js';
import { pointerOf, stepsOf } from './positions.js';

/** A part of a sentence; `code` is a name or a value of the document. */
export type Part = Readonly<{ text: string; code?: true }>;

/** What one rule of an entry says, with the place of the rule. */
export type Sentence = Readonly<{ pointer: string; kind: RuleKind; parts: readonly Part[] }>;

export type RuleKind = 'deny_if' | 'require' | 'limits' | 'rate_limit' | 'approval' | 'reason';

const word = (text: string): Part => ({ text });
const code = (text: string): Part => ({ text, code: true });

const counting = new Intl.NumberFormat('en', { maximumFractionDigits: 20 });

/** A number as people write it: 10,000. */
export const numberText = (number: number): string => counting.format(number);

const PHRASES: Readonly<Record<string, string>> = {
  eq: 'is',
  neq: 'is not',
  in: 'is one of',
  not_in: 'is none of',
  lt: 'is under',
  lte: 'is at most',
  gt: 'is over',
  gte: 'is at least',
  contains: 'contains',
  not_contains: 'does not contain',
  starts_with: 'starts with',
  ends_with: 'ends with',
  matches: 'matches',
  length_lte: 'is at most this long:',
  length_gte: 'is at least this long:',
  cidr: 'is in',
};

export const OPERATORS: readonly string[] = [
  ...Object.keys(PHRASES).slice(0, 13),
  'exists',
  'length_lte',
  'length_gte',
  'cidr',
];

/** The words for an operator. */
export const operatorText = (operator: string): string =>
  operator === 'exists' ? 'is given' : (PHRASES[operator] ?? operator);

const valueText = (value: Json | undefined): string => {
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return value.map((one) => valueText(one as Json)).join(', ');
  return value === undefined ? '' : JSON.stringify(value);
};

/** A path as people read it: an argument by its name alone. */
export const pathText = (path: string): string => (path.startsWith('args.') ? path.slice('args.'.length) : path);

function conditionParts(condition: Json): readonly Part[] {
  const [path, operator, value] = ['path', 'op', 'value'].map((key) => memberOf(condition, key));
  const name = code(pathText(typeof path === 'string' ? path : ''));
  if (operator === 'exists') return [name, word(value === false ? ' is missing' : ' is given')];
  const phrase = typeof operator === 'string' ? operatorText(operator) : '';
  return [name, word(` ${phrase} `), code(valueText(value))];
}

/** The conditions of a rule: several, or the rule itself. */
export const conditionsOf = (rule: Json): readonly Json[] => {
  const conditions = memberOf(rule, 'conditions');
  return Array.isArray(conditions) ? conditions : [rule];
};

function ruleParts(kind: 'deny_if' | 'require', rule: Json): readonly Part[] {
  const conditions = conditionsOf(rule);
  if (conditions.length === 0) return [word(kind === 'deny_if' ? 'refuse always' : 'no condition')];
  const joined = conditions.flatMap((one, at) => [...(at > 0 ? [word(' and ')] : []), ...conditionParts(one)]);
  return [word(kind === 'deny_if' ? 'refuse when ' : 'only when '), ...joined];
}

const SECONDS: readonly (readonly [number, string])[] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** A window as people say it: "minute", "30 seconds", "2 hours". */
export function windowText(window: Json | undefined): string {
  if (typeof window !== 'number') return typeof window === 'string' ? window : '';
  const [size, unit] = SECONDS.find(([length]) => window % length === 0) ?? [1, 'second'];
  const count = window / size;
  return count === 1 ? unit : `${numberText(count)} ${unit}s`;
}

const perText = (window: Json | undefined): string => {
  const text = windowText(window);
  if (/^\d/.test(text)) return `every ${text}`;
  return text === 'hour' ? 'an hour' : `a ${text}`;
};

/** "at most 10 a minute per grant", "at most 5,000 of `amount` a month per organization". */
export function limitParts(limit: Json): readonly Part[] {
  const [max, scope, spent] = ['max', 'scope', 'increment_from'].map((key) => memberOf(limit, key));
  const amount = typeof max === 'number' ? numberText(max) : '';
  return [
    word(`at most ${amount} `),
    ...(typeof spent === 'string' ? [word('of '), code(pathText(spent)), word(' ')] : []),
    word(`${perText(memberOf(limit, 'window'))} per ${typeof scope === 'string' ? scope : 'grant'}`),
  ];
}

function approvalParts(terms: JsonObject): readonly Part[] {
  const [count, wait, expires] = ['count', 'wait', 'expires_in'].map((key) => memberOf(terms, key));
  const said = [
    typeof count === 'number' ? `${numberText(count)} ${count === 1 ? 'person' : 'people'} must approve` : [],
    typeof expires === 'number' ? `within ${windowText(expires)}` : [],
    typeof wait === 'number' ? `the agent waits ${numberText(wait)} s` : [],
  ].flat();
  return said.length === 0 ? [] : [word(said.join(', '))];
}

/** What an entry (or the rules for all tools) at a place says, one sentence a rule, in the order of the checks. */
export function sentencesOf(value: JsonObject, pointer: string): readonly Sentence[] {
  const at = stepsOf(pointer);
  const rules = (['deny_if', 'require'] as const).flatMap((kind) =>
    listOf(value, kind).map((rule, index) => ({
      pointer: pointerOf([...at, kind, index]),
      kind,
      parts: ruleParts(kind, rule),
    })),
  );
  const limits = listOf(value, 'limits').map((limit, index) => ({
    pointer: pointerOf([...at, 'limits', index]),
    kind: 'limits' as const,
    parts: limitParts(limit),
  }));
  const [rate, approval] = [memberOf(value, 'rate_limit'), memberOf(value, 'approval')];
  return [
    ...rules,
    ...limits,
    ...(isJsonObject(rate)
      ? [{ pointer: pointerOf([...at, 'rate_limit']), kind: 'rate_limit' as const, parts: limitParts(rate) }]
      : []),
    ...(isJsonObject(approval)
      ? [{ pointer: pointerOf([...at, 'approval']), kind: 'approval' as const, parts: approvalParts(approval) }]
      : []),
  ].filter(({ parts }) => parts.length > 0);
}

/** A sentence as plain text, names and values in backticks. */
export const plainText = (parts: readonly Part[]): string =>
  parts.map((part) => (part.code ? `\`${part.text}\`` : part.text)).join('');
