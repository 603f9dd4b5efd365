import type { Category, Risk } from '../../../policy-engine/classify/classify.js';
import type { Html } from './html.js';

/**
 * A piece of a sentence. Links lead within the site (`/…`), within the page (`#…`) or to an address of ours; a `risk`
 * is shown as a badge.
 */
export type Span =
  | string
  | Readonly<{ as: 'code'; text: string }>
  | Readonly<{ as: 'strong'; text: string }>
  | Readonly<{ as: 'link'; to: string; text: string }>
  | Readonly<{ as: 'risk'; risk: Risk; category: Category }>;

export type Text = Span | readonly Span[];

/** One call of an example, and what the gateway answers to it. */
/** What became of a step of an example, in a word. */
export const EFFECT_WORDS = { allow: 'allowed', deny: 'refused', hold: 'held', note: 'meanwhile' } as const;

export type TraceRow = Readonly<{ step: Text; effect: keyof typeof EFFECT_WORDS; answer: Text }>;

export type Card = Readonly<{ to: string; title: string; text: string; mark?: Text }>;

/** What a page is made of: each block has a form in HTML and one in Markdown. */
export type Block =
  | Readonly<{ as: 'heading'; text: string; id: string }>
  | Readonly<{ as: 'paragraph'; text: Text; look?: 'lead' | 'note' }>
  | Readonly<{ as: 'list'; items: readonly Text[]; ordered?: true }>
  | Readonly<{ as: 'table'; caption: string; head: readonly string[]; rows: readonly (readonly Text[])[] }>
  | Readonly<{ as: 'code'; language: 'json' | 'sh' | 'text'; text: string; title: string }>
  | Readonly<{ as: 'cards'; items: readonly Card[] }>
  | Readonly<{ as: 'points'; items: readonly Readonly<{ title: string; text: Text }>[] }>
  | Readonly<{ as: 'index'; caption: Text; items: readonly Readonly<{ text: Text; mark: string }>[] }>
  | Readonly<{ as: 'figures'; items: readonly Readonly<{ figure: Text; label: string }>[] }>
  | Readonly<{ as: 'trace'; title: string; rows: readonly TraceRow[] }>
  | Readonly<{ as: 'questions'; items: readonly Readonly<{ question: string; answer: Text }>[] }>
  | Readonly<{ as: 'columns'; blocks: readonly (readonly Block[])[] }>
  | Readonly<{ as: 'html'; html: Html; markdown: string }>;

/** A heading that links can lead to. */
export const heading = (text: string, id: string): Block => ({ as: 'heading', text, id });
/** A paragraph of pieces. */
export const paragraph = (...text: readonly Span[]): Block => ({ as: 'paragraph', text });
/** The paragraph that a page begins with. */
export const lead = (...text: readonly Span[]): Block => ({ as: 'paragraph', text, look: 'lead' });
/** A paragraph beside the text. */
export const note = (...text: readonly Span[]): Block => ({ as: 'paragraph', text, look: 'note' });
/** A list of texts. */
export const list = (...items: readonly Text[]): Block => ({ as: 'list', items });
/** Texts in an order, with numbers. */
export const steps = (...items: readonly Text[]): Block => ({ as: 'list', items, ordered: true });
/** A name or a piece of code in a sentence. */
export const code = (text: string): Span => ({ as: 'code', text });
/** A piece of a sentence that stands out. */
export const strong = (text: string): Span => ({ as: 'strong', text });
/** A link in a sentence. */
export const link = (to: string, text: string): Span => ({ as: 'link', to, text });

/** The pieces of a text. */
export const spansOf = (text: Text): readonly Span[] =>
  typeof text === 'string' || !Array.isArray(text) ? [text as Span] : (text as readonly Span[]);

/** A text without its marks. */
export const plainText = (text: Text): string =>
  spansOf(text)
    .map((span) =>
      typeof span === 'string' ? span : span.as === 'risk' ? `${span.category}, ${span.risk}` : span.text,
    )
    .join('');
