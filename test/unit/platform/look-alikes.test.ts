import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import {
  LookAlikes,
  mistakable,
  misreadName,
  spelledOut,
  withoutUnseen,
} from '../../../src/platform/runtime/look-alikes.js';
import { costInParses, cpuMs } from '../../support/cpu.js';

const confusables = createRequire(import.meta.url)('unhomoglyph/data.json') as Readonly<Record<string, string>>;
const known = new LookAlikes(['cancel_job', 'list_issues']);

describe('a name that could be mistaken', () => {
  const pairs = Object.entries(confusables).filter(
    ([char, image]) => image.length === 1 && 'cancel_job'.includes(image) && char !== image,
  );

  test('by any one character of confusables.txt is refused beside the name that it looks like', () => {
    expect(pairs.length).toBeGreaterThan(250);
    const passed = pairs
      .map(([char, image]) => 'cancel_job'.replace(image, () => char))
      .filter((name) => misreadName(known, name) === undefined);
    expect(passed.map(spelledOut)).toEqual([]);
  });

  test.each<[string, string]>([
    ['a zero-width space', 'cancel\u200b_job'],
    ['a zero-width joiner', 'cancel\u200d_job'],
    ['a soft hyphen', 'cancel\u00ad_job'],
    ['a right-to-left override', 'cancel\u202e_job'],
    ['an isolate', 'cancel\u2066_job'],
    ['a variation selector', 'cancel\ufe0f_job'],
    ['a tag character', 'cancel\u{e0061}_job'],
    ['a Hangul filler', 'cancel\u3164_job'],
    ['a Braille blank', 'cancel\u2800_job'],
    ['a no-break space', 'cancel\u00a0job'],
    ['a line separator', 'cancel\u2028job'],
    ['a tab', 'cancel\tjob'],
    ['a private-use character', 'cancel\ue000_job'],
    ['a space before it', ' cancel_job'],
    ['a space behind it', 'cancel_job '],
    ['two spaces', 'cancel  job'],
  ])('because of %s, is refused whatever others there are', (_what, name) => {
    expect(mistakable(name)).toBe('holds characters that can not be seen');
  });

  test.each<[string, string, RegExp]>([
    ['full-width letters', 'ｃａｎｃｅｌ', /NFKC/],
    ['a ligature', 'ﬁnd', /NFKC/],
    ['an accent that is a character of its own', 'cafe\u0301', /NFKC/],
    ['one Cyrillic letter', 'cаncel_job', /mixes Latin/],
    ['one Greek letter', 'cοncel', /mixes Latin/],
    ['Cyrillic letters alone', 'сору', /looks like Latin/],
    ['a dotless i', 'lıst', /looks like Latin/],
  ])('because of %s, is refused whatever others there are', (_what, name, why) => {
    expect(mistakable(name)).toMatch(why);
  });

  test.each(['cance1_job', 'canceI_job', 'Iist_issues'])(
    'in ASCII alone, like %s, is refused beside the other, and fine alone',
    (name) => {
      expect([mistakable(name), known.refusal(name), new LookAlikes([name]).refusal(name)]).toEqual([
        undefined,
        expect.stringMatching(/^looks like (cancel_job|list_issues)$/),
        undefined,
      ]);
    },
  );
});

test.each([
  'cancel_job',
  'Cancel_Job',
  'get.v1/items-2',
  'a b',
  'ärger',
  'café',
  'поиск',
  '検索tool',
  'search_검색',
  'list_😀',
  'x'.repeat(300),
  'προβολή',
])('%s is a name like any other', (name) => {
  expect([mistakable(name), known.refusal(name)]).toEqual([undefined, undefined]);
});

test('a hostile name costs time that is linear in its length', () => {
  for (const letter of ['я', '\u0301', '😀', 'm']) {
    const cost = (length: number): number => cpuMs(() => known.refusal(letter.repeat(length)));
    cost(20_000);
    expect(cost(200_000), letter).toBeLessThan(40 * Math.max(cost(20_000), 1));
  }
  expect(costInParses(() => known.refusal(`${'я'.repeat(250)}1`))).toBeLessThan(1);
});

test('a name is told in ASCII alone, a definition without what cannot be seen', () => {
  expect([spelledOut('cаncel\u200b'), withoutUnseen('café\u200b\n')]).toEqual([
    'c\\u{430}ncel\\u{200b}',
    'café\\u{200b}\\n',
  ]);
});
