import { html, type Html } from './html.js';
import { EFFECT_WORDS, spansOf, type Block, type Card, type Span, type Text, type TraceRow } from './blocks.js';

const spanHtml = (span: Span): Html => {
  if (typeof span === 'string') return html`${span}`;
  if (span.as === 'code') return html`<code>${span.text}</code>`;
  if (span.as === 'strong') return html`<strong>${span.text}</strong>`;
  if (span.as === 'link') return html`<a href="${span.to}">${span.text}</a>`;
  return html`<span class="risk ${span.risk}">${span.category} · ${span.risk}</span>`;
};

/** A sentence as HTML. */
export const textHtml = (text: Text): Html => html`${spansOf(text).map(spanHtml)}`;

const traceHtml = ({ step, effect, answer }: TraceRow): Html =>
  html`<li class="${effect}">
    <span class="effect">${EFFECT_WORDS[effect]}</span>
    <span>${textHtml(step)}</span>
    <span class="answer">${textHtml(answer)}</span>
  </li>`;

const cardHtml = ({ to, title, text, mark }: Card): Html =>
  html`<li>
    <a href="${to}">${title}</a>
    ${mark === undefined ? '' : html`<p>${textHtml(mark)}</p>`}
    <p>${text}</p>
  </li>`;

const tableHtml = ({ caption, head, rows }: Extract<Block, { as: 'table' }>): Html => {
  const cells = (row: readonly Text[]): readonly Html[] =>
    row.map((cell, at) => (at === 0 ? html`<th scope="row">${textHtml(cell)}</th>` : html`<td>${textHtml(cell)}</td>`));
  // A table that is wider than a phone scrolls by itself, also by keyboard.
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${head.map((cell) => html`<th scope="col">${cell}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${cells(row)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
};

const codeHtml = ({ title, language, text }: Extract<Block, { as: 'code' }>): Html =>
  html`<figure class="code">
    <figcaption>${title}</figcaption>
    <pre tabindex="0" role="region" aria-label="${title}"><code class="language-${language}">${text}</code></pre>
  </figure>`;

type Writers = Readonly<{ [As in Block['as']]: (block: Extract<Block, { as: As }>) => Html }>;

const WRITERS: Writers = {
  heading: ({ text, id }) => html`<h2 id="${id}">${text}</h2>`,
  paragraph: ({ text, look }) =>
    look === undefined ? html`<p>${textHtml(text)}</p>` : html`<p class="${look}">${textHtml(text)}</p>`,
  list: ({ items, ordered }) => {
    const written = items.map((item) => html`<li>${textHtml(item)}</li>`);
    return ordered
      ? html`<ol class="steps">
          ${written}
        </ol>`
      : html`<ul>
          ${written}
        </ul>`;
  },
  table: tableHtml,
  code: codeHtml,
  cards: ({ items }) =>
    html`<ul class="cards">
      ${items.map(cardHtml)}
    </ul>`,
  points: ({ items }) =>
    html`<ul class="points">
      ${items.map(({ title, text }) => html`<li><strong>${title}</strong> ${textHtml(text)}</li>`)}
    </ul>`,
  index: ({ caption, items }) =>
    html`<div class="index">
      <p>${textHtml(caption)}</p>
      <ul>
        ${items.map(({ text, mark }) => html`<li>${textHtml(text)} <span>${mark}</span></li>`)}
      </ul>
    </div>`,
  figures: ({ items }) =>
    html`<dl class="figures">
      ${items.map(
        ({ figure, label }) =>
          html`<div>
            <dt>${label}</dt>
            <dd>${textHtml(figure)}</dd>
          </div>`,
      )}
    </dl>`,
  trace: ({ title, rows }) =>
    html`<figure class="trace">
      <figcaption>${title}</figcaption>
      <ol>
        ${rows.map(traceHtml)}
      </ol>
    </figure>`,
  questions: ({ items }) =>
    html`<div class="questions">
      ${items.map(
        ({ question, answer }) =>
          html`<h3>${question}</h3>
            <p>${textHtml(answer)}</p>`,
      )}
    </div>`,
  columns: ({ blocks }) =>
    html`<div class="columns">${blocks.map((column) => html`<div>${blocksHtml(column)}</div>`)}</div>`,
  html: ({ html: own }) => own,
};

const blockHtml = (block: Block): Html => (WRITERS[block.as] as (block: Block) => Html)(block);

/** Blocks as HTML; what is text in them stays text. */
export const blocksHtml = (blocks: readonly Block[]): Html => html`${blocks.map(blockHtml)}`;
