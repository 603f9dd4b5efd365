import type { ServerDescription, Words } from './definition.js';
import { isDenied, isWorse, matchAction, matchArguments, matchPhrase, matchTopic, worst, type Match } from './match.js';
import type { Category } from './rule.js';
import { isWeak, sentencesOf, verbOf, wordsOfName } from './words.js';

/** Where a match was found, in the words of evidence. */
type Source = 'name' | 'title' | 'description' | 'inputs' | 'action' | 'server' | 'about';

export type Finding = Readonly<{ source: Source; match: Match }>;

/** The category of a tool, what decided it, and what else was found. `confidence` goes from 0 to 1. */
export type Judged = Readonly<{ category: Category; confidence: number; findings: readonly Finding[] }>;

const CERTAIN = 0.95;
const NAMED = 0.85;
const DESCRIBED = 0.7;
const TOPICAL = 0.5;
/** The confidence of a category that little or nothing in the definition speaks for. */
export const GUESSED = 0.25;

/** Words before the action of a sentence: `This tool allows you to delete`. */
const LEADS = new Set(
  (
    'this tool the a an it you your can could may will would should must to by for use used using allow allows ' +
    'allowing enable enables let lets be is are also please help helps able will safely automatically quickly easily ' +
    'optionally immediately permanently first now simply directly efficiently new function functions method api ' +
    'endpoint provides provide ability mcp agent'
  ).split(' '),
);
const MAX_LEADS = 10;
const ACTION_SENTENCES = 4;
const CONTEXT_SENTENCES = 8;

/** A sentence from its action on; undefined when it does not begin with one. */
function fromAction(sentence: readonly string[]): readonly string[] | undefined {
  for (let at = 0; at < Math.min(sentence.length, MAX_LEADS); at += 1) {
    const word = sentence[at] ?? '';
    if (LEADS.has(word)) continue;
    const verb = verbOf(word);
    return verb === undefined || (isWeak(verb) && at > 0) ? undefined : sentence.slice(at);
  }
  return undefined;
}

/** How many words after an action may be what it acts on, and how many may list further actions. */
const OBJECT_REACH = 5;
const LIST_REACH = 14;
const JOINS = new Set(['and', 'or', 'then', 'also', ',']);

/** The rule for the action at a place of a clause. */
function matchAt(clause: readonly string[], at: number): Match | undefined {
  const verb = verbOf(clause[at] ?? '') ?? '';
  const objects = clause
    .slice(at + 1, at + 1 + OBJECT_REACH)
    .filter((word, place) => !isAction(word) && !(JOINS.has(clause[at + place] ?? '') && verbOf(word) !== undefined));
  return matchAction([verb, ...objects, ...(verb === 'drop' ? clause.slice(0, at) : [])]);
}

/** The word at a place of a clause, between those before and after it. */
const wordsAround = (clause: readonly string[], at: number): readonly [string, string, string] => [
  clause[at - 1] ?? '',
  clause[at] ?? '',
  clause[at + 1] ?? '',
];

/** Words that come before what an action is done to: what stands before them is an action, not a noun. */
const OBJECT_STARTS = new Set(['it', 'them', 'the', 'a', 'an', 'all', 'any', 'its', 'their', 'this', 'that', 'old']);

/** Whether a verb has the form of the one that begins a clause: `lists` and `deletes`, `list` and `delete`. */
const agree = ([one = '']: readonly string[], other: string): boolean =>
  (verbOf(one) === one) === (verbOf(other) === other) && one.endsWith('ing') === other.endsWith('ing');

/**
 * The places of further actions in a clause: those in a list right behind the first (`Creates, updates and deletes`),
 * and later ones in the same form (`Gets the items and deletes them`). After a reader a plural may look like one.
 */
