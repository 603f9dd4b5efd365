import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { compileInSlices, compilePattern, isUsable } from '../../../src/policy-engine/conditions/pattern.js';
import { isCompiled } from '../../../src/policy-engine/conditions/pattern-cache.js';
import { decide } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';
import { PatternIndex } from '../../../src/policy-engine/pattern-index.js';
import { prepareDecision, prepareList } from '../../../src/policy-engine/prepare.js';
import { SliceQueue, STEPS_PER_SLICE, type Sliced } from '../../../src/policy-engine/slices.js';
import { findUncheckable, someOf } from '../../../src/policy-engine/uncheckable.js';
import { factsOf } from '../../builders/policies.js';

const many = (count: number, textOf: (number: number) => string): string[] =>
  Array.from({ length: count }, (_, number) => textOf(number));
const worst: PolicyDocument = {
  version: '1',
  default: 'allow',
  hide: many(6500, (number) => `*a${number.toString(36)}z*`),
  tools: Object.fromEntries(many(6500, (number) => `*a${number.toString(36)}b*c*`).map((name) => [name, {}])),
};

function* worked(count: number, log: string[], name: string): Sliced<string> {
  for (let slice = 0; slice < count; slice += 1) {
    log.push(name);
    yield STEPS_PER_SLICE;
  }
  return name;
}

/** The steps between any two places at which other work can have its turn. */
const yieldsOf = (work: Sliced<unknown>): number[] => [...{ [Symbol.iterator]: () => work }];

/** How many turns of the event loop pass before something is settled. */
const turnsUntil = async (settled: Promise<unknown> | undefined): Promise<number> => {
  let [turns, isSettled] = [0, false];
  void settled?.finally(() => (isSettled = true));
  while (!isSettled) {
    await new Promise((resolve) => setImmediate(resolve));
    turns += 1;
  }
  return turns;
};

describe('A queue of sliced work', () => {
  test('does one slice a turn, and owners take turns whatever number of works they have', async () => {
    const turns: (() => void)[] = [];
    const queue = new SliceQueue((run) => turns.push(run));
    const log: string[] = [];
    const all = [...many(3, () => 'greedy'), 'other'].map((owner, index) =>
      queue.run(owner, worked(2, log, `${owner}${index}`)),
    );
    expect([log.length, turns.length]).toEqual([0, 1]);
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
      const before = log.length;
      turn();
      expect(log.length - before).toBeLessThanOrEqual(1);
    }
    expect(await Promise.all(all)).toEqual(['greedy0', 'greedy1', 'greedy2', 'other3']);
    expect(log).toEqual(['greedy0', 'other3', 'greedy0', 'other3', 'greedy1', 'greedy1', 'greedy2', 'greedy2']);
  });

  test('goes on after work that throws', async () => {
    const queue = new SliceQueue();
    const failing = queue.run(
      'one',
      (function* (): Sliced<void> {
        yield 1;
        throw new Error('broken');
      })(),
    );
    const [failed, next] = await Promise.allSettled([failing, queue.run('one', worked(2, [], 'next'))]);
    expect([failed.status, next]).toEqual(['rejected', { status: 'fulfilled', value: 'next' }]);
  });
});

