/** Copies of texts beside the event itself: a message needs no more. */
const MAX_COPY_LENGTH = 1000;

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;

/** At most `length` UTF-16 units of a text, without half a pair at the end; what is cut shows an ellipsis. */
export const cutText = (text: string, length = MAX_COPY_LENGTH): string => {
  if (text.length <= length) return text;
  const end = isHighSurrogate(text.charCodeAt(length - 2)) ? length - 2 : length - 1;
  return `${text.slice(0, end)}…`;
};

/** A text that UTF-8 can hold: surrogates that stand alone become U+FFFD. */
export const wellFormed = (text: string): string => text.toWellFormed();

/** An escape of JSON text; whole where it is that of a surrogate. */
const ESCAPE = /\\(?:ud[89a-f][0-9a-f]{2}|[^])/g;

/**
 * JSON on one line. Lone surrogates, which no UTF-8 holds and some readers of JSON refuse, become U+FFFD:
 * JSON.stringify escapes them, and them alone of all surrogates.
 */
export const wellFormedJson = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.includes('\\ud') ? text.replaceAll(ESCAPE, (escape) => (escape.length > 2 ? '\ufffd' : escape)) : text;
};