function* furtherActions(clause: readonly string[], isReader: boolean): Generator<number> {
  let isInList = true;
  for (let at = 1; at < clause.length; at += 1) {
    const [before, word, after] = wordsAround(clause, at);
    if (JOINS.has(word)) continue;
    const isJoined = JOINS.has(before) && isAction(word) && !isDenied(clause, at);
    const isObjectNext = !isReader || OBJECT_STARTS.has(after);
    if (isJoined && (isInList || (isObjectNext && agree(clause, word)))) yield at;
    isInList &&= isJoined;
  }
}

/** The action of a sentence, and those in a list with it: `Creates, updates or deletes`. */
function matchSentence(sentence: readonly string[]): Match | undefined {
  // `Call this tool first` tells when to call it, and not what it does.
  if (sentence[0] === 'call' && sentence[1] === 'this') return undefined;
  const clause = fromAction(sentence)?.slice(0, LIST_REACH);
  if (clause === undefined) return undefined;
  let match = matchAt(clause, 0);
  const isReader = match?.rule.category === 'Read';
  for (const at of furtherActions(clause, isReader)) match = worst(match, matchAt(clause, at));
  return match;
}

/** Names have actions in their base form: the plural that `list_payouts` and `Payouts of a day` share is a noun. */
const isSharedPlural = ({ name }: Words, [word = '']: readonly string[]): boolean =>
  word.endsWith('s') && verbOf(word) !== word && name.includes(word);

/** Whether a sentence begins with a noun that is an action as well. */
const isWeakStart = ([word = '']: readonly string[]): boolean => isWeak(verbOf(word) ?? '');

/** A verb that is nothing else, in a form that says what somebody does. */
function isAction(word: string): boolean {
  const verb = verbOf(word);
  return verb !== undefined && !isWeak(verb);
}

const finding = (source: Source, match: Match | undefined): readonly Finding[] =>
  match === undefined ? [] : [{ source, match }];

/** Whether one finding may raise what the name says. A description of what a reader returns is no action. */
const raises = (from: Category, to: Category): boolean =>
  isWorse(to, from) && (to === 'Destructive' || to === 'Financial');

/** Whether a finding may raise what the name says. A value that an input offers is an action, a description is less. */
function mayRaise(named: Finding, other: Finding): boolean {
  const [from, to] = [named.match.rule.category, other.match.rule.category];
  // `unapprove`: to remove what was given before only takes it back.
  if (named.match.words.startsWith('un') && other.match.words === 'remove') return false;
  return other.source === 'action' ? isWorse(to, from) : raises(from, to);
}

/** The category by the name and the title, raised by what the description and the inputs say. */
function judgeNamed(named: Finding, others: readonly Finding[]): Judged {
  const raised = others.filter((other) => mayRaise(named, other));
  const top = worst(named.match, ...raised.map(({ match }) => match)) ?? named.match;
  const agrees = others.some(({ match }) => match.rule.category === top.rule.category);
  const decided = [named, ...others].filter(({ match }) => match.rule.category === top.rule.category);
  return {
    category: top.rule.category,
    confidence: raised.length > 0 ? DESCRIBED : agrees ? CERTAIN : NAMED,
    findings: [...decided, ...raised.filter((one) => !decided.includes(one))],
  };
}

/** The category of a tool whose name says nothing: by its description, its inputs, its topic, its server. */
function judgeUnnamed(words: Words, others: readonly Finding[], domain: Finding | undefined): Judged {
  const found = worst(...others.map(({ match }) => match));
  const topic = matchTopic(words.name);
  if (found) {
    const isRaised = topic !== undefined && raises(found.rule.category, topic.rule.category);
    const category = isRaised ? topic.rule.category : found.rule.category;
    return {
      category,
      confidence: DESCRIBED,
      findings: [
        ...(isRaised ? finding('name', topic) : []),
        ...others.filter(({ match }) => match.rule.category === category),
      ],
    };
  }
  if (topic) return { category: topic.rule.category, confidence: TOPICAL, findings: finding('name', topic) };
  if (domain) return { category: domain.match.rule.category, confidence: GUESSED, findings: [domain] };
  return { category: 'Write', confidence: GUESSED, findings: [] };
}

