import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import {
  compilePattern as compile,
  isUsable,
  patternSize,
  type Pattern,
} from '../../../src/policy-engine/conditions/pattern.js';
import { newWork, MAX_STEPS_PER_CALL } from '../../../src/policy-engine/conditions/work.js';

const runs = { numRuns: Number(process.env['RUNS'] ?? 100) };

const compilePattern = (source: string): Pattern | undefined => {
  const compiled = compile(source);
  return isUsable(compiled) ? compiled : undefined;
};

const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    '.',
    '^',
    '$',
    '\\b',
    '\\B',
    '\\A',
    '\\z',
    '\\n',
    '\\d',
    '\\W',
    '\\pL',
    '[^a]',
    '[a-c😀]',
    '😀',
    'é',
    'k',
    '(?i:k)',
    '(?i:s)',
    '(?s:.)',
    '(?m:^)',
    '(?m:$)',
    '(?-s:.)',
    '[[:alpha:]]',
    '\\Qa.\\E',
  ],
);
const repeat = fc.constantFrom('*', '+', '?', '*?', '{2}', '{0,2}', '{1,}', '{3,5}?');
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atom,
    fc.tuple(tie('pattern'), tie('pattern')).map(([one, other]) => one + other),
    fc.tuple(tie('pattern'), tie('pattern')).map(([one, other]) => `(${one}|${other})`),
    fc.tuple(tie('pattern'), repeat).map(([one, times]) => `(?:${one})${times}`),
  ),
}));
const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'c', 'k', 'K', '\u212A', 's', 'ſ', '\n', ' ', '_', '1', 'é', '😀', '\uFFFD'),
  maxLength: 12,
});

describe('a search', () => {
  test('answers what re2js answers', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 4 }), (source, texts) => {
        const ours = compilePattern(source);
        fc.pre(ours !== undefined);
        for (const one of texts) expect(ours.search(one, newWork())).toBe(RE2JS.compile(source).matcher(one).find());
      }),
      runs,
    );
  });

  test('costs the same whatever was searched before', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 4 }), text, (source, before, one) => {
        const [fresh, used] = [compilePattern(source), compilePattern(source)];
        fc.pre(fresh !== undefined && used !== undefined);
        for (const other of before) used.search(other, newWork());
        const [freshWork, usedWork] = [newWork(), newWork()];
        expect(used.search(one, usedWork)).toBe(fresh.search(one, freshWork));
        expect(usedWork).toEqual(freshWork);
      }),
      runs,
    );
  });

  test('is undecidable when the work is used up, also when it is warm', () => {
    const costly = compilePattern('[ab]*a[ab]{15}$');
    const bits = Array.from({ length: 60_000 }, (_, index) => 'ab'[Math.floor(Math.sin(index * index) * 1e6) & 1]).join(
      '',
    );
    for (let time = 0; time < 3; time += 1) expect(costly?.search(bits, newWork())).toBe('undecidable');
    expect(costly?.search('a'.repeat(60_000), newWork())).toBe(true);
    expect(compilePattern('a')?.search('bbbbb', { left: 3 })).toBe('undecidable');
    expect(compilePattern('a$')?.search('', { left: 3 })).toBe('undecidable');
  });

  test('of 64 KiB by a plain pattern takes a fraction of a call', () => {
    const work = newWork();
    expect(compilePattern('password|secret')?.search('x'.repeat(65_536), work)).toBe(false);
    expect(work.left).toBeGreaterThan(MAX_STEPS_PER_CALL * 0.75);
    expect(work.left).toBeLessThan(MAX_STEPS_PER_CALL - 3 * 65_536);
  });

  test('stays right after it was made to forget', () => {
    const source = 'a[ab ]{12}\\b$';
    const [ours, theirs] = [compilePattern(source), RE2JS.compile(source)];
    for (let round = 0; round < 150; round += 1) {
      const one = Array.from(
        { length: 400 },
        (_, index) => 'aab '[Math.floor(Math.abs(Math.sin(index * index + round)) * 1e6) % 4],
      ).join('');
      expect(ours?.search(one, { left: 1e9 })).toBe(theirs.test(one));
    }
  });
});

describe('a word', () => {
  test.each(Array.from('09AZaz_'))('has %s in it', (one) => {
    expect(compilePattern('\\bx')?.search(`${one}x`, newWork())).toBe(false);
    expect(compilePattern('x\\b')?.search(`x${one}`, newWork())).toBe(false);
  });

  test.each(Array.from('/:@[^`{ é'))('ends at %s', (one) => {
    expect(compilePattern('\\bx')?.search(`${one}x`, newWork())).toBe(true);
    expect(compilePattern('x\\B')?.search(`x${one}`, newWork())).toBe(false);
  });
});

describe('the size of a pattern', () => {
  test.each([
    ['abc', 3],
    ['a{10}', 10],
    ['(ab){10}', 40],
    ['a{2,7}', 7],
    ['a{3,}', 3],
    ['((a{10}){10}){10}', 1220],
    ['[a{9}]{5}', 5],
    ['[]a]{5}', 5],
    ['[^]]{5}', 5],
    ['[[:alpha:]]{5}', 5],
    ['[\\]]{5}', 5],
    ['\\{9}', 3],
    ['\\Qa{900}\\E', 10],
    ['\\pL{5}', 5],
    ['\\p{Greek}{5}', 5],
    ['\\x{41}{5}', 5],
    ['a{x}', 4],
    [')', 1],
  ])('%s is about %i', (source, size) => {
    expect(patternSize(source)).toBe(size);
  });

  test('is bounded in the end by what it compiles to', () => {
    expect(compilePattern('a{1000}')).toBeDefined();
    expect(compilePattern('(a?b?c?){170}')).toBeUndefined();
    expect(compilePattern('\\pL{900}')).toBeDefined();
    expect(compile('(a?b?c?){170}')).toEqual({ fault: 'instructions', size: expect.any(Number) as number, most: 1024 });
    expect(compile('(?<!a)b')).toEqual({ fault: 'syntax' });
    expect(compilePattern('x'.repeat(500))).toBeDefined();
    expect(compilePattern('x'.repeat(501))).toBeUndefined();
  });
});
