import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Block, Text } from '../../../src/control-plane/pages/document/blocks.js';
import { html, jsonInScript } from '../../../src/control-plane/pages/document/html.js';
import { blocksMarkdown } from '../../../src/control-plane/pages/document/to-markdown.js';
import { blocksHtml } from '../../../src/control-plane/pages/document/to-html.js';

const hostile = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(
        fc.constantFrom(
          '<',
          '>',
          '"',
          "'",
          '&',
          '`',
          '|',
          '\n',
          '[',
          ']',
          '(',
          ')',
          '\\',
          '#',
          '-',
          'a',
          '</script>',
          ' ',
        ),
      )
      .map((parts) => parts.join('')),
  )
  .filter((text) => text !== '');

const blocksOf = (text: string): readonly Block[] => {
  const spans: Text = [text, { as: 'code', text }, { as: 'strong', text }, { as: 'link', to: '/x', text }];
  return [
    { as: 'heading', text, id: 'id' },
    { as: 'paragraph', text: spans, look: 'lead' },
    { as: 'list', items: [spans], ordered: true },
    { as: 'table', caption: text, head: [text], rows: [[spans, text]] },
    { as: 'code', language: 'json', text, title: text },
    { as: 'cards', items: [{ to: '/x', title: text, text, mark: spans }] },
    { as: 'points', items: [{ title: text, text: spans }] },
    { as: 'index', caption: spans, items: [{ text: spans, mark: text }] },
    { as: 'figures', items: [{ figure: spans, label: text }] },
    { as: 'trace', title: text, rows: [{ step: spans, effect: 'deny', answer: spans }] },
    { as: 'questions', items: [{ question: text, answer: spans }] },
    { as: 'columns', blocks: [[{ as: 'paragraph', text }]] },
  ];
};

const tagsOf = (markup: string): readonly string[] => markup.match(/<[^>]*>/g) ?? [];
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
const unescaped = (text: string): string =>
  text.replaceAll(/&([a-z#\d]+);/g, (_, name: string) => ENTITIES[name] ?? '');

describe('A page made of blocks', () => {
  test('has the same tags whatever its texts are', () => {
    const shape = (text: string): readonly string[] =>
      tagsOf(blocksHtml(blocksOf(text)).toString()).map((tag) => tag.replaceAll(/="[^"]*"/g, ''));
    const expected = shape('plain');
    fc.assert(
      fc.property(hostile, (text) => {
        expect(shape(text)).toEqual(expected);
      }),
    );
  });

  test('shows each text as it is', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const markup = blocksHtml([{ as: 'code', language: 'json', text, title: 'title' }]).toString();
        expect(unescaped(/<code class="language-json">([^]*)<\/code>/.exec(markup)?.[1] ?? '')).toBe(text);
      }),
    );
  });

  test('has in Markdown as many lines, outside of code, whatever its texts are, and no HTML', () => {
    const outside = (text: string): string => blocksMarkdown(blocksOf(text).filter(({ as }) => as !== 'code'));
    const lines = outside('plain').split('\n').length;
    // Escapes and code are taken out from left to right, as readers of Markdown do.
    fc.assert(
      fc.property(hostile, (text) => {
        expect(outside(text).split('\n')).toHaveLength(lines);
        const withoutCode = outside(text).replaceAll(/\\[^\w\s]|(`+)(?!`)[^]*?[^`]\1(?!`)/g, '');
        expect(withoutCode).not.toMatch(/<[a-z/!]/i);
      }),
    );
  });

  test('keeps code in Markdown between fences that it does not close itself', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 0, max: 9 }), (text, ticks) => {
        const code = `${text}\n${'`'.repeat(ticks)}\n`;
        const markdown = blocksMarkdown([{ as: 'code', language: 'text', text: code, title: 't' }]);
        const fence = /\n\n(`{3,})text\n/.exec(markdown)?.[1] ?? '';
        expect(code.split('\n').filter((line) => line.startsWith(fence))).toEqual([]);
        expect(markdown.endsWith(`\n${fence}`)).toBe(true);
      }),
    );
  });
});

test('JSON in a script holds nothing that could end it, and is read as it was', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const written = jsonInScript({ [text]: text }).toString();
      expect(written).not.toMatch(/[<>&\u2028\u2029]/);
      expect(JSON.parse(written)).toEqual({ [text]: text });
    }),
  );
});

test('A template escapes texts in lists and attributes, and takes its own HTML as it is', () => {
  const own = html`<b title="${'"><i>'}">${['<', html`<u>${'&'}</u>`]}</b>`;
  expect(html`${own}${undefined}${7}`.toString()).toBe('<b title="&quot;&gt;&lt;i&gt;">&lt;<u>&amp;</u></b>7');
});
