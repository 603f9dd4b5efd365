import { EFFECT_WORDS, spansOf, type Block, type Span, type Text } from './blocks.js';

/** What Markdown could take for a mark, and what could end the line that it stands in. */
const escaped = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replaceAll(/[\\`*_[\]<>#~&]/g, (character) => `\\${character}`);

/** Code in a line, between as many backticks as it has not in a row itself. */
const inlineCode = (text: string): string => {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `\`${line}\`` : `${fence} ${line} ${fence}`;
};

/** An address as the target of a link. */
const target = (to: string): string => to.replaceAll(/[()\s<>]/g, encodeURIComponent);

const spanMarkdown = (span: Span): string => {
  if (typeof span === 'string') return escaped(span);
  if (span.as === 'code') return inlineCode(span.text);
  if (span.as === 'strong') return `**${escaped(span.text)}**`;
  if (span.as === 'link') return `[${escaped(span.text)}](${target(span.to)})`;
  return `**${span.category}, ${span.risk}**`;
};

const textMarkdown = (text: Text): string => spansOf(text).map(spanMarkdown).join('');

const fenced = (language: string, text: string): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
};

/** A row of a table, whose cells end at a pipe. */
const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
const lines = (texts: readonly string[]): string => texts.join('\n');

type Writers = Readonly<{ [As in Block['as']]: (block: Extract<Block, { as: As }>) => string }>;

const WRITERS: Writers = {
  heading: ({ text }) => `## ${escaped(text)}`,
  paragraph: ({ text }) => textMarkdown(text),
  list: ({ items, ordered }) => lines(items.map((item, at) => `${ordered ? `${at + 1}.` : '-'} ${textMarkdown(item)}`)),
  table: ({ head, rows }) =>
    lines([row(head.map(escaped)), row(head.map(() => '---')), ...rows.map((cells) => row(cells.map(textMarkdown)))]),
  code: ({ language, text, title }) => `${escaped(title)}:\n\n${fenced(language, text)}`,
  cards: ({ items }) =>
    lines(
      items.map(
        ({ to, title, text, mark }) =>
          `- [${escaped(title)}](${target(to)})${mark === undefined ? '' : ` ${textMarkdown(mark)}`}: ${escaped(text)}`,
      ),
    ),
  points: ({ items }) => lines(items.map(({ title, text }) => `- **${escaped(title)}** ${textMarkdown(text)}`)),
  index: ({ caption, items }) =>
    [textMarkdown(caption), lines(items.map(({ text, mark }) => `- ${textMarkdown(text)} (${escaped(mark)})`))].join(
      '\n\n',
    ),
  figures: ({ items }) => lines(items.map(({ figure, label }) => `- ${escaped(label)}: ${textMarkdown(figure)}`)),
  trace: ({ title, rows }) =>
    [
      `${escaped(title)}:`,
      lines(
        rows.map(
          ({ step, effect, answer }, at) =>
            `${at + 1}. ${textMarkdown(step)}: **${EFFECT_WORDS[effect]}** ${textMarkdown(answer)}`,
        ),
      ),
    ].join('\n\n'),
  questions: ({ items }) =>
    items.map(({ question, answer }) => `### ${escaped(question)}\n\n${textMarkdown(answer)}`).join('\n\n'),
  columns: ({ blocks }) => blocks.map(blocksMarkdown).join('\n\n'),
  html: ({ markdown }) => markdown,
};

/** Blocks as Markdown; what is text in them stays text. */
export const blocksMarkdown = (blocks: readonly Block[]): string =>
  blocks
    .map((block) => (WRITERS[block.as] as (block: Block) => string)(block))
    .filter((text) => text !== '')
    .join('\n\n');

/** The title of a page as Markdown. */
export const titleMarkdown = (title: string): string => `# ${escaped(title)}`;
