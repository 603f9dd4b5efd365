import type { Tx } from '../../platform/postgres/database.js';
import { meant, searchWordsOf, trigramsOf } from './search-words.js';

/** A word of a search: the words of servers that count as it. Empty when no server has any. */
export type SearchedWord = Readonly<{ word: string; alternatives: readonly string[] }>;

const MAX_SEARCHED_WORDS = 8;
const MAX_ALTERNATIVES = 40;
const MAX_CANDIDATES = 200;
const MIN_PART_LENGTH = 3;

/** The words that begin with a word; itself comes first. */
const beginningWith = async (tx: Tx, word: string): Promise<readonly string[]> => {
  const { rows } = await tx.prepared<{ word: string }>(
    'catalog_words_beginning',
    `select word from catalog_words where word >= $1 and word < $1 || U&'\\+10FFFF'
      order by word = $1 desc, servers desc, word limit $2`,
    [word, MAX_ALTERNATIVES],
  );
  return rows.map((row) => row.word);
};

/** The words that share the most parts with a word. */
const sharing = async (tx: Tx, trigrams: readonly string[]): Promise<readonly string[]> => {
  const { rows } = await tx.prepared<{ word: string }>(
    'catalog_words_sharing',
    `select word from catalog_trigrams where trigram = any ($1)
      group by word order by count(*) desc, word limit $2`,
    [trigrams, MAX_CANDIDATES],
  );
  return rows.map((row) => row.word);
};

const alternativesOf = async (tx: Tx, word: string): Promise<readonly string[]> => {
  const beginning = await beginningWith(tx, word);
  if (beginning.length > 0 || word.length < MIN_PART_LENGTH) return beginning;
  const inner = trigramsOf(word).filter((part) => !part.includes(' '));
  const holding = (await sharing(tx, inner)).filter((other) => other.includes(word)).slice(0, MAX_ALTERNATIVES);
  return holding.length > 0 ? holding : meant(word, await sharing(tx, trigramsOf(word)));
};

/**
 * Reads a search: each word stands for those that begin with it; without any, for those that hold it; without any, for
 * those that it may be a misspelling of.
 */
export const readSearch = async (tx: Tx, q: string): Promise<readonly SearchedWord[]> => {
  const words = searchWordsOf(q).slice(0, MAX_SEARCHED_WORDS);
  const searched: SearchedWord[] = [];
  for (const word of words) searched.push({ word, alternatives: await alternativesOf(tx, word) });
  return searched;
};
