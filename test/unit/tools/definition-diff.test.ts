import { expect, test } from 'vitest';
import { definitionDiff } from '../../../src/control-plane/servers/tools/definition-diff.js';

const texts = (before: object, after: object): readonly string[] =>
  definitionDiff(before as never, after as never).map(({ pointer, text }) => `${pointer} ${text}`);

test('one letter stands out of a long text', () => {
  const long = (letter: string): string => `${'word '.repeat(100)}${letter}${' more'.repeat(100)}`;
  expect(texts({ description: long('a') }, { description: long('b') })).toEqual([
    `/description …${'word '.repeat(8)}[-a-]{+b+}${' more'.repeat(8)}…`,
  ]);
});

test('characters that cannot be seen, or reorder others, are spelled out', () => {
  expect(texts({ description: 'Reads.' }, { description: 'Reads.\u200b\u202ee\u{e0041}\nnext\u00a0é' })).toEqual([
    '/description Reads.{+\\u{200b}\\u{202e}e\\u{e0041}\\nnext\\u{a0}é+}',
  ]);
});

test('a schema shows the place that changed, what came and what went', () => {
  const before = {
    inputSchema: { type: 'object', properties: { path: { type: 'string' }, 'a/b~': { const: 1 } }, required: ['path'] },
  };
  const after = {
    inputSchema: { type: 'object', properties: { path: { type: 'number' } }, required: ['path', 'mode'] },
    annotations: { readOnlyHint: true },
  };
  expect(texts(before, after)).toEqual([
    '/inputSchema/properties/path/type [-string-]{+number+}',
    '/inputSchema/properties/a~1b~0 [-{"const":1}-]',
    '/inputSchema/required/1 {+"mode"+}',
    '/annotations {+{"readOnlyHint":true}+}',
  ]);
});

test('what is not hashed, and the order of keys, makes no difference', () => {
  expect(
    definitionDiff(
      { name: 'a', inputSchema: { a: 1, b: 2 }, _meta: { x: 1 } },
      { inputSchema: { b: 2, a: 1 }, name: 'a', icons: [] },
    ),
  ).toEqual([]);
});

test('no definition makes more than a hundred differences, or takes long', () => {
  const many = (value: number): object => ({
    inputSchema: Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, value])),
  });
  expect(definitionDiff(many(1) as never, many(2) as never)).toHaveLength(100);
});
