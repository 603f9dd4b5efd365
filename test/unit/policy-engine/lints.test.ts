import { describe, expect, test } from 'vitest';
import type { Rule, ToolEntry } from '../../../src/policy-engine/document.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';

const found = (document: unknown) => {
  const parsed = parsePolicy(document);
  return parsed.ok ? parsed.warnings.map(({ pointer, code }) => `${code} ${pointer}`) : ['refused'];
};
const tools = (entries: Readonly<Record<string, unknown>>, more: object = {}) => found({ version: '1', default: 'deny', tools: entries, ...more });
const entry = (one: ToolEntry) => tools({ x: one });
const condition = { path: 'args.a', op: 'eq', value: 1 } as const;
const limit = { counter: 'c', window: 'minute', max: 5 } as const;

describe('default allow', () => {
  const open = (more: object) => found({ version: '1', default: 'allow', ...more });

  test.each([
    ['alone is unsafe', {}, true],
    ['with entries that allow is unsafe', { tools: { x: {}, y: { deny_if: [condition] } } }, true],
    ['with an empty hide is unsafe', { hide: [], all_tools: { deny_if: [], require: [] } }, true],
    ['with something hidden is not warned of', { hide: ['x'] }, false],
    ['with something denied is not warned of', { tools: { x: { action: 'deny' } } }, false],
    ['with a deny_if for all tools is not warned of', { all_tools: { deny_if: [condition] } }, false],
    ['with a require for all tools is not warned of', { all_tools: { require: [condition] } }, false],
  ])('%s', (_name, more, warned) => {
    expect(open(more)).toEqual(warned ? ['unsafe_default /default'] : []);
  });
});

describe('hide', () => {
  test.each([
    ['hides an entry', ['x'], { x: {}, y: {} }, ['never_fires /tools/x']],
    ['hides an entry by a pattern', ['x*'], { xy: {}, y: {} }, ['never_fires /tools/xy']],
    ['hides an entry that is a pattern', ['x*'], { 'xy*': {}, '*x': {} }, ['never_fires /tools/xy*']],
    ['does not hide a wider pattern', ['xy*'], { 'x*': {} }, []],
    ['does not hide what a star of the entry may stand for', ['xa*'], { 'x*': {} }, []],
    ['names something twice', ['x', 'y', 'x'], {}, ['shadowed_pattern /hide/2']],
    ['names what a pattern of it matches', ['xy', 'x*', 'x*z'], {}, ['shadowed_pattern /hide/0', 'shadowed_pattern /hide/2']],
    ['escapes names in pointers', ['a/b'], { 'a/b': {} }, ['never_fires /tools/a~1b']],
  ])('%s', (_name, hide, entries, expected) => {
    expect(tools(entries, { hide })).toEqual(expected);
  });
});

describe('patterns that match the same names', () => {
  test.each([
    ['the stricter wins', { 'a*': {}, 'a**': { action: 'deny' } }, ['shadowed_pattern /tools/a*']],
    ['the first by code point wins', { 'a**': {}, 'a*': {} }, ['shadowed_pattern /tools/a**']],
    ['only one of three wins', { 'a***': {}, 'a**': {}, 'a*': {} }, ['shadowed_pattern /tools/a***', 'shadowed_pattern /tools/a**']],
    ['others do not shadow each other', { 'a*': {}, '*a': {}, 'a*a': {}, '*': {} }, []],
  ])('%s', (_name, entries, expected) => {
    expect(tools(entries)).toEqual(expected);
  });
});

test('what comes after action deny never fires', () => {
  expect(entry({ action: 'deny', reason: 'no', limits: [limit], rate_limit: { max: 1, window: 1 }, require: [condition], deny_if: [condition] })).toEqual([
    'never_fires /tools/x/deny_if',
    'never_fires /tools/x/require',
    'never_fires /tools/x/limits',
    'never_fires /tools/x/rate_limit',
  ]);
});

test('a require without conditions never fires', () => {
  expect(entry({ require: [condition, { conditions: [] }], deny_if: [{ conditions: [] }] })).toEqual(['never_fires /tools/x/require/1']);
});

