import { RULES } from './rules.js';
import { NOUNS } from './vocabulary.js';

const listed = (text: string): readonly string[] => text.split(' ').filter((word) => word !== '');

const verbs = new Set(RULES.flatMap(({ kind, words }) => (kind === 'verb' ? listed(words) : [])));
const weakVerbs = new Set(RULES.flatMap(({ weak, words }) => (weak ? listed(words) : [])));

const known: ReadonlySet<string> = new Set([
  ...verbs,
  ...listed(NOUNS),
  ...RULES.flatMap(({ kind, words, objects }) =>
    kind === 'phrase' ? [] : [...listed(words), ...listed(objects ?? '')],
  ),
]);

/**
 * Words of two letters may be part of a run of letters only when they are one of these: others would be found by
 * chance.
 */
const short = new Set(['to', 'or', 'by', 'in', 'of', 'on', 'id', 'pr', 'db', 'vm', 'ip', 'my', 'rm']);

const MIN_WORD_LENGTH = 3;
const MAX_WORD_LENGTH = 16;
const MAX_RUN_LENGTH = 48;
const MAX_NAME_LENGTH = 256;
const MAX_WORDS = 24;
/** Ends of a word that make it no action: `added`, `listing`, `reader`. */
const ENDINGS = /^(?:ed|d|ing|ings|er|ers|r|rs|or|ors|ion|ions|ment|ments|able|ress|s|es|al|ly|y)$/;
const MIN_ENDING_VERB_LENGTH = 5;

/** A letter of a known word, and those that may follow it. */
type Letter = { isEnd: boolean; readonly next: Map<number, Letter> };

function letters(): Letter {
  const root: Letter = { isEnd: false, next: new Map() };
  for (const word of known) {
    if (word.length < MIN_WORD_LENGTH ? !short.has(word) : word.length > MAX_WORD_LENGTH) continue;
    let at = root;
    for (let index = 0; index < word.length; index += 1) {
      const code = word.charCodeAt(index);
      const next = at.next.get(code) ?? { isEnd: false, next: new Map<number, Letter>() };
      at.next.set(code, next);
      at = next;
    }
    at.isEnd = true;
  }
  return root;
}

const root = letters();
const LETTER_S = 's'.charCodeAt(0);

/** Where a known word may end that begins at a place of a run; plurals of long words count. */
function endsFrom(run: string, start: number): readonly number[] {
  const ends: number[] = [];
  let at: Letter | undefined = root;
  for (let end = start; end < run.length; end += 1) {
    at = at.next.get(run.charCodeAt(end));
    if (at === undefined) break;
    if (!at.isEnd) continue;
    ends.push(end + 1);
    if (end + 1 - start >= MIN_WORD_LENGTH && run.charCodeAt(end + 1) === LETTER_S) ends.push(end + 2);
  }
  return ends;
}

/** Whether a word, or its singular, is known. */
const isKnown = (word: string): boolean => known.has(word) || (word.endsWith('s') && known.has(word.slice(0, -1)));

/** The fewest known words that make up a run of letters; undefined when none do. */
function split(run: string): readonly string[] | undefined {
  const best: (readonly string[] | undefined)[] = [[]];
  for (let start = 0; start < run.length; start += 1) {
    const before = best[start];
    if (before === undefined) continue;
    for (const end of endsFrom(run, start))
      if ((best[end]?.length ?? Infinity) > before.length + 1) best[end] = [...before, run.slice(start, end)];
  }
  return best[run.length];
}

/** Short actions that other words begin with by chance: `delegate`, `banner`. The other short ones are common. */
const COMMON_SHORT: ReadonlySet<string> = new Set(['get', 'set', 'add', 'run', 'put']);
const MIN_STARTING_VERB_LENGTH = 4;

const mayStart = (verb: string): boolean =>
  verbs.has(verb) && !weakVerbs.has(verb) && (verb.length >= MIN_STARTING_VERB_LENGTH || COMMON_SHORT.has(verb));

