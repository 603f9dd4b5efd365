import { describe, expect, test } from 'vitest';
import { compileCondition, type Within } from '../../../src/policy-engine/conditions/condition.js';
import { testOf } from '../../../src/policy-engine/conditions/operators.js';
import { newWork } from '../../../src/policy-engine/conditions/work.js';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide, type Facts } from '../../../src/policy-engine/decide.js';
import type { Condition } from '../../../src/policy-engine/document.js';

const factsOf = (callArguments: unknown): Facts => ({
  tool: 'x',
  arguments: callArguments,
  identity: { id: 'i', name: 'n', kind: 'agent', attributes: {} },
  organizationId: 'o',
  grantId: 'g',
  serverId: 's',
  now: new Date(0),
});

/** Steps that judging takes, and the truth with as many and with one less. */
const cost = (condition: Condition, callArguments: unknown, within: Within = 'require') => {
  const judge = compileCondition(condition, within);
  const work = newWork();
  const truth = judge(factsOf(callArguments), work);
  const steps = newWork().left - work.left;
  return {
    truth,
    steps,
    enough: judge(factsOf(callArguments), { left: steps }),
    short: judge(factsOf(callArguments), { left: steps - 1 }),
  };
};

describe('what judging costs', () => {
  const text = 'a'.repeat(1000);

  test.each<readonly [string, Condition, unknown, number]>([
    ['a condition', { path: 'args.a', op: 'eq', value: 1 }, { a: 1 }, 73],
    ['every key beside it', { path: 'args.a', op: 'eq', value: 1 }, { a: 1, b: 2, c: 3 }, 193],
    ['every step', { path: 'args.a.b', op: 'eq', value: 1 }, { a: { b: 1 } }, 106],
    ['every element', { path: 'args.a[*]', op: 'eq', value: 1 }, { a: [1, 1, 1] }, 143],
    ['a fifth of a text to search', { path: 'args.a', op: 'contains', value: 'a' }, { a: text }, 323],
    [
      'three times a text to search for a long part',
      { path: 'args.a', op: 'not_contains', value: 'b'.repeat(251) },
      { a: text },
      3123,
    ],
    ['a text to count', { path: 'args.a', op: 'length_gte', value: 1000 }, { a: text }, 1073],
    [
      'nothing for a text that is too short to count',
      { path: 'args.a', op: 'length_lte', value: 1001 },
      { a: text },
      73,
    ],
    ['nothing for a text that is too long to count', { path: 'args.a', op: 'length_gte', value: 499 }, { a: text }, 73],
    ['the shorter of two texts to compare', { path: 'args.a', op: 'lte', value: 'aa' }, { a: 'a' }, 78],
    [
      'an address, and every range',
      { path: 'args.a', op: 'cidr', value: ['10.0.0.0/8', '11.0.0.0/8'] },
      { a: '10.0.0.1' },
      281,
    ],
    [
      'an address of IPv6, and every range',
      { path: 'args.a', op: 'cidr', value: ['::/1', '10.0.0.0/8'] },
      { a: '::1' },
      2581,
    ],
  ])('%s', (_name, condition, callArguments, steps) => {
    expect(cost(condition, callArguments)).toEqual({ truth: true, steps, enough: true, short: 'undecidable' });
  });

  test('a search for a pattern: its start, each character, and each new transition', () => {
    const { truth, steps, enough, short } = cost({ path: 'args.a', op: 'matches', value: 'b$' }, { a: `${text}b` });
    expect({ truth, enough, short }).toEqual({ truth: true, enough: true, short: 'undecidable' });
    expect(steps).toBeGreaterThan(3173);
    expect(steps).toBeLessThan(6000);
  });
});

describe('when the steps of a call are used up', () => {
  const costly: Condition = { path: 'args.a[*][*]', op: 'neq', value: 1 };
  const large = { a: Array.from({ length: 400 }, () => Array.from({ length: 400 }, () => 1)), b: 1 };

  test('what was decided before counts, the rest is undecidable', () => {
    const denyIf = (conditions: readonly Condition[]) =>
      decide(
        compilePolicy({ version: '1', default: 'allow', all_tools: { deny_if: [{ conditions }] } }),
        factsOf(large),
      ).effect;
    const no: Condition = { path: 'args.b', op: 'eq', value: 2 };
    expect(denyIf([no, costly])).toBe('allow');
    expect(denyIf([costly, no])).toBe('deny');
  });

  test('every later rule of the call refuses, and the next call starts anew', () => {
    const policy = compilePolicy({
      version: '1',
      default: 'allow',
      all_tools: { require: [{ path: 'args.b', op: 'eq', value: 1 }], deny_if: [{ conditions: [costly] }] },
    });
    expect(decide(policy, factsOf(large))).toMatchObject({ effect: 'deny', rule: '/all_tools/deny_if/0' });
    expect(decide(policy, factsOf({ a: [[1]], b: 1 }))).toMatchObject({ effect: 'allow' });
  });
});

describe('a long part of a text', () => {
  test.each([
    ['is found', `${'ab'.repeat(200)}c`, true],
    ['is not found', 'ab'.repeat(400), false],
    ['is found after a false start', `${'ab'.repeat(300)}c`, true],
  ])('%s', (_name, given, expected) => {
    const judge = compileCondition({ path: 'args.a', op: 'contains', value: `${'ab'.repeat(150)}c` }, 'require');
    expect(judge(factsOf({ a: given }), newWork())).toBe(expected);
  });
});

test('a list of values is a list of one or more, all texts, numbers or booleans', () => {
  for (const wrong of [[], ['a', {}], ['a', null], 'a', undefined]) expect(testOf('in', wrong)).toBeUndefined();
  expect(testOf('not_in', ['a', 1, true])).toBeDefined();
});

test('a document that was never parsed does not compile', () => {
  for (const wrong of [
    { path: 'a', op: 'eq', value: 1 },
    { path: 'args.a', op: 'matches', value: 'x'.repeat(501) },
  ] as const) {
    expect(() => compileCondition(wrong, 'require')).toThrow('not parsed');
  }
});

test('a pattern that does not compile decides nothing', () => {
  expect(testOf('matches', '(')?.('(', newWork())).toBe('undecidable');
});

test('an element past the tenth is found by its place', () => {
  const judge = compileCondition({ path: 'args.a[12].b', op: 'eq', value: 12 }, 'require');
  expect(judge(factsOf({ a: Array.from({ length: 13 }, (_, b) => ({ b })) }), newWork())).toBe(true);
});
