import { endOfString } from '../../platform/json/foreign-json.js';
import { parsedJson } from '../../platform/json/parsed-json.js';

/** One member of an object in JSON text: where its key and its value stand. */
type Span = Readonly<{ key: string; keyStart: number; valueStart: number; valueEnd: number }>;

/**
 * What becomes of a member: the new text of its value, or undefined to leave it out. `value` is undefined for a member
 * that is not there.
 */
export type Edit = (value: string | undefined) => string | undefined;

/**
 * How many members of one object, or elements of one array, are told apart: those of messages, results and the like,
 * which have a few. An object with more is taken for none, as a million of them would hold the process for seconds.
 * What an object's values are made of does not count.
 */
export const MAX_MEMBERS_APART = 10_000;

const QUOTE = 0x22;

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** The place of the first character from `from` on that is no white space of JSON. */
export const skipSpace = (text: string, from: number): number => {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
};

const opens = (code: number): boolean => code === 0x7b || code === 0x5b;
const closes = (code: number): boolean => code === 0x7d || code === 0x5d;
const endsScalar = (code: number): boolean => Number.isNaN(code) || code === 0x2c || closes(code) || isSpace(code);

/** The place behind the value that begins at `at`; `at` itself where none begins. */
export const endOfValue = (text: string, at: number): number => {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  let end = at;
  if (!opens(first)) {
    while (!endsScalar(text.charCodeAt(end))) end += 1;
    return end;
  }
  for (let depth = 0; end < text.length;) {
    const code = text.charCodeAt(end);
    end = code === QUOTE ? endOfString(text, end) : end + 1;
    if (opens(code)) depth += 1;
    else if (closes(code)) depth -= 1;
    if (depth === 0) break;
  }
  return end;
};

const keyOf = (text: string): string => {
  if (!text.includes('\\')) return text.slice(1, -1);
  const key = parsedJson(text);
  return typeof key === 'string' ? key : text;
};

/** Visits the members of the object that `text` is, as far as it is one, for as long as `visit` says. */
const eachMember = (text: string, visit: (span: Span) => boolean): void => {
  let at = skipSpace(text, 0);
  if (text[at] !== '{') return;
  for (at = skipSpace(text, at + 1); text.charCodeAt(at) === QUOTE; at = skipSpace(text, at + 1)) {
    const keyEnd = endOfString(text, at);
    const colon = skipSpace(text, keyEnd);
    const valueStart = skipSpace(text, colon + 1);
    const valueEnd = endOfValue(text, valueStart);
    if (text[colon] !== ':' || valueEnd === valueStart) return;
    if (!visit({ key: keyOf(text.slice(at, keyEnd)), keyStart: at, valueStart, valueEnd })) return;
    at = skipSpace(text, valueEnd);
    if (text[at] !== ',') return;
  }
};

/** None where the object has more than `MAX_MEMBERS_APART`. */
const spansOf = (text: string): readonly Span[] => {
  const spans: Span[] = [];
  eachMember(text, (span) => spans.push(span) <= MAX_MEMBERS_APART);
  return spans.length > MAX_MEMBERS_APART ? [] : spans;
};

/**
 * The members of a JSON object with the text of their values; of two equal keys the last counts, as for JSON.parse.
 * Empty for any other text.
 */
export const membersOf = (text: string): ReadonlyMap<string, string> => membersAt(text, spansOf(text));

const membersAt = (text: string, spans: readonly Span[]): ReadonlyMap<string, string> =>
  new Map(spans.map(({ key, valueStart, valueEnd }) => [key, text.slice(valueStart, valueEnd)]));

/**
 * The same when the text is one object whose members have different keys, with nothing behind it; undefined for any
 * other. What its values are made of is not looked at.
 */
export const distinctMembersOf = (text: string): ReadonlyMap<string, string> | undefined => {
  const spans = spansOf(text);
  const close = skipSpace(text, spans.at(-1)?.valueEnd ?? text.length);
  const members = membersAt(text, spans);
  return text[close] === '}' && skipSpace(text, close + 1) === text.length && members.size === spans.length
    ? members
    : undefined;
};

/** The elements of a JSON array as texts; none for any other text, and where it has more than `MAX_MEMBERS_APART`. */
export const elementsOf = (text: string): readonly string[] => {
  const elements: string[] = [];
  let at = skipSpace(text, 0);
  if (text[at] !== '[') return elements;
  for (at = skipSpace(text, at + 1); at < text.length && text[at] !== ']'; at = skipSpace(text, at + 1)) {
    const end = endOfValue(text, at);
    if (end === at) return elements;
    if (elements.length === MAX_MEMBERS_APART) return [];
    elements.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] !== ',') return elements;
  }
  return elements;
};

/**
 * A JSON object with some members changed, left out or added. What is not edited keeps its very text: numbers that no
 * double can hold, the order of keys, escapes. Nothing is parsed, so that it costs little for large objects; of a text
 * that is no object nothing is kept.
 */
export const editObject = (text: string, edits: Readonly<Record<string, Edit>>): string => {
  const members: string[] = [];
  const missing = new Set(Object.keys(edits));
  // Members that stay as they are, one behind the other, are copied together: there may be a million of them.
  let [from, to] = [-1, -1];
  const copy = (): void => {
    if (from >= 0) members.push(text.slice(from, to));
    from = -1;
  };
  eachMember(text, ({ key, keyStart, valueStart, valueEnd }) => {
    const edit = Object.hasOwn(edits, key) ? edits[key] : undefined;
    if (!edit) {
      if (from < 0) from = keyStart;
      to = valueEnd;
      return true;
    }
    copy();
    missing.delete(key);
    const value = edit(text.slice(valueStart, valueEnd));
    if (value !== undefined) members.push(text.slice(keyStart, valueStart) + value);
    return true;
  });
  copy();
  for (const key of missing) {
    const value = edits[key]?.(undefined);
    if (value !== undefined) members.push(`${JSON.stringify(key)}:${value}`);
  }
  return `{${members.join(',')}}`;
};

/** Sets a member. */
export const set = (value: unknown): Edit => {
  const text = JSON.stringify(value);
  return () => text;
};

/** Sets a member to a JSON text; leaves it out when that is undefined. */
export const setText =
  (text: string | undefined): Edit =>
  () =>
    text;

/** Leaves a member out. */
export const drop: Edit = () => undefined;

/** Changes members of an object that is a member; made when it is not there. */
export const editNested =
  (edits: Readonly<Record<string, Edit>>): Edit =>
  (value) =>
    editObject(value ?? '{}', edits);
