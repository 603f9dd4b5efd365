import fc from 'fast-check';

/** White space between the tokens of a JSON text. */
export const blank = fc.stringMatching(/^[ \t\r\n]{0,4}$/);
/** A string of JSON with some of its characters escaped. */
const literal = (text: string, escape: boolean): string => {
  const plain = JSON.stringify(text);
  return escape && text.length > 0
    ? `"\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(text.slice(1)).slice(1)}`
    : plain;
};

/** The same document as text in some order of keys, with some white space and some escapes. */
export const textOf = (value: unknown, blanks: readonly string[], at = { index: 0 }): string => {
  const space = (): string => blanks[(at.index += 1) % blanks.length] ?? '';
  const list = (parts: readonly string[], [open, close]: readonly [string, string]): string =>
    `${open}${space()}${parts.join(`${space()},${space()}`)}${space()}${close}`;
  if (Array.isArray(value))
    return list(
      value.map((one) => textOf(one, blanks, at)),
      ['[', ']'],
    );
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? literal(value, at.index % 3 === 0) : JSON.stringify(value);
  const entries = Object.entries(value);
  const turned = at.index % 2 === 0 ? entries : entries.toReversed();
  return list(
    turned.map(([key, one]) => `${literal(key, false)}${space()}:${space()}${textOf(one, blanks, at)}`),
    ['{', '}'],
  );
};