/** A run of letters that begins or ends with an action, and otherwise is not known. */
function aroundVerb(run: string): readonly string[] {
  for (const length of endsFrom(run, 0).toReversed()) {
    const [start, rest] = [run.slice(0, length), run.slice(length)];
    if (rest.length >= MIN_WORD_LENGTH && mayStart(start) && !ENDINGS.test(rest)) return [start, rest];
  }
  for (let at = Math.max(1, run.length - MAX_WORD_LENGTH); at <= run.length - MIN_ENDING_VERB_LENGTH; at += 1) {
    const end = run.slice(at);
    if (verbs.has(end) && !weakVerbs.has(end)) return [run.slice(0, at), end];
  }
  return [run];
}

/** The words in a run of letters. */
function wordsOfRun(run: string): readonly string[] {
  if (run.length < 2 * MIN_WORD_LENGTH || isKnown(run) || run.length > MAX_RUN_LENGTH) return [run];
  return split(run) ?? aroundVerb(run);
}

/** The words of a name in lower case, whether it is written with separators, capitals or neither. */
export function wordsOfName(name: string): readonly string[] {
  const words: string[] = [];
  for (const [run] of name
    .slice(0, MAX_NAME_LENGTH)
    .toLowerCase()
    .matchAll(/[a-z]+/g)) {
    words.push(...wordsOfRun(run));
    if (words.length >= MAX_WORDS) break;
  }
  return words;
}

/** The singular of a noun, by its ending; for comparing with words of rules. */
export function singular(word: string): string {
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (word.endsWith('ss') || !word.endsWith('s') || word.length < 4) return word;
  return known.has(word) && !known.has(word.slice(0, -1)) ? word : word.slice(0, -1);
}

/** The forms in which descriptions have a verb: `delete`, `deletes`, `deleting`. Participles name no action. */
function formsOf(verb: string): readonly string[] {
  const third = /(?:s|x|ch|sh|o)$/.test(verb) ? `${verb}es` : verb.replace(/([^aeiou])y$/, '$1ie').concat('s');
  const stem = verb.endsWith('e') && !verb.endsWith('ee') ? verb.slice(0, -1) : verb;
  return [verb, third, `${stem}ing`, `${stem}${stem.at(-1) ?? ''}ing`];
}

const verbByForm: ReadonlyMap<string, string> = new Map(
  [...verbs].flatMap((verb) => formsOf(verb).map((form) => [form, verb] as const)).toReversed(),
);

/** The action that a word names (`deletes`, `deleting`, `delete`); undefined for any other, participles included. */
export function verbOf(word: string): string | undefined {
  return verbs.has(word) ? word : verbByForm.get(word);
}

/** Whether a verb is as often a noun. */
export function isWeak(verb: string): boolean {
  return weakVerbs.has(verb);
}

const MAX_DESCRIPTION_LENGTH = 2000;

const isLetter = (code: number): boolean => code >= 0x61 && code <= 0x7a;
const isApostrophe = (code: number): boolean => code === 0x27 || code === 0x2019;
/** What ends a sentence: a full stop and its like, a line end, and the mark of an item of a list. */
const ENDS: ReadonlySet<string> = new Set(['.', '!', '?', ';', ':', '\n', '•', '*']);

/** Where the word ends that begins at a place: letters, and an apostrophe between letters. */
function endOfWord(text: string, from: number): number {
  let at = from + 1;
  while (isLetter(text.charCodeAt(at)) || (isApostrophe(text.charCodeAt(at)) && isLetter(text.charCodeAt(at + 1))))
    at += 1;
  return at;
}

/** The sentences of a description, as lists of words in lower case and commas. Linear in the first 2,000 characters. */
export function sentencesOf(description: string): readonly (readonly string[])[] {
  const text = description.slice(0, MAX_DESCRIPTION_LENGTH).toLowerCase();
  const sentences: string[][] = [];
  const sentence: string[] = [];
  for (let at = 0; at < text.length;) {
    if (isLetter(text.charCodeAt(at))) {
      const end = endOfWord(text, at);
      sentence.push(text.slice(at, end).replace('\u2019', "'"));
      at = end;
      continue;
    }
    const mark = text[at] ?? '';
    if (mark === ',' && sentence.length > 0) sentence.push(mark);
    if (ENDS.has(mark) && sentence.length > 0) sentences.push(sentence.splice(0));
    at += 1;
  }
  if (sentence.length > 0) sentences.push(sentence);
  return sentences;
}