describe('a deny_if', () => {
  const a = (op: string, value: unknown, path = 'args.a') => ({ path, op, value });

  test.each([
    ['of two values', [a('eq', 1), a('eq', 2)], true],
    ['of one value twice', [a('eq', 1), a('eq', 1)], false],
    ['of a value and not that value', [a('neq', 1), a('eq', 1)], true],
    ['of a value and not another', [a('neq', 2), a('eq', 1)], false],
    ['of a value and a list without it', [a('eq', 'x'), a('in', ['y'])], true],
    ['of a value and a text that it does not have', [a('eq', 'abc'), a('matches', '^b')], true],
    ['of a value and a text that it has', [a('eq', 'abc'), a('starts_with', 'a')], false],
    ['of a value and another type', [a('eq', 'abc'), a('eq', 1)], false],
    ['of two paths', [a('eq', 1), a('eq', 2, 'args.b')], false],
    ['of two elements', [a('eq', 1, 'args.a[*]'), a('eq', 2, 'args.a[*]')], false],
    ['of what is missing and its value', [a('exists', false), a('eq', 2)], true],
    ['of what is missing and not a value', [a('exists', false), a('neq', 2)], false],
    ['of what is missing and there', [a('exists', false), a('exists', true)], true],
    ['of what is missing twice', [a('exists', false), a('exists', false)], false],
    ['of what is there and a value', [a('exists', true), a('eq', 2)], false],
    ['of an empty range', [a('gt', 5), a('lt', 5)], true],
    ['of an empty range, upside down', [a('lte', 4), a('gte', 5)], true],
    ['of a range of one', [a('gte', 5), a('lte', 5)], false],
    ['of a half-open range of none', [a('gte', 5), a('lt', 5)], true],
    ['of a range', [a('gt', 4), a('lt', 5)], false],
    ['of bounds of two types', [a('gt', 5), a('lt', 'a')], false],
    ['of two lower bounds', [a('gt', 5), a('gt', 4)], false],
    ['of a text and a bound above it', [a('gt', 'b'), a('lt', 5)], false],
    ['of nothing', [], false],
  ])('%s', (_name, conditions, warned) => {
    const rule = { conditions } as Rule;
    expect(entry({ deny_if: [condition, rule] })).toEqual(warned ? ['contradiction /tools/x/deny_if/1'] : []);
    expect(found({ version: '1', default: 'deny', all_tools: { deny_if: [rule] } })).toEqual(warned ? ['contradiction /all_tools/deny_if/0'] : []);
    expect(entry({ require: [rule] })).toEqual(conditions.length === 0 ? ['never_fires /tools/x/require/0'] : []);
  });
});

describe('a limit', () => {
  test.each([
    ['looser than its neighbour', [{ ...limit, max: 6 }, limit], [], ['limit_without_effect /tools/x/limits/0']],
    ['equal to its neighbour', [limit, limit], [], ['limit_without_effect /tools/x/limits/1']],
    ['with the scope spelled out', [limit, { ...limit, scope: 'grant', max: 9 }], [], ['limit_without_effect /tools/x/limits/1']],
    ['with another scope', [limit, { ...limit, scope: 'server', max: 9 }], [], []],
    ['with another window', [limit, { ...limit, window: 60, max: 9 }], [], []],
    ['with another counter', [limit, { ...limit, counter: 'd', max: 9 }], [], []],
    ['that spends an argument', [limit, { ...limit, max: 9, increment_from: 'args.n' }], [], []],
    ['looser than one for all tools', [limit], [{ ...limit, max: 4 }], ['limit_without_effect /tools/x/limits/0']],
    ['as strict as one for all tools', [limit], [limit], ['limit_without_effect /tools/x/limits/0']],
    ['stricter than one for all tools', [{ ...limit, max: 4 }], [limit], []],
  ] as const)('%s', (_name, limits, forAll, expected) => {
    expect(tools({ x: { limits } }, { all_tools: { limits: forAll } })).toEqual(expected);
  });

  test('for all tools looser than its neighbour', () => {
    expect(tools({}, { all_tools: { limits: [limit, { ...limit, max: 6 }] } })).toEqual(['limit_without_effect /all_tools/limits/1']);
  });
});

describe('a value that the fact never has', () => {
  test.each([
    ['a long weekday', { path: 'time.weekday', op: 'eq', value: 'Monday' }, true],
    ['a weekday', { path: 'time.weekday', op: 'eq', value: 'mon' }, false],
    ['one of several weekdays', { path: 'time.weekday', op: 'in', value: ['sat', 'Sun'] }, true],
    ['an hour past midnight', { path: 'time.hour', op: 'neq', value: 24 }, true],
    ['an hour as text', { path: 'time.hour', op: 'eq', value: '9' }, true],
    ['the last hour', { path: 'time.hour', op: 'not_in', value: [0, 23] }, false],
    ['an unknown kind', { path: 'identity.kind', op: 'eq', value: 'robot' }, true],
    ['a bound', { path: 'time.hour', op: 'lt', value: 24 }, false],
    ['a name', { path: 'identity.name', op: 'eq', value: 'Monday' }, false],
  ])('%s', (_name, rule, warned) => {
    expect(entry({ require: [rule as Rule] })).toEqual(warned ? ['unknown_value /tools/x/require/0/value'] : []);
    expect(entry({ deny_if: [{ conditions: [condition, rule] } as Rule] })).toEqual(warned ? ['unknown_value /tools/x/deny_if/0/conditions/1/value'] : []);
  });
});

test('warnings come with every error-free document and say what in words, without a value of it', () => {
  const parsed = parsePolicy({ version: '1', default: 'allow', tools: { secret_name: { action: 'deny', limits: [limit] } } });
  expect(parsed.ok && parsed.warnings).toEqual([{ pointer: '/tools/secret_name/limits', code: 'never_fires', message: 'action deny comes first, so no call gets here' }]);
});
