/** Compiling an expression whose classes cost as much takes some 3 ms, which nothing can interrupt. */
export const MAX_CLASS_COST = 75_000;

/**
 * A Unicode class such as \p{L}, in characters of a range that take as long: its ranges are copied, sorted, and folded.
 */
export const COST_OF_UNICODE_CLASS = 4000;
export const COST_OF_FOLDED_CLASS = 8000;

/** Case is not folded beyond U+1E943. */
const LAST_FOLDED = 0x1e943;

const unicodeClass = /\\[pP]/g;
const foldsCase = /\(\?[a-zA-Z-]*i/;
const character = String.raw`\\x\{[0-9a-fA-F]+\}|\\x[0-9a-fA-F]{2}|\\[0-7]{1,3}|[^]`;
const range = new RegExp(`(?<=(${character}))-(?=(${character}))`, 'gu');

/**
 * What compiling the written character classes of an expression costs. Where case is ignored re2js folds each character
 * of a range by itself. Repeats cost nothing here: a class is compiled once. Reads some texts as ranges that are none.
 */
export function classCost(text: string): number {
  const classes = text.match(unicodeClass)?.length ?? 0;
  if (!foldsCase.test(text)) return classes * COST_OF_UNICODE_CLASS;
  let cost = classes * COST_OF_FOLDED_CLASS;
  for (const [, from = '', to = ''] of text.matchAll(range))
    cost += Math.max(0, Math.min(codePointOf(to), LAST_FOLDED) - codePointOf(from));
  return cost;
}

function codePointOf(written: string): number {
  const hex = /^\\x\{?([0-9a-fA-F]+)/.exec(written)?.[1];
  if (hex !== undefined) return Number.parseInt(hex, 16);
  return /^\\[0-7]/.test(written) ? Number.parseInt(written.slice(1), 8) : (written.codePointAt(0) ?? 0);
}
