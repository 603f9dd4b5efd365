import { CATEGORIES, type Category, type Rule } from './rule.js';
import { RULES } from './rules.js';
import { isWeak, singular, verbOf } from './words.js';

/** A rule that fits a definition, and the words of the definition that it fits. */
export type Match = Readonly<{ rule: Rule; words: string }>;

type VerbRule = Readonly<{ rule: Rule; objects: ReadonlySet<string> | undefined }>;

const listed = (text: string): readonly string[] => text.split(' ').filter((word) => word !== '');

const severity = (category: Category): number => CATEGORIES.indexOf(category);

/** The worse of two matches; the first of equals. */
export function worst(...matches: readonly (Match | undefined)[]): Match | undefined {
  return matches.reduce(
    (one, other) =>
      other && (one === undefined || severity(other.rule.category) > severity(one.rule.category)) ? other : one,
    undefined,
  );
}

/** Whether one category is worse than another. */
export function isWorse(one: Category, other: Category): boolean {
  return severity(one) > severity(other);
}

function byWord(kind: Rule['kind']): ReadonlyMap<string, readonly VerbRule[]> {
  const map = new Map<string, VerbRule[]>();
  for (const rule of RULES) {
    if (rule.kind !== kind) continue;
    const objects = rule.objects === undefined ? undefined : new Set(listed(rule.objects));
    for (const word of listed(rule.words)) map.set(word, [...(map.get(word) ?? []), { rule, objects }]);
  }
  return map;
}

const verbRules = byWord('verb');
const topicRules = byWord('topic');
const argumentRules = byWord('argument');
type Phrase = Readonly<{ rule: Rule; words: readonly string[] }>;

function byFirstWord(): ReadonlyMap<string, readonly Phrase[]> {
  const map = new Map<string, Phrase[]>();
  for (const rule of RULES) {
    if (rule.kind !== 'phrase') continue;
    for (const phrase of rule.words.split('|')) {
      const words = phrase.split(' ');
      const first = words[0] ?? '';
      map.set(first, [...(map.get(first) ?? []), { rule, words }]);
    }
  }
  return map;
}

const phraseStarts = byFirstWord();

/**
 * The rule for a verb among other words. Rules with objects go before those without; of several that fit, the worst
 * counts. `context` is the rest of the definition, for rules that look there.
 */
function matchVerb(verb: string, others: readonly string[], context: readonly string[]): Match | undefined {
  let beside: Match | undefined;
  let alone: Match | undefined;
  const last = others.at(-1) ?? '';
  for (const { rule, objects } of verbRules.get(verb) ?? []) {
    if (objects === undefined) alone = worst(alone, { rule, words: verb });
    else if (rule.last) {
      if (objects.has(singular(last))) return { rule, words: `${verb} … ${last}` };
    } else {
      const searched = rule.context ? [...others, ...context] : others;
      const object = searched.find((other) => other !== verb && objects.has(singular(other)));
      if (object !== undefined) beside = worst(beside, { rule, words: `${verb} … ${object}` });
    }
  }
  return beside ?? alone;
}

const JOINS = new Set(['and', 'or', 'then']);

/**
 * What a list of words says to do: its first action, or a worse one that is joined to it. A noun that is an action as
 * well counts only where no other action is. After an action that only reads, others name what is read.
 */
export function matchAction(words: readonly string[], context: readonly string[] = []): Match | undefined {
  const places = words.flatMap((word, at) => {
    const verb = verbOf(word);
    if (verb === undefined || (isWeak(verb) && verb !== word)) return [];
    return [{ verb, at, weak: isWeak(verb) && at > 0 }];
  });
  const strong = places.filter(({ weak }) => !weak);
  const [lead] = strong.length > 0 ? strong : places;
  if (lead === undefined) return undefined;
  const others = words.filter((_, at) => at !== lead.at);
  const first = matchVerb(lead.verb, others, context);
  const more = strong.filter(
    ({ at }) => at > lead.at && (first?.rule.category !== 'Read' || JOINS.has(words[at - 1] ?? '')),
  );
  return worst(
    first,
    ...more.map(({ verb, at }) =>
      matchVerb(
        verb,
        words.filter((_, place) => place !== at),
        context,
      ),
    ),
  );
}

const topicsOf = (word: string): readonly Match[] =>
  (topicRules.get(singular(word)) ?? topicRules.get(word) ?? []).map(({ rule }) => ({ rule, words: word }));

/**
 * What a name without an action is about: the last word that a rule knows, or a worse one before it. `payment_info` is
 * information, whatever it is about.
 */
export function matchTopic(words: readonly string[]): Match | undefined {
  const [last] = topicsOf(words.at(-1) ?? '');
  if (last?.rule.category === 'Read') return last;
  return worst(...words.toReversed().flatMap(topicsOf));
}

/** What the names of inputs say. */
export function matchArguments(names: readonly string[]): Match | undefined {
  const all = new Set(names);
  return worst(
    ...names.flatMap((name) =>
      (argumentRules.get(name) ?? []).flatMap(({ rule, objects }) => {
        if (objects === undefined) return [{ rule, words: name }];
        const other = [...objects].find((object) => all.has(object));
        return other === undefined ? [] : [{ rule, words: `${name} … ${other}` }];
      }),
    ),
  );
}

const DENIALS = new Set(['not', 'never', 'no', 'without', "doesn't", "don't", "won't", 'nothing', 'neither', 'nor']);
const DENIAL_REACH = 3;

/** Whether a word of a sentence is the word of a phrase, or a form of it. */
const isFormOf = (word: string | undefined, wanted: string): boolean =>
  word !== undefined && (word === wanted || verbOf(word) === wanted || singular(word) === wanted);

/** Whether the words of a sentence from a place on are those of a phrase. */
const isPhraseAt = (sentence: readonly string[], at: number, phrase: readonly string[]): boolean =>
  phrase.every((wanted, index) => isFormOf(sentence[at + index], wanted));

/** Whether a sentence denies what it says at a place. */
export const isDenied = (sentence: readonly string[], at: number): boolean =>
  sentence.slice(Math.max(0, at - DENIAL_REACH), at).some((word) => DENIALS.has(word));

/** The worst phrase in a sentence that the sentence does not deny. */
export function matchPhrase(sentence: readonly string[]): Match | undefined {
  let match: Match | undefined;
  for (let at = 0; at < sentence.length; at += 1) {
    const word = sentence[at] ?? '';
    for (const { rule, words } of phraseStarts.get(word) ?? phraseStarts.get(verbOf(word) ?? '') ?? [])
      if (isPhraseAt(sentence, at, words) && !isDenied(sentence, at))
        match = worst(match, { rule, words: sentence.slice(at, at + words.length).join(' ') });
  }
  return match;
}
