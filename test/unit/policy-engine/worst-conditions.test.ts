import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide } from '../../../src/policy-engine/decide.js';
import type { Condition, LimitRule, PolicyDocument } from '../../../src/policy-engine/document.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { factsOf } from '../../builders/policies.js';

const MAX_BYTES = 256 * 1024;
const KIB_64 = 65_536;
const CONDITIONS_PER_RULE = 32;
const MAX_RULES = 64;
const TRIES = 30;
/** How many times as much as a search of the same number of steps, for an expression, a call may take. */
const MAX_RATIO = 5;

const listOf = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const text = (unit: string): string => unit.repeat(KIB_64 / unit.length);

/** As many of these conditions as a document of 256 KiB takes, for one tool and for all of them. */
const filledWith = (condition: Condition): PolicyDocument => {
  const most = Math.floor(MAX_BYTES / 2 / (JSON.stringify(condition).length + 2));
  const rules = Math.min(MAX_RULES, Math.floor(most / CONDITIONS_PER_RULE));
  const require = listOf(rules, () => ({ conditions: listOf(CONDITIONS_PER_RULE, () => condition) }));
  return { version: '1', default: 'deny', tools: { x: { require } }, all_tools: { require } };
};

const ofExpression = (value: string): PolicyDocument => ({
  version: '1',
  default: 'allow',
  all_tools: { require: listOf(60, () => ({ path: 'args.t', op: 'matches', value })) },
});

const ofLimits = (source: string): PolicyDocument => {
  const limits: readonly LimitRule[] = listOf(64, (at) => ({
    counter: `c${at}`,
    window: 'minute' as const,
    max: 1e9,
    increment_from: source,
  }));
  return { version: '1', default: 'deny', tools: { x: { limits } }, all_tools: { limits } };
};

const wide = (key: string): Readonly<Record<string, unknown>> => ({
  ...Object.fromEntries(listOf(5000, (at) => [`${key}${at}`.slice(-4).padStart(4, 'k'), 1])),
  a: 1,
});
const deepPath = `args${'.a'.repeat(60)}`;
const deep = `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`;

const usual: readonly [string, PolicyDocument, unknown] = [
  'an expression',
  ofExpression('[ab]*a$'),
  { t: `${text('ab').slice(2)}ba` },
];
const worst: readonly (readonly [string, PolicyDocument, unknown])[] = [
  ['an expression with many states', ofExpression('^[ab]*a[ab]{13}c?[ab]*$'), { t: text('aabbabaabbba') }],
  ['an expression, wide characters', ofExpression('[^x]*y?$'), { t: text('\u65e5').slice(0, KIB_64 / 3) }],
  ['comparisons', filledWith({ path: 'args.a', op: 'eq', value: 1 }), { a: 1 }],
  ['deep paths', filledWith({ path: deepPath, op: 'exists', value: true }), JSON.parse(deep)],
  ['objects with many keys', filledWith({ path: 'args.a', op: 'eq', value: 1 }), wide('k')],
  ['objects with many keys of one length', filledWith({ path: 'args.kkkk', op: 'exists', value: false }), wide('')],
  ['long lists', filledWith({ path: 'args.l[*]', op: 'lte', value: 5 }), { l: listOf(20_000, () => 1) }],
  ['a short text', filledWith({ path: 'args.t', op: 'not_contains', value: 'ab' }), { t: text('a') }],
  ['a long text', filledWith({ path: 'args.t', op: 'not_contains', value: 'ab'.repeat(400) }), { t: text('aab') }],
  ['a text of 200', filledWith({ path: 'args.t', op: 'not_contains', value: `${'a'.repeat(200)}b` }), { t: text('a') }],
  ['the order of texts', filledWith({ path: 'args.t', op: 'lte', value: 'a'.repeat(999) }), { t: 'a'.repeat(999) }],
  ['addresses', filledWith({ path: 'args.t', op: 'cidr', value: '::/0' }), { t: '1:2:3:4:5:6:7:8' }],
  ['limits on an object with many keys', ofLimits('args.a'), wide('k')],
  ['limits on deep paths', ofLimits(deepPath), JSON.parse(deep)],
];

/** What deciding takes of the processor in milliseconds: the least of some tries, as a busy machine takes its time. */
const cpuMs = ([name, document, given]: readonly [string, PolicyDocument, unknown]): number => {
  expect(parsePolicy(document), name).toMatchObject({ ok: true });
  expect(JSON.stringify(document).length, name).toBeLessThanOrEqual(MAX_BYTES);
  const policy = compilePolicy(document);
  // As the reader of requests makes them: texts in one piece.
  const facts = factsOf('x', JSON.parse(JSON.stringify(given)) as unknown);
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const began = process.cpuUsage();
    decide(policy, facts);
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
};

test(`a call under 256 KiB of the worst conditions costs less than ${MAX_RATIO} times a search`, () => {
  const search = cpuMs(usual);
  const met = worst.map((one) => ({ name: one[0], ms: cpuMs(one) }));
  console.log(
    [{ name: 'a search', ms: search }, ...met].map(({ name, ms }) => `${name}: ${ms.toFixed(2)} ms`).join('\n'),
  );
  expect(met.filter(({ ms }) => ms > search * MAX_RATIO)).toEqual([]);
}, 60_000);