/** What an input offers to do: `build_failed` is a state that somebody looks for. */
const matchOffered = (words: readonly string[]): Match | undefined =>
  words.length > 1 && words.every((word) => !isAction(word)) ? undefined : matchAction(words);

/** What the description, the inputs and the actions of a tool say, beside its name. */
function findingsBeside(words: Words): readonly Finding[] {
  return [
    ...words.sentences
      .slice(0, ACTION_SENTENCES)
      .filter((one, index) => (index === 0 || !isWeakStart(one)) && !isSharedPlural(words, one))
      .flatMap((one) => finding('description', matchSentence(one))),
    ...words.sentences.flatMap((one) => finding('description', matchPhrase(one))),
    ...words.actions.flatMap((text) => finding('action', matchOffered(text.split(' ')))),
  ];
}

/** The action with which a description begins, of words that are nothing else. */
function leadOf([sentence = []]: Words['sentences']): string | undefined {
  const [word = ''] = fromAction(sentence) ?? [];
  return isAction(word) ? verbOf(word) : undefined;
}

/** Of `reflect_cancel_run` and `Cancels a run`: `reflect` is whose tool it is, as the description begins otherwise. */
function matchLead(words: Words, context: readonly string[], named: Match | undefined): Match | undefined {
  const lead = leadOf(words.sentences);
  if (lead === undefined || named?.rule.category !== 'Read') return undefined;
  const at = words.name.indexOf(lead);
  if (at < 1) return undefined;
  return matchAction([lead, ...words.name.slice(at + 1)], context);
}

/** Of `sleep_by_day` and `Get the sleep of a day`: a noun that is an action elsewhere, as the description says. */
function isOnlyNoun(words: Words, named: Match | undefined): boolean {
  const [first = '', ...others] = words.sentences[0] ?? [];
  const verb = named?.words ?? '';
  return (
    isWeak(verb) &&
    isAction(first) &&
    matchSentence(words.sentences[0] ?? [])?.rule.category === 'Read' &&
    others.some((word) => verbOf(word) === verb)
  );
}

/** What the name says, or the title where that says nothing. */
function nameFinding(words: Words, context: readonly string[]): Finding | undefined {
  const named = matchAction(words.name, context);
  if (isOnlyNoun(words, named)) return undefined;
  const match = worst(named, matchLead(words, context, named));
  return finding('name', match)[0] ?? finding('title', matchAction(words.title))[0];
}

const MAX_ABOUT_LENGTH = 300;

/** What a server is about: by its name, or by a worse thing that its description says. */
function domainOf({ name = '', description = '' }: ServerDescription): Finding | undefined {
  const [named] = finding('server', matchTopic(wordsOfName(name)));
  const sentences = sentencesOf(description.slice(0, MAX_ABOUT_LENGTH));
  const about = worst(...sentences.flatMap((one) => [matchSentence(one), matchPhrase(one)]));
  const [told] = finding('about', about !== undefined && isWorse(about.rule.category, 'Write') ? about : undefined);
  return told && (named === undefined || isWorse(told.match.rule.category, named.match.rule.category)) ? told : named;
}

/** Judges the words of a definition, with what is known of its server. */
export function judge(words: Words, server: ServerDescription): Judged {
  const beside = findingsBeside(words);
  const context = [
    ...words.inputs,
    ...words.sentences.slice(0, CONTEXT_SENTENCES).flat(),
    ...wordsOfName(server.name ?? ''),
    ...sentencesOf((server.description ?? '').slice(0, MAX_ABOUT_LENGTH)).flat(),
  ];
  const named = nameFinding(words, context);
  const inputs = finding('inputs', matchArguments(words.inputs));
  if (named === undefined) return judgeUnnamed(words, [...beside, ...inputs], domainOf(server));
  const takesCode = named.match.rule.category !== 'Read' && named.match.rule.category !== 'Write';
  return judgeNamed(named, [
    ...beside,
    ...inputs.filter(({ match }) => takesCode || match.rule.category === 'Financial'),
  ]);
}
