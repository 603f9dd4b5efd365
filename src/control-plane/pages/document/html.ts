const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text as HTML shows it, in the body of an element or in a quoted attribute. */
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

/** HTML that was made by `html`: everything else is text. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

type Value = Html | string | number | undefined | readonly (Html | string)[];

const written = (value: Value): string => {
  if (value instanceof Html) return value.toString();
  if (typeof value === 'string') return escaped(value);
  return Array.isArray(value) ? value.map(written).join('') : String(value ?? '');
};

/**
 * HTML with values in it. A text is escaped, wherever it stands; only what `html` made before goes in as it is.
 * Attributes must be quoted in the template. Undefined is nothing.
 */
export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html =>
  new Html(parts.reduce((text, part, index) => text + written(values[index - 1]) + part));

/** JSON as the text of a `<script>` of data: nothing in it can end the element. */
export const jsonInScript = (value: unknown): Html =>
  new Html(
    JSON.stringify(value).replaceAll(
      /[<>&\u2028\u2029]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
