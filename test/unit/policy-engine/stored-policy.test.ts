import { describe, expect, test } from 'vitest';
import { PolicyCache } from '../../../src/data-plane/directory/policy-cache.js';
import { SchemaCache } from '../../../src/data-plane/directory/schema-cache.js';
import { compilePattern } from '../../../src/policy-engine/conditions/pattern.js';
import { PatternCache, patternOf } from '../../../src/policy-engine/conditions/pattern-cache.js';
import { decide } from '../../../src/policy-engine/decide.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { finish } from '../../../src/policy-engine/slices.js';
import { factsOf } from '../../builders/policies.js';

const cpuMs = (run: () => void): number => {
  const began = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
};

const matching = (value: string) => ({ path: 'args.a', op: 'matches', value });
const documentOf = (name: string) => ({
  version: '1',
  default: 'allow',
  tools: { x: { deny_if: Array.from({ length: 20 }, (_, number) => matching(`${name}x${number}[a-z]{1,200}`)) } },
});

describe('A stored policy', () => {
  test('is loaded without compiling its regular expressions', () => {
    const cache = new PolicyCache();
    cache.get(documentOf('warm'));
    for (let number = 0; number < 20; number += 1) compilePattern(`warm${number}[a-z]{1,200}`);
    const compiling = cpuMs(() => {
      for (let number = 0; number < 20; number += 1) compilePattern(`cold${number}[a-z]{1,200}`);
    });
    const loading = cpuMs(() => {
      for (let number = 0; number < 100; number += 1) cache.get(documentOf(`policy${number}`));
    });
    // Compiling all of them would take a hundred times as long as compiling those of one.
    expect(loading).toBeLessThan(compiling * 10);
  });

  test('that has a regular expression which does not compile any more refuses what it would judge', () => {
    const policy = new PolicyCache().get({
      version: '1',
      default: 'allow',
      tools: { x: { deny_if: [matching('(')] } },
    });
    expect(decide(policy, factsOf('x', { a: 'b' }))).toMatchObject({
      effect: 'deny',
      code: 'argument_rule',
      rule: '/tools/x/deny_if/0',
    });
  });
});

test('A regular expression is compiled once for all policies that have it', () => {
  expect(patternOf('shared{1,20}')).toBe(patternOf('shared{1,20}'));
});

test('Compiled regular expressions take a bounded number of bytes, and those in use stay', () => {
  const cache = new PatternCache(500_000);
  const compiled = finish(cache.compile('used{1,20}'));
  for (let number = 0; number < 1000; number += 1) {
    finish(cache.compile(`other${number}`));
    expect(cache.get('used{1,20}')).toBe(compiled);
  }
  const kept = Array.from({ length: 1000 }, (_, number) => cache.has(`other${number}`)).filter(Boolean).length;
  expect(kept).toBeGreaterThan(50);
  expect(kept).toBeLessThan(300);
});

const bits = (count: number, seed: number): string[] =>
  Array.from({ length: count }, (_, at) => 'ab'[Math.floor(Math.abs(Math.sin(at * at + seed)) * 1e6) & 1] ?? 'a');
const resources = (stars: number) =>
  Object.fromEntries(Array.from({ length: 128 }, (_, seed) => [`*${bits(stars, seed).join('*')}*c`, {}]));

describe('Validation', () => {
  test('refuses patterns by which a name could cost many times what a call may, and names both', () => {
    const parsed = parsePolicy({ version: '1', default: 'allow', resources: resources(900) });
    expect(parsed).toMatchObject({
      ok: false,
      errors: [
        {
          pointer: '/resources',
          code: 'too_many',
          message: expect.stringMatching(
            /^judging a name by these patterns could take \d+ steps, of at most 500000/,
          ) as string,
        },
      ],
    });
  });

  test('warns of patterns by which a name could cost more than a call may', () => {
    const parsed = parsePolicy({ version: '1', default: 'deny', resources: resources(200) });
    expect(parsed).toMatchObject({ ok: true, warnings: [{ pointer: '/resources', code: 'costly_patterns' }] });
  });

  test('accepts 6,500 patterns to hide tools and 6,500 for entries without a warning', () => {
    const many = (end: string): string[] =>
      Array.from({ length: 6500 }, (_, number) => `*a${number.toString(36)}${end}`);
    const parsed = parsePolicy({
      version: '1',
      default: 'deny',
      hide: many('z*'),
      tools: Object.fromEntries(many('b*c*').map((name) => [name, {}])),
    });
    expect(parsed).toMatchObject({ ok: true, warnings: [] });
  });

  test('names the size of a regular expression and the most that is taken', () => {
    const found = parsePolicy({ version: '1', default: 'deny', tools: { x: { require: [matching('[a-z]{1,600}')] } } });
    expect(found).toEqual({
      ok: false,
      errors: [
        {
          pointer: '/tools/x/require/0/value',
          code: 'invalid_value',
          message: 'this regular expression compiles to 1201 instructions, of at most 1024: repeat less',
        },
      ],
    });
  });
});

describe('The schemas of tools', () => {
  const schema = { type: 'object', properties: { a: { type: 'string', pattern: '^[a-z]+$' } } };

  test('are compiled once by the hash of their definition', async () => {
    const cache = new SchemaCache();
    const [one, same] = await Promise.all([cache.get('h1', schema), cache.get('h1', { ...schema })]);
    expect(one).toBeDefined();
    expect(same).toBe(one);
    expect(cache.get('h1', schema)).toBe(one);
  });

  test('that can not be checked are not looked at again either', async () => {
    const cache = new SchemaCache();
    expect(await cache.get('h2', { ...schema, $dynamicRef: '#a' })).toBeUndefined();
    expect(cache.get('h2', schema)).toBeUndefined();
  });

  test('with patterns of large classes give other work a turn after each', async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 14 }, (_, number) => [`p${number}`, { pattern: `^x${number}\\p{L}{700}$` }]),
    );
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    expect(await new SchemaCache().get('h3', { type: 'object', properties })).toBeDefined();
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  test('whose patterns are too many or too large together are not compiled', async () => {
    const withPatterns = (count: number, pattern: string) => ({
      type: 'object',
      properties: Object.fromEntries(
        Array.from({ length: count }, (_, number) => [`p${number}`, { pattern: `${pattern}${number}` }]),
      ),
    });
    const cache = new SchemaCache();
    expect(await cache.get('h4', withPatterns(101, 'x'))).toBeUndefined();
    expect(await cache.get('h5', withPatterns(20, '[a-z]{700}'))).toBeUndefined();
    expect(await cache.get('h6', withPatterns(100, 'x'))).toBeDefined();
  });
});