describe('What the first call under a policy needs', () => {
  test('is made in pieces of bounded work', () => {
    for (const patterns of [
      worst.hide ?? [],
      Object.keys(worst.tools ?? {}),
      many(1000, (number) => `*${String(number).padEnd(240, 'ab'.repeat(120))}*`),
    ]) {
      const steps = yieldsOf(PatternIndex.build(patterns));
      expect(Math.max(...steps)).toBeLessThan(STEPS_PER_SLICE);
      expect(steps.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(10 * STEPS_PER_SLICE);
    }
  });

  test('lets other work have its turns, is shared by calls that wait for it, and is not made again', async () => {
    const policy = compilePolicy(worst);
    const first = prepareList(policy, 'tool', 'one');
    expect(prepareList(policy, 'tool', 'other')).toBe(first);
    expect(await turnsUntil(Promise.all([first, prepareDecision(policy, 'tool', 'x', 'one')]))).toBeGreaterThan(20);
    expect(prepareDecision(policy, 'tool', 'another', 'one')).toBeUndefined();
    expect(prepareDecision(policy, 'prompt', 'x', 'one')).toBeUndefined();
  });

  test('changes no decision', async () => {
    const [prepared, other] = [compilePolicy(worst), compilePolicy(worst)];
    for (const name of ['x', 'a1z', 'aa1bc', 'a1b c z', 'za5rbxc']) {
      await prepareDecision(prepared, 'tool', name, 'one');
      expect(decide(prepared, factsOf(name, {}))).toEqual(decide(other, factsOf(name, {})));
    }
  });

  test.each(['tool', 'resource', 'prompt'] as const)(
    'are the regular expressions that the entries of a %s look for, and no others',
    async (kind) => {
      const rule = (text: string) => ({ deny_if: [{ path: 'args.uri', op: 'matches' as const, value: text }] });
      const texts = many(10, (number) => `${kind}${number}[a-z]{1,200}`);
      const entry = { deny_if: texts.map((value) => ({ path: 'args.uri', op: 'matches' as const, value })) };
      const policy = compilePolicy({
        version: '1',
        default: 'deny',
        [`${kind}s`]: { 'file:///x': entry, other: rule(`${kind}other`) },
      });
      expect(await turnsUntil(prepareDecision(policy, kind, 'file:///x', 'one'))).toBeGreaterThan(3);
      expect([texts.every(isCompiled), isCompiled(`${kind}other`)]).toEqual([true, false]);
      expect(prepareDecision(policy, kind, 'file:///x', 'one')).toBeUndefined();
    },
  );

  test('is an entry that is large', async () => {
    const condition = {
      path: 'args.a.b.c',
      op: 'cidr' as const,
      value: many(1000, (number) => `10.0.${number % 256}.0/24`),
    };
    const policy = compilePolicy({
      version: '1',
      default: 'deny',
      tools: { x: { deny_if: Array.from({ length: 12 }, () => condition) } },
    });
    expect(await turnsUntil(prepareDecision(policy, 'tool', 'x', 'one'))).toBeGreaterThan(10);
    expect(prepareDecision(policy, 'tool', 'x', 'one')).toBeUndefined();
  });
});

describe('A regular expression', () => {
  test.each([
    ['many Unicode classes', '\\pL|'.repeat(100)],
    ['Unicode classes where case is ignored', `(?i)${'\\PL'.repeat(20)}`],
    ['a large range where case is ignored', '(?i)[a-\u{1F000}]'],
    [
      'large ranges in escapes where case is ignored',
      '(?i)[\\x{100}-\\x{8000}a\\x{8001}-\\x{ffff}\\x{10000}-\\x{1ffff}]',
    ],
  ])('with %s is refused before it is compiled, in words that name the limit', (_name, text) => {
    expect(compilePattern(text)).toMatchObject({ fault: 'classes', most: 75_000 });
    expect(yieldsOf(compileInSlices(text))).toEqual([]);
  });

  test.each([
    '^[\\p{L}\\p{N}._-]+@[\\p{L}\\p{N}.-]+\\.\\p{L}{2,}$',
    '(?i)^[\\p{L}\\p{N} -]+$',
    '(?i)[\u4e00-\u9fff]+|[à-ÿ]',
    '[a-\u{1F000}]',
    '(?i)a-\\x{7A}',
  ])('%s is taken', (text) => {
    expect(isUsable(compilePattern(text))).toBe(true);
  });

  test('of large classes is prepared in pieces of bounded work', () => {
    const steps = yieldsOf(
      compileInSlices('\\p{L}\\p{N}\\p{Lu}\\p{Ll}\\p{So}\\p{S}\\p{P}\\p{M}\\p{Han}\\p{Greek}\\p{Lo}\\p{Nd}'),
    );
    expect(steps.length).toBeGreaterThan(20);
    expect(Math.max(...steps.slice(1))).toBeLessThan(3 * STEPS_PER_SLICE);
  });
});

describe('Tools whose schemas can not be checked', () => {
  const lookAhead = { type: 'object', properties: { a: { pattern: '(?=a)' } } };

  test('are found between other work', async () => {
    const plain = {
      type: 'object',
      properties: Object.fromEntries(many(100, (number) => `p${number}`).map((name) => [name, { type: 'string' }])),
    };
    const tools = many(200, (number) => `tool${number}`).map((name, index) => ({
      name,
      inputSchema: index % 50 === 7 ? lookAhead : plain,
    }));
    const found = findUncheckable(tools, 'one');
    expect(await turnsUntil(found)).toBeGreaterThan(10);
    expect(await found).toEqual(['tool7', 'tool57', 'tool107', 'tool157']);
    expect(someOf(await found)).toBe('4 tools (tool7, tool57, tool107, …)');
  });

  test('are not looked for without end', async () => {
    const costly = {
      type: 'object',
      properties: Object.fromEntries(
        many(90, (number) => `p${number}`).map((name) => [name, { pattern: `${name}${'\\p{L}'.repeat(15)}` }]),
      ),
    };
    const tools = [
      ...Array.from({ length: 30 }, () => ({ name: 'costly', inputSchema: costly })),
      { name: 'last', inputSchema: lookAhead },
    ];
    expect(await findUncheckable(tools, 'one')).toEqual([]);
  });
});
