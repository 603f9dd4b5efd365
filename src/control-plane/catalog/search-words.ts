const MAX_WORD_LENGTH = 40;
const MAX_WORDS = 300;

/** The words of texts in lower case, each once; digits count as letters. At most 300, of at most 40 characters. */
export const searchWordsOf = (...texts: readonly string[]): readonly string[] => {
  const words = new Set<string>();
  for (const text of texts) {
    for (const [word] of text
      .normalize('NFKC')
      .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
      .toLowerCase()
      .matchAll(/[\p{L}\p{N}]+/gu)) {
      if (words.size >= MAX_WORDS) return [...words];
      if (word.length <= MAX_WORD_LENGTH) words.add(word);
    }
  }
  return [...words];
};

/** The parts of three characters of a word, with its ends: two words that share many look alike. */
export const trigramsOf = (word: string): readonly string[] => {
  const padded = `  ${word} `;
  const parts = new Set<string>();
  for (let at = 0; at + 3 <= padded.length; at += 1) parts.add(padded.slice(at, at + 3));
  return [...parts];
};

type Rows = Readonly<{ before: readonly number[]; previous: readonly number[] }>;

/** The row of distances of one more character of a word, from the two rows before it. */
const nextRow = (one: string, other: string, { before, previous }: Rows): readonly number[] => {
  const end = one.length - 1;
  const row = [one.length];
  for (let place = 1; place <= other.length; place += 1) {
    const replaced = (previous[place - 1] ?? 0) + (one[end] === other[place - 1] ? 0 : 1);
    const least = Math.min((row[place - 1] ?? 0) + 1, (previous[place] ?? 0) + 1, replaced);
    const isSwapped = end > 0 && place > 1 && one[end] === other[place - 2] && one[end - 1] === other[place - 1];
    row.push(isSwapped ? Math.min(least, (before[place - 2] ?? 0) + 1) : least);
  }
  return row;
};

/**
 * How many characters must be inserted, left out, replaced or swapped with their neighbour to get from one word to the
 * other; words have at most 40.
 */
export const editDistance = (one: string, other: string): number => {
  let rows: Rows = { before: [], previous: Array.from({ length: other.length + 1 }, (_, at) => at) };
  for (let length = 1; length <= one.length; length += 1)
    rows = { before: rows.previous, previous: nextRow(one.slice(0, length), other, rows) };
  return rows.previous[other.length] ?? 0;
};

/** How many characters may be wrong in a word of a search. */
const errorsAllowed = (word: string): number => (word.length <= 4 ? 1 : word.length <= 8 ? 2 : 3);

const MAX_LIKE = 8;

/** Those of some words, in an order of likelihood, that somebody may have meant: the nearest, and those as near. */
export const meant = (word: string, known: readonly string[]): readonly string[] => {
  const near = known
    .map((other) => ({ other, distance: editDistance(word, other) }))
    .filter(({ distance }) => distance <= errorsAllowed(word))
    .toSorted((left, right) => left.distance - right.distance);
  return near
    .filter(({ distance }) => distance === near[0]?.distance)
    .map(({ other }) => other)
    .slice(0, MAX_LIKE);
};
