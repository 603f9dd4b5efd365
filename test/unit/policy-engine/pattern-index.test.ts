import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide, decideWithTrace, isListed, type Facts } from '../../../src/policy-engine/decide.js';
import { MAX_PATTERN_STEPS, PatternIndex } from '../../../src/policy-engine/pattern-index.js';
import { finish } from '../../../src/policy-engine/slices.js';
import { wildcard } from '../../../src/policy-engine/wildcard.js';

const indexOf = (all: readonly string[]): PatternIndex => finish(PatternIndex.build(all));

const runs = { numRuns: Number(process.env['RUNS'] ?? 200) };

const letters = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', 'c', '😀'), maxLength });
const pattern = fc.array(letters(3), { minLength: 2, maxLength: 5 }).map((pieces) => pieces.join('*'));
const patterns = fc.array(pattern, { minLength: 1, maxLength: 30 });

describe('An index of patterns', () => {
  test('finds the first pattern that matches alone', () => {
    fc.assert(
      fc.property(patterns, fc.array(letters(20), { minLength: 1, maxLength: 5 }), (all, names) => {
        const index = indexOf(all);
        for (const name of names) expect(index.match(name).first).toBe(all.findIndex((one) => wildcard(one)(name)));
      }),
      runs,
    );
  });

  test('takes no more steps than it says beforehand, and as many again', () => {
    fc.assert(
      fc.property(patterns, letters(40), letters(40), (all, name, other) => {
        const index = indexOf(all);
        const { steps } = index.match(name);
        index.match(other);
        expect(index.match(name).steps).toBe(steps);
        expect(steps).toBeLessThanOrEqual(index.maxSteps(name.length));
      }),
      runs,
    );
  });

  test('takes hardly more steps for 6,500 patterns than for one', () => {
    const all = Array.from({ length: 6500 }, (_, number) => `*a${number.toString(36)}b*c*`);
    const name = 'x1'.padEnd(256, 'a');
    expect(indexOf(all).match(name).steps).toBeLessThanOrEqual(indexOf(all.slice(0, 1)).match(name).steps * 2);
  });

  test('does not look at every pattern when all begin or end with what the name does', () => {
    const suffixes = indexOf(Array.from({ length: 10_000 }, (_, number) => `a*b${number}`));
    expect(suffixes.match('a'.repeat(254) + 'b1')).toMatchObject({ first: 1 });
    expect(suffixes.match('a'.repeat(254) + 'b1').steps).toBeLessThan(2000);
    const prefixes = indexOf(Array.from({ length: 10_000 }, (_, number) => `${'abc'.repeat(5)}${number}*x*`));
    expect(prefixes.match('abc'.repeat(5) + '77yy').steps).toBeLessThan(1000);
  });

  test('finds pieces that lie in one another in time linear in the name', () => {
    const nested = indexOf(Array.from({ length: 650 }, (_, number) => `*${'a'.repeat(number + 1)}*`));
    expect(nested.match('a'.repeat(2048))).toMatchObject({ first: 0 });
    expect(nested.match('a'.repeat(2048)).steps).toBeLessThan(30_000);
  });
});

/** 128 ways through 2,000 letters, each piece of which occurs in any of them. */
const bits = (count: number, seed: number): string[] =>
  Array.from({ length: count }, (_, at) => 'ab'[Math.floor(Math.abs(Math.sin(at * at + seed)) * 1e6) & 1] ?? 'a');
const costly = Object.fromEntries(Array.from({ length: 128 }, (_, seed) => [`*${bits(900, seed).join('*')}*c`, {}]));
const uri = bits(2000, 5000).join('');

const facts = (kind: Facts['kind'], tool: string): Facts => ({
  kind,
  tool,
  arguments: {},
  identity: { id: 'i', name: 'i', kind: 'agent', attributes: {} },
  organizationId: 'o',
  grantId: 'g',
  serverId: 's',
  now: new Date(0),
});

describe.each(['enforce', 'monitor'] as const)(
  'A call whose name patterns can not judge within their steps (%s)',
  (mode) => {
    const policy = compilePolicy({ version: '1', default: 'allow', mode, resources: costly });

    test('is refused as malformed', () => {
      expect(decide(policy, facts('resource', uri))).toMatchObject({
        effect: 'deny',
        code: 'malformed',
        rule: null,
        reason:
          `judging the name of this resource by the patterns of the policy takes more than ${MAX_PATTERN_STEPS} ` +
          'steps',
      });
      expect(decideWithTrace(policy, facts('resource', uri))).toMatchObject({
        decision: { code: 'malformed' },
        trace: [],
      });
    });

    test('does not keep other names from being judged', () => {
      expect(decide(policy, facts('resource', 'file:///x'))).toMatchObject({ effect: 'allow', rule: '/default' });
    });
  },
);

test('A name that patterns can not judge within their steps is not listed', () => {
  expect(isListed(compilePolicy({ version: '1', default: 'allow', resources: costly }), uri, 'resource')).toBe(false);
});

test('All spellings of a URI share the steps of one call', () => {
  const policy = compilePolicy({
    version: '1',
    default: 'allow',
    resources: Object.fromEntries(Object.entries(costly).slice(0, 12)),
  });
  const [, alone] = [facts('resource', uri), facts('resource', `x:${uri.slice(0, 1990)}`)];
  expect(decide(policy, alone).code).toBe('allowed');
  expect(decide(policy, facts('resource', `X:${uri.slice(0, 1980)}%61`)).code).toBe('malformed');
});
